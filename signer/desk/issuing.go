package desk

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/plaintext"
	"sokyso/signer"
	"sokyso/signer/agent"
	"sokyso/signer/preview"
	"sokyso/signer/reading"
)

// Issuing is what is known of a document that the office is to number, date and seal in one pass.
type Issuing struct {
	path       string
	fields     []signer.FormField
	forbidden  bool // a signature allows no changes
	proposal   reading.Proposal
	signatures []agent.SignatureReport
}

// What can be done with a document that is to be issued.
const (
	IssueReady      = "ready"         // its fields for number and date are filled in, and it is sealed
	IssuePrinted    = "printed"       // number and date stand in the text: it is only sealed
	IssueUnreadable = "unreadable"    // a scan: a person looks whether number and date are there
	IssueUnprepared = "unprepared"    // number and date are left open, and there are no fields for them
	IssueUnsigned   = "unsigned"      // the leader has not signed (Decree 30/2020/NĐ-CP Art. 33)
	IssueForbidden  = "forbidden"     // a signature allows no changes, not even the seal
	IssueBad        = "bad_signature" // a signature in it is not valid
)

// ReadIssuing reads a document for issuing. Errors are *agent.Error or *signer.Error.
func ReadIssuing(ctx context.Context, viewer *preview.Viewer, check agent.Verification, path string, password signer.Password) (Issuing, error) {
	doc, err := readAll(ctx, viewer, preview.File{Path: path, Password: string(password)})
	if err != nil {
		return Issuing{}, err
	}
	fields, err := formFields(ctx, path, password)
	if err != nil {
		return Issuing{}, err
	}
	filledIn(&doc.proposal, fields)
	return Issuing{path, fields, false, doc.proposal, check.Verify(ctx, path).Signatures}, nil
}

// Facts are what the register is told: what was given, else what the document says of itself.
func (i Issuing) Facts(given wire.DocumentFacts) wire.DocumentFacts {
	p := i.proposal
	given.Number = twoDigits(cmp.Or(strings.TrimSpace(given.Number), p.Number.Text))
	given.Symbol, given.Kind, given.Summary = cmp.Or(given.Symbol, p.Symbol.Text), cmp.Or(given.Kind, p.Kind.Text), cmp.Or(given.Summary, p.Summary.Text)
	return given
}

// State is what can be done with it.
func (i Issuing) State() string {
	signed := 0
	for _, s := range i.signatures {
		if s.Indication == "TOTAL-FAILED" {
			return IssueBad
		}
		if !s.Timestamp {
			signed++
		}
	}
	switch {
	case i.forbidden:
		return IssueForbidden
	case signed == 0:
		return IssueUnsigned
	case i.has(FieldNumber) || i.has(FieldDay) || i.has(FieldMonth) || i.has(FieldYear):
		return IssueReady
	case !i.proposal.Text:
		return IssueUnreadable
	case i.proposal.Blanks.Number.Given() || i.proposal.Blanks.Day.Given() || i.proposal.Blanks.Month.Given() || i.proposal.Blanks.Year.Given():
		return IssueUnprepared
	}
	return IssuePrinted
}

func (i Issuing) has(name string) bool {
	return slices.ContainsFunc(i.fields, func(f signer.FormField) bool { return f.Name == name && !f.Signature && f.Empty && f.Page > 0 })
}

// SealField is the empty signature field for the seal, "" if there is none.
func (i Issuing) SealField() string { return sealField(i.fields).Name }

// numberForm is a number as the register takes it.
var numberForm = regexp.MustCompile(`^[0-9]{1,6}[a-zA-Z]?$`)

// Entries are what is filled in. A document that can't take them gives an *agent.Error with what to do: issue_ and a
// State, or issue_other_number where another number than the given one is printed in it.
func (i Issuing) Entries(number string, date time.Time) ([]signer.Entry, error) {
	refuse := func(code string, params ...string) error {
		e := &agent.Error{Code: code, Params: map[string]string{"file": i.path}}
		for n := 0; n+1 < len(params); n += 2 {
			e.Params[params[n]] = params[n+1]
		}
		return e
	}
	switch state := i.State(); state {
	case IssueUnsigned, IssueBad, IssueUnprepared, IssueForbidden:
		return nil, refuse("issue_" + state)
	}
	number = strings.TrimSpace(number)
	if number != "" && !numberForm.MatchString(number) {
		return nil, refuse("issue_number", "number", number)
	}
	number = twoDigits(number)
	if printed := i.proposal.Number.Text; number != "" && printed != "" && printed != number {
		return nil, refuse("issue_other_number", "number", number, "printed", printed)
	}
	if printed := i.proposal.Date.Text; !date.IsZero() && printed != "" && printed != date.Format(time.DateOnly) {
		return nil, refuse("issue_other_date", "date", date.Format("02/01/2006"), "printed", dayOf(printed))
	}
	var entries []signer.Entry
	add := func(field, text string) {
		if i.has(field) {
			entries = append(entries, signer.Entry{Field: field, Text: text})
		}
	}
	if i.has(FieldNumber) && number == "" {
		return nil, refuse("issue_number_missing")
	}
	if date.IsZero() && (i.has(FieldDay) || i.has(FieldMonth) || i.has(FieldYear)) {
		return nil, refuse("issue_date_missing")
	}
	add(FieldNumber, number)
	add(FieldDay, fmt.Sprintf("%02d", date.Day()))
	add(FieldMonth, monthText(date.Month()))
	add(FieldYear, strconv.Itoa(date.Year()))
	return entries, nil
}

// monthText is a month as Decree 30/2020/NĐ-CP Annex I part II, 4 writes it: a zero before 1 and 2, none before others.
func monthText(month time.Month) string {
	if month <= time.February {
		return fmt.Sprintf("%02d", int(month))
	}
	return strconv.Itoa(int(month))
}

// twoDigits gives a number below 10 its zero.
func twoDigits(number string) string {
	if len(number) == 1 || len(number) == 2 && number[1] > '9' {
		return "0" + number
	}
	return number
}

// dayOf writes a date as people in Vietnam do.
func dayOf(iso string) string {
	if at, err := time.Parse(time.DateOnly, iso); err == nil {
		return at.Format("02/01/2006")
	}
	return iso
}

// sealField is the empty visible signature field that is for the seal: by its name, or by what readers tell of it.
func sealField(fields []signer.FormField) signer.FormField {
	for _, f := range fields {
		if f.Signature && f.Empty && f.Page > 0 && f.Rect != [4]float64{} && ofSeal(f) {
			return f
		}
	}
	return signer.FormField{}
}

// sealWords are what fields for a seal are called.
var sealWords = []string{"seal", "stamp", "dau", "con dau", "dong dau", "co quan", "phat hanh"}

func ofSeal(f signer.FormField) bool {
	for _, name := range []string{f.Name, f.Label} {
		plain := strings.Join(strings.FieldsFunc(plaintext.Of(name), func(r rune) bool { return r < 'a' || r > 'z' }), " ")
		for _, word := range sealWords {
			if plain == word || strings.HasPrefix(plain, word+" ") || strings.HasSuffix(plain, " "+word) || strings.Contains(plain, " "+word+" ") {
				return true
			}
		}
	}
	return false
}
