package validation_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// TestCarriedRevocation: Acrobat and iText put what they know of the certificates into the CMS.
func TestCarriedRevocation(t *testing.T) {
	y := newYears(t)
	who, other, gone := identity{key: rsaKey(t, 2048)}, y.person(t, authority.Subject{}), identity{key: rsaKey(t, 2048)}
	for _, i := range []*identity{&who, &gone} {
		cert, err := y.authority.Issue(i.key.Public(), authority.Subject{CommonName: "Lê Minh Quân"})
		if err != nil {
			t.Fatal(err)
		}
		i.chain = append([]*x509.Certificate{cert}, y.authority.Chain()...)
	}
	material := func(i identity) *validation.Material {
		path := []*x509.Certificate{i.chain[0], y.authority.Issuing(), y.authority.Root()}
		m, err := validation.Gather(t.Context(), path, validation.All(path), y.now(), validation.Options{Roots: y.roots, Now: y.now, AllowPrivate: true})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	mine, others := material(who), material(other)
	before := material(gone)
	if err := y.authority.Revoke(gone.chain[0].SerialNumber, 1, time.Time{}); err != nil {
		t.Fatal(err)
	}
	// A list of the issuing CA with the signer on it, or without.
	list := func(by issuer, serials ...*big.Int) []byte {
		l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: y.now(), NextUpdate: y.now().Add(24 * time.Hour)}
		for _, s := range serials {
			l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: s, RevocationTime: y.now().Add(-time.Minute)})
		}
		template := *by.cert
		template.KeyUsage |= x509.KeyUsageCRLSign
		der, err := x509.CreateRevocationList(rand.Reader, l, &template, by.key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	listed := identity{key: rsaKey(t, 2048)}
	ownRoot := issuer{key: rsaKey(t, 2048)}
	ownRoot.cert = ownRoot.issue(t, ownRoot.key.Public(), func(c *x509.Certificate) {
		asAuthority("Gốc thử")(c)
		c.KeyUsage |= x509.KeyUsageCRLSign
	})
	listed.chain = []*x509.Certificate{ownRoot.issue(t, listed.key.Public(), func(c *x509.Certificate) {
		c.CRLDistributionPoints = []string{"http://127.0.0.1:1/ca.crl"}
	})}
	stranger := newRoot(t, rsaKey(t, 2048))
	stranger.cert.RawSubject = ownRoot.cert.RawSubject

	attribute := func(m *validation.Material) []byte {
		id, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 113583, 1, 1, 8})
		if err != nil {
			t.Fatal(err)
		}
		return der(0x30, id, der(0x31, der(0x30, der(0xa0, der(0x30, m.Lists...)), der(0xa1, der(0x30, m.Responses...)))))
	}
	response := func(raw []byte) []byte {
		id, err := asn1.Marshal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 16, 2})
		if err != nil {
			t.Fatal(err)
		}
		return der(0xa1, id, raw)
	}
	var everything []byte
	for _, r := range mine.Responses {
		everything = append(everything, response(r)...)
	}
	for _, l := range mine.Lists {
		everything = append(everything, l...)
	}
	if err := y.authority.Close(); err != nil { // nobody answers any more
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		who   identity
		roots *x509.CertPool
		h     handmade
		years float64
		want  string
	}{
		{"nothing", who, y.roots, handmade{}, 0, "INDETERMINATE TRY_LATER"},
		{"the attribute", who, y.roots, handmade{extra: [][]byte{attribute(mine)}}, 0, "TOTAL-PASSED "},
		{"the field of the CMS", who, y.roots, handmade{crls: everything}, 0, "TOTAL-PASSED "},
		{"the attribute, unsigned, is not looked at", who, y.roots, handmade{unsigned: [][]byte{attribute(mine)}}, 0, "INDETERMINATE TRY_LATER"},
		{"of somebody else", who, y.roots, handmade{extra: [][]byte{attribute(others)}}, 0, "INDETERMINATE TRY_LATER"},
		{"out of date", who, y.roots, handmade{extra: [][]byte{attribute(mine)}}, 0.1, "INDETERMINATE TRY_LATER"},
		{"of before a revocation, while it holds", gone, y.roots, handmade{extra: [][]byte{attribute(before)}}, 0, "TOTAL-PASSED "},
		{"no list", listed, ownRoot.pool(), handmade{}, 0, "INDETERMINATE TRY_LATER"},
		{"a list", listed, ownRoot.pool(), handmade{crls: list(ownRoot)}, 0, "TOTAL-PASSED "},
		{"a list with the signer on it", listed, ownRoot.pool(), handmade{crls: list(ownRoot, listed.chain[0].SerialNumber)}, 0, "INDETERMINATE REVOKED_NO_POE"},
		{"a list that somebody else signed", listed, ownRoot.pool(), handmade{crls: list(stranger)}, 0, "INDETERMINATE TRY_LATER"},
	} {
		h := test.h
		h.hash, h.attributes = crypto.SHA256, true
		file := signWith(letter(), "/SubFilter /adbe.pkcs7.detached", func(signed []byte) []byte { return h.sign(t, test.who, signed) })
		at := y.after(test.years)
		r := y.validate(t, file, validation.Options{Roots: test.roots, At: at, Now: func() time.Time { return at }})
		s := r.Signatures[0]
		if got := string(s.Indication) + " " + s.SubIndication; got != test.want {
			t.Errorf("%s: %s, want %s: %v", test.name, got, test.want, s.Details)
		}
	}
}
