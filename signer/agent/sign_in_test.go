package agent

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sokyso/httpapi/wire"
)

// Only what is about the pairing's own school, log, person and site, and this token, is
// signed, and only for minutes.
func TestOnlyTheOwnServicesSignInIsRead(t *testing.T) {
	_, vkey, err := note.GenerateKey(rand.Reader, "sokyso/mnhs")
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	a := &Agent{pairing: &Pairing{URL: "https://sokyso.example", Code: "MNHS", PersonID: "p1"}, witness: &witness{verifier: verifier}}
	at := time.Date(2026, 11, 27, 7, 30, 0, 0, time.UTC)
	good := wire.SignInStatement{ID: "s1", School: "MNHS", LogOrigin: "sokyso/mnhs", Site: "https://SOKYSO.example:443", PersonID: "p1", TokenSerial: "A1001",
		CertificateSHA256: strings.Repeat("ab", 32), Browser: "chrome/windows", Address: "192.0.2.7", Nonce: strings.Repeat("01", 32), IssuedAt: at, ExpiresAt: at.Add(5 * time.Minute)}
	if _, err := a.readSignIn(good, "A1001", good.CertificateSHA256); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*wire.SignInStatement){
		"another school":      func(s *wire.SignInStatement) { s.School = "MNHD" },
		"another log":         func(s *wire.SignInStatement) { s.LogOrigin = "sokyso/mnhd" },
		"another person":      func(s *wire.SignInStatement) { s.PersonID = "p2" },
		"another site":        func(s *wire.SignInStatement) { s.Site = "https://sokyso.example.evil.example" },
		"the site in clear":   func(s *wire.SignInStatement) { s.Site = "http://sokyso.example" },
		"another port":        func(s *wire.SignInStatement) { s.Site = "https://sokyso.example:8443" },
		"no site":             func(s *wire.SignInStatement) { s.Site = "" },
		"another token":       func(s *wire.SignInStatement) { s.TokenSerial = "A1002" },
		"another certificate": func(s *wire.SignInStatement) { s.CertificateSHA256 = strings.Repeat("cd", 32) },
		"a short nonce":       func(s *wire.SignInStatement) { s.Nonce = "01" },
		"for days":            func(s *wire.SignInStatement) { s.ExpiresAt = at.Add(48 * time.Hour) },
		"over before it is":   func(s *wire.SignInStatement) { s.ExpiresAt = at },
		"a line of its own":   func(s *wire.SignInStatement) { s.Browser = "chrome/windows\nsite https://evil.example" },
	} {
		changed := good
		change(&changed)
		if _, err := a.readSignIn(changed, "A1001", good.CertificateSHA256); err == nil {
			t.Errorf("%s is signed", name)
		}
	}
}

// The address comes from any page in the world.
func TestAddressesOfSignIns(t *testing.T) {
	for text, want := range map[string]string{
		"sokyso:sign-in?code=ABCD2345": "ABCD2345", "SOKYSO://sign-in/?code=abcd2345": "ABCD2345", " abcd-2345 ": "ABCD2345",
		"sokyso:open?ticket=ABCD2345": "", "sokyso:sign-in": "", "sokyso:sign-in?code=ABCD2345X": "", "sokyso:sign-in?code=--pin-fi": "", "": "",
		"sokyso:sign-in@evil.example?code=ABCD2345": "", "https://evil.example/sign-in?code=ABCD2345": "", "ABCD234": "", "ABCD 23;5": "",
	} {
		got, err := ParseSignIn(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
	}
	for text, want := range map[string]bool{"sokyso:sign-in?code=x": true, "sokyso://sign-in?code=x": true, "sokyso:open?ticket=x": false, "sign-in": false, "ABCD2345": false} {
		if IsSignIn(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}
