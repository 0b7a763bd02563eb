//go:build linux

package main

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sokyso/signer/agent"
	"sokyso/signer/authority"
	"sokyso/signer/token/softhsm"
)

// troubledDesk is a desk without a school: a token whose certificate is of an authority of its own, which one script
// has do wrong without disturbing the others.
type troubledDesk struct {
	dir       string
	authority *authority.Authority
	token     softhsm.Created
}

func newTroubledDesk(dir string) (*troubledDesk, error) {
	d := &troubledDesk{dir: dir}
	var err error
	if d.authority, err = authority.New(authority.Config{}); err != nil {
		return nil, err
	}
	store, err := softhsm.New(dir)
	if err != nil {
		return nil, err
	}
	d.token, err = store.Create(softhsm.Spec{Label: "Dich vu hong", PIN: testPIN, WithChain: true}, func(key crypto.PublicKey) ([]*x509.Certificate, error) {
		certificate, err := d.authority.Issue(key, authority.Subject{CommonName: "Đỗ Thị Mận"})
		return []*x509.Certificate{certificate, d.authority.Issuing()}, err
	})
	return d, err
}

// scriptTroubled sits down at the troubled desk: troubled.
func scriptTroubled(ts *testscript.TestScript, neg bool, args []string) {
	d := schoolOf(ts).template.troubled
	tokens := ts.MkAbs(".troubled")
	ts.Check(copyTree(d.dir, tokens))
	conf := fmt.Sprintf("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", filepath.Join(tokens, "tokens"))
	ts.Check(os.WriteFile(filepath.Join(tokens, "softhsm2.conf"), []byte(conf), 0o600))
	roots := ts.MkAbs(".troubled-roots.pem")
	ts.Check(os.WriteFile(roots, d.authority.RootPEM(), 0o600))
	for name, value := range map[string]string{
		"SOFTHSM2_CONF": filepath.Join(tokens, "softhsm2.conf"), "SOKYSO_HOME": ts.MkAbs(".troubled-home"),
		"TOKEN": d.token.Serial, "TSA": d.authority.TSAURL(), "ROOTS": roots,
	} {
		ts.Setenv(name, value)
	}
}

// scriptFault has services do wrong, all others well: fault tsa=down ocsp=hang; a unit's certificate is another:
// fault tsa-unit=expired|person|revoked, responder=expired|list|revoked; fault revoked, the signer's.
func scriptFault(ts *testscript.TestScript, neg bool, args []string) {
	a := schoolOf(ts).template.troubled.authority
	for _, s := range []authority.Service{authority.ServiceTSA, authority.ServiceOCSP, authority.ServiceCRL, authority.ServiceRootCRL} {
		a.Misbehave(s, "", 0)
	}
	unit := func(subject authority.Subject) *x509.Certificate {
		c, err := a.NewStampingUnit(subject)
		ts.Check(err)
		return c
	}
	responder := func(subject authority.Subject) *x509.Certificate {
		c, err := a.NewResponder(subject)
		ts.Check(err)
		return c
	}
	revoke := func(c *x509.Certificate) { ts.Check(a.Revoke(c.SerialNumber, 1, time.Now().Add(-time.Minute))) }
	unit(authority.Subject{CommonName: "TSA"})
	responder(authority.Subject{CommonName: "OCSP"})
	past := authority.Subject{NotBefore: time.Now().AddDate(-2, 0, 0), NotAfter: time.Now().AddDate(-1, 0, 0)}
	for _, arg := range args {
		switch service, fault, _ := strings.Cut(arg, "="); arg {
		case "tsa-unit=expired":
			unit(past)
		case "tsa-unit=person":
			unit(authority.Subject{Profile: authority.Person})
		case "tsa-unit=revoked":
			revoke(unit(authority.Subject{CommonName: "TSA"}))
		case "responder=expired":
			responder(past)
		case "responder=revoked":
			revoke(responder(authority.Subject{Profile: authority.OCSPOnList}))
		case "revoked":
			revoke(schoolOf(ts).template.troubled.token.Certificate)
		default:
			a.Misbehave(authority.Service(service), authority.Fault(fault), -1)
		}
	}
}

// scriptUnreached signs at the levels, and raises ky.pdf with augment or augment:LEVEL; each time the exit status must
// be 1, the code be this one, and no file be written: unreached timestamp_failed b-t b-lt augment.
func scriptUnreached(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("use: unreached CODE b-t|b-lt|b-lta|augment[:LEVEL]...")
	}
	dir := ts.MkAbs(".")
	files := func() (names []string) {
		entries, err := os.ReadDir(dir)
		ts.Check(err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	for _, what := range args[1:] {
		before := files()
		line := []string{"sign", "thong-bao.pdf", "-o", "ra.pdf", "--standalone", "--level", what, "--token", ts.Getenv("TOKEN"), "--pin-file", ts.Getenv("PIN")}
		if rest, ok := strings.CutPrefix(what, "augment"); ok {
			line = []string{"augment", "ky.pdf", "-o", "ra.pdf"}
			if level, ok := strings.CutPrefix(rest, ":"); ok {
				line = append(line, "--level", level)
			}
		}
		line = append(line, "--tsa", ts.Getenv("TSA"), "--tsa-tries", "1", "--tsa-timeout", "2", "--roots", ts.Getenv("ROOTS"), "--json")
		var exit *exec.ExitError
		if err := ts.Exec("signagent", line...); !errors.As(err, &exit) || exit.ExitCode() != statusFailed {
			ts.Fatalf("%s: %v, not exit status 1", what, err)
		}
		var answer struct{ Files []agent.Raised }
		if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &answer); err != nil || len(answer.Files) != 1 {
			ts.Fatalf("%s: %v\n%s", what, err, ts.ReadFile("stdout"))
		}
		if r := answer.Files[0]; r.Code != args[0] || r.Output != "" || r.Message == "" {
			ts.Fatalf("%s: code %q, output %q", what, r.Code, r.Output)
		}
		if after := files(); !slices.Equal(before, after) {
			ts.Fatalf("%s: %v, before %v", what, after, before)
		}
	}
}
