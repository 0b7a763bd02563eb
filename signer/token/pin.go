package token

import (
	"errors"

	"github.com/miekg/pkcs11"
)

// ChangePIN sets a new user PIN: one C_SetPIN, never a second one, and no login. A
// wrong old PIN costs a try as it does at Login, and the errors are the same; a new
// one that the token does not take is ErrPINRefused. With two nil PINs the token asks
// for both by itself; without that ability the error is ErrPINNeeded.
//
// The PINs are read where they lie and neither kept nor copied here; the caller
// zeroes them after the call.
func (t *Token) ChangePIN(old, fresh []byte) error {
	const op = "change PIN"
	if err := t.check(op); err != nil {
		return err
	}
	before, err := t.recently()
	if err != nil {
		return err
	}
	switch pad := before.Flags.ProtectedAuthPath; {
	case before.Flags.PINLocked:
		return &LoginError{Flags: before.Flags, Err: &Error{Op: op, Kind: ErrPINLocked}}
	case (len(old) == 0) != (len(fresh) == 0), len(old) == 0 && !pad:
		return &Error{Op: op, Kind: ErrPINNeeded}
	}
	if err := t.changePIN(old, fresh); err != nil {
		after, _ := t.Refresh()
		return loginError(err, after.Flags)
	}
	_, err = t.Refresh()
	return err
}

// changePIN does it in a session of its own, since only one that may write can, and
// holds the place of one of the pool's: some tokens allow a single one.
func (t *Token) changePIN(old, fresh []byte) error {
	const op = "change PIN"
	s := t.sessions
	s.permits <- struct{}{}
	defer func() { <-s.permits }()
	info, err := t.library.info(s.slot)
	switch {
	case err != nil:
		return err
	case info.Serial != s.serial:
		return &Error{Op: op, Kind: ErrTokenGone, Detail: "the slot holds another token now"}
	}
	session, err := t.library.context.OpenSession(s.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return fail("open session", err)
	}
	err = t.library.native.setPIN(session, old, fresh)
	_ = t.library.context.CloseSession(session) // nothing follows from it
	var code pkcs11.Error
	if errors.As(err, &code) && (code == pkcs11.CKR_PIN_LEN_RANGE || code == pkcs11.CKR_PIN_INVALID) {
		return &Error{Op: op, Return: uint(code), Kind: ErrPINRefused} // both are said of the new one
	}
	return fail(op, err)
}
