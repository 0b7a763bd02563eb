package signer_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// world is what tests need of the outside: a CA with its services, and people with keys.
type world struct {
	authority *authority.Authority
	roots     *x509.CertPool
	principal identity // RSA-2048
	deputy    identity // P-256
	seal      identity // RSA-2048
	nss       string   // folder of an NSS database that trusts the root
	rootFile  string
}

type identity struct {
	key   crypto.Signer
	chain []*x509.Certificate
}

var folder string

func TestMain(m *testing.M) {
	if task, ok := os.LookupEnv(childVariable); ok {
		os.Exit(child(task))
	}
	var err error
	if folder, err = os.MkdirTemp("", "sokyso-signer-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

var theWorld = sync.OnceValues(func() (*world, error) {
	a, err := authority.New(authority.Config{Name: "CA thử nghiệm", Listen: "127.0.0.1:0"})
	if err != nil {
		return nil, err
	}
	w := &world{authority: a, roots: x509.NewCertPool(), rootFile: filepath.Join(folder, "root.pem")}
	w.roots.AddCert(a.Root())
	if err := os.WriteFile(w.rootFile, a.RootPEM(), 0o600); err != nil {
		return nil, err
	}
	people := []struct {
		to      *identity
		name    string
		profile authority.Profile
		rsa     bool
	}{
		{&w.principal, "Nguyễn Văn Nghĩa", authority.Person, true},
		{&w.deputy, "Trần Thị Hòa", authority.Person, false},
		{&w.seal, "Trường Mầm non Hoa Sen", authority.Seal, true},
	}
	for _, p := range people {
		if p.rsa {
			p.to.key, err = rsa.GenerateKey(rand.Reader, 2048)
		} else {
			p.to.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		}
		if err != nil {
			return nil, err
		}
		cert, err := a.Issue(p.to.key.Public(), authority.Subject{CommonName: p.name, Organization: "Trường Mầm non Hoa Sen", Profile: p.profile})
		if err != nil {
			return nil, err
		}
		p.to.chain = append([]*x509.Certificate{cert}, a.Chain()...)
	}
	w.nss = filepath.Join(folder, "nss")
	if err := os.Mkdir(w.nss, 0o700); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"-N", "-d", "sql:" + w.nss, "--empty-password"},
		{"-A", "-d", "sql:" + w.nss, "-n", "root", "-t", "CT,C,C", "-a", "-i", w.rootFile},
	} {
		if out, err := exec.Command("certutil", args...).CombinedOutput(); err != nil {
			return nil, &exec.Error{Name: "certutil " + strings.Join(args, " ") + ": " + string(out), Err: err}
		}
	}
	return w, nil
})

func newWorld(t testing.TB) *world {
	t.Helper()
	w, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", "pdf", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// samples are documents as offices make them.
var samples = []string{
	"ke-hoach.pdf", "ke-hoach-gs.pdf", "ke-hoach-xoay.pdf", "quy-che.pdf", "quy-che-scan.pdf",
	"thong-bao.pdf", "thong-bao-linearized.pdf",
}

// sign signs in memory and answers the whole document.
func (w *world) sign(t testing.TB, in []byte, who identity, opt signer.Options) ([]byte, *signer.Document) {
	t.Helper()
	if opt.Roots == nil {
		opt.Roots = w.roots
	}
	d, err := signer.Sign(context.Background(), bytes.NewReader(in), who.key, who.chain, opt)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if n, err := d.WriteTo(&out); err != nil || n != d.Size() || n != int64(out.Len()) {
		t.Fatalf("wrote %d of %d bytes, told %d: %v", out.Len(), d.Size(), n, err)
	}
	return out.Bytes(), d
}

func (w *world) validate(t testing.TB, b []byte) *validation.Report {
	t.Helper()
	r, err := validation.Validate(context.Background(), bytes.NewReader(b), int64(len(b)), validation.Options{Roots: w.roots, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// programTime ends a program that never would, as some do on other people's files.
const programTime = time.Minute

// run runs a program and answers what it printed.
func run(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), programTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return string(out), err
}

func mustRun(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := run(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func writeFile(t testing.TB, path string, b []byte) string {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
