package custody

import (
	"slices"
	"strings"
	"time"
)

// EndingKind says what ends.
type EndingKind string

// What can end before its last day.
const (
	EndPosition EndingKind = "position"
	EndScope    EndingKind = "scope"
	EndAccount  EndingKind = "account"
)

// Valid reports whether it is one of the three.
func (k EndingKind) Valid() bool { return k == EndPosition || k == EndScope || k == EndAccount }

// Ending ends a position, a scope or an account after a last day. Until it has
// passed nothing changes; from the next day on the person holds the position no
// more, may not sign by the scope, or can't sign in and has no agent.
type Ending struct {
	Kind     EndingKind
	Person   PersonID
	Position PositionID // of EndPosition
	Scope    ScopeID    // of EndScope
	Until    Date       // last day, inclusive
}

// EndingFacts are what CanEnd decides on.
type EndingFacts struct {
	Today       Date
	From, Until Date // of what is to end, as it stands; "" = always, open
	// Holds counts the tokens that the person would hold with nothing left to hold
	// them by: no account, or no position after that day.
	Holds int
	// HoldingKnown: who ends it has been told of them.
	HoldingKnown bool
	// NotWrittenOff are those of them, by serial, that are neither blocked by a
	// report nor written off together with the ending.
	NotWrittenOff []string
	// LastAdmin: nobody else runs the register with an account that goes on.
	LastAdmin bool
}

// CanEnd decides who may end what, and when. Only an admin does, and never so that
// no admin is left. The last day may lie in the past, since decisions arrive late,
// but for an account not before yesterday: what was done with it since was done.
// Tokens come back when no longer used (the school's regulation, Art. 11). So what
// ends at once ends when each token that the person still holds is back, retired,
// blocked by a report, or written off with a reason, which blocks it: who leaves in
// anger must not keep the power to sign. Where the last day is yet to pass, there
// is time to bring them back: it is enough that who ends it knows of them.
func CanEnd(a Actor, e Ending, f EndingFacts) error {
	switch {
	case !a.Roles.May(Administer):
		return Forbidden(ReasonAdminOnly)
	case f.Until != "" && e.Until >= f.Until:
		return Conflict(ReasonEndsAlready, "until", string(f.Until))
	case e.Kind == EndAccount && e.Until < f.Today.AddDays(-1), f.From != "" && e.Until < f.From.AddDays(-1):
		return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: map[string]string{"field": "until", "reason": ReasonTooEarly}}
	case e.Kind == EndAccount && f.LastAdmin:
		return Conflict(ReasonLastAdmin)
	case e.Until < f.Today && len(f.NotWrittenOff) > 0:
		return Conflict(ReasonNotWrittenOff, "tokens", strings.Join(f.NotWrittenOff, ", "))
	case e.Until >= f.Today && f.Holds > 0 && !f.HoldingKnown:
		return Conflict(ReasonHoldsTokens)
	}
	return nil
}

// LeavesPosition reports whether somebody with these positions would hold one after
// the last day of the one that ends.
func LeavesPosition(positions []Position, ends PositionID, until, today Date) bool {
	left := slices.Clone(positions)
	for i := range left {
		if left[i].ID == ends {
			left[i].Until = until
		}
	}
	_, holds := PositionOn(left, max(today, until.AddDays(1)))
	return holds
}

// AddDays returns the day n days later.
func (d Date) AddDays(n int) Date {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return d
	}
	return Date(t.AddDate(0, 0, n).Format(time.DateOnly))
}
