package softhsm_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sokyso/signer/token"
	"sokyso/signer/token/softhsm"
)

// issuer makes a CA with a key of its own and returns what Create calls.
func issuer(t *testing.T, name string) func(crypto.PublicKey) ([]*x509.Certificate, error) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA thử nghiệm"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	return func(public crypto.PublicKey) ([]*x509.Certificate, error) {
		root, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
		if err != nil {
			return nil, err
		}
		leaf, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}, ca, public, key)
		if err != nil {
			return nil, err
		}
		return x509.ParseCertificates(append(leaf, root...))
	}
}

func TestCreate(t *testing.T) {
	store, err := softhsm.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	principal, err := store.Create(softhsm.Spec{Label: "Hiệu trưởng", PIN: "123456", WithChain: true}, issuer(t, "Nguyễn Văn Nghĩa"))
	if err != nil {
		t.Fatal(err)
	}
	seal, err := store.Create(softhsm.Spec{Label: "Con dấu", PIN: "654321", Key: "p256"}, issuer(t, "Trường Mầm non Hoa Sen"))
	if err != nil {
		t.Fatal(err)
	}
	if key, ok := principal.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() != 2048 {
		t.Errorf("principal's key is %T", principal.PublicKey)
	}
	if _, ok := seal.PublicKey.(*ecdsa.PublicKey); !ok {
		t.Errorf("seal's key is %T", seal.PublicKey)
	}

	// In this process, through the product's own package.
	module, err := token.Load(store.Module())
	if err != nil {
		t.Fatal(err)
	}
	defer module.Close()
	for _, created := range []softhsm.Created{principal, seal} {
		opened, err := module.Open(token.Selector{TokenSerial: created.Serial})
		if err != nil {
			t.Fatal(err)
		}
		certificates, err := opened.Certificates()
		if err != nil {
			t.Fatal(err)
		}
		if !certificates[0].X509.Equal(created.Certificate) && !certificates[len(certificates)-1].X509.Equal(created.Certificate) {
			t.Errorf("token %s does not show the certificate that was issued", created.Serial)
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}

	// In another process, through another program.
	show := exec.Command("softhsm2-util", "--show-slots")
	show.Env = store.Env()
	out, err := show.CombinedOutput()
	if err != nil {
		t.Fatalf("softhsm2-util: %v\n%s", err, out)
	}
	for _, wanted := range []string{principal.Serial, seal.Serial, "Hiệu trưởng", "Con dấu"} {
		if !strings.Contains(string(out), wanted) {
			t.Errorf("softhsm2-util does not show %q:\n%s", wanted, out)
		}
	}
}

func TestStoresDoNotMix(t *testing.T) {
	first, err := softhsm.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	here, err := first.Create(softhsm.Spec{Label: "một", PIN: "1111", Key: "p256"}, issuer(t, "Trần Thị Hòa"))
	if err != nil {
		t.Fatal(err)
	}
	module, err := token.Load(first.Module()) // held open while the other Store is made
	if err != nil {
		t.Fatal(err)
	}
	defer module.Close()
	second, err := softhsm.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	serials := func() []string {
		infos, err := module.Tokens()
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, info := range infos {
			if info.Flags.Initialized {
				all = append(all, info.Serial)
			}
		}
		return all
	}
	if found := serials(); len(found) != 0 {
		t.Errorf("the second store shows %v", found)
	}
	if err := first.Use(); err != nil {
		t.Fatal(err)
	}
	if found := serials(); len(found) != 1 || found[0] != here.Serial {
		t.Errorf("the first store shows %v, want %s", found, here.Serial)
	}
	opened, err := module.Open(token.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Use(); !errors.Is(err, token.ErrBusy) {
		t.Errorf("Use with an open token: %v, want ErrBusy", err)
	}
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.Use(); err != nil {
		t.Errorf("Use after Close: %v", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	store, err := softhsm.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("the CA says no")
	for name, c := range map[string]struct {
		spec  softhsm.Spec
		issue func(crypto.PublicKey) ([]*x509.Certificate, error)
		is    error
	}{
		"no label":       {spec: softhsm.Spec{PIN: "1234"}},
		"long label":     {spec: softhsm.Spec{Label: strings.Repeat("ở", 12), PIN: "1234"}},
		"short PIN":      {spec: softhsm.Spec{Label: "x", PIN: "1", SOPIN: "12345678"}},
		"unknown key":    {spec: softhsm.Spec{Label: "x", PIN: "1234", Key: "dsa"}},
		"issue fails":    {spec: softhsm.Spec{Label: "x", PIN: "1234", Key: "p256"}, issue: func(crypto.PublicKey) ([]*x509.Certificate, error) { return nil, wrong }, is: wrong},
		"issue is empty": {spec: softhsm.Spec{Label: "x", PIN: "1234", Key: "p256"}, issue: func(crypto.PublicKey) ([]*x509.Certificate, error) { return nil, nil }},
	} {
		_, err := store.Create(c.spec, c.issue)
		if err == nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: error %v, want %v", name, err, c.is)
		}
	}
}
