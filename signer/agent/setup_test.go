//go:build linux

package agent

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sokyso/signer/token"
	"sokyso/signer/token/softhsm"
	"sokyso/signer/token/worker"
	"sokyso/signer/validation"
)

func TestMain(m *testing.M) {
	worker.RunIfAsked()                             // the agent runs its worker from this very program
	os.Setenv("GORACE", "atexit_sleep_ms=0")        // the race detector would hold each worker for a second at its end
	os.Setenv(HomeVariable, "/nonexistent/no-home") // a test that forgets to name its own must not find a person's
	status := m.Run()
	if tokens.dir != "" {
		os.RemoveAll(tokens.dir)
	}
	os.Exit(status)
}

const testPIN = "24681357"

// tokens are made once, for the tests that want one.
var tokens struct {
	once    sync.Once
	dir     string
	store   *softhsm.Store
	fault   *softhsm.Fault
	created softhsm.Created
	err     error
}

// testToken is a fault module in a folder of its own, with a token of its own.
func testToken(t testing.TB) *softhsm.Fault {
	t.Helper()
	tokens.once.Do(func() { tokens.err = makeTokens() })
	if tokens.err != nil {
		t.Fatal(tokens.err)
	}
	own, err := tokens.fault.Clone(t.TempDir(), tokens.store)
	if err != nil {
		t.Fatal(err)
	}
	return own
}

func makeTokens() error {
	var err error
	if tokens.dir, err = os.MkdirTemp("", "agent"); err != nil {
		return err
	}
	if tokens.store, err = softhsm.New(tokens.dir); err != nil {
		return err
	}
	if tokens.fault, err = softhsm.NewFault(tokens.dir, tokens.store.Module()); err != nil {
		return err
	}
	tokens.created, err = tokens.store.Create(softhsm.Spec{Label: "Hoa Sen", PIN: testPIN, Key: "p256"}, issueTest)
	return err
}

// issueTest makes a certificate for signing, by an authority of its own.
func issueTest(public crypto.PublicKey) ([]*x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA thử nghiệm"}, SubjectKeyId: []byte{1, 2, 3},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Nguyễn Văn Nghĩa"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment}, ca, public, key)
	if err != nil {
		return nil, err
	}
	root, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificates(append(der, root...))
}

// desk is a person's folder with files to sign, a state folder and a token.
type desk struct {
	folder string
	fault  *softhsm.Fault
	config Config
	asked  int // how often the PIN was asked for
	pin    string
}

func newDesk(t testing.TB, files ...string) *desk {
	t.Helper()
	d := &desk{folder: t.TempDir(), fault: testToken(t), pin: testPIN}
	content, err := os.ReadFile("../../testdata/pdf/cairo.pdf")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(d.folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.config = Config{Home: filepath.Join(d.folder, "home"), Module: d.fault.Module(), Catalogue: NewCatalogue(Vietnamese), TokenTimeout: 20 * time.Second}
	return d
}

// sign signs files in one batch, as one run of the program does.
func (d *desk) sign(t testing.TB, change func(*Batch), files ...string) []Result {
	t.Helper()
	a, err := Open(context.Background(), d.config)
	if err != nil {
		t.Fatal(err)
	}
	batch := Batch{Standalone: true, PIN: func(context.Context, token.Info) ([]byte, error) {
		d.asked++
		return []byte(d.pin), nil
	}}
	for _, name := range files {
		batch.Jobs = append(batch.Jobs, Job{Input: filepath.Join(d.folder, name), Act: "approve"})
	}
	if change != nil {
		change(&batch)
	}
	results := a.SignBatch(context.Background(), batch)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return results
}

// calls counts the calls to the module since the last time, by name.
func (d *desk) calls(t testing.TB) map[string]int {
	t.Helper()
	calls, err := d.fault.Calls()
	if err = errors.Join(err, d.fault.Forget()); err != nil {
		t.Fatal(err)
	}
	return calls
}

func (d *desk) order(t testing.TB, lines ...string) {
	t.Helper()
	if err := errors.Join(d.fault.Order(lines...), d.fault.Forget()); err != nil {
		t.Fatal(err)
	}
}

// whole fails unless the folder holds exactly these signed files, each complete, and
// nothing that was left behind.
func (d *desk) whole(outputs ...string) error {
	entries, err := os.ReadDir(d.folder)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, name := range outputs {
		wanted[name] = true
	}
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case entry.IsDir(), filepath.Ext(name) == ".pdf" && filepath.Ext(name[:len(name)-4]) != ".signed":
			continue
		case !wanted[name]:
			return fmt.Errorf("%s is there", name)
		}
		delete(wanted, name)
		report := (Verification{Catalogue: d.config.Catalogue, Offline: true}).Verify(context.Background(), filepath.Join(d.folder, name))
		if len(report.Signatures) != 1 || report.Signatures[0].Covers != string(validation.CoversFile) || report.Indication() == validation.TotalFailed {
			return fmt.Errorf("%s is not whole: %+v", name, report)
		}
	}
	if len(wanted) > 0 {
		return fmt.Errorf("%v are not there", wanted)
	}
	return nil
}
