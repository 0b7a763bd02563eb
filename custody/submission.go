package custody

import (
	"slices"
	"strings"
	"time"
)

// Identifiers of what is submitted to be signed.
type (
	DocumentID string
	FileID     string
	TicketID   string
)

const (
	// MaxDocument bounds a submitted PDF, in bytes.
	MaxDocument = 50 << 20
	// MaxRoute bounds how many people sign one document.
	MaxRoute = 8
	// InHandFor is how long a document counts as in hand after an agent has fetched it. Then it is shown as waiting
	// again; a signature that comes later is taken all the same.
	InHandFor = 30 * time.Minute
	// TicketLifetime is how long a ticket may be traded: a person clicks, and a program starts.
	TicketLifetime = 5 * time.Minute
)

// RouteStep is one signature that a submitted document waits for.
type RouteStep struct {
	Person   PersonID
	Act      Act
	Capacity Capacity
}

// SubmissionState is what became of a submitted document.
type SubmissionState string

// The states. InHand is Waiting on somebody's computer.
const (
	SubmissionWaiting   SubmissionState = "waiting"
	SubmissionInHand    SubmissionState = "in_hand"
	SubmissionSigned    SubmissionState = "signed" // by everybody on the route
	SubmissionDeclined  SubmissionState = "declined"
	SubmissionWithdrawn SubmissionState = "withdrawn"
)

// Open reports whether somebody has yet to sign.
func (s SubmissionState) Open() bool { return s == SubmissionWaiting || s == SubmissionInHand }

// Submission is a document that was submitted to be signed by named people in an order (trình ký).
type Submission struct {
	ID          DocumentID
	SubmittedBy PersonID
	SubmittedAt time.Time
	Document    Document
	Note        string
	Due         Date
	Route       []RouteStep
	Signed      int // steps of the route that are signed
	State       SubmissionState
	Entry       int64
}

// Current returns the step that waits, and its number from 1; false when none does.
func (s Submission) Current() (RouteStep, int, bool) {
	if !s.State.Open() || s.Signed >= len(s.Route) {
		return RouteStep{}, 0, false
	}
	return s.Route[s.Signed], s.Signed + 1, true
}

// CheckRoute refuses a route that nobody could walk to its end: initials have no capacity and come before the
// approval, the seal after it (docs/grant-protocol.md: a seal rests on the approval of exactly its input).
func CheckRoute(route []RouteStep) error {
	refused := func(why string) error {
		return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: map[string]string{"field": "route", "reason": ReasonRoute, "why": why}}
	}
	if len(route) == 0 || len(route) > MaxRoute {
		return refused("length")
	}
	approved, sealed := false, false
	for _, step := range route {
		switch {
		case step.Person == "" || !step.Act.Valid() || !step.Capacity.Valid():
			return refused("step")
		case step.Act == Initial && (step.Capacity != None || approved || sealed):
			return refused("initial")
		case step.Act == Approve && sealed:
			return refused("order")
		}
		approved = approved || step.Act == Approve
		sealed = sealed || step.Act.OfSeal()
	}
	return nil
}

// FormatRoute writes a route as entries of the log have it.
func FormatRoute(route []RouteStep) string {
	parts := make([]string, len(route))
	for i, step := range route {
		parts[i] = string(step.Act) + ":" + string(step.Capacity) + ":" + string(step.Person)
	}
	return strings.Join(parts, ",")
}

// CanSeeSubmission reports whether somebody has to do with the document: who submitted it, who is on its route (be it
// their turn or not), who manages the register.
func CanSeeSubmission(a Actor, s Submission) bool {
	return a.Roles.May(RunRegister) || a.Person != "" && (a.Person == s.SubmittedBy ||
		slices.ContainsFunc(s.Route, func(step RouteStep) bool { return step.Person == a.Person }))
}

// CanHandle decides who takes the document in hand, signs or declines it: whose turn it is.
func CanHandle(a Actor, s Submission) error {
	step, _, waits := s.Current()
	switch {
	case !waits:
		return Conflict(ReasonDocumentDecided, "document", string(s.State))
	case a.Person == "" || a.Person != step.Person:
		return Forbidden(ReasonNotSigner)
	}
	return nil
}

// CanWithdrawSubmission decides who takes it back: who submitted it, or who manages the register.
func CanWithdrawSubmission(a Actor, s Submission) error {
	switch {
	case a.Person != s.SubmittedBy && !a.Roles.May(RunRegister):
		return Forbidden(ReasonNotSubmitter)
	case !s.State.Open():
		return Conflict(ReasonDocumentDecided, "document", string(s.State))
	}
	return nil
}
