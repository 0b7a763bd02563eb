package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"testing"

	"sokyso/signer/token"
)

// A failed C_Sign leaves the operation active in its session: the next signature
// must come from another one.
func TestSessionIsNotReusedAfterAnError(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t)
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	mustLogin(t, opened)
	signer := mustSigner(t, opened, "seal")
	digest := sha512.Sum384([]byte("hai"))
	for code, want := range map[string]error{
		"0x30":  token.ErrDevice,
		"0x32":  token.ErrTokenGone,
		"0xE0":  token.ErrTokenGone,
		"0xB3":  token.ErrSession,
		"0x101": token.ErrLoginNeeded,
		"0x70":  token.ErrUnsupported,
	} {
		for _, call := range []string{"C_SignInit", "C_Sign"} {
			order(t, call+" return "+code)
			if _, err := signer.Sign(nil, digest[:], crypto.SHA384); !errors.Is(err, want) {
				t.Errorf("%s answers %s: %v, want %v", call, code, err, want)
			}
			if n := calls(t, call); n != 1 {
				t.Errorf("%s answers %s: it was called %d times", call, code, n)
			}
			order(t)
			signature, err := signer.Sign(nil, digest[:], crypto.SHA384)
			if err != nil || !ecdsa.VerifyASN1(signer.Public().(*ecdsa.PublicKey), digest[:], signature) {
				t.Errorf("after %s answered %s: %v", call, code, err)
			}
			if n := calls(t, "C_Sign"); n != 1 {
				t.Errorf("one signature made %d calls of C_Sign", n)
			}
		}
	}
}

// Another token was plugged into the slot: it must not get this one's PIN.
func TestAnotherTokenInTheSlot(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t)
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	mustLogin(t, opened)
	signer := mustSigner(t, opened, "seal")
	digest := sha256.Sum256(nil)
	order(t, "serial 00c0ffee", "C_SignInit return 0x32")
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, token.ErrTokenGone) {
		t.Errorf("the first Sign: %v, want ErrTokenGone", err)
	}
	order(t, "serial 00c0ffee")
	for what, err := range map[string]error{
		"Sign":    func() error { _, err := signer.Sign(nil, digest[:], crypto.SHA256); return err }(),
		"Login":   opened.Login([]byte(pin)),
		"Refresh": func() error { _, err := opened.Refresh(); return err }(),
	} {
		if !errors.Is(err, token.ErrTokenGone) {
			t.Errorf("%s: %v, want ErrTokenGone", what, err)
		}
	}
	for _, call := range []string{"C_Login", "C_Sign", "C_OpenSession"} {
		if n := calls(t, call); n != 0 {
			t.Errorf("%s was called %d times on another token", call, n)
		}
	}
}

func TestBrokenReaderHidesNoOtherToken(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t)
	all, err := module.Tokens()
	if err != nil {
		t.Fatal(err)
	}
	order(t, "C_GetTokenInfo alternate 0x30")
	if infos, err := module.Tokens(); err != nil || len(infos) == 0 || len(infos) == len(all) {
		t.Errorf("every second reader works: %d of %d tokens, error %v", len(infos), len(all), err)
	}
	order(t, "C_GetTokenInfo return 0x30")
	if infos, err := module.Tokens(); !errors.Is(err, token.ErrDevice) {
		t.Errorf("no reader works: %d of %d tokens, error %v", len(infos), len(all), err)
	}
}

func TestImpossibleLengths(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t)
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	mustLogin(t, opened)
	signer := mustSigner(t, opened, "seal")
	digest := sha256.Sum256(nil)
	for _, length := range []int{0, 1, 63, 65, 2048, 100000, 2000000000} {
		order(t, fmt.Sprintf("signature-length %d", length))
		if _, err := signer.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, token.ErrDevice) {
			t.Errorf("a signature of %d bytes: %v, want ErrDevice", length, err)
		}
	}
}
