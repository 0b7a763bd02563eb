package custody

import "time"

// AccountChangeKind says what became of an account, or of a program's key.
type AccountChangeKind string

// The kinds, as the log has them.
const (
	AccountInvited         AccountChangeKind = "invited"          // a link was made by which its owner sets the first password
	AccountOpened          AccountChangeKind = "opened"           // it was used
	AccountResetAsked      AccountChangeKind = "reset_asked"      // a link was made to set a forgotten password anew
	AccountResetConfirmed  AccountChangeKind = "reset_confirmed"  // a second person said that it may be used
	AccountPasswordReset   AccountChangeKind = "password_reset"   // it was used, or the command line set a password
	AccountLinkWithdrawn   AccountChangeKind = "link_withdrawn"   // a link of either kind was ended unused
	AccountPasswordChanged AccountChangeKind = "password_changed" // by its owner, who knew the old one
	AccountFactorSet       AccountChangeKind = "factor_set"
	AccountFactorRemoved   AccountChangeKind = "factor_removed"
	AccountSessionsEnded   AccountChangeKind = "sessions_ended" // all of a person's, by who runs the register
	PasskeyAdded           AccountChangeKind = "passkey_added"
	PasskeyRemoved         AccountChangeKind = "passkey_removed" // by its owner, or by who runs the register
	PasskeyCloned          AccountChangeKind = "passkey_cloned"  // its count went back: the service ended it
	ProgramKeyMade         AccountChangeKind = "key_made"
	ProgramKeyEnded        AccountChangeKind = "key_ended"
)

// AccountLinkID identifies a link: the id of the change that made it.
type AccountLinkID string

// AccountLinkLifetime is how long a link may be used.
const AccountLinkLifetime = 7 * 24 * time.Hour

// AccountLinkState says what a link is good for.
type AccountLinkState string

// The states. A reset waits until a second person has confirmed it.
const (
	LinkOpen      AccountLinkState = "open"
	LinkWaits     AccountLinkState = "waits"
	LinkUsed      AccountLinkState = "used"
	LinkWithdrawn AccountLinkState = "withdrawn"
	LinkExpired   AccountLinkState = "expired"
)

// AccountLink is a link by which a person sets their password: the first one
// (AccountInvited), or a forgotten one anew (AccountResetAsked).
type AccountLink struct {
	ID       AccountLinkID
	Kind     AccountChangeKind
	Person   PersonID
	MadeBy   PersonID // "" = the command line
	MadeAt   time.Time
	Expires  time.Time
	State    AccountLinkState
	ByHead   bool // who made it is the principal today
	OfHead   bool // whose password it sets is
	Username string
	Name     string // of the person
}

// CanUse says why a link is not to be used, each with its next step.
func (l AccountLink) CanUse() error {
	switch l.State {
	case LinkWaits:
		return Conflict(ReasonLinkWaits)
	case LinkUsed:
		return Conflict(ReasonLinkUsed)
	case LinkWithdrawn:
		return Conflict(ReasonLinkWithdrawn)
	case LinkExpired:
		return Conflict(ReasonLinkExpired)
	}
	return nil
}

// MayConfirm reports whether the person is one of those who confirm a reset: the
// principal or a deputy; an admin where the principal is the other side, as the one
// whose password it is or as the one who made the link. Never either of the two.
func (l AccountLink) MayConfirm(a Actor) bool {
	if a.Person == "" || a.Person == l.MadeBy || a.Person == l.Person {
		return false
	}
	return a.Roles.May(ConfirmReset) || a.Roles.May(Administer) && (l.OfHead || l.ByHead)
}

// CanConfirm decides on confirming a reset.
func (l AccountLink) CanConfirm(a Actor) error {
	switch {
	case l.Kind != AccountResetAsked || !l.MayConfirm(a):
		return Forbidden(ReasonSecondPerson)
	case l.State == LinkOpen:
		return Conflict(ReasonLinkConfirmed)
	case l.State != LinkWaits:
		return l.CanUse()
	}
	return nil
}
