package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"os"
	"testing"
	"time"

	"sokyso/signer/token"
	"sokyso/signer/token/softhsm"
)

const pin = "123456"

// The tokens of this package's tests: one folder, made once.
var (
	store   *softhsm.Store
	fault   *softhsm.Fault
	created = map[string]softhsm.Created{}
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "token")
	if err == nil {
		err = makeTokens(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

func makeTokens(dir string) error {
	var err error
	if store, err = softhsm.New(dir); err != nil {
		return err
	}
	if fault, err = softhsm.NewFault(dir, store.Module()); err != nil {
		return err
	}
	for name, spec := range map[string]softhsm.Spec{
		"principal": {Label: "Hiệu trưởng", WithChain: true},
		"seal":      {Label: "Con dấu", Key: "p256"},
		"deputy1":   {Label: "Phó hiệu trưởng", Key: "p256"},
		"deputy2":   {Label: "Phó hiệu trưởng", Key: "p256"},
		"no key":    {Label: "Chỉ có chứng thư", Key: "p256", NoKey: true},
		"private":   {Label: "Chứng thư ẩn", Key: "p256", PrivateCertificates: true},
	} {
		spec.PIN = pin
		if created[name], err = store.Create(spec, issue); err != nil {
			return err
		}
	}
	return nil
}

var caKey, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)

// issue makes a certificate and its issuer's.
func issue(public crypto.PublicKey) ([]*x509.Certificate, error) {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA thử nghiệm"}, SubjectKeyId: []byte{1, 2, 3},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	root, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Nguyễn Văn Nghĩa"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}, ca, public, caKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificates(append(leaf, root...))
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

func mustLoad(t testing.TB, path string) *token.Module {
	t.Helper()
	module, err := token.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := module.Close(); err != nil {
			t.Error(err)
		}
	})
	return module
}

func mustOpen(t testing.TB, module *token.Module, name string) *token.Token {
	t.Helper()
	opened, err := module.Open(token.Selector{TokenSerial: created[name].Serial})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func mustLogin(t testing.TB, opened *token.Token) {
	t.Helper()
	if err := opened.Login([]byte(pin)); err != nil {
		t.Fatal(err)
	}
}

// own is the certificate of the token's key among those that it shows.
func own(t testing.TB, opened *token.Token, name string) token.Certificate {
	t.Helper()
	certificates, err := opened.Certificates()
	if err != nil {
		t.Fatal(err)
	}
	for _, certificate := range certificates {
		if certificate.X509.Equal(created[name].Certificate) {
			return certificate
		}
	}
	t.Fatalf("token %q does not show its certificate", name)
	return token.Certificate{}
}

func mustSigner(t testing.TB, opened *token.Token, name string) crypto.Signer {
	t.Helper()
	signer, err := opened.Signer(own(t, opened, name))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// order gives the fault module its orders and heals it after the test.
func order(t testing.TB, lines ...string) {
	t.Helper()
	if err := errors.Join(fault.Order(lines...), fault.Forget()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fault.Order(); err != nil {
			t.Error(err)
		}
	})
}

func calls(t testing.TB, name string) int {
	t.Helper()
	all, err := fault.Calls()
	if err != nil {
		t.Fatal(err)
	}
	return all[name]
}
