package desk

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/signer"
	"sokyso/signer/agent"
	"sokyso/signer/ink"
)

// template is the school's way to issue documents: one for all kinds.
type template struct {
	Image string `json:"image"` // id of the seal's picture, "" = the first one kept
	// ShiftMM moves the seal from its usual place, to the right and up.
	ShiftMM [2]float64 `json:"shift_mm"`
	// Symbol is a pattern for documents that do not tell theirs; … stands for the kind's abbreviation.
	Symbol string `json:"symbol"`
	// Series says how numbers run (Decree 30/2020/NĐ-CP Art. 15: the head decides): one for all kinds, or one for each.
	Series string `json:"series"`
}

const (
	templateName = "issuing.json"
	seriesOne    = "one"
	seriesKind   = "kind"
	maxShiftMM   = 100
)

var symbolPattern = regexp.MustCompile(`^[\p{L}0-9&…./ -]{0,60}$`)

func (d *Desk) template() (template, error) {
	t := template{Series: seriesOne}
	err := d.readKept(templateName, &t)
	return t, err
}

func (d *Desk) getTemplate(*http.Request) (any, error) { return d.template() }

func (d *Desk) postTemplate(r *http.Request) (any, error) {
	var t template
	if err := read(r, &t); err != nil {
		return nil, err
	}
	t.Symbol = strings.TrimSpace(t.Symbol)
	far := func(v float64) bool { return !(v >= -maxShiftMM && v <= maxShiftMM) }
	if t.Series != seriesOne && t.Series != seriesKind || !symbolPattern.MatchString(t.Symbol) || far(t.ShiftMM[0]) || far(t.ShiftMM[1]) || t.Image != "" && !imageID.MatchString(t.Image) {
		return nil, refusal(http.StatusBadRequest, "template")
	}
	d.settings.Lock()
	defer d.settings.Unlock()
	return t, d.keep(templateName, t)
}

// symbol is the pattern's for a kind; a letter (công văn) has no abbreviation and no hyphen for it.
func (t template) symbol(kind string) string {
	return strings.Trim(strings.NewReplacer("…", kind, "...", kind).Replace(t.Symbol), "- ")
}

// issueView is what the page needs to issue a document.
type issueView struct {
	State   string `json:"state"`
	Message string `json:"message"` // what to do, where it can't be issued or something is to be looked at
	// Number and Date are proposed: the next of this computer's history, and today. "" where nothing is to be filled in.
	Number string `json:"number"`
	Date   string `json:"date"` // ISO 8601
	Symbol string `json:"symbol"`
	Last   string `json:"last"` // the number that was given before, "" = none this year
	// Places are where number and date will stand, to be shown before.
	Places []entryPlace `json:"places"`
}

type entryPlace struct {
	Part string     `json:"part"` // number, day, month, year
	Page int        `json:"page"`
	Rect [4]float64 `json:"rect"`
}

// entryParts are the parts that the fields of a prepared draft stand for.
var entryParts = map[string]string{FieldNumber: "number", FieldDay: "day", FieldMonth: "month", FieldYear: "year"}

func (d *Desk) getIssue(r *http.Request) (any, error) {
	doc, err := d.document(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	d.view(r.Context(), doc, true)
	t, err := d.template()
	if err != nil {
		return nil, err
	}
	kind := r.URL.Query().Get("kind")
	issuing := doc.issuing()
	v := issueView{State: issuing.State(), Symbol: t.symbol(kind), Places: []entryPlace{}}
	switch v.State {
	case IssueReady:
	case IssuePrinted, IssueUnreadable:
		v.Message = d.say("issue." + v.State)
	default:
		v.Message = d.say("issue." + v.State)
		return v, nil
	}
	today := d.cfg.Agent.Now().In(signer.Vietnam)
	for _, f := range issuing.fields {
		part := entryParts[f.Name]
		if part == "" || f.Signature || !f.Empty || f.Page == 0 {
			continue
		}
		v.Places = append(v.Places, entryPlace{part, f.Page, f.Rect})
		if part != "number" {
			v.Date = today.Format(time.DateOnly)
			continue
		}
		entries, err := agent.ReadHistory(d.cfg.Agent.Home)
		if err != nil {
			return nil, err
		}
		last := lastNumber(entries, t.Series, kind, today.Year())
		v.Number = twoDigits(strconv.Itoa(last + 1))
		if last > 0 {
			v.Last = twoDigits(strconv.Itoa(last))
		}
	}
	return v, nil
}

// lastNumber is the highest number that was given out on this computer in a year (Decree 30/2020/NĐ-CP Art. 15: numbers
// run from 1 January to 31 December), in the kind's own series or the one for all.
func lastNumber(entries []agent.HistoryEntry, series, kind string, year int) int {
	last := 0
	for _, e := range entries {
		if e.Act != wire.ActIssue || e.At.In(signer.Vietnam).Year() != year || series == seriesKind && e.Document.Kind != kind {
			continue
		}
		digits := strings.TrimRight(e.Document.Number, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
		if n, err := strconv.Atoi(digits); err == nil && n < 1_000_000 {
			last = max(last, n)
		}
	}
	return last
}

// issuing is the open document for issuing.
func (doc *document) issuing() Issuing {
	doc.mu.Lock()
	defer doc.mu.Unlock()
	return doc.asIssuing()
}

// asIssuing: the caller has doc.mu.
func (doc *document) asIssuing() Issuing {
	return Issuing{doc.name, doc.fields, doc.forbidden, doc.proposal, doc.verified.Signatures}
}

// issueOf is what a page asks to be filled in.
type issueOf struct {
	Number string `json:"number"`
	Date   string `json:"date"` // ISO 8601, "" = none
}

// entries are those for a document that is issued.
func (doc *document) entries(asked issueOf) ([]signer.Entry, error) {
	var date time.Time
	if asked.Date != "" {
		var err error
		if date, err = time.ParseInLocation(time.DateOnly, asked.Date, signer.Vietnam); err != nil {
			return nil, refusal(http.StatusBadRequest, "issue_date")
		}
	}
	return doc.issuing().Entries(asked.Number, date)
}

// postPrepare puts the fields into a draft: the prepared copy is opened in its place.
func (d *Desk) postPrepare(r *http.Request) (any, error) {
	doc, err := d.document(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	d.view(r.Context(), doc, true)
	doc.mu.Lock()
	path, name, password, uploaded := doc.path, doc.name, doc.password, doc.uploaded
	doc.mu.Unlock()
	images, err := d.images().list()
	if err != nil {
		return nil, err
	}
	draft := Draft{Viewer: d.viewer}
	for _, image := range images {
		if image.Kind == ink.Seal {
			draft.SealMM = image.WidthMM
			break
		}
	}
	folder := filepath.Dir(path)
	if uploaded {
		folder = d.outDir()
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	output, err := freePath(folder, preparedName(name))
	if err != nil {
		return nil, err
	}
	if _, err := draft.Prepare(r.Context(), path, signer.Password(password), output); err != nil {
		return nil, err
	}
	added, err := d.add(output, filepath.Base(output), false)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", output, err)
	}
	added.mu.Lock()
	added.password = password
	added.mu.Unlock()
	return d.view(r.Context(), added, false), nil
}

// preparedName is what a prepared draft is called.
func preparedName(name string) string {
	extension := filepath.Ext(name)
	return strings.TrimSuffix(name, extension) + ".prepared" + extension
}

// freePath is a name in the folder that nothing has yet; Draft.Prepare never replaces anything whatever happens meanwhile.
func freePath(folder, name string) (string, error) {
	extension := filepath.Ext(name)
	stem := strings.TrimSuffix(name, extension)
	for n := 1; n < 1000; n++ {
		path := filepath.Join(folder, name)
		if n > 1 {
			path = filepath.Join(folder, fmt.Sprintf("%s (%d)%s", stem, n, extension))
		}
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			return path, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", refusal(http.StatusConflict, "too_many")
}
