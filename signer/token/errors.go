package token

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"
)

// sentinel is a condition that callers branch on. Its code is stable: message
// catalogues and the worker protocol use it.
type sentinel struct{ code, text string }

func (s *sentinel) Error() string { return s.text }

// Conditions. errors.Is finds them in what this package returns.
var (
	ErrWrongPIN   error = &sentinel{"wrong_pin", "wrong PIN"}
	ErrPINLocked  error = &sentinel{"pin_locked", "PIN is locked"}
	ErrPINExpired error = &sentinel{"pin_expired", "PIN must be changed first"}
	ErrPINNotSet  error = &sentinel{"pin_not_set", "token has no user PIN yet"}
	// ErrPINRefused: the token does not take this as a new PIN.
	ErrPINRefused  error = &sentinel{"pin_refused", "the token does not take the new PIN"}
	ErrPINNeeded   error = &sentinel{"pin_needed", "a PIN is needed"}
	ErrLoginNeeded error = &sentinel{"login_needed", "not logged in to the token"}
	ErrCanceled    error = &sentinel{"canceled", "canceled at the token"}
	// ErrTokenGone: pulled out, or another token lies in the slot now.
	ErrTokenGone error = &sentinel{"token_gone", "token is gone"}
	// ErrDevice: the token or its module failed and says no more than that.
	ErrDevice error = &sentinel{"device_error", "token or module failed"}
	// ErrSession: the session or the object handles died. The token may still
	// be there: the next call opens new ones.
	ErrSession      error = &sentinel{"session_lost", "session with the token is lost"}
	ErrBusy         error = &sentinel{"busy", "token or module is in use"}
	ErrUnsupported  error = &sentinel{"unsupported", "the token does not support this"}
	ErrNoKey        error = &sentinel{"no_key", "no private key for this certificate on the token"}
	ErrAmbiguousKey error = &sentinel{"ambiguous_key", "several private keys for this certificate on the token"}
	ErrCertificate  error = &sentinel{"unreadable_certificate", "certificate on the token can't be read"}
	ErrClosed       error = &sentinel{"closed", "token is closed"}
)

var sentinels = []error{
	ErrWrongPIN, ErrPINLocked, ErrPINExpired, ErrPINNotSet, ErrPINRefused, ErrPINNeeded, ErrLoginNeeded, ErrCanceled,
	ErrTokenGone, ErrDevice, ErrSession, ErrBusy, ErrUnsupported, ErrNoKey, ErrAmbiguousKey, ErrCertificate, ErrClosed,
}

// Codes lists every code that Code may answer with, for catalogue tests.
func Codes() []string {
	var codes []string
	for _, err := range sentinels {
		codes = append(codes, err.(*sentinel).code)
	}
	for _, reason := range loadReasons {
		codes = append(codes, reason.code())
	}
	return append(codes, codeNoMatch, codeSeveralMatch)
}

const (
	codeNoMatch      = "token_no_match"
	codeSeveralMatch = "token_several_match"
)

// Code is the stable name of the condition in err ("wrong_pin", "token_gone",
// "module_not_found", "token_no_match" ...), "" when err is none of this package's.
func Code(err error) string {
	var load *LoadError
	if errors.As(err, &load) {
		return load.Reason.code()
	}
	var selection *SelectError
	if errors.As(err, &selection) {
		if selection.Matches == 0 {
			return codeNoMatch
		}
		return codeSeveralMatch
	}
	var s *sentinel
	if errors.As(err, &s) {
		return s.code
	}
	return ""
}

// Condition is the sentinel with this code, nil when there is none. It is the
// inverse of Code for the Err... values.
func Condition(code string) error {
	for _, err := range sentinels {
		if err.(*sentinel).code == code {
			return err
		}
	}
	return nil
}

// Error is an operation that did not succeed.
type Error struct {
	Op     string // "sign", "log in", "open session" ...
	Return uint   // the CK_RV of the call, 0 when the module was not asked
	Kind   error  // one of the Err... values
	Detail string // more for people, may be empty
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Op, e.Kind)
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	if e.Return != pkcs11.CKR_OK {
		fmt.Fprintf(&b, " (%s)", returnName(e.Return))
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Kind }

// LoginError is a login that did not succeed, with the token's flags as they
// were read after the try: PINCountLow, PINFinalTry and PINLocked tell what is
// left. A token that can no longer be asked leaves them all false.
type LoginError struct {
	Flags Flags
	Err   *Error
}

func (e *LoginError) Error() string {
	text := e.Err.Error()
	switch {
	case e.Flags.PINLocked:
		return text + "; the token says: PIN locked"
	case e.Flags.PINFinalTry:
		return text + "; the token says: one try left"
	case e.Flags.PINCountLow:
		return text + "; the token says: few tries left"
	}
	return text
}

func (e *LoginError) Unwrap() error { return e.Err }

// fail turns what a PKCS#11 call returned into an *Error; nil stays nil.
func fail(op string, err error) error {
	if err == nil {
		return nil
	}
	var code pkcs11.Error
	if !errors.As(err, &code) {
		return fmt.Errorf("%s: %w", op, err)
	}
	return &Error{Op: op, Return: uint(code), Kind: conditionOf(uint(code))}
}

// conditionOf maps a return value (PKCS#11 v2.40 §5.1). CKR_FUNCTION_FAILED and
// CKR_GENERAL_ERROR stay device errors also at a login: modules answer with them
// for many reasons, and "wrong PIN" would be a lie that costs a try.
func conditionOf(code uint) error {
	switch code {
	case pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE:
		return ErrWrongPIN
	case pkcs11.CKR_PIN_LOCKED:
		return ErrPINLocked
	case pkcs11.CKR_PIN_EXPIRED:
		return ErrPINExpired
	case pkcs11.CKR_USER_PIN_NOT_INITIALIZED:
		return ErrPINNotSet
	case pkcs11.CKR_USER_NOT_LOGGED_IN:
		return ErrLoginNeeded
	case pkcs11.CKR_CANCEL, pkcs11.CKR_FUNCTION_CANCELED:
		return ErrCanceled
	case pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_TOKEN_NOT_RECOGNIZED, pkcs11.CKR_SLOT_ID_INVALID:
		return ErrTokenGone
	case pkcs11.CKR_SESSION_HANDLE_INVALID, pkcs11.CKR_SESSION_CLOSED, pkcs11.CKR_OBJECT_HANDLE_INVALID,
		pkcs11.CKR_KEY_HANDLE_INVALID, pkcs11.CKR_OPERATION_ACTIVE, pkcs11.CKR_OPERATION_NOT_INITIALIZED,
		pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED:
		return ErrSession
	case pkcs11.CKR_SESSION_COUNT, pkcs11.CKR_USER_ANOTHER_ALREADY_LOGGED_IN, pkcs11.CKR_USER_TOO_MANY_TYPES,
		pkcs11.CKR_SESSION_READ_WRITE_SO_EXISTS:
		return ErrBusy
	case pkcs11.CKR_MECHANISM_INVALID, pkcs11.CKR_MECHANISM_PARAM_INVALID, pkcs11.CKR_FUNCTION_NOT_SUPPORTED,
		pkcs11.CKR_KEY_TYPE_INCONSISTENT, pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED, pkcs11.CKR_DATA_LEN_RANGE:
		return ErrUnsupported
	}
	return ErrDevice
}

// returnName is the name of a CK_RV, "CKR 0x80000001" for a vendor's own.
func returnName(code uint) string {
	text := pkcs11.Error(code).Error() // "pkcs11: 0x32: CKR_DEVICE_REMOVED"
	if i := strings.LastIndex(text, "CKR_"); i >= 0 {
		return text[i:]
	}
	return fmt.Sprintf("CKR 0x%X", code)
}
