package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"sokyso/custody"
	"sokyso/custody/forms"
	"sokyso/custody/signinglog"
)

// Bounds of what is typed into a paper, in characters, and of a register.
const (
	maxPaperLine  = 500
	maxPaperLines = 4000
	maxPaperRows  = 2000 // lines of a register: about a hundred pages
	maxPaperYears = 5    // of a period
)

// PaperDraft gathers the facts of a paper as the register has them now. Without
// Inputs its fields hold what the register, or the paper that is replaced, proposes.
func (s *Store) PaperDraft(ctx context.Context, actor custody.Actor, n NewPaper) (PaperDraft, error) {
	if err := custody.CanIssuePaper(actor); err != nil {
		return PaperDraft{}, err
	}
	rule, ok := forms.RuleOf(n.Kind)
	if !ok {
		return PaperDraft{}, custody.Invalid("kind", "paper %.40q", string(n.Kind))
	}
	d := PaperDraft{Rule: rule, Number: n.Number}
	if n.Replaces != "" {
		former, err := s.Paper(ctx, actor, n.Replaces)
		if err != nil {
			return PaperDraft{}, err
		}
		switch {
		case former.Replaced != "":
			return PaperDraft{}, custody.Conflict(custody.ReasonReplaced, "paper", string(former.Replaced))
		case former.Kind != n.Kind:
			return PaperDraft{}, custody.Conflict(custody.ReasonKindDiffers)
		}
		d.Former, n.PaperSubject = &former, former.Subject
	}
	g, err := s.gather(ctx, actor, n)
	if err != nil {
		return PaperDraft{}, err
	}
	if d.Facts, d.Subject, err = g.facts(n); err != nil {
		return PaperDraft{}, err
	}
	if d.Former != nil && n.Inputs == nil {
		if err := s.inputsOf(ctx, actor, *d.Former, d.Facts); err != nil {
			return PaperDraft{}, err
		}
	}
	if n.Inputs != nil {
		if err := fillInputs(d.Facts, n.Inputs); err != nil {
			return PaperDraft{}, err
		}
	}
	head := d.Facts.Top()
	if rule.Numbered {
		if head.Symbol = signinglog.CleanText(n.Symbol); head.Symbol == "" {
			head.Symbol = rule.Symbol(g.school.Code)
		}
		if n.Number < 0 || n.Number > 99999 || utf8.RuneCountInString(head.Symbol) > 40 || strings.ContainsAny(head.Symbol, " /") {
			return PaperDraft{}, custody.Invalid("number", "number %d, symbol %.60q", n.Number, head.Symbol)
		}
		if d.Number == 0 && n.Inputs == nil {
			if d.Number, err = s.nextNumber(ctx, actor, g.settings, head.Symbol, head.Date); err != nil {
				return PaperDraft{}, err
			}
		}
		if d.Number > 0 {
			head.Number = forms.Number(d.Number)
		}
	}
	kept, err := forms.Marshal(d.Facts)
	if err != nil {
		return PaperDraft{}, err
	}
	d.SHA256 = sha256Hex(kept)
	return d, nil
}

// inputsOf takes over what was filled into the former paper.
func (s *Store) inputsOf(ctx context.Context, actor custody.Actor, former PaperRow, f forms.Facts) error {
	old, err := s.paperFacts(ctx, actor, former.ID)
	if err != nil {
		return err
	}
	values := map[string]string{}
	for _, in := range old.Inputs() {
		values[in.Name] = *in.Value
	}
	for _, in := range f.Inputs() {
		if value, ok := values[in.Name]; ok {
			*in.Value = value
		}
	}
	return nil
}

// fillInputs sets the fields of a paper: a name that is missing is left as it is.
func fillInputs(f forms.Facts, values map[string]string) error {
	known := map[string]bool{}
	for _, in := range f.Inputs() {
		known[in.Name] = true
		value, ok := values[in.Name]
		if !ok {
			value = *in.Value
		}
		var err error
		if *in.Value, err = cleanInput(in, value); err != nil {
			return err
		}
	}
	for name := range values {
		if !known[name] {
			return custody.Invalid(signinglog.CleanText(name), "the paper has no such field")
		}
	}
	return nil
}

func cleanInput(in forms.Input, value string) (string, error) {
	most := maxPaperLine
	switch in.Form {
	case forms.Lines:
		most = maxPaperLines
		lines := strings.Split(strings.ReplaceAll(value, "\r\n", "\n"), "\n")
		for i, line := range lines {
			lines[i] = signinglog.CleanText(line)
		}
		value = strings.TrimSpace(strings.Join(lines, "\n"))
	case forms.Day:
		day, err := custody.ParseDate(strings.TrimSpace(value))
		if err != nil {
			return "", custody.Invalid(in.Name, "%v", err)
		}
		value = string(day)
	case forms.YesNo:
		if !slices.Contains([]string{"", "yes", "no"}, value) {
			return "", custody.Invalid(in.Name, "neither yes nor no: %.20q", value)
		}
	default:
		value = signinglog.CleanText(value)
	}
	if in.Required && value == "" {
		return "", custody.Invalid(in.Name, "%s is missing", in.Name)
	}
	if utf8.RuneCountInString(value) > most {
		return "", custody.Invalid(in.Name, "%s has %d characters", in.Name, utf8.RuneCountInString(value))
	}
	return value, nil
}

// nextNumber proposes the number after the highest of the year: of all papers that
// the register knows, or of those with the same symbol, as the school's setting has
// it. Numbers that are given elsewhere are not known here.
func (s *Store) nextNumber(ctx context.Context, actor custody.Actor, settings custody.Settings, symbol string, day custody.Date) (int, error) {
	query, args := `SELECT COALESCE(MAX(number), 0) FROM papers WHERE school_id = ? AND substr(dated_on, 1, 4) = ?`, []any{string(actor.School), string(day[:4])}
	if settings.Value(custody.SettingNumberSeries) == "by_kind" {
		query, args = query+` AND symbol = ?`, append(args, symbol)
	}
	var highest int
	if err := s.reader.get(ctx, &highest, query, args...); err != nil {
		return 0, fmt.Errorf("read numbers of papers: %w", err)
	}
	return highest + 1, nil
}

// IssuePaper issues a paper: its facts are kept, and an entry of the log commits to
// them and to the PDF.
func (s *Store) IssuePaper(ctx context.Context, actor custody.Actor, n NewPaper) (PaperRow, error) {
	if n.Inputs == nil {
		n.Inputs = map[string]string{}
	}
	d, err := s.PaperDraft(ctx, actor, n)
	if err != nil {
		return PaperRow{}, err
	}
	if n.Seen != "" && n.Seen != d.SHA256 {
		return PaperRow{}, custody.Conflict(custody.ReasonFactsChanged)
	}
	kept, err := forms.Marshal(d.Facts)
	if err != nil {
		return PaperRow{}, err
	}
	pdf, err := forms.PDF(d.Facts)
	if err != nil {
		return PaperRow{}, fmt.Errorf("issue paper: %w", err)
	}
	head := d.Facts.Top()
	row := paperRow{rowBase: rowBase{ID: newID(), School: string(actor.School)}, Kind: string(n.Kind), Version: forms.Version, Number: d.Number, Symbol: head.Symbol, Date: head.Date,
		Token: string(d.Subject.Token), HandOver: string(d.Subject.HandOver), Incident: string(d.Subject.Incident), Check: string(d.Subject.Check), From: d.Subject.From, Until: d.Subject.Until,
		Replaces: string(n.Replaces), IssuedBy: string(actor.Person)}
	err = s.write(ctx, actor.School, func(t *tx) error {
		if err := t.paperMayBe(row); err != nil {
			return err
		}
		row.IssuedAt = at(t.now)
		var err error
		if row.Entry, err = t.append(signinglog.TypePaper, actor, row.fields(), map[string]string{"facts": d.SHA256, "pdf": sha256Hex(pdf)}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO papers (id, school_id, kind, version, number, symbol, dated_on, token_id, hand_over_id, incident_id, check_id, from_on, until_on, replaces_id, facts, issued_by, issued_at, entry_index)`,
			row.ID, row.School, row.Kind, row.Version, row.Number, row.Symbol, row.Date, orNull(row.Token), orNull(row.HandOver), orNull(row.Incident), orNull(row.Check), row.From, row.Until,
			orNull(row.Replaces), kept, orNull(row.IssuedBy), row.IssuedAt, row.Entry); err != nil {
			return fmt.Errorf("issue paper: %w", err)
		}
		return nil
	})
	if err != nil {
		return PaperRow{}, err
	}
	s.madePapers.note(paperKey(row.Kind, row.Version, d.SHA256), sha256Hex(pdf))
	return s.Paper(ctx, actor, custody.PaperID(row.ID))
}

// paperMayBe finds what the unique indexes would refuse, to say it in words.
func (t *tx) paperMayBe(row paperRow) error {
	var taken int
	if row.Number > 0 {
		if err := t.get(t.ctx, &taken, `SELECT COUNT(*) FROM papers WHERE school_id = ? AND symbol = ? AND substr(dated_on, 1, 4) = ? AND number = ?`,
			row.School, row.Symbol, string(row.Date[:4]), row.Number); err != nil {
			return fmt.Errorf("issue paper: %w", err)
		}
		if taken > 0 {
			return custody.Conflict(custody.ReasonNumberTaken, "field", "number", "number", forms.Number(row.Number)+"/"+row.Symbol)
		}
	}
	if row.Replaces != "" {
		if err := t.get(t.ctx, &taken, `SELECT COUNT(*) FROM papers WHERE replaces_id = ?`, row.Replaces); err != nil {
			return fmt.Errorf("issue paper: %w", err)
		}
		if taken > 0 {
			return custody.Conflict(custody.ReasonReplaced)
		}
	}
	return nil
}

type listedPaper struct {
	paperRow
	Issuer   string `db:"issuer"`
	Replaced string `db:"replaced"`
	Label    string `db:"label"`
	Serial   string `db:"serial"`
	Signed   int    `db:"signed"`
	Erased   int    `db:"erased"`
}

// issuerName is nameOf for papers p: in nameOf p are persons.
const issuerName = `COALESCE((SELECT r.value FROM persons w JOIN reveals r ON r.school_id = w.school_id AND r.entry_index = w.entry_index AND r.field = 'name' WHERE w.id = p.issued_by), '')`

var queryPapers = `SELECT ` + paperColumns + `, ` + issuerName + ` AS issuer,
	COALESCE((SELECT y.id FROM papers y WHERE y.replaces_id = p.id), '') AS replaced, ` + revealOf("t", "label") + ` AS label, COALESCE(t.serial, '') AS serial,
	(SELECT COUNT(*) FROM signed_papers g WHERE g.paper_id = p.id) AS signed, CASE WHEN p.facts IS NULL THEN 1 ELSE 0 END AS erased
	FROM papers p LEFT JOIN tokens t ON t.id = p.token_id WHERE p.school_id = ?`

// paperSeen is the condition under which the actor sees a paper: who makes papers
// sees all, others those of their hand-overs and of losses they reported.
func paperSeen(actor custody.Actor) (string, []any) {
	if actor.Roles.May(custody.ReadPapers) {
		return "", nil
	}
	p := string(actor.Person)
	return ` AND (EXISTS (SELECT 1 FROM hand_overs h WHERE h.id = p.hand_over_id AND (h.giver_id = ? OR h.receiver_id = ? OR h.offered_by = ?))
		OR EXISTS (SELECT 1 FROM incidents i WHERE i.id = p.incident_id AND i.reporter_id = ?))`, []any{p, p, p, p}
}

// Papers lists papers that the actor may see, the newest first.
func (s *Store) Papers(ctx context.Context, actor custody.Actor, f PaperFilter) ([]PaperRow, error) {
	condition, args := "", []any{}
	for _, part := range []struct{ condition, value string }{{` AND p.kind = ?`, string(f.Kind)}, {` AND p.hand_over_id = ?`, string(f.HandOver)}, {` AND p.incident_id = ?`, string(f.Incident)},
		{` AND p.token_id = ?`, string(f.Token)}, {` AND p.check_id = ?`, string(f.Check)}, {` AND p.dated_on >= ?`, string(f.From)}, {` AND p.dated_on <= ?`, string(f.Until)}} {
		if part.value != "" {
			condition, args = condition+part.condition, append(args, part.value)
		}
	}
	page := f.Page
	if page == nil {
		limit := f.Limit
		if limit == 0 {
			limit = 200
		}
		if limit < 1 || limit > 1000 {
			return nil, custody.Invalid("limit", "limit %d is not within 1 and 1000", f.Limit)
		}
		page = &Page{Limit: limit}
	}
	return s.papers(ctx, actor, page, condition, args...)
}

func (s *Store) papers(ctx context.Context, actor custody.Actor, page *Page, condition string, args ...any) ([]PaperRow, error) {
	seen, rights := paperSeen(actor)
	query, all := page.order(queryPapers+seen+condition, slices.Concat([]any{string(actor.School)}, rights, args), "p.entry_index", true)
	var listed []listedPaper
	if err := s.reader.list(ctx, &listed, query, all...); err != nil {
		return nil, fmt.Errorf("list papers: %w", err)
	}
	listed = cut(page, listed, func(r *listedPaper) int64 { return r.Entry })
	rows := make([]PaperRow, 0, len(listed))
	for _, r := range listed {
		row := PaperRow{ID: custody.PaperID(r.ID), Kind: forms.Kind(r.Kind), Version: r.Version, Number: r.Number, Symbol: r.Symbol, Date: r.Date,
			Subject:  PaperSubject{HandOver: custody.HandOverID(r.HandOver), Incident: custody.IncidentID(r.Incident), Token: custody.TokenID(r.Token), Check: custody.CheckID(r.Check), From: r.From, Until: r.Until},
			IssuedBy: r.Issuer, IssuedAt: r.IssuedAt.Time, Entry: r.Entry, Replaces: custody.PaperID(r.Replaces), Replaced: custody.PaperID(r.Replaced),
			Token: r.Label, Signed: r.Signed, Erased: r.Erased != 0}
		if row.Token == "" {
			row.Token = r.Serial
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Paper returns a paper that the actor may see.
func (s *Store) Paper(ctx context.Context, actor custody.Actor, id custody.PaperID) (PaperRow, error) {
	rows, err := s.papers(ctx, actor, nil, ` AND p.id = ?`, string(id))
	if err != nil {
		return PaperRow{}, err
	}
	if len(rows) == 0 {
		return PaperRow{}, custody.NotFound("paper")
	}
	return rows[0], nil
}

// keptPaper is what a paper is made of, and what its entry commits to.
type keptPaper struct {
	Kind    string `db:"kind"`
	Version int    `db:"version"`
	Facts   []byte `db:"facts"`
	SHA256  string `db:"facts_sha256"`
	PDF     string `db:"pdf_sha256"`
}

var keptPaperColumns = `p.kind, p.version, p.facts, ` + revealOf("p", "facts") + ` AS facts_sha256, ` + revealOf("p", "pdf") + ` AS pdf_sha256`

func (s *Store) keptPaper(ctx context.Context, actor custody.Actor, id custody.PaperID) (keptPaper, error) {
	seen, rights := paperSeen(actor)
	var kept keptPaper
	err := s.reader.get(ctx, &kept, `SELECT `+keptPaperColumns+` FROM papers p WHERE p.school_id = ?`+seen+` AND p.id = ?`,
		slices.Concat([]any{string(actor.School)}, rights, []any{string(id)})...)
	if errors.Is(err, sql.ErrNoRows) {
		return kept, custody.NotFound("paper")
	}
	if err != nil {
		return kept, fmt.Errorf("read paper: %w", err)
	}
	if kept.Facts == nil || kept.SHA256 == "" || kept.PDF == "" {
		return kept, custody.Conflict(custody.ReasonErased)
	}
	return kept, nil
}

func (s *Store) paperFacts(ctx context.Context, actor custody.Actor, id custody.PaperID) (forms.Facts, error) {
	kept, err := s.keptPaper(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	return forms.Read(forms.Kind(kept.Kind), kept.Version, kept.Facts)
}

// PaperPDF makes the PDF of a paper anew from its record. What does not come out as
// the log's entry says is an error with the reason unreproducible, never a file.
func (s *Store) PaperPDF(ctx context.Context, actor custody.Actor, id custody.PaperID) ([]byte, error) {
	kept, err := s.keptPaper(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	pdf, err := kept.make()
	if err != nil {
		return nil, &custody.Error{Kind: custody.ErrConflict, Code: custody.CodeConflict, Params: map[string]string{"reason": custody.ReasonUnreproducible}, Err: err}
	}
	return pdf, nil
}

// make makes the PDF and compares it with what the entry commits to.
func (k keptPaper) make() ([]byte, error) {
	if sha256Hex(k.Facts) != k.SHA256 {
		return nil, errors.New("the kept facts are not those of the entry")
	}
	f, err := forms.Read(forms.Kind(k.Kind), k.Version, k.Facts)
	if err != nil {
		return nil, err
	}
	pdf, err := forms.PDF(f)
	if err != nil {
		return nil, err
	}
	if sha256Hex(pdf) != k.PDF {
		return nil, errors.New("the PDF does not come out as the entry says")
	}
	return pdf, nil
}
