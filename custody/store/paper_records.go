package store

import (
	"time"

	"sokyso/custody"
	"sokyso/custody/forms"
	"sokyso/custody/signinglog"
)

// PaperSubject is what a paper is about: one of the first four, or a period.
type PaperSubject struct {
	HandOver custody.HandOverID
	Incident custody.IncidentID
	Token    custody.TokenID
	Check    custody.CheckID
	From     custody.Date
	Until    custody.Date
}

// NewPaper is what a paper is made of, besides what the register knows.
type NewPaper struct {
	Kind forms.Kind
	PaperSubject
	Number   int          // 0 = to be written in by hand
	Symbol   string       // "" = as proposed
	Date     custody.Date // "" = today
	Inputs   map[string]string
	Replaces custody.PaperID
	// Support is a request to the provider from whose words the fields of forms 04 and
	// 06 are proposed; the paper does not name it.
	Support custody.SupportID
	// Seen is the SHA-256 of the facts that were looked at; "" = none were. The paper
	// is issued of these or not at all.
	Seen string
}

// PaperDraft is a paper before it is issued.
type PaperDraft struct {
	Rule    forms.Rule
	Facts   forms.Facts
	Number  int    // as given, or the next one of its series
	SHA256  string // of the facts, hex
	Subject PaperSubject
	// Former is the paper that is replaced.
	Former *PaperRow
}

// PaperRow is an issued paper.
type PaperRow struct {
	ID       custody.PaperID
	Kind     forms.Kind
	Version  int
	Number   int
	Symbol   string
	Date     custody.Date
	Subject  PaperSubject
	IssuedBy string // name; "" = the service's command line
	IssuedAt time.Time
	Entry    int64
	Replaces custody.PaperID // the former paper
	Replaced custody.PaperID // by this later one
	Token    string          // label or serial of what it is about
	Signed   int             // signed copies kept
	Erased   bool            // its facts are gone
}

// PaperFilter chooses papers; zero values do not.
type PaperFilter struct {
	Kind     forms.Kind
	HandOver custody.HandOverID
	Incident custody.IncidentID
	Token    custody.TokenID
	Check    custody.CheckID
	From     custody.Date
	Until    custody.Date
	Limit    int   // 0 = 200
	Page     *Page // instead of Limit
}

// NewSignedPaper is a signed copy that was checked by the caller: it begins with
// the paper's bytes, and its signatures hold.
type NewSignedPaper struct {
	Bytes      []byte
	Signatures int
	Signers    string // one for each signature, as people are to read it
}

// SignedPaperRow is a signed copy that is kept.
type SignedPaperRow struct {
	ID         custody.SignedPaperID
	Paper      custody.PaperID
	SHA256     string
	Size       int64
	Signatures int
	Signers    string
	KeptBy     string
	KeptAt     time.Time
	Entry      int64
}

type paperRow struct {
	rowBase
	Kind     string       `db:"kind"`
	Version  int          `db:"version"`
	Number   int          `db:"number"`
	Symbol   string       `db:"symbol"`
	Date     custody.Date `db:"dated_on"`
	Token    string       `db:"token_id"`
	HandOver string       `db:"hand_over_id"`
	Incident string       `db:"incident_id"`
	Check    string       `db:"check_id"`
	From     custody.Date `db:"from_on"`
	Until    custody.Date `db:"until_on"`
	Replaces string       `db:"replaces_id"`
	IssuedBy string       `db:"issued_by"`
	IssuedAt stamp        `db:"issued_at"`
}

const paperColumns = `p.id, p.school_id, p.kind, p.version, p.number, p.symbol, p.dated_on, COALESCE(p.token_id, '') AS token_id,
	COALESCE(p.hand_over_id, '') AS hand_over_id, COALESCE(p.incident_id, '') AS incident_id, COALESCE(p.check_id, '') AS check_id, p.from_on, p.until_on,
	COALESCE(p.replaces_id, '') AS replaces_id, COALESCE(p.issued_by, '') AS issued_by, p.issued_at, p.entry_index`

func (r paperRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypePaper, r.IssuedAt.Time
}

func (r paperRow) fields() map[string]string {
	number := ""
	if r.Number > 0 {
		number = count(int64(r.Number))
	}
	return map[string]string{signinglog.FieldActor: actorField(r.IssuedBy), "paper_id": r.ID, "kind": r.Kind, "version": count(int64(r.Version)), "number": number,
		"symbol": r.Symbol, "dated": string(r.Date), signinglog.FieldToken: r.Token, "hand_over": r.HandOver, "incident": r.Incident, "check": r.Check,
		"from": string(r.From), "until": string(r.Until), "replaces_paper": r.Replaces}
}

type signedPaperRow struct {
	rowBase
	Paper      string `db:"paper_id"`
	SHA256     string `db:"sha256"`
	Size       int64  `db:"size"`
	Signatures int    `db:"signatures"`
	KeptBy     string `db:"kept_by"`
	KeptAt     stamp  `db:"kept_at"`
	PaperEntry int64  `db:"paper_entry"`
	Token      string `db:"token_id"`
}

// Of signed_papers s and their papers p.
const signedPaperColumns = `s.id, s.school_id, s.paper_id, s.sha256, s.size, s.signatures, COALESCE(s.kept_by, '') AS kept_by, s.kept_at, s.entry_index,
	p.entry_index AS paper_entry, COALESCE(p.token_id, '') AS token_id`

func (r signedPaperRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeSignedPaper, r.KeptAt.Time
}

func (r signedPaperRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: actorField(r.KeptBy), "signed_paper": r.ID, "paper_id": r.Paper, "paper_entry": count(r.PaperEntry),
		signinglog.FieldToken: r.Token, "sha256": r.SHA256, "size": count(r.Size), "signatures": count(int64(r.Signatures))}
}
