//go:build linux

package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/signer/authority"
	"sokyso/signer/token/softhsm"
)

const testPIN = "24681357"

// holder is a person of the test school with a token.
type holder struct {
	role, username, name string
	position, title      string
	label, kind          string // of the token
	scope                *wire.NewScope
	notAfter             time.Time // of the certificate; zero = years from now
}

var holders = []holder{
	{role: "principal", username: "nghia", name: "Nguyễn Văn Nghĩa", position: "principal", title: "Hiệu trưởng", label: "Hieu truong", kind: "personal"},
	{role: "deputy", username: "hoa", name: "Trần Thị Hòa", position: "deputy", title: "Phó Hiệu trưởng", label: "Pho hieu truong", kind: "personal",
		scope: &wire.NewScope{Acts: []string{"approve"}, Kinds: []string{"TB"}, Capacities: []string{"KT"}, From: "2020-01-01", Paper: "12/QĐ-MNHS"}},
	{role: "office", username: "quan", name: "Lê Minh Quân", position: "office_head", title: "Tổ trưởng văn phòng", label: "Hoa Sen", kind: "seal",
		scope: &wire.NewScope{Acts: []string{"issue", "attachment", "copy"}, Kinds: []string{"*"}, Capacities: []string{""}, From: "2020-01-01", Paper: "13/QĐ-MNHS"}},
	{role: "expired", username: "hang", name: "Phạm Thu Hằng", position: "staff", title: "Giáo viên", label: "Het han", kind: "personal",
		notAfter: time.Now().Add(-24 * time.Hour)},
}

// schoolTemplate is a school with paired agents, stopped, to be copied for each
// test: its database, its tokens, its agents' state folders.
type schoolTemplate struct {
	dir, custodyd, roots string
	authority            *authority.Authority
	serials              map[string]string
	keys                 map[string]crypto.PublicKey // by role

	troubled *troubledDesk
}

var (
	templateOnce  sync.Once
	templateValue *schoolTemplate
	templateError error
)

// template makes the template once. Only the first call may pass a nil t in code
// that runs after another has made it.
func template(t testing.TB) *schoolTemplate {
	templateOnce.Do(func() { templateValue, templateError = makeTemplate() })
	if templateError != nil {
		if t == nil {
			panic(templateError)
		}
		t.Fatal(templateError)
	}
	return templateValue
}

func removeTemplate() {
	if templateValue != nil {
		templateValue.authority.Close()
		templateValue.troubled.authority.Close()
		os.RemoveAll(templateValue.dir)
	}
}

func makeTemplate() (*schoolTemplate, error) {
	dir, err := os.MkdirTemp("", "signagent-school-")
	if err != nil {
		return nil, err
	}
	tm := &schoolTemplate{dir: dir, custodyd: filepath.Join(dir, "custodyd"), roots: filepath.Join(dir, "roots.pem"), serials: map[string]string{}, keys: map[string]crypto.PublicKey{}}
	build := exec.Command("go", "build", "-o", tm.custodyd, "sokyso/cmd/custodyd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build custodyd: %w\n%s", err, out)
	}
	if tm.authority, err = authority.New(authority.Config{}); err != nil {
		return nil, err
	}
	if err := os.WriteFile(tm.roots, tm.authority.RootPEM(), 0o600); err != nil {
		return nil, err
	}
	certificates, err := tm.makeTokens()
	if err != nil {
		return nil, err
	}
	if tm.troubled, err = newTroubledDesk(filepath.Join(dir, "troubled")); err != nil {
		return nil, err
	}
	return tm, tm.makeService(certificates)
}

func (tm *schoolTemplate) makeTokens() (map[string]*x509.Certificate, error) {
	store, err := softhsm.New(filepath.Join(tm.dir, "tokens"))
	if err != nil {
		return nil, err
	}
	certificates := map[string]*x509.Certificate{}
	for _, h := range holders {
		created, err := store.Create(softhsm.Spec{Label: h.label, PIN: testPIN, WithChain: true}, func(key crypto.PublicKey) ([]*x509.Certificate, error) {
			subject := authority.Subject{CommonName: h.name, OrganizationalUnit: "TRƯỜNG MẦM NON HOA SEN", NotAfter: h.notAfter}
			if !h.notAfter.IsZero() {
				subject.NotBefore = h.notAfter.AddDate(-1, 0, 0)
			}
			if h.kind == "seal" {
				subject.Profile, subject.CommonName = authority.Seal, "Trường Mầm non Hoa Sen"
			}
			certificate, err := tm.authority.Issue(key, subject)
			return []*x509.Certificate{certificate, tm.authority.Issuing()}, err
		})
		if err != nil {
			return nil, err
		}
		certificates[h.role], tm.serials[h.role], tm.keys[h.role] = created.Certificate, created.Serial, created.PublicKey
	}
	return certificates, nil
}

// makeService does what a school's admin does before the first signature, then
// pairs an agent for each holder by the command line.
func (tm *schoolTemplate) makeService(certificates map[string]*x509.Certificate) error {
	data := filepath.Join(tm.dir, "data")
	password := filepath.Join(tm.dir, "password")
	if err := os.WriteFile(password, []byte("mat-khau-rat-dai\n"), 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "--school-name", "Trường Mầm non Hoa Sen", "--school-code", "MNHS"},
		{"user", "add", "--username", "admin", "--name", "Vũ Thị Sen", "--admin", "--position", "staff", "--title", "Quản trị", "--password-file", password},
	} {
		if out, err := exec.Command(tm.custodyd, append([]string{"--data", data}, args...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("custodyd %s: %w\n%s", args[0], err, out)
		}
	}
	s := &school{dir: tm.dir, template: tm}
	if err := s.start(); err != nil {
		return err
	}
	defer s.stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	admin, err := s.signIn(ctx, "admin")
	if err != nil {
		return err
	}
	for _, h := range holders {
		if err := s.employ(ctx, admin, h, certificates[h.role]); err != nil {
			return fmt.Errorf("employ %s: %w", h.role, err)
		}
	}
	return nil
}

// employ registers a person with position, scope and token, hands the token over
// and pairs an agent.
func (s *school) employ(ctx context.Context, admin *wire.Client, h holder, certificate *x509.Certificate) error {
	person, err := admin.CreatePerson(ctx, wire.NewPerson{Name: h.name, Username: h.username})
	if err != nil {
		return err
	}
	if err := s.join(ctx, person.AccountLink.Path); err != nil {
		return err
	}
	if err := admin.AddPosition(ctx, person.ID, wire.NewPosition{Kind: h.position, Title: h.title, From: "2020-01-01"}); err != nil {
		return err
	}
	if h.scope != nil {
		if err := admin.AddScope(ctx, person.ID, *h.scope); err != nil {
			return err
		}
	}
	spec := wire.NewToken{Serial: s.template.serials[h.role], Label: h.label, Kind: h.kind, Certificate: certificate.Raw}
	if h.kind == "personal" {
		spec.Owner = person.ID
	}
	token, err := admin.RegisterToken(ctx, spec)
	if err != nil {
		return err
	}
	own, err := s.signIn(ctx, h.username)
	if err != nil {
		return err
	}
	offer, err := admin.OfferHandOver(ctx, wire.NewHandOver{TokenID: token.ID, To: person.ID, PermissionNumber: "20/QĐ-MNHS", PermissionDate: "2026-09-05", PermissionSigner: "Hiệu trưởng"})
	if err != nil {
		return err
	}
	if _, err := own.AcceptHandOver(ctx, offer.ID); err != nil {
		return err
	}
	code, err := own.CreatePairingCode(ctx)
	if err != nil {
		return err
	}
	out, err := s.agent(h.role, "pair", s.url, code.Code, "--device", "máy của "+h.role).CombinedOutput()
	if err != nil {
		return fmt.Errorf("pair: %w\n%s", err, out)
	}
	return nil
}
