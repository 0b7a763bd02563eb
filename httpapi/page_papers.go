package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/forms"
	"sokyso/custody/store"
)

// papersPage lists papers, and offers those that can be made of the subject.
type papersPage struct {
	Rows                        []store.PaperRow
	Kinds                       []forms.Rule
	Kind                        string
	From                        string
	Until                       string
	HandOver                    string
	Incident                    string
	Token                       string
	Check                       string
	Filtered                    bool
	Make                        []paperOffer // nil for who may make none
	RegisterFrom, RegisterUntil string       // days proposed for a table
	Periods                     bool         // Make are registers and reports: they ask for days
}

// paperOffer is a paper that can be made.
type paperOffer struct {
	Kind    forms.Kind
	Address string
}

// pagePapers handles "GET /papers".
func (s *server) pagePapers(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	query := r.URL.Query()
	page := papersPage{Kinds: forms.Rules, Kind: query.Get("kind"), From: query.Get("from"), Until: query.Get("until"), HandOver: query.Get("hand_over"), Incident: query.Get("incident"), Token: query.Get("token"), Check: query.Get("check")}
	page.offers(actor)
	from, err := readDay("from", page.From)
	if err != nil {
		return s.showAgain(w, r, "papers", page, err)
	}
	until, err := readDay("until", page.Until)
	if err != nil {
		return s.showAgain(w, r, "papers", page, err)
	}
	page.RegisterFrom, page.RegisterUntil = halfYear(s.now())
	page.Filtered = page.Kind != "" || from != "" || until != ""
	if page.Rows, err = s.store.Papers(r.Context(), actor, store.PaperFilter{Kind: forms.Kind(page.Kind), From: from, Until: until,
		HandOver: custody.HandOverID(page.HandOver), Incident: custody.IncidentID(page.Incident), Token: custody.TokenID(page.Token), Check: custody.CheckID(page.Check)}); err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "papers", page)
}

// offers finds what can be made of the subject that the page was asked for.
func (p *papersPage) offers(actor custody.Actor) {
	if custody.CanIssuePaper(actor) != nil {
		return
	}
	subject, name, id := forms.OfPeriod, "", ""
	switch {
	case p.HandOver != "":
		subject, name, id = forms.OfHandOver, "hand_over", p.HandOver
	case p.Incident != "":
		subject, name, id = forms.OfIncident, "incident", p.Incident
	case p.Token != "":
		subject, name, id = forms.OfToken, "token", p.Token
	case p.Check != "":
		subject, name, id = forms.OfCheck, "check", p.Check
	}
	p.Periods = subject == forms.OfPeriod
	ofIncident := []forms.Kind{forms.RevocationRequest, forms.DeviceMinutes, forms.LostDevice}
	for _, rule := range forms.Rules {
		if rule.Subject != subject && !(subject == forms.OfIncident && slices.Contains(ofIncident, rule.Kind)) {
			continue
		}
		query := url.Values{"kind": {string(rule.Kind)}}
		if name != "" {
			query.Set(name, id)
		}
		p.Make = append(p.Make, paperOffer{rule.Kind, "/papers/new?" + query.Encode()})
	}
}

// newPaperPage is the wizard: the fields, then everything once more to be looked over.
type newPaperPage struct {
	Rule     forms.Rule
	HandOver string
	Incident string
	Token    string
	Check    string
	Support  string
	From     string
	Until    string
	Replaces string
	Former   *store.PaperRow
	AskDays  bool // the period is not known yet
	Number   string
	Symbol   string
	Date     string
	Fields   []paperField
	Confirm  bool
	Seen     string // SHA-256 of the facts looked at
}

// paperField is a field of a paper in a form.
type paperField struct {
	Name     string
	Value    string
	Form     forms.InputForm
	Required bool
}

// readPaper reads the form, or the address that the wizard begins with.
func (s *server) readPaper(r *http.Request) (newPaperPage, store.NewPaper, error) {
	rule, ok := forms.RuleOf(forms.Kind(r.FormValue("kind")))
	if !ok {
		return newPaperPage{}, store.NewPaper{}, custody.NotFound("paper")
	}
	page := newPaperPage{Rule: rule, HandOver: r.FormValue("hand_over"), Incident: r.FormValue("incident"), Token: r.FormValue("token"), Check: r.FormValue("check"), Support: r.FormValue("support"), From: r.FormValue("from"), Until: r.FormValue("until"),
		Replaces: r.FormValue("replaces"), Number: strings.TrimSpace(r.PostFormValue("number")), Symbol: r.PostFormValue("symbol"), Date: r.PostFormValue("date"), Seen: r.PostFormValue("seen")}
	n := store.NewPaper{Kind: rule.Kind, Symbol: page.Symbol, Replaces: custody.PaperID(page.Replaces), PaperSubject: store.PaperSubject{
		HandOver: custody.HandOverID(page.HandOver), Incident: custody.IncidentID(page.Incident), Token: custody.TokenID(page.Token), Check: custody.CheckID(page.Check)}, Support: custody.SupportID(page.Support)}
	var err error
	if n.Date, err = readDay("date", page.Date); err != nil {
		return page, n, err
	}
	if n.From, err = readDay("from", page.From); err != nil {
		return page, n, err
	}
	if n.Until, err = readDay("until", page.Until); err != nil {
		return page, n, err
	}
	if page.Number != "" {
		if n.Number, err = strconv.Atoi(page.Number); err != nil || n.Number < 1 {
			return page, n, invalid("number", err)
		}
	}
	return page, n, nil
}

// pageNewPaper handles "GET /papers/new".
func (s *server) pageNewPaper(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, n, err := s.readPaper(r)
	if err != nil {
		return err
	}
	if page.Rule.Subject == forms.OfPeriod && page.Rule.Kind != forms.DeviceRegister && page.Replaces == "" && (n.From == "" || n.Until == "") {
		if err := custody.CanIssuePaper(actor); err != nil {
			return err
		}
		page.AskDays = true
		if n.From == "" && n.Until == "" {
			page.From, page.Until = halfYear(s.now())
		}
		return s.show(w, r, http.StatusOK, "paper_new", page)
	}
	draft, err := s.store.PaperDraft(r.Context(), actor, n)
	if err != nil {
		return err
	}
	page.fill(draft)
	return s.show(w, r, http.StatusOK, "paper_new", page)
}

// halfYear is the half of the year that the day lies in.
func halfYear(at time.Time) (from, until string) {
	local := at.In(custody.SchoolZone)
	if local.Month() <= time.June {
		return fmt.Sprintf("01/01/%d", local.Year()), fmt.Sprintf("30/06/%d", local.Year())
	}
	return fmt.Sprintf("01/07/%d", local.Year()), fmt.Sprintf("31/12/%d", local.Year())
}

func (p *newPaperPage) fill(draft store.PaperDraft) {
	head := draft.Facts.Top()
	p.Former, p.Symbol, p.Date, p.Seen = draft.Former, head.Symbol, writtenDay(head.Date), draft.SHA256
	if draft.Number > 0 {
		p.Number = strconv.Itoa(draft.Number)
	}
	p.Fields = nil
	for _, in := range draft.Facts.Inputs() {
		field := paperField{Name: in.Name, Value: *in.Value, Form: in.Form, Required: in.Required}
		if in.Form == forms.Day {
			field.Value = writtenDay(field.Value)
		}
		p.Fields = append(p.Fields, field)
	}
}

// inputs reads the paper's own fields of the form, of which base tells the names.
func (p *newPaperPage) inputs(r *http.Request, base store.PaperDraft) (map[string]string, error) {
	values := map[string]string{}
	p.Fields = nil
	var problem error
	for _, in := range base.Facts.Inputs() {
		value := r.PostFormValue("f_" + in.Name)
		p.Fields = append(p.Fields, paperField{Name: in.Name, Value: value, Form: in.Form, Required: in.Required})
		if in.Form == forms.Day {
			day, err := readDay(in.Name, value)
			if err != nil && problem == nil {
				problem = err
			}
			value = string(day)
		}
		values[in.Name] = value
	}
	return values, problem
}

// doNewPaper handles "POST /papers/new": it shows what is about to be issued, makes
// the preview, or issues.
func (s *server) doNewPaper(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, n, problem := s.readPaper(r)
	if page.Rule.Kind == "" {
		return problem
	}
	asked := n
	asked.Number, asked.Inputs = 1, nil // no number is proposed: the form has the one chosen
	if problem != nil {
		asked.Date, asked.Symbol = "", ""
	}
	base, err := s.store.PaperDraft(r.Context(), actor, asked)
	if err != nil {
		return err
	}
	page.Former = base.Former
	if n.Inputs, err = page.inputs(r, base); problem == nil {
		problem = err
	}
	if problem != nil {
		return s.showAgain(w, r, "paper_new", page, problem)
	}
	switch r.PostFormValue("step") {
	case "change":
		return s.show(w, r, http.StatusOK, "paper_new", page)
	case "issue":
		n.Seen = page.Seen
		row, err := s.store.IssuePaper(r.Context(), actor, n)
		if err != nil {
			return s.showAgain(w, r, "paper_new", page, err)
		}
		return s.done(w, r, "/papers/"+string(row.ID), "paper.issued", nil)
	}
	draft, err := s.store.PaperDraft(r.Context(), actor, n)
	if err != nil {
		return s.showAgain(w, r, "paper_new", page, err)
	}
	if r.PostFormValue("step") == "preview" {
		pdf, err := forms.PDF(draft.Facts)
		if err != nil {
			return err
		}
		return sendPaper(w, r, "ban-xem-truoc.pdf", pdf)
	}
	page.fill(draft)
	if n.Number == 0 {
		page.Number = ""
	}
	page.Confirm = true
	return s.show(w, r, http.StatusOK, "paper_new", page)
}

// sendPaper shows a paper that the service made itself.
func sendPaper(w http.ResponseWriter, r *http.Request, name string, pdf []byte) error {
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": name}))
	w.Header().Set("Content-Length", strconv.Itoa(len(pdf)))
	if _, err := io.Copy(w, bytes.NewReader(pdf)); err != nil {
		requestOf(r.Context()).note("not_sent", err.Error())
	}
	return nil
}

// paperFileName is a name that the systems for documents take: no diacritics, at
// most 50 characters (Quyết định 161/2025/QĐ-UBND Ninh Bình, Article 8).
func paperFileName(p store.PaperRow, signed string) string {
	rule, _ := forms.RuleOf(p.Kind)
	name := rule.File
	if p.Number > 0 {
		name += "-" + forms.Number(p.Number)
	}
	name += "-" + strings.ReplaceAll(string(p.Date), "-", "")
	if signed != "" {
		name += "-signed-" + signed
	}
	return name + ".pdf"
}

// paperPage is one paper.
type paperPage struct {
	store.PaperRow
	Signed []store.SignedPaperRow
	Make   bool
}

func (s *server) paperPage(r *http.Request, actor custody.Actor) (paperPage, error) {
	row, err := s.store.Paper(r.Context(), actor, custody.PaperID(chi.URLParam(r, "id")))
	if err != nil {
		return paperPage{}, err
	}
	page := paperPage{PaperRow: row, Make: custody.CanIssuePaper(actor) == nil}
	page.Signed, err = s.store.SignedPapers(r.Context(), actor, row.ID)
	return page, err
}

// pagePaper handles "GET /papers/{id}".
func (s *server) pagePaper(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.paperPage(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "paper", page)
}

// downloadPaper handles "GET /papers/{id}/file".
func (s *server) downloadPaper(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	row, err := s.store.Paper(r.Context(), actor, custody.PaperID(chi.URLParam(r, "id")))
	if err != nil {
		return err
	}
	pdf, err := s.store.PaperPDF(r.Context(), actor, row.ID)
	if err != nil {
		return err
	}
	return sendPaper(w, r, paperFileName(row, ""), pdf)
}
