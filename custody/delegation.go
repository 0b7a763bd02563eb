package custody

import "slices"

// DelegationID identifies a delegation.
type DelegationID string

// Delegation is a paper by which the head has somebody sign: the assignment of
// fields to a deputy (KT.), an order (TL.), an authorisation (TUQ.), or for a
// collective (TM.); Decree 30/2020/NĐ-CP, Article 13. With Absence the deputy acts
// for the head in all fields while the head is away (the school's regulation,
// Articles 4 and 7).
type Delegation struct {
	ID           DelegationID
	Grantor      PersonID
	Delegate     PersonID
	Capacity     Capacity // KT, TL, TM or TUQ
	Absence      bool     // KT. in all fields, while the grantor is away
	Kinds        []string // abbreviations, or AnyKind
	From         Date
	Until        Date // last day, inclusive; "" = open
	PaperNumber  string
	PaperOn      Date
	PaperSigner  string // who signed it; "" once erased
	Content      string // what exactly is delegated; "" = the kinds say it
	Entry        int64  // of the log
	Ended        int64  // log index of the entry that moved the last day forward; 0 = none
	GrantorName  string // "" once erased
	DelegateName string
}

// InForce reports whether the delegation holds on that day.
func (d Delegation) InForce(day Date) bool { return inForce(d.From, d.Until, day) }

// Paper names the delegation's paper as people do: "25/QĐ-MNHS ngày 05/09/2026".
func (d Delegation) Paper() string { return d.PaperNumber + " ngày " + d.PaperOn.Written() }

// Scope is what the delegate may sign by it.
func (d Delegation) Scope() Scope {
	return Scope{Person: d.Delegate, Acts: []Act{Approve}, Kinds: d.Kinds, Capacities: []Capacity{d.Capacity},
		From: d.From, Until: d.Until, Paper: d.Paper(), Entry: d.Entry, Ended: d.Ended, Delegation: d.ID}
}

// Written is the day as people here write it, 26/11/2026; "" stays "".
func (d Date) Written() string {
	if len(d) != len("2006-01-02") {
		return string(d)
	}
	return string(d[8:] + "/" + d[5:7] + "/" + d[:4])
}

// DelegationFacts are what CanDelegate decides on; positions and delegations are
// all that the register has of the person, past ones too.
type DelegationFacts struct {
	Today             Date
	GrantorPositions  []Position
	GrantorPowers     []Delegation // to the grantor
	DelegatePositions []Position
	Others            []Delegation // by the grantor, to anybody
}

// Reasons why a delegation is refused; each has a sentence of its own.
const (
	ReasonSubDelegation    = "sub_delegation"     // what the grantor has is itself by TUQ.; param paper
	ReasonGrantorNotHead   = "grantor_not_head"   // only the head delegates
	ReasonEndNeeded        = "end_needed"         // TUQ. and absence are for a time
	ReasonDelegateNoPost   = "delegate_no_post"   // the delegate holds no position on the first day
	ReasonDelegateWrong    = "delegate_wrong"     // the capacity does not fit the position; params capacity, position
	ReasonAbsenceTwice     = "absence_twice"      // somebody acts for the head then already; params from, until
	ReasonDelegatedAlready = "delegated_already"  // the same power on the same days; params from, until
	ReasonPaperInFuture    = "paper_in_future"    // the paper is of a day to come
	ReasonPaperAfterStart  = "paper_after_start"  // power does not begin before its paper; TUQ. and absence
	ReasonAbsenceIsKT      = "absence_is_kt"      // who acts for the absent head signs KT.
	ReasonAlreadyConfirmed = "certificate_is_old" // a later certificate of the token was confirmed since
)

// CanDelegate decides which delegations are registered, and by whom: who runs the
// register enters what a paper says. The head delegates, nobody passes on what was
// given by authorisation (Article 13.3), and both it and an absence have an end.
func CanDelegate(a Actor, d Delegation, f DelegationFacts) error {
	if err := CanRegister(a); err != nil {
		return err
	}
	fieldError := func(field, reason string, params ...string) error {
		m := withReason(reason, params)
		m["field"] = field
		return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: m}
	}
	if !slices.Contains([]Capacity{KT, TL, TM, TUQ}, d.Capacity) {
		return Invalid("capacity", "capacity %.40q is given by no delegation", string(d.Capacity))
	}
	grantor, _ := PositionOn(f.GrantorPositions, d.From)
	delegate, positioned := PositionOn(f.DelegatePositions, d.From)
	switch {
	case d.Grantor == d.Delegate:
		return Conflict(ReasonSamePerson)
	case d.Absence && d.Capacity != KT:
		return fieldError("capacity", ReasonAbsenceIsKT)
	case d.Until == "" && (d.Capacity == TUQ || d.Absence):
		return fieldError("until", ReasonEndNeeded)
	case d.PaperOn > f.Today:
		return fieldError("paper_on", ReasonPaperInFuture)
	case d.PaperOn > d.From && (d.Capacity == TUQ || d.Absence):
		return fieldError("from", ReasonPaperAfterStart)
	case grantor.Kind != Principal:
		for _, power := range f.GrantorPowers {
			if power.Capacity == TUQ && power.InForce(d.From) {
				return Conflict(ReasonSubDelegation, "paper", power.PaperNumber)
			}
		}
		return Conflict(ReasonGrantorNotHead)
	case !positioned:
		return Conflict(ReasonDelegateNoPost)
	case !capacityFits(d.Capacity, delegate.Kind):
		return Conflict(ReasonDelegateWrong, "capacity", string(d.Capacity), "position", string(delegate.Kind))
	}
	for _, other := range f.Others {
		overlaps := other.From <= lastOf(d.Until) && d.From <= lastOf(other.Until)
		switch {
		case !overlaps:
		case d.Absence && other.Absence:
			return Conflict(ReasonAbsenceTwice, "from", string(other.From), "until", string(other.Until))
		case other.Delegate == d.Delegate && other.Capacity == d.Capacity && other.Absence == d.Absence && slices.Equal(other.Kinds, d.Kinds):
			return Conflict(ReasonDelegatedAlready, "from", string(other.From), "until", string(other.Until))
		}
	}
	return nil
}

// capacityFits: a deputy signs KT. and, for a collective, TM.; TL. and TUQ. are for
// who heads a unit or has a post, since a deputy signs for the head anyway.
func capacityFits(c Capacity, k PositionKind) bool {
	switch c {
	case KT, TM:
		return k == Deputy
	case TL, TUQ:
		return k == OfficeHead || k == Staff
	}
	return false
}

func lastOf(until Date) Date {
	if until == "" {
		return "9999-12-31"
	}
	return until
}

// CanEndDelegation decides who may end a delegation early and when: who runs the
// register, on a day before its last, not before it began but by the day before,
// which is as if it had never been.
func CanEndDelegation(a Actor, d Delegation, until Date) error {
	switch {
	case CanRegister(a) != nil:
		return CanRegister(a)
	case d.Until != "" && until >= d.Until:
		return Conflict(ReasonEndsAlready, "until", string(d.Until))
	case until < d.From.AddDays(-1):
		return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: map[string]string{"field": "until", "reason": ReasonTooEarly}}
	}
	return nil
}

// ActingOn returns the absence by which somebody acts for the head on that day.
func ActingOn(delegations []Delegation, day Date) (Delegation, bool) {
	for _, d := range delegations {
		if d.Absence && d.InForce(day) {
			return d, true
		}
	}
	return Delegation{}, false
}
