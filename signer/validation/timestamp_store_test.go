package validation_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"sokyso/signer/cms"
	"sokyso/signer/validation"
)

// storing adds a DSS with certificates to the document.
func storing(t testing.TB, file []byte, catalog string, certificates ...*x509.Certificate) []byte {
	t.Helper()
	objects := map[int]string{1: strings.Replace(catalog, "/Type /Catalog", "/Type /Catalog /DSS 400 0 R", 1)}
	list := ""
	for i, c := range certificates {
		n := 401 + i
		objects[n] = stream("", string(c.Raw))
		list += fmt.Sprintf("%d 0 R ", n)
	}
	objects[400] = "<< /Type /DSS /Certs [" + list + "] >>"
	return update(t, file, objects)
}

// bareStamp gives a signature a time-stamp without the certificate of its authority.
func bareStamp(t testing.TB, tsa identity) func(*cms.SignedData) []byte {
	return func(sd *cms.SignedData) []byte {
		with := stampToken(t, tsa, sd.Signers[0].Signature, crypto.SHA256, true)
		der, err := sd.AddTimestamp(with)
		if err != nil {
			t.Fatal(err)
		}
		ts, err := cms.ParseTimestamp(with)
		if err != nil {
			t.Fatal(err)
		}
		return without(t, der, ts.SignedData.Certificates[0].Raw)
	}
}

// without takes one element out of DER and shortens all that hold it; what holds nothing else goes too.
func without(t testing.TB, der, element []byte) []byte {
	t.Helper()
	var walk func(b []byte) []byte
	walk = func(b []byte) (out []byte) {
		for len(b) > 0 {
			header, size := 2, int(b[1])
			if size&0x80 != 0 {
				n := size & 0x7f
				size = 0
				for _, x := range b[2 : 2+n] {
					size = size<<8 | int(x)
				}
				header += n
			}
			whole, body := b[:header+size], b[header:header+size]
			b = b[header+size:]
			switch {
			case bytes.Equal(whole, element):
			case bytes.Contains(body, element):
				inner := walk(body)
				if len(inner) > 0 {
					out = append(append(out, whole[0]), length(len(inner))...)
					out = append(out, inner...)
				}
			default:
				out = append(out, whole...)
			}
		}
		return out
	}
	out := walk(der)
	if len(out) > len(der)-len(element) {
		t.Fatal("the element is not there")
	}
	return out
}

func length(n int) []byte {
	switch {
	case n < 0x80:
		return []byte{byte(n)}
	case n < 0x100:
		return []byte{0x81, byte(n)}
	}
	return []byte{0x82, byte(n >> 8), byte(n)}
}

// TestTimestampCertificateInStore: a token need not hold its authority's certificate; the DSS may. What the signed
// reference in the token does not name is not taken for it.
func TestTimestampCertificateInStore(t *testing.T) {
	root := newRoot(t, p256(t))
	key, stampKey := p256(t), p256(t)
	who := identity{key, []*x509.Certificate{root.issue(t, key.Public(), nil)}}
	tsa := identity{stampKey, []*x509.Certificate{root.issue(t, stampKey.Public(), asTSA(t))}}
	twin := root.issue(t, stampKey.Public(), asTSA(t)) // for the same key
	alike := root.issue(t, stampKey.Public(), func(c *x509.Certificate) {
		asTSA(t)(c)
		c.SerialNumber = tsa.chain[0].SerialNumber
	})
	w := &world{roots: root.pool()}
	bare := signObjects(t, who, letter(), "", bareStamp(t, tsa))
	for _, test := range []struct {
		name string
		file []byte
		want string
	}{
		{"nowhere", bare, "B-B INDETERMINATE NO_SIGNING_CERTIFICATE_FOUND"},
		{"in the DSS", storing(t, bare, letter()[1], tsa.chain[0]), "B-T TOTAL-PASSED "},
		{"among others", storing(t, bare, letter()[1], twin, alike, who.chain[0], tsa.chain[0]), "B-T TOTAL-PASSED "},
		{"another for the same key", storing(t, bare, letter()[1], twin), "B-B INDETERMINATE NO_SIGNING_CERTIFICATE_FOUND"},
		{"another of the same name and number", storing(t, bare, letter()[1], alike), "B-B INDETERMINATE NO_SIGNING_CERTIFICATE_FOUND"},
		{"the signer's", storing(t, bare, letter()[1], who.chain[0]), "B-B INDETERMINATE NO_SIGNING_CERTIFICATE_FOUND"},
	} {
		s := w.validate(t, test.file, offline).Signatures[0]
		if got := fmt.Sprintf("%s %s %s", s.Level, s.Indication, s.SubIndication); got != test.want {
			t.Errorf("%s: %s, want %s: %v", test.name, got, test.want, s.Details)
		}
	}
	opt := offline
	opt.Intermediates = tsa.chain
	if s := w.validate(t, bare, opt).Signatures[0]; s.Level != "B-T" {
		t.Errorf("given by the caller: %s %v", s.Level, s.Details)
	}
	// With the certificate at hand each byte of the token counts.
	stored := storing(t, bare, letter()[1], tsa.chain[0])
	der := w.validate(t, stored, offline).Signatures[0].CMS
	sd, err := cms.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	token := sd.Signers[0].Timestamp
	start := bytes.Index(stored, []byte(hex.EncodeToString(token)))
	for i := range 2 * len(token) {
		altered := bytes.Clone(stored)
		altered[start+i] = "123456789abcdef0"[bytes.IndexByte([]byte("0123456789abcdef"), altered[start+i])]
		never(t, w, fmt.Sprintf("digit %d of the token", i), altered, func(validation.Signature) bool { return false })
	}
}

// TestDocumentTimestampCertificateInStore: the same of a document time-stamp.
func TestDocumentTimestampCertificateInStore(t *testing.T) {
	root := newRoot(t, p256(t))
	stampKey := p256(t)
	tsa := identity{stampKey, []*x509.Certificate{root.issue(t, stampKey.Public(), asTSA(t))}}
	w := &world{roots: root.pool()}
	file := signWith(letter(), "/SubFilter /ETSI.RFC3161", func(signed []byte) []byte {
		return stampToken(t, tsa, signed, crypto.SHA256, false)
	})
	for _, test := range []struct {
		name string
		file []byte
		sub  string
	}{
		{"nowhere", file, validation.NoSigningCertificateFound},
		{"in the DSS", storing(t, file, letter()[1], tsa.chain[0]), ""},
	} {
		s := w.validate(t, test.file, offline).Signatures[0]
		if s.SubIndication != test.sub || test.sub == "" && (s.Signer != "TSA thử" || !has(s, validation.DetailTimestamp)) {
			t.Errorf("%s: %s %s %v", test.name, s.Indication, s.SubIndication, s.Details)
		}
	}
}
