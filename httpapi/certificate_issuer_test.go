package httpapi

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"os"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// A certificate is looked at when it was used: what was good then is good for ever, and what
// was over then is told apart from what nobody trusted has issued.
func TestIssuerAtTheTimeOfTheSignature(t *testing.T) {
	ctx, now := context.Background(), time.Date(2026, 10, 7, 2, 0, 0, 0, time.UTC)
	a, err := authority.New(authority.Config{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Issue(key.Public(), authority.Subject{CommonName: "Trần Thị Hòa", Profile: authority.Person, NotAfter: now.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := os.ReadFile("../testdata/pdf/thong-bao.pdf")
	if err != nil {
		t.Fatal(err)
	}
	sign := func(chain ...*x509.Certificate) validation.Signature {
		t.Helper()
		doc, err := signer.Sign(ctx, bytes.NewReader(plain), key, chain, signer.Options{Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := doc.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		report, err := validation.Validate(ctx, bytes.NewReader(out.Bytes()), int64(out.Len()), validation.Options{Offline: true, Now: func() time.Time { return now }})
		if err != nil || len(report.Signatures) != 1 {
			t.Fatal(report, err)
		}
		return report.Signatures[0]
	}
	whole, alone := sign(append([]*x509.Certificate{cert}, a.Chain()...)...), sign(cert)
	trusting := &server{roots: custody.Roots{Official: []*x509.Certificate{a.Root()}}}
	for name, c := range map[string]struct {
		s    *server
		v    validation.Signature
		at   time.Time
		word string
		want string
	}{
		"then":                  {trusting, whole, now, checkForeign, issuerOfficial},
		"in its last hour":      {trusting, whole, cert.NotAfter.Add(-time.Hour), checkForeign, issuerOfficial},
		"when it was over":      {trusting, whole, cert.NotAfter.Add(time.Hour), checkForeign, issuerOutOfTime},
		"before it began":       {trusting, whole, cert.NotBefore.Add(-time.Hour), checkForeign, issuerOutOfTime},
		"without its issuer":    {trusting, alone, now, checkForeign, issuerUnknown},
		"changed afterwards":    {trusting, whole, now, checkBroken, ""},
		"the service has none":  {&server{}, whole, now, checkForeign, ""},
		"no roots of the State": {&server{roots: custody.Roots{Public: []*x509.Certificate{a.Root()}}}, whole, now, checkForeign, issuerPublic},
	} {
		if got := c.s.issuerOf(c.v, checkedSignature{At: c.at, Word: c.word}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
