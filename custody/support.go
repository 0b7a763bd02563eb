package custody

import (
	"slices"
	"time"
)

// SupportKind says what a custodian asks the provider for (the school's
// regulation, Art. 11.2: who holds a token may ask the provider for technical help).
type SupportKind string

// The kinds of support.
const (
	SupportUnlock    SupportKind = "unlock"    // mở khóa, khôi phục thiết bị: form 06
	SupportTechnical SupportKind = "technical" // trình điều khiển, phần mềm, thiết bị: no form
	SupportRenewal   SupportKind = "renewal"   // gia hạn chứng thư: form 04
	SupportChange    SupportKind = "change"    // thay đổi thông tin chứng thư: form 04
)

// SupportKinds lists them.
var SupportKinds = []SupportKind{SupportUnlock, SupportTechnical, SupportRenewal, SupportChange}

// Valid reports whether it is one of them.
func (k SupportKind) Valid() bool { return slices.Contains(SupportKinds, k) }

// Form returns the number of the form of Decree 68/2024/NĐ-CP that the request is
// sent on: 04 or 06; "" for technical help, which is asked for without one.
func (k SupportKind) Form() string {
	switch k {
	case SupportUnlock:
		return "06"
	case SupportRenewal, SupportChange:
		return "04"
	}
	return ""
}

// SupportState is how far a request has come; it is the state of its latest step.
type SupportState string

// The states of a request.
const (
	SupportAsked     SupportState = "asked"    // no step yet
	SupportSent      SupportState = "sent"     // to the provider
	SupportAnswered  SupportState = "answered" // the provider has answered, and something is left to do
	SupportSolved    SupportState = "solved"
	SupportRefused   SupportState = "refused" // by the provider, or by the school
	SupportWithdrawn SupportState = "withdrawn"
)

// supportSteps are the steps that a request may take, by its state; what is not
// here is refused. Sent again is a reminder, or another addressee.
var supportSteps = map[SupportState][]SupportState{
	SupportAsked:    {SupportSent, SupportSolved, SupportRefused, SupportWithdrawn},
	SupportSent:     {SupportSent, SupportAnswered, SupportSolved, SupportRefused, SupportWithdrawn},
	SupportAnswered: {SupportSent, SupportAnswered, SupportSolved, SupportRefused, SupportWithdrawn},
}

// Open reports whether something is left to do.
func (s SupportState) Open() bool { return len(supportSteps[s]) > 0 }

// Steps lists the states that may follow.
func (s SupportState) Steps() []SupportState { return slices.Clone(supportSteps[s]) }

// SupportDays are the working days within which a request is to be sent, and
// after that answered where no other day was agreed. One province does unlocking
// in one working day; no number was found in the decree, so these are only when
// the program begins to remind.
const (
	SupportSendDays   = 1
	SupportAnswerDays = 5
)

// SupportRequest is a request to the provider about a token.
type SupportRequest struct {
	ID      SupportID
	Token   TokenID
	Kind    SupportKind
	AskedBy PersonID
	AskedAt time.Time
	State   SupportState
	Due     Date // when it should have been sent or answered; "" = nothing is waited for
	Entry   int64
}

// SupportID names a request.
type SupportID string

// Overdue reports whether its day has passed.
func (r SupportRequest) Overdue(today Date) bool { return r.Due != "" && r.Due < today }

// SupportDue is the day by which a request's next step is expected: agreed is the
// day that was named when it was sent.
func SupportDue(state SupportState, since, agreed Date, settings Settings) Date {
	switch {
	case state == SupportAsked:
		return settings.AddWorkingDays(since, SupportSendDays)
	case state == SupportSent && agreed != "":
		return agreed
	case state.Open():
		return settings.AddWorkingDays(since, SupportAnswerDays)
	}
	return ""
}

// SupportAddressee is who takes a request of the kind, by the school's settings;
// "" where they name nobody.
func SupportAddressee(kind SupportKind, settings Settings) string {
	switch kind {
	case SupportUnlock:
		return settings.Value(SettingRecoverTo)
	case SupportRenewal, SupportChange:
		return settings.Value(SettingRenewTo)
	}
	return ""
}

// CanAskSupport decides who may ask for support for a token: its custodian, its
// owner, who manages the register. A retired token gets none, nor one that is
// reported lost or suspected, whose certificate is to be revoked and not unlocked;
// and what was asked for is not asked twice.
func CanAskSupport(a Actor, f CustodyFacts, open bool) error {
	own := a.Person != "" && (f.Custody != nil && f.Custody.Person == a.Person || f.Token.Owner == a.Person)
	switch {
	case !own && !a.Roles.May(RunRegister):
		return NotFound("token")
	case f.Token.State == Retired:
		return Conflict(ReasonTokenRetired)
	case f.Reported:
		return Conflict(ReasonSupportReported)
	case open:
		return Conflict(ReasonSupportOpen)
	}
	return nil
}

// PINStep is the step of its token's PIN that a step of the request is at the same
// time, after the latest one: an unlock that is sent by its form asks for recovery,
// one that is solved ends it; "" = the PIN's story stays where it is. What is not
// reported locked is not sent to be unlocked.
func (r SupportRequest) PINStep(to SupportState, latest PINStep) (PINStep, error) {
	switch {
	case r.Kind != SupportUnlock:
		return "", nil
	case to == SupportSent && !latest.Locked():
		return "", Conflict(ReasonSupportNotLocked)
	case to == SupportSent && latest == PINStepLocked:
		return PINStepAsked, nil
	case to == SupportSolved && latest.Locked():
		return PINStepRecovered, nil
	}
	return "", nil
}

// SupportStep is what somebody wants to note of a request.
type SupportStep struct {
	To          SupportState
	Addressee   string // sent: to whom
	PaperNumber string // sent: of the school's letter; answered, refused: of the answer
	PaperOn     Date
	Due         Date // sent: when an answer is expected
	Note        string
}

// CanStepSupport decides who may take a request a step on: who manages the
// register; who asked may withdraw. A request is sent to somebody, and what goes
// on a form of the decree goes by a letter with number and date. An answer, a
// refusal and a solution say what they were.
func CanStepSupport(a Actor, r SupportRequest, s SupportStep, today Date) error {
	if !a.Roles.May(RunRegister) && (s.To != SupportWithdrawn || a.Person == "" || a.Person != r.AskedBy) {
		return Forbidden("")
	}
	missing := func(field string) error {
		return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: map[string]string{"field": field}}
	}
	switch {
	case !r.State.Open():
		return Conflict(ReasonSupportClosed)
	case !slices.Contains(supportSteps[r.State], s.To):
		return Conflict(ReasonSupportStep)
	case s.PaperOn > today:
		return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: map[string]string{"field": "paper_on", "reason": ReasonInFuture}}
	case s.To == SupportSent && s.Addressee == "":
		return missing("addressee")
	case s.To == SupportSent && r.Kind.Form() != "" && s.PaperNumber == "":
		return missing("paper_number")
	case s.To == SupportSent && r.Kind.Form() != "" && s.PaperOn == "":
		return missing("paper_on")
	case s.To == SupportSent && s.Due != "" && s.Due < today:
		return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: map[string]string{"field": "due", "reason": ReasonPastDay}}
	case s.To != SupportSent && s.Note == "":
		return missing("note")
	}
	return nil
}
