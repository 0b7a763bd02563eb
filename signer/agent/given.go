package agent

import (
	"context"
	"slices"

	"sokyso/signer/pdf"
	"sokyso/signer/token"
)

// PINGiven hands out a PIN that was asked for before, once, and wipes it; without one the answer is the error that none
// was given. The caller's slice is taken over.
func PINGiven(pin []byte) func(context.Context, token.Info) ([]byte, error) {
	return func(context.Context, token.Info) ([]byte, error) {
		if len(pin) == 0 {
			return nil, fail("pin_empty", nil)
		}
		out := slices.Clone(pin)
		clear(pin)
		pin = nil
		return out, nil
	}
}

// PasswordsGiven open files by the passwords that were asked for before, by path. Nobody is asked.
func PasswordsGiven(byPath map[string]string) *Passwords {
	return &Passwords{Ask: func(_ context.Context, file string, again bool) (pdf.Password, error) {
		if again {
			return "", nil
		}
		return pdf.Password(byPath[file]), nil
	}}
}
