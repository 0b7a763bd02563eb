package custody

// RetirementKind says why a token goes out of use for good.
type RetirementKind string

// The kinds.
const (
	RetiredExpired  RetirementKind = "expired"  // its certificate ran out and is not renewed
	RetiredToCA     RetirementKind = "to_ca"    // the device was handed over to the CA: form 08
	RetiredLost     RetirementKind = "lost"     // the device is confirmed lost: form 09
	RetiredBroken   RetirementKind = "broken"   // it does not work any more
	RetiredReplaced RetirementKind = "replaced" // another takes its place
	RetiredOther    RetirementKind = "other"    // the reason says it
)

// RetirementKinds lists all of them.
var RetirementKinds = []RetirementKind{RetiredExpired, RetiredToCA, RetiredLost, RetiredBroken, RetiredReplaced, RetiredOther}

// Valid reports whether it is one of them.
func (k RetirementKind) Valid() bool {
	for _, known := range RetirementKinds {
		if k == known {
			return true
		}
	}
	return false
}

// CanRetire decides who may take a token out of use, and when: the principal or an
// admin, when it lies in the safe, or is blocked wherever it is, since a lost one
// does not come back. What is on offer is decided first. A locked PIN alone is no
// reason to take a token from its custodian: it comes back to the safe first.
func CanRetire(a Actor, f CustodyFacts) error {
	switch {
	case !a.Roles.May(RunRegister):
		return Forbidden("")
	case f.Offer != nil:
		return Conflict(ReasonHandOverOpen)
	case f.Custody != nil && !f.Reported:
		return Conflict(ReasonNotInSafe)
	}
	return nil
}

// CanWriteOff decides who may write a token off that its custodian does not bring
// back: an admin, who ends what the person was. It is blocked from that moment on.
func CanWriteOff(a Actor, f CustodyFacts) error {
	switch {
	case !a.Roles.May(Administer):
		return Forbidden(ReasonAdminOnly)
	case f.Custody == nil:
		return Conflict(ReasonAlreadyInSafe)
	}
	return nil
}
