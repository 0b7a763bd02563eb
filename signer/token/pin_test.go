package token_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"sokyso/signer/token"
	"sokyso/signer/token/softhsm"
)

// alone is a token of its own behind a fault module of its own: its PIN changes.
func alone(t *testing.T, name string) (*softhsm.Fault, *token.Token) {
	t.Helper()
	own, err := fault.Clone(t.TempDir(), store)
	if err != nil {
		t.Fatal(err)
	}
	// The C library's environment is the process's.
	before := os.Getenv("SOFTHSM2_CONF")
	t.Cleanup(func() { os.Setenv("SOFTHSM2_CONF", before) })
	opened := mustOpen(t, mustLoad(t, own.Module()), name)
	t.Cleanup(func() { opened.Close() })
	return own, opened
}

func TestChangePIN(t *testing.T) {
	own, opened := alone(t, "deputy1")
	const fresh = "doi-ma-2026"
	if err := opened.ChangePIN([]byte(pin), []byte("1")); !errors.Is(err, token.ErrPINRefused) {
		t.Errorf("a new PIN that is too short: %v, want ErrPINRefused", err)
	}
	err := opened.ChangePIN([]byte("654321"), []byte(fresh))
	var login *token.LoginError
	if !errors.Is(err, token.ErrWrongPIN) || !errors.As(err, &login) || !login.Flags.PINCountLow {
		t.Errorf("a wrong old PIN: %v, want a *LoginError with the flags", err)
	}
	for _, pins := range [][2]string{{"", ""}, {pin, ""}, {"", fresh}} {
		if err := opened.ChangePIN([]byte(pins[0]), []byte(pins[1])); !errors.Is(err, token.ErrPINNeeded) {
			t.Errorf("PINs %q: %v, want ErrPINNeeded", pins, err)
		}
	}
	if all, err := own.Calls(); err != nil || all["C_SetPIN"] != 2 || all["C_Login"] != 0 {
		t.Errorf("%v, %v", all, err)
	}
	if err := opened.ChangePIN([]byte(pin), []byte(fresh)); err != nil {
		t.Fatal(err)
	}
	if err := opened.Login([]byte(pin)); !errors.Is(err, token.ErrWrongPIN) {
		t.Errorf("the old PIN afterwards: %v, want ErrWrongPIN", err)
	}
	if err := opened.Login([]byte(fresh)); err != nil {
		t.Errorf("the new PIN afterwards: %v", err)
	}
	if err := opened.ChangePIN([]byte(fresh), []byte(pin)); err != nil {
		t.Errorf("a change while logged in: %v", err)
	}
}

func TestChangePINOnThePad(t *testing.T) {
	own, opened := alone(t, "deputy1")
	if err := own.Order("pin-pad " + pin + " 24681357"); err != nil {
		t.Fatal(err)
	}
	if _, err := opened.Refresh(); err != nil {
		t.Fatal(err)
	}
	if err := opened.ChangePIN(nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := own.Order(); err != nil {
		t.Fatal(err)
	}
	if _, err := opened.Refresh(); err != nil {
		t.Fatal(err)
	}
	if err := opened.Login([]byte("24681357")); err != nil {
		t.Errorf("the PIN that was typed on the pad: %v", err)
	}
}

// A locked token's PIN can't be changed, and is not tried.
func TestChangePINOfALockedToken(t *testing.T) {
	own, opened := alone(t, "deputy2")
	if err := own.Order("pin-tries 1"); err != nil {
		t.Fatal(err)
	}
	if err := opened.ChangePIN([]byte("654321"), []byte("24681357")); !errors.Is(err, token.ErrPINLocked) {
		t.Errorf("the last wrong PIN: %v, want ErrPINLocked", err)
	}
	if err := opened.ChangePIN([]byte(pin), []byte("24681357")); !errors.Is(err, token.ErrPINLocked) {
		t.Errorf("after that: %v, want ErrPINLocked", err)
	}
	if all, err := own.Calls(); err != nil || all["C_SetPIN"] != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

// A module that lies refuses a PIN with a code of its own and shows no flags.
func TestLyingModuleNeverSaysWrongPIN(t *testing.T) {
	own, opened := alone(t, "deputy2")
	if err := own.Order("pin-tries 3", "pin-lies 5"); err != nil {
		t.Fatal(err)
	}
	err := opened.Login([]byte("654321"))
	var login *token.LoginError
	if !errors.Is(err, token.ErrDevice) || !errors.As(err, &login) || login.Flags.PINCountLow || !strings.Contains(err.Error(), "CKR_GENERAL_ERROR") {
		t.Errorf("%v, want a *LoginError with ErrDevice and no flags", err)
	}
}

func TestSurvey(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t)
	survey, err := module.Survey()
	if err != nil {
		t.Fatal(err)
	}
	if survey.Module.Manufacturer != "SoftHSM" || survey.Module.Cryptoki != "2.40" || survey.Module.Version == "" {
		t.Errorf("module: %+v", survey.Module)
	}
	if len(survey.Tokens) != len(created) || survey.Readers <= len(created) {
		t.Errorf("%d tokens in %d readers, want %d and one more", len(survey.Tokens), survey.Readers, len(created))
	}
	for _, listing := range survey.Tokens {
		if listing.Err != nil || listing.Info.MinPIN != 4 || listing.Info.MaxPIN != 255 {
			t.Errorf("%+v", listing.Info)
		}
	}
	for orders, want := range map[string]int{"no-token": len(created) + 1, "no-reader": 0} {
		order(t, orders)
		if survey, err := module.Survey(); err != nil || len(survey.Tokens) > 0 || survey.Readers != want {
			t.Errorf("%s: %d tokens in %d readers, %v", orders, len(survey.Tokens), survey.Readers, err)
		}
	}
	order(t, "C_OpenSession alternate 0x30")
	if survey, err := module.Survey(); err != nil || len(survey.Tokens) != len(created) || survey.Tokens[0].Err == nil && survey.Tokens[1].Err == nil {
		t.Errorf("a token that can't be asked: %+v, %v", survey.Tokens, err)
	}
}

// Lengths that can't be are an error of the device, and nothing is read there.
func TestGarbageIsAnError(t *testing.T) {
	module := mustLoad(t, fault.Module())
	for _, call := range []string{"C_GetSlotList", "C_OpenSession", "C_FindObjects", "C_GetAttributeValue"} {
		order(t, call+" garbage")
		opened, err := module.Open(token.Selector{TokenSerial: created["seal"].Serial})
		if err == nil { // it may show its certificates later
			_, err = opened.Certificates()
			opened.Close()
		}
		if !errors.Is(err, token.ErrDevice) && !errors.Is(err, token.ErrSession) {
			t.Errorf("%s answers garbage: %v", call, err)
		}
	}
	order(t, "C_GetTokenInfo garbage")
	if infos, err := module.Tokens(); !errors.Is(err, token.ErrDevice) {
		t.Errorf("flags that can't be: %+v, %v", infos, err)
	}
	order(t, "C_GetInfo garbage")
	if survey, err := module.Survey(); err != nil || strings.ContainsFunc(survey.Module.Manufacturer, func(r rune) bool { return r < ' ' }) {
		t.Errorf("%+v, %v", survey.Module, err)
	}
}
