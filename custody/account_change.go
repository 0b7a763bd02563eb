package custody

// AccountChange is what was done to an account. None of them tells a password or a secret.
type AccountChange string

// The changes.
const (
	PasswordChanged AccountChange = "password"       // by the person
	PasswordReset   AccountChange = "password_reset" // by somebody else
	FactorSet       AccountChange = "factor_set"
	FactorRemoved   AccountChange = "factor_removed"
	SignedOut       AccountChange = "signed_out" // everywhere, by somebody else
)
