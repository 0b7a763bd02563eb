//go:build linux

package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"sokyso/signer/token"
)

// try signs a file of its own with a PIN and gives the code of the result.
func (d *desk) try(t *testing.T, pin string, change func(*Batch)) Result {
	t.Helper()
	name := rand.Text() + ".pdf"
	copyFile(t, "../../testdata/pdf/cairo.pdf", filepath.Join(d.folder, name))
	d.pin = pin
	return d.sign(t, change, name)[0]
}

// expect fails unless the result has the code and the module saw so many logins.
func (d *desk) expect(t *testing.T, got Result, code string, logins int) {
	t.Helper()
	if calls := d.calls(t); got.Code != code || (code == "") != got.Good() || calls["C_Login"] != logins {
		t.Errorf("%q after %d logins, want %q after %d: %s", got.Code, calls["C_Login"], code, logins, got.Message)
	}
}

// From a fresh token to a locked one: the last try is not made without the person's
// word, and a locked token is not tried at all.
func TestPINCountsDownToLocked(t *testing.T) {
	d := newDesk(t)
	d.order(t, "pin-tries 3")
	var warned []string
	var asked []PINState
	agree := false
	person := func(b *Batch) {
		b.Warn = func(message string) { warned = append(warned, message) }
		b.Confirm = func(_ context.Context, state PINState) (bool, error) {
			asked = append(asked, state)
			return agree, nil
		}
	}
	d.expect(t, d.try(t, "000000", person), "wrong_pin", 1)
	if len(warned) > 0 {
		t.Errorf("a fresh token: %q", warned)
	}
	d.expect(t, d.try(t, "000000", person), "wrong_pin", 1)
	if text := strings.Join(warned, "\n"); !strings.Contains(text, "đã có lần nhập sai mã PIN") || !strings.Contains(text, "từ chối 1 lần") {
		t.Errorf("before the second PIN: %q", text)
	}
	if len(asked) > 0 {
		t.Errorf("asked for a word too early: %+v", asked)
	}
	d.expect(t, d.try(t, testPIN, nil), "pin_final_try", 0) // nobody to ask
	d.expect(t, d.try(t, testPIN, person), "pin_final_try", 0)
	if len(asked) != 1 || !asked[0].Info.Flags.PINFinalTry || asked[0].Wrong != 2 {
		t.Errorf("asked %+v", asked)
	}
	if !strings.Contains(strings.Join(warned, "\n"), "CHỈ CÒN MỘT LẦN THỬ") {
		t.Errorf("before the last try: %q", warned)
	}
	agree = true
	d.expect(t, d.try(t, "000000", person), "pin_locked", 1)
	before := d.asked
	d.expect(t, d.try(t, testPIN, person), "pin_locked", 0)
	d.expect(t, d.try(t, testPIN, func(b *Batch) { b.FinalTry = true }), "pin_locked", 0)
	if d.asked != before {
		t.Error("the PIN of a locked token was asked for")
	}
}

// A module that lies shows no flags and calls a wrong PIN a general error. The own
// count stops the person before the third try, and a right PIN clears it.
func TestOwnCountOfALyingModule(t *testing.T) {
	d := newDesk(t)
	d.order(t, "pin-tries 3", "pin-lies 5")
	for range 2 {
		got := d.try(t, "000000", nil)
		d.expect(t, got, "device_error", 1)
		if !strings.Contains(got.Message, "khi sai mã PIN") {
			t.Errorf("it does not say that the PIN may be wrong: %s", got.Message)
		}
	}
	d.expect(t, d.try(t, testPIN, nil), "pin_maybe_final_try", 0)
	found := Discover(context.Background(), d.config)
	if len(found.Tokens) != 1 || found.Tokens[0].WrongPINs != 2 || found.Tokens[0].Flags.PINCountLow {
		t.Errorf("%+v", found.Tokens)
	}
	var asked PINState
	d.calls(t)
	d.expect(t, d.try(t, testPIN, func(b *Batch) {
		b.Confirm = func(_ context.Context, state PINState) (bool, error) { asked = state; return true, nil }
	}), "", 1)
	if sure, maybe := asked.LastTry(); sure || !maybe || asked.Wrong != 2 {
		t.Errorf("asked %+v", asked)
	}
	d.expect(t, d.try(t, testPIN, nil), "", 1)
}

// A login of which nobody knows how it ended counts; one that cost no try does not.
func TestWhatCountsAsATry(t *testing.T) {
	d := newDesk(t)
	for _, test := range []struct {
		order, code string
		wrong       int
	}{
		{"C_Login crash", "module_crashed", 1},
		{"C_Login return 0x5", "device_error", 2},
		{"C_Login return 0x32", "token_gone", 2},
		{"C_Login return 0x50", "canceled", 2}, // CKR_FUNCTION_CANCELED
	} {
		d.order(t, test.order)
		d.expect(t, d.try(t, testPIN, func(b *Batch) { b.FinalTry = true }), test.code, 1)
		if state, err := pinState(d.config.Home, token.Info{Serial: tokens.created.Serial}); err != nil || state.Wrong != test.wrong {
			t.Errorf("%s: %d tries counted, want %d (%v)", test.order, state.Wrong, test.wrong, err)
		}
	}
	write(t, filepath.Join(d.config.Home, triesName), "{")
	d.order(t)
	d.expect(t, d.try(t, testPIN, nil), "pin_tries_damaged", 0)
}

func TestPersonIsToldBeforeThePIN(t *testing.T) {
	d := newDesk(t)
	for orders, want := range map[string]string{
		"pin-to-be-changed":  "signagent pin",
		"pin-pad " + testPIN: "nhập mã PIN trên USB",
	} {
		d.order(t, orders)
		var warned []string
		d.expect(t, d.try(t, testPIN, func(b *Batch) { b.Warn = func(message string) { warned = append(warned, message) } }), "", 1)
		if !strings.Contains(strings.Join(warned, "\n"), want) {
			t.Errorf("%s: %q", orders, warned)
		}
	}
	if d.asked != 1 {
		t.Errorf("the PIN was asked for %d times, one of them with a PIN pad", d.asked)
	}
}

// lockedMemory is how much memory of this process is locked, in KiB.
func lockedMemory(t *testing.T) (kib int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(status), "VmLck:")
	if _, err := fmt.Sscanf(rest, "%d", &kib); !found || err != nil {
		t.Fatal("no VmLck")
	}
	return kib
}

// The PIN lies in locked memory while the batch runs, is zeroed at its end, and one
// prompt serves a key that wants it for every signature.
func TestPINIsLockedAndWiped(t *testing.T) {
	d := newDesk(t, "a.pdf", "b.pdf", "c.pdf")
	d.order(t, "always-authenticate")
	before := lockedMemory(t)
	var during atomic.Int64 // two files may be in hand
	var typed []byte
	d.config.OnStep = func(step string) {
		if step == "after-sign" {
			during.Store(int64(lockedMemory(t)))
		}
	}
	results := d.sign(t, func(b *Batch) {
		b.PIN = func(context.Context, token.Info) ([]byte, error) {
			d.asked++
			typed = []byte(testPIN)
			return typed, nil
		}
	}, "a.pdf", "b.pdf", "c.pdf")
	for _, result := range results {
		if !result.Good() {
			t.Errorf("%+v", result)
		}
	}
	if d.asked != 1 || d.calls(t)["C_Login context"] != 3 {
		t.Errorf("the PIN was asked for %d times", d.asked)
	}
	// Against what is left: another test's page that was never unlocked may be the one in use here.
	if page, after := os.Getpagesize()>>10, lockedMemory(t); int(during.Load()) != after+page || after > before {
		t.Errorf("locked memory: %d KiB before, %d during, %d after", before, during.Load(), after)
	}
	if strings.Trim(string(typed), "\x00") != "" {
		t.Error("what the person typed is still there")
	}
	secret := append(newSecret(), "123456"...)
	wipe(secret[:2])
	if string(secret) != "\x00\x00\x00\x00\x00\x00" {
		t.Error("a secret is wiped in part")
	}
}

func TestRulesForANewPIN(t *testing.T) {
	info := token.Info{MinPIN: 4, MaxPIN: 16}
	for fresh, code := range map[string]string{
		"24681357": "", "Hoa-Sen_2026": "", "112233": "", "a1b2c3": "",
		"13572468": "pin_same", "1357": "pin_length", "13579": "pin_length", "01234567890123456": "pin_length",
		"12345678": "pin_weak", "87654321": "pin_weak", "000000": "pin_weak", "abcdefgh": "pin_weak",
		"mật khẩu 1": "pin_characters", "hoa sen 26": "pin_characters", "hoasen\t26": "pin_characters",
	} {
		err := checkNewPIN([]byte("13572468"), []byte(fresh), info)
		var own *Error
		if (code == "") != (err == nil) || err != nil && (!errors.As(err, &own) || own.Code != code) {
			t.Errorf("%q: %v, want %q", fresh, err, code)
		}
	}
	if err := checkNewPIN([]byte("0000"), []byte("2468"), token.Info{MinPIN: 4, MaxPIN: 4}); err != nil {
		t.Errorf("a token that takes four digits only: %v", err)
	}
}

func TestChangePIN(t *testing.T) {
	d := newDesk(t)
	d.order(t)
	give := func(pin string) func(context.Context, token.Info) ([]byte, error) {
		return func(context.Context, token.Info) ([]byte, error) { return []byte(pin), nil }
	}
	for _, test := range []struct {
		old, fresh, code string
		tries            int
	}{
		{testPIN, "12345678", "pin_weak", 0},
		{"000000", "Hoa-Sen-26", "wrong_pin", 1},
		{testPIN, "Hoa-Sen-26", "", 1},
		{testPIN, "Hoa-Sen-27", "wrong_pin", 1},
	} {
		info, err := ChangePIN(context.Background(), d.config, PINChange{Token: "Hoa Sen", Old: give(test.old), New: give(test.fresh)})
		code, message := "", ""
		if err != nil {
			code, message = d.config.Catalogue.Explain(err, "")
		}
		if calls := d.calls(t); code != test.code || calls["C_SetPIN"] != test.tries || calls["C_Login"] != 0 || info.Serial != tokens.created.Serial {
			t.Errorf("%+v: code %q, %v: %s", test, code, calls, message)
		}
	}
	d.expect(t, d.try(t, "Hoa-Sen-26", nil), "", 1)
}

func TestCapsLockIsSeen(t *testing.T) {
	leds := t.TempDir()
	for name, value := range map[string]string{"input3::numlock": "1\n", "input3::capslock": "0\n", "input9::capslock": "0\n"} {
		if err := os.Mkdir(filepath.Join(leds, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(leds, name, "brightness"), value)
	}
	if capsLockIn(leds) {
		t.Error("Caps Lock is on where it is not")
	}
	write(t, filepath.Join(leds, "input9::capslock", "brightness"), "1\n")
	if !capsLockIn(leds) {
		t.Error("Caps Lock is not seen")
	}
}
