package custody

import "time"

// HandOverKind says where a hand-over goes.
type HandOverKind string

// The kinds of hand-overs.
const (
	ToPerson HandOverKind = "hand_over"
	Return   HandOverKind = "return" // to the school's safe
)

// HandOverReason is why a token changes hands, as the minutes have it.
type HandOverReason string

// The reasons. One that was recorded before reasons had kinds is "".
const (
	NewCustody   HandOverReason = "new"       // giao mới: out of the safe
	ChangeOf     HandOverReason = "change"    // thay đổi người giữ: from one custodian to the next
	Temporary    HandOverReason = "temporary" // tạm giao từ … đến …
	ReturnUnused HandOverReason = "return"    // nộp trả: by the custodian
	TakenBack    HandOverReason = "take_back" // thu hồi: for a custodian who is away or has left
)

// HandOverReasons lists all that can be chosen.
var HandOverReasons = []HandOverReason{NewCustody, ChangeOf, Temporary, ReturnUnused, TakenBack}

// HandOverState is what became of an offer.
type HandOverState string

// The states of a hand-over.
const (
	Offered   HandOverState = "offered"
	Accepted  HandOverState = "accepted"
	Declined  HandOverState = "declined"
	Withdrawn HandOverState = "withdrawn"
)

// HandOver is an offer and what became of it.
type HandOver struct {
	ID               HandOverID
	Token            TokenID
	Kind             HandOverKind
	ReasonKind       HandOverReason
	From             PersonID // "" = the safe
	To               PersonID // "" = the safe
	OfferedBy        PersonID // the custodian, or the principal or admin who gave it out of the safe or took it back; "" = the system
	DecidedBy        PersonID // who accepted, declined or withdrew; "" = nobody yet, or the system
	Witness          PersonID // người chứng kiến, or who represents the school; "" = nobody
	State            HandOverState
	PermissionNumber string
	PermissionDate   Date
	Since            Date // of a temporary hand-over: first day
	Until            Date // of a temporary hand-over: last day, inclusive
	// PINChanged: the receiver said at acceptance whether they changed the PIN; nil = it
	// was not said. The PIN itself is never asked for.
	PINChanged *bool
	OfferedAt  time.Time
	DecidedAt  *time.Time
	OfferEntry int64 // log index of the offer
	Entry      int64 // log index of the latest step
}

// Overdue reports whether a temporary hand-over has passed its last day.
func (h HandOver) Overdue(today Date) bool {
	return h.State == Accepted && h.Until != "" && h.Until < today
}

// CustodyFacts are what the rules of hand-overs and reports ask of a token.
type CustodyFacts struct {
	Token    Token
	Custody  *Custody  // the present one; nil = in the safe
	Offer    *HandOver // the open one
	Reported bool      // an incident is open, or it was written off
}

// Offer is what somebody wants to hand over.
type Offer struct {
	To               PersonID // "" = the safe
	Positioned       bool     // the receiver holds a position today
	Left             bool     // the receiver's account has ended
	Kind             HandOverReason
	Reason           string
	Today            Date
	PermissionNumber string
	PermissionDate   Date
	PermissionSigner string
	Since, Until     Date // of a temporary hand-over
}

// DefaultReason is the reason of a hand-over where none was chosen.
func DefaultReason(a Actor, f CustodyFacts, to PersonID) HandOverReason {
	switch {
	case to == "" && f.Custody != nil && f.Custody.Person != a.Person:
		return TakenBack
	case to == "":
		return ReturnUnused
	case f.Custody != nil:
		return ChangeOf
	}
	return NewCustody
}

// fits: the reason is one for where the token comes from and where it goes.
func (r HandOverReason) fits(a Actor, f CustodyFacts, to PersonID) bool {
	return r == "" || r == DefaultReason(a, f, to) || r == Temporary && to != ""
}

// CanOffer decides who may offer a token to whom. The custodian gives; out of
// the safe the principal or an admin does. They also take a token back to the safe
// for a custodian who is away or has left, and say why. A personal token goes between the
// safe and its owner only; a seal token goes only to somebody of the school, by a
// written permission that is there (Decree 30/2020/NĐ-CP Art. 32), for good or, with a last
// day, for a time. A reported token may come back to the safe and go nowhere else.
func CanOffer(a Actor, f CustodyFacts, o Offer) error {
	giver := PersonID("")
	if f.Custody != nil {
		giver = f.Custody.Person
	}
	behalf := giver != "" && a.Person != giver && o.To == "" && a.Roles.May(RunRegister)
	switch {
	case giver != "" && a.Person != giver && !behalf, giver == "" && !a.Roles.May(RunRegister):
		return Forbidden(ReasonNotGiver)
	case f.Offer != nil:
		return Conflict(ReasonHandOverOpen)
	case o.To == "" && giver == "":
		return Conflict(ReasonAlreadyInSafe)
	case behalf && o.Reason == "":
		return invalidFor("reason", ReasonOnBehalf)
	case !o.Kind.fits(a, f, o.To):
		return Invalid("reason_kind", "reason %.40q does not fit this hand-over", string(o.Kind))
	case o.To == "":
		return o.checkDays()
	case f.Reported:
		return Conflict(ReasonTokenReported)
	case o.To == a.Person:
		return Conflict(ReasonSamePerson)
	case o.Left:
		return Conflict(ReasonReceiverLeft)
	case f.Token.Kind == Personal && giver != "":
		return Conflict(ReasonNeverLent)
	case f.Token.Kind == Personal && o.To != f.Token.Owner:
		return Conflict(ReasonOwnerMustReceive)
	case o.Kind == Temporary && f.Token.Kind == Personal:
		return Conflict(ReasonNeverLent)
	case f.Token.Kind == Seal && o.missingPermission() != "":
		return invalidFor(o.missingPermission(), ReasonPermissionNeeded)
	case f.Token.Kind == Seal && o.PermissionDate > o.Today:
		return invalidFor("permission_date", ReasonInFuture)
	case f.Token.Kind == Seal && !o.Positioned:
		return Conflict(ReasonNoPosition)
	}
	return o.checkDays()
}

// missingPermission names the first fact of the written permission that is not stated.
func (o Offer) missingPermission() string {
	switch {
	case o.PermissionNumber == "":
		return "permission_number"
	case o.PermissionDate == "":
		return "permission_date"
	case o.PermissionSigner == "":
		return "permission_signer"
	}
	return ""
}

// checkDays: a temporary hand-over has a last day, which has not passed, and only
// such a one has.
func (o Offer) checkDays() error {
	switch {
	case o.Kind != Temporary && o.Since != "":
		return Invalid("since", "only a temporary hand-over has a first day")
	case o.Kind != Temporary && o.Until != "":
		return Invalid("until", "only a temporary hand-over has a last day")
	case o.Kind != Temporary:
		return nil
	case o.Until == "":
		return invalidFor("until", ReasonLastDayNeeded)
	case o.Until < o.Today, o.Since != "" && o.Until < o.Since:
		return invalidFor("until", ReasonTooEarly)
	}
	return nil
}

// CanAccept decides who may accept an offer: the receiver; into the safe the
// principal or an admin, but never who gives it back, be it for somebody else: two
// sides confirm.
func CanAccept(a Actor, h HandOver, reported bool) error {
	if err := canDecide(a, h); err != nil {
		return err
	}
	if h.Kind == ToPerson && reported {
		return Conflict(ReasonTokenReported)
	}
	return nil
}

// CanDecline decides who may decline an offer: who may accept it.
func CanDecline(a Actor, h HandOver) error { return canDecide(a, h) }

func canDecide(a Actor, h HandOver) error {
	switch {
	case h.Kind == ToPerson && a.Person != h.To, h.Kind == Return && !a.Roles.May(RunRegister):
		return Forbidden(ReasonNotReceiver)
	case h.Kind == Return && a.Person != "" && (a.Person == h.From || a.Person == h.OfferedBy):
		return Forbidden(ReasonSamePerson)
	case h.State != Offered:
		return Conflict(ReasonHandOverDecided, "state", string(h.State))
	}
	return nil
}

// CanWithdraw decides who may take an offer back: the giver; the principal or an
// admin where one of them offered it, out of the safe or for the custodian.
func CanWithdraw(a Actor, h HandOver) error {
	byGiver := h.From != "" && h.OfferedBy == h.From
	switch {
	case byGiver && a.Person != h.From, !byGiver && !a.Roles.May(RunRegister):
		return Forbidden(ReasonNotGiver)
	case h.State != Offered:
		return Conflict(ReasonHandOverDecided, "state", string(h.State))
	}
	return nil
}
