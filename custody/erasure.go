package custody

// ErasureKind says why values were erased.
type ErasureKind string

// The kinds.
const (
	ErasePerson    ErasureKind = "person"    // somebody who has left
	EraseRetention ErasureKind = "retention" // the school's time of keeping is over
)

// ErasureFacts are what CanErase decides on.
type ErasureFacts struct {
	AccountGoesOn bool // the person can still sign in
	Holds         int  // tokens in the person's custody
	Erased        bool // nothing is left
}

// CanErase decides who erases what is kept of a person: an admin, of somebody whose
// account has ended and who holds nothing. What the log and the certificates prove
// stays: signatures, certificates and the entries themselves are evidence of the
// school's documents (Decree 13/2023/NĐ-CP Article 16.5 leaves what other laws have
// kept; Decree 30/2020/NĐ-CP has the registers kept).
func CanErase(a Actor, person PersonID, f ErasureFacts) error {
	switch {
	case !a.Roles.May(Administer):
		return Forbidden(ReasonAdminOnly)
	case a.Person == person || f.AccountGoesOn:
		return Conflict(ReasonAccountGoesOn)
	case f.Holds > 0:
		return Conflict(ReasonHoldsTokens)
	case f.Erased:
		return Conflict(ReasonErasedAlready)
	}
	return nil
}
