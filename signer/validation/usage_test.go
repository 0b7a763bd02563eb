package validation_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"sokyso/signer/validation"
)

// TestExtendedKeyUsage: a certificate for something else signs no documents, whether its usage is critical or not.
func TestExtendedKeyUsage(t *testing.T) {
	root := newRoot(t, p256(t))
	purpose := func(arcs ...int) asn1.ObjectIdentifier {
		return append(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3}, arcs...)
	}
	server, client, code, email, ocsp := purpose(1), purpose(2), purpose(3), purpose(4), purpose(9)
	with := func(critical bool, ids ...asn1.ObjectIdentifier) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{usages(t, critical, ids...)} }
	}
	for _, test := range []struct {
		name   string
		change func(*x509.Certificate)
		ok     bool
	}{
		{"none, as in certificates of the government's CA", nil, true},
		{"e-mail and client, as in those of public CAs", with(false, email, client), true},
		{"client", with(false, client), true},
		{"any", with(true, asn1.ObjectIdentifier{2, 5, 29, 37, 0}), true},
		{"documents", with(true, purpose(36)), true},
		{"documents, Microsoft", with(false, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 12}), true},
		{"documents, Adobe", with(false, asn1.ObjectIdentifier{1, 2, 840, 113583, 1, 1, 5}), true},
		{"server and documents", with(true, server, purpose(36)), true},
		{"server, critical", with(true, server), false},
		{"server", with(false, server), false},
		{"code", with(false, code), false},
		{"OCSP", with(false, ocsp), false},
		{"time-stamps", with(true, timeStamping), false},
		{"something unknown", with(false, asn1.ObjectIdentifier{2, 999, 5}), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			key := p256(t)
			cert := root.issue(t, key.Public(), test.change)
			if validation.Usable(cert) != test.ok {
				t.Errorf("usable is %v", !test.ok)
			}
			s := (&world{roots: root.pool()}).validate(t, signByHand(t, identity{key, []*x509.Certificate{cert}}, nil), offline).Signatures[0]
			ok := s.Indication == validation.TotalPassed
			if !test.ok {
				ok = s.Indication == validation.Indeterminate && s.SubIndication == validation.ChainConstraintsFailure && has(s, validation.DetailKeyUsage)
			}
			if !ok {
				t.Errorf("%s %s %v", s.Indication, s.SubIndication, s.Details)
			}
		})
	}
	for name, test := range map[string]struct {
		id asn1.ObjectIdentifier
		ok bool
	}{"issued by a CA for servers": {server, false}, "issued by a CA for e-mail": {email, true}} {
		t.Run(name, func(t *testing.T) {
			middle := issuer{key: p256(t)}
			middle.cert = root.issue(t, middle.key.Public(), func(c *x509.Certificate) {
				asAuthority("Cấp phát thử")(c)
				with(false, test.id)(c)
			})
			key := p256(t)
			who := identity{key, []*x509.Certificate{middle.issue(t, key.Public(), nil), middle.cert}}
			s := (&world{roots: root.pool()}).validate(t, signByHand(t, who, nil), offline).Signatures[0]
			if (s.Indication == validation.TotalPassed) != test.ok || !test.ok && s.SubIndication != validation.ChainConstraintsFailure {
				t.Errorf("%s %s %v", s.Indication, s.SubIndication, s.Details)
			}
		})
	}
}
