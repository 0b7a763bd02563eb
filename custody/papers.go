package custody

// PaperID and SignedPaperID name an official paper and a signed copy of it.
type (
	PaperID       string
	SignedPaperID string
)

// Reasons that papers add to those of the register.
const (
	ReasonNumberTaken    = "number_taken"    // another paper of that year has the number and symbol
	ReasonFactsChanged   = "facts_changed"   // the register has changed since the preview was looked at
	ReasonReplaced       = "replaced"        // the paper was replaced already; param paper
	ReasonNotAccepted    = "not_accepted"    // minutes of a hand-over that was declined or withdrawn
	ReasonNotClosed      = "not_closed"      // minutes of a custody check that is still open
	ReasonErased         = "erased"          // the facts of the paper were erased
	ReasonUnreproducible = "unreproducible"  // what comes out is not what the log says
	ReasonTooMany        = "too_many"        // a register of more lines than one paper takes; param most
	ReasonOtherPaper     = "other_paper"     // a signed file that does not begin with the paper
	ReasonNotSigned      = "not_signed"      // a file without signatures
	ReasonBadSignature   = "bad_signature"   // a signature in it is broken; param signer
	ReasonKindDiffers    = "kind_differs"    // a paper replaces one of its own kind only
	ReasonPeriodTooLong  = "period_too_long" // param most: years
)

// CanReadPapers: registers as files, and papers that are not about oneself.
func CanReadPapers(actor Actor) error {
	if !actor.Roles.May(ReadPapers) {
		return Forbidden("")
	}
	return nil
}

// CanIssuePaper: papers are made by who runs the register, and by the office head,
// who is the school's clerk (văn thư).
func CanIssuePaper(actor Actor) error {
	if !actor.Roles.May(IssuePapers) {
		return Forbidden("")
	}
	return nil
}
