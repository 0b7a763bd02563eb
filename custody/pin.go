package custody

// PINStep is a step in the story of a locked PIN.
type PINStep string

// The steps. After the last the PIN works again, and another story may begin.
const (
	PINStepLocked    PINStep = "locked"
	PINStepAsked     PINStep = "recovery_asked" // by form 06
	PINStepRecovered PINStep = "recovered"
)

// Valid reports whether it is one of the three.
func (s PINStep) Valid() bool {
	return s == PINStepLocked || s == PINStepAsked || s == PINStepRecovered
}

// TokenStep is what happens to the token then.
func (s PINStep) TokenStep() TokenStep {
	return map[PINStep]TokenStep{PINStepLocked: TokenLockPIN, PINStepAsked: TokenAskRecovery, PINStepRecovered: TokenRecover}[s]
}

// Locked reports whether nobody can sign with the token after that step.
func (s PINStep) Locked() bool { return s == PINStepLocked || s == PINStepAsked }

// CanLockPIN decides who may say that a token's PIN is locked: its custodian; the
// principal or an admin, too, so also for one that lies in the safe.
func CanLockPIN(a Actor, f CustodyFacts) error {
	if a.Roles.May(RunRegister) || a.Person != "" && f.Custody != nil && f.Custody.Person == a.Person {
		return nil
	}
	return Forbidden(ReasonNotGiver)
}

// CanAskRecovery decides who may record that recovery was asked of the provider:
// who may ask in the school's name, by a form 06 with number and date.
func CanAskRecovery(a Actor, number string, on, today Date) error {
	switch {
	case !a.Roles.May(RunRegister):
		return Forbidden("")
	case number == "":
		return invalidFor("form_number", ReasonFormNeeded)
	case on == "":
		return invalidFor("form_date", ReasonFormNeeded)
	case on > today:
		return invalidFor("form_date", ReasonInFuture)
	}
	return nil
}

// CanRecover decides who may say that the PIN works again: who may say that it is locked.
func CanRecover(a Actor, f CustodyFacts) error { return CanLockPIN(a, f) }
