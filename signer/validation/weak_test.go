package validation_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"testing"

	"sokyso/signer/cms"
	"sokyso/signer/validation"
)

// TestWeak has signatures that hold in mathematics, but rest on something too weak (ETSI TS 119 312, Circular
// 15/2025/TT-BKHCN Annex I).
func TestWeak(t *testing.T) {
	root := newRoot(t, p256(t))
	weakRoot := newRoot(t, rsaKey(t, 1024))
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// person has a certificate by up, and chain beside it.
	person := func(key crypto.Signer, up issuer, chain ...*x509.Certificate) identity {
		return identity{key, append([]*x509.Certificate{up.issue(t, key.Public(), nil)}, chain...)}
	}
	unit := func(key crypto.Signer, up issuer) identity {
		return identity{key, []*x509.Certificate{up.issue(t, key.Public(), asTSA(t))}}
	}
	good := person(p256(t), root)
	middle := issuer{key: rsaKey(t, 1024)}
	middle.cert = root.issue(t, middle.key.Public(), asAuthority("Cấp phát thử"))
	both := root.pool()
	both.AddCert(weakRoot.cert)
	for _, test := range []struct {
		name   string
		file   []byte
		roots  *x509.CertPool
		detail string // "" = passes
		level  string
	}{
		{"nothing weak", signByHand(t, good, nil), root.pool(), "", "B-B"},
		{"RSA-2048", signByHand(t, person(rsaKey(t, 2048), root), nil), root.pool(), "", "B-B"},
		{"RSA-1024", signByHand(t, person(rsaKey(t, 1024), root), nil), root.pool(), validation.DetailWeakKey, "B-B"},
		{"P-224", signByHand(t, person(p224, root), nil), root.pool(), validation.DetailWeakKey, "B-B"},
		{"issuing CA", signByHand(t, person(p256(t), middle, middle.cert), nil), root.pool(), validation.DetailWeakKey, "B-B"},
		{"root", signByHand(t, person(p256(t), weakRoot), nil), weakRoot.pool(), validation.DetailWeakKey, "B-B"},
		{"time-stamp", signByHand(t, good, stamped(t, unit(p256(t), root), crypto.SHA256)), root.pool(), "", "B-T"},
		{"time-stamp signed over SHA-1", signByHand(t, good, stamped(t, unit(p256(t), root), crypto.SHA1)), root.pool(), validation.DetailWeak, "B-B"},
		{"time-stamp with RSA-1024", signByHand(t, good, stamped(t, unit(rsaKey(t, 1024), root), crypto.SHA256)), root.pool(), validation.DetailWeakKey, "B-B"},
		{"time-stamp under a weak root", signByHand(t, good, stamped(t, unit(p256(t), weakRoot), crypto.SHA256)), both, validation.DetailWeakKey, "B-B"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := (&world{roots: test.roots}).validate(t, test.file, offline).Signatures[0]
			ok := s.Indication == validation.TotalPassed
			if test.detail != "" {
				ok = s.Indication == validation.Indeterminate && s.SubIndication == validation.CryptoConstraintsFailure && has(s, test.detail)
			}
			if !ok || s.Level != test.level {
				t.Errorf("%s %s %s %v", s.Indication, s.SubIndication, s.Level, s.Details)
			}
		})
	}
	// Without roots the key is looked at all the same.
	s := (&world{roots: x509.NewCertPool()}).validate(t, signByHand(t, person(rsaKey(t, 1024), root), nil), offline).Signatures[0]
	if s.SubIndication != validation.NoCertificateChainFound || !has(s, validation.DetailWeakKey) {
		t.Errorf("unknown root: %s %s %v", s.Indication, s.SubIndication, s.Details)
	}
}

// TestCheckCMSWantsLongKeys: the service takes no signature that validators refuse for its key.
func TestCheckCMSWantsLongKeys(t *testing.T) {
	root := newRoot(t, p256(t))
	for name, test := range map[string]struct {
		key  crypto.Signer
		want error
	}{"RSA-1024": {rsaKey(t, 1024), cms.ErrUnsupported}, "RSA-2048": {rsaKey(t, 2048), nil}, "P-256": {p256(t), nil}} {
		who := identity{test.key, []*x509.Certificate{root.issue(t, test.key.Public(), nil)}}
		s := (&world{roots: root.pool()}).validate(t, signByHand(t, who, nil), offline).Signatures[0]
		if err := validation.CheckCMS(s.CMS, s.ByteRangeDigest, who.chain[0]); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
