package forms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"sokyso/custody/paper"
)

// Kind names a paper.
type Kind string

// The papers.
const (
	HandOverMinutes   Kind = "hand_over_minutes"
	LossReport        Kind = "loss_report"
	RenewalRequest    Kind = "renewal_request"    // form 04
	RevocationRequest Kind = "revocation_request" // form 05
	RecoveryRequest   Kind = "recovery_request"   // form 06
	DeviceMinutes     Kind = "device_minutes"     // form 08
	LostDevice        Kind = "lost_device"        // form 09
	HandOverRegister  Kind = "hand_over_register"
	IncidentRegister  Kind = "incident_register"
	SignatureRegister Kind = "signature_register"
	OutgoingRegister  Kind = "outgoing_register"
	DeviceRegister    Kind = "device_register"
	PeriodReport      Kind = "period_report"
	CheckMinutes      Kind = "check_minutes"
)

// Subject says what a paper is about.
type Subject string

// The subjects.
const (
	OfHandOver Subject = "hand_over"
	OfIncident Subject = "incident"
	OfToken    Subject = "token"
	OfCheck    Subject = "check" // a custody check
	OfPeriod   Subject = "period"
)

// Rule is what is fixed about a kind of paper.
type Rule struct {
	Kind     Kind
	Subject  Subject
	Code     string // of its symbol (Annex III): BB, BC; "" = an official letter, or a register
	Numbered bool   // it has a number and a symbol; registers have none
	File     string // beginning of its file name
	make     func() Facts
}

// Rules lists all kinds, in the order of lists.
var Rules = []Rule{
	{HandOverMinutes, OfHandOver, "BB", true, "bien-ban-ban-giao", func() Facts { return new(HandOver) }},
	{LossReport, OfIncident, "BC", true, "bao-cao-su-co", func() Facts { return new(Loss) }},
	{RevocationRequest, OfToken, "", true, "mau-05-thu-hoi", func() Facts { return new(Revocation) }},
	{RecoveryRequest, OfToken, "", true, "mau-06-khoi-phuc", func() Facts { return new(Recovery) }},
	{RenewalRequest, OfToken, "", true, "mau-04-gia-han", func() Facts { return new(Renewal) }},
	{DeviceMinutes, OfToken, "BB", true, "mau-08-giao-thiet-bi", func() Facts { return new(DeviceDelivery) }},
	{LostDevice, OfToken, "BB", true, "mau-09-mat-thiet-bi", func() Facts { return new(DeviceLoss) }},
	{CheckMinutes, OfCheck, "BB", true, "bien-ban-kiem-ke", func() Facts { return new(Check) }},
	{HandOverRegister, OfPeriod, "", false, "so-giao-nhan", func() Facts { return new(HandOverList) }},
	{IncidentRegister, OfPeriod, "", false, "so-su-co", func() Facts { return new(IncidentList) }},
	{SignatureRegister, OfPeriod, "", false, "so-ky-so", func() Facts { return new(SignatureList) }},
	{OutgoingRegister, OfPeriod, "", false, "so-van-ban-di", func() Facts { return new(OutgoingList) }},
	{DeviceRegister, OfPeriod, "", false, "danh-muc-thiet-bi", func() Facts { return new(DeviceList) }},
	{PeriodReport, OfPeriod, "BC", true, "bao-cao-dinh-ky", func() Facts { return new(Report) }},
}

// RuleOf finds the rule of a kind.
func RuleOf(kind Kind) (Rule, bool) {
	i := slices.IndexFunc(Rules, func(r Rule) bool { return r.Kind == kind })
	if i < 0 {
		return Rule{}, false
	}
	return Rules[i], true
}

// Symbol proposes the symbol of a paper of a school: BB-MNHS, and MNHS-VP for an
// official letter, whose kind has no code.
func (r Rule) Symbol(school string) string {
	switch {
	case !r.Numbered:
		return ""
	case r.Code == "":
		return school + "-VP"
	}
	return r.Code + "-" + school
}

// Version is the version of the templates that new papers are made with.
const Version = 1

// ErrUnknown says that there is no such kind or version of paper.
var ErrUnknown = errors.New("no such kind or version of paper")

// Facts are what stands on a paper.
type Facts interface {
	// Inputs are the fields that whoever makes the paper may fill in or change.
	Inputs() []Input
	// Top is what all papers have.
	Top() *Head
	sheet() paper.Sheet
}

// InputForm says what an input holds.
type InputForm string

// The forms.
const (
	Line  InputForm = "line"
	Lines InputForm = "lines"  // several, each a line of its own
	Day   InputForm = "day"    // custody.Date
	YesNo InputForm = "yes_no" // "yes", "no" or ""
)

// Input is such a field: a pointer into the facts.
type Input struct {
	Name     string
	Value    *string
	Form     InputForm
	Required bool
}

// New returns empty facts of a kind.
func New(kind Kind) (Facts, error) {
	rule, ok := RuleOf(kind)
	if !ok {
		return nil, fmt.Errorf("%w: %.40q", ErrUnknown, string(kind))
	}
	return rule.make(), nil
}

// Marshal returns the facts as they are kept: the same bytes for the same facts.
func Marshal(f Facts) ([]byte, error) {
	b, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("keep facts of a paper: %w", err)
	}
	return b, nil
}

// Read reads facts as Marshal wrote them.
func Read(kind Kind, version int, kept []byte) (Facts, error) {
	if version != Version {
		return nil, fmt.Errorf("%w: %.40q version %d", ErrUnknown, string(kind), version)
	}
	f, err := New(kind)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(kept))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return nil, fmt.Errorf("read facts of a paper: %w", err)
	}
	return f, nil
}

// Write writes the PDF of the facts.
func Write(w io.Writer, f Facts) error {
	h := f.Top()
	at, err := midnight(h.Date)
	if err != nil {
		return fmt.Errorf("write paper: %w", err)
	}
	sheet := f.sheet()
	p := paper.Paper{Language: "vi", Name: h.name(sheet), At: at, Sheets: []paper.Sheet{sheet}}
	return p.Write(w)
}

// PDF returns the PDF of the facts.
func PDF(f Facts) ([]byte, error) {
	var b bytes.Buffer
	if err := Write(&b, f); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
