package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"sokyso/signer/token"
)

func TestWrongPINIsTriedOnce(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t)
	opened := mustOpen(t, module, "deputy1")
	defer opened.Close()
	err := opened.Login([]byte("654321"))
	var login *token.LoginError
	if !errors.Is(err, token.ErrWrongPIN) || !errors.As(err, &login) {
		t.Fatalf("Login: %v, want a *LoginError with ErrWrongPIN", err)
	}
	if n := calls(t, "C_Login"); n != 1 {
		t.Errorf("C_Login was called %d times", n)
	}
	if !login.Flags.PINCountLow || !opened.Info().Flags.PINCountLow {
		t.Error("the flags after the try do not say that the count is low")
	}
	if !strings.Contains(err.Error(), "CKR_PIN_INCORRECT") {
		t.Errorf("the error does not name the return value: %v", err)
	}
	for _, empty := range [][]byte{nil, {}} {
		if err := opened.Login(empty); !errors.Is(err, token.ErrPINNeeded) {
			t.Errorf("Login without PIN: %v, want ErrPINNeeded", err)
		}
	}
	if n := calls(t, "C_Login"); n != 1 {
		t.Errorf("an empty PIN was tried")
	}
	mustLogin(t, opened)
	if !opened.LoggedIn() || opened.Info().Flags.PINCountLow {
		t.Error("the right PIN did not log in and reset the flag")
	}
	mustLogin(t, opened) // CKR_USER_ALREADY_LOGGED_IN is no error
}

func TestPINCountsDownToLocked(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t, "pin-tries 3")
	opened := mustOpen(t, module, "deputy2")
	defer opened.Close()
	defer os.Remove(strings.TrimSuffix(fault.Module(), ".so") + ".control.wrong")
	for try, want := range []struct {
		kind error
		last bool
	}{{token.ErrWrongPIN, false}, {token.ErrWrongPIN, true}, {token.ErrPINLocked, false}} {
		err := opened.Login([]byte("000000"))
		var login *token.LoginError
		if !errors.Is(err, want.kind) || !errors.As(err, &login) {
			t.Fatalf("try %d: %v, want %v", try+1, err, want.kind)
		}
		if login.Flags.PINFinalTry != want.last {
			t.Errorf("try %d: final try is %v", try+1, login.Flags.PINFinalTry)
		}
	}
	if err := opened.Login([]byte(pin)); !errors.Is(err, token.ErrPINLocked) {
		t.Errorf("a locked token: %v, want ErrPINLocked", err)
	}
	if n := calls(t, "C_Login"); n != 3 {
		t.Errorf("C_Login was called %d times, want 3: a locked token must not be tried", n)
	}
}

// What a module answers at a login, and what it must be taken for.
func TestLoginFailuresAreNotMistaken(t *testing.T) {
	module := mustLoad(t, fault.Module())
	for code, want := range map[string]error{
		"0x6":   token.ErrDevice, // CKR_FUNCTION_FAILED
		"0x5":   token.ErrDevice, // CKR_GENERAL_ERROR
		"0x32":  token.ErrTokenGone,
		"0x50":  token.ErrCanceled,
		"0xA3":  token.ErrPINExpired,
		"0xA4":  token.ErrPINLocked,
		"0x102": token.ErrPINNotSet,
	} {
		order(t, "C_Login return "+code)
		opened := mustOpen(t, module, "deputy1")
		if err := opened.Login([]byte(pin)); !errors.Is(err, want) || errors.Is(err, token.ErrWrongPIN) {
			t.Errorf("C_Login answers %s: %v, want %v", code, err, want)
		}
		if n := calls(t, "C_Login"); n != 1 {
			t.Errorf("C_Login answers %s: called %d times", code, n)
		}
		opened.Close()
	}
}

func TestPINPad(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t, "pin-pad "+pin)
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	if !opened.Info().Flags.ProtectedAuthPath {
		t.Fatal("the token does not say that it has a PIN pad")
	}
	if err := opened.Login(nil); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	if _, err := mustSigner(t, opened, "seal").Sign(nil, digest[:], crypto.SHA256); err != nil {
		t.Error(err)
	}
}

func TestAlwaysAuthenticate(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t, "always-authenticate")
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	mustLogin(t, opened)
	signer := mustSigner(t, opened, "seal")
	digest := sha256.Sum256([]byte("một"))
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, token.ErrPINNeeded) {
		t.Fatalf("Sign without AskPIN: %v, want ErrPINNeeded", err)
	}
	var given []byte
	opened.AskPIN(func() ([]byte, error) { given = []byte(pin); return given, nil })
	for range 2 {
		signature, err := signer.Sign(nil, digest[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if !ecdsa.VerifyASN1(signer.Public().(*ecdsa.PublicKey), digest[:], signature) {
			t.Error("the signature does not verify")
		}
		if string(given) != strings.Repeat("\x00", len(pin)) {
			t.Error("the PIN was not zeroed")
		}
	}
	opened.AskPIN(func() ([]byte, error) { return []byte("999999"), nil })
	before := calls(t, "C_Login context")
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, token.ErrWrongPIN) {
		t.Errorf("Sign with a wrong PIN: %v", err)
	}
	if n := calls(t, "C_Login context") - before; n != 1 {
		t.Errorf("the wrong PIN was tried %d times", n)
	}
	opened.AskPIN(func() ([]byte, error) { return []byte(pin), nil })
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); err != nil {
		t.Errorf("after a wrong PIN: %v", err)
	}
}

// A token that is reset loses its sessions and the login.
func TestLoginIsLostWithTheSessions(t *testing.T) {
	module := mustLoad(t, store.Module())
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	mustLogin(t, opened)
	signer := mustSigner(t, opened, "seal")
	err := module.Direct(func(context *pkcs11.Ctx) error { return context.CloseAllSessions(opened.Info().Slot) })
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	for _, want := range []error{token.ErrSession, token.ErrLoginNeeded, token.ErrLoginNeeded} {
		if _, err := signer.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, want) {
			t.Errorf("Sign: %v, want %v", err, want)
		}
	}
	if opened.LoggedIn() {
		t.Error("LoggedIn though the login is lost")
	}
	mustLogin(t, opened)
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); err != nil {
		t.Errorf("Sign after a new login: %v", err)
	}
}

func TestTwoTokensOfOneDeviceShareTheLogin(t *testing.T) {
	module := mustLoad(t, store.Module())
	one, two := mustOpen(t, module, "seal"), mustOpen(t, module, "seal")
	defer two.Close()
	mustLogin(t, one)
	mustLogin(t, two)
	signer := mustSigner(t, two, "seal")
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); err != nil {
		t.Errorf("the other's Close logged this one out: %v", err)
	}
}
