package cms

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/pkcs7"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

func mustSign(t testing.TB, id identity, req Request) []byte {
	t.Helper()
	req.Certificate = id.cert
	if req.Digest == nil {
		req.Hash = crypto.SHA256
		req.Digest = sum(req.Hash, content)
	}
	der, err := Sign(rand.Reader, id.key, req)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestEveryBitCounts flips each bit of signed attributes, algorithms and
// signature in turn.
func TestEveryBitCounts(t *testing.T) {
	for name, c := range map[string]struct {
		key string
		req Request
	}{
		"pkcs1v15": {"rsa2048", Request{}},
		"pss":      {"rsa2048", Request{Scheme: PSS}},
		"ecdsa":    {"p256", Request{}},
	} {
		der := mustSign(t, identities()[c.key], c.req)
		sd, err := Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		s := sd.Signers[0]
		start := bytes.Index(der, s.signedElement.raw)
		end := bytes.LastIndex(der, s.Signature) + len(s.Signature)
		if start < 0 || end != len(der) {
			t.Fatalf("%s: parts not found", name)
		}
		for i := start; i < end; i++ {
			for bit := range 8 {
				if testing.Short() && bit > 0 {
					break
				}
				der[i] ^= 1 << bit
				changed, err := Parse(der)
				if err == nil {
					err = changed.Signers[0].Verify(sum(crypto.SHA256, content))
				}
				if err == nil {
					t.Errorf("%s: bit %d of byte %d (%d of %d) may be flipped", name, bit, i, i-start, end-start)
				}
				der[i] ^= 1 << bit
			}
		}
	}
}

// resign parses der, lets change exchange the signed attributes, and signs them
// anew with the identity's key, so that nothing but the change is wrong.
func resign(t *testing.T, id identity, der []byte, change func(attributes [][]byte) [][]byte) *SignedData {
	t.Helper()
	sd, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	_, raw, err := parseAttributes(sd.Signers[0].signedElement.children(0))
	if err != nil {
		t.Fatal(err)
	}
	attributes := joinSet(change(raw))
	signature, err := id.key.Sign(rand.Reader, sum(crypto.SHA256, appendElement(nil, asn1.SET, attributes)), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	top, _, err := readElement(der, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := replace(t, top, sd.Signers[0].signedElement.raw, appendElement(nil, tagImplicit0, attributes))
	if top, _, err = readElement(out, 0); err != nil {
		t.Fatal(err)
	}
	out = replace(t, top, appendElement(nil, asn1.OCTET_STRING, sd.Signers[0].Signature), appendElement(nil, asn1.OCTET_STRING, signature))
	changed, err := Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func attribute(t *testing.T, id objectID, values ...func(*cryptobyte.Builder)) []byte {
	t.Helper()
	der, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addOID(b, id)
			b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
				for _, v := range values {
					v(b)
				}
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestVerifyTellsWhatIsWrong(t *testing.T) {
	id, other := identities()["p256"], identities()["p384"]
	der := mustSign(t, id, Request{Chain: append(id.chain, other.cert)})
	without := func(id objectID) func([][]byte) [][]byte {
		return func(attributes [][]byte) [][]byte {
			var kept [][]byte
			for _, a := range attributes {
				if !bytes.Contains(a, []byte(id)) {
					kept = append(kept, a)
				}
			}
			return kept
		}
	}
	exchanged := func(id objectID, values ...func(*cryptobyte.Builder)) func([][]byte) [][]byte {
		return func(attributes [][]byte) [][]byte {
			return append(without(id)(attributes), attribute(t, id, values...))
		}
	}
	added := func(id objectID, values ...func(*cryptobyte.Builder)) func([][]byte) [][]byte {
		return func(attributes [][]byte) [][]byte { return append(attributes, attribute(t, id, values...)) }
	}
	data := func(b *cryptobyte.Builder) { addOID(b, oidData) }
	digest := func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum(crypto.SHA256, content)) }
	refer := func(hash crypto.Hash, certHash []byte, serial *big.Int) func(*cryptobyte.Builder) {
		certificate := *other.cert
		certificate.SerialNumber = serial
		return func(b *cryptobyte.Builder) {
			Request{Hash: hash, Certificate: &certificate}.addSigningCertificate(b, certHash)
		}
	}
	version1 := func(certHash []byte) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(certHash) })
				})
			})
		}
	}
	own := sum(crypto.SHA256, id.cert.Raw)
	protect := func(scheme Scheme, hash crypto.Hash) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			var c cryptobyte.Builder
			addSignatureAlgorithm(&c, scheme, hash)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addDigest(b, hash)
				signature := c.BytesOrPanic()
				signature[0] = byte(tagImplicit1)
				b.AddBytes(signature)
			})
		}
	}
	for name, c := range map[string]struct {
		change func([][]byte) [][]byte
		want   error
	}{
		"nothing":                         {func(a [][]byte) [][]byte { return a }, nil},
		"no signing-certificate":          {without(oidSigningCertificateV2), nil},
		"signing time":                    {added(oidSigningTime, func(b *cryptobyte.Builder) { b.AddASN1UTCTime(time.Now()) }), nil},
		"unknown attribute twice":         {added(oid(1, 2, 3), data, data), nil},
		"both versions":                   {added(oidSigningCertificate, version1(sum(crypto.SHA1, id.cert.Raw))), nil},
		"version 1 names another":         {added(oidSigningCertificate, version1(sum(crypto.SHA1, other.cert.Raw))), ErrSigningCertificate},
		"reference with SHA-384":          {exchanged(oidSigningCertificateV2, refer(crypto.SHA384, sum(crypto.SHA384, id.cert.Raw), id.cert.SerialNumber)), nil},
		"reference to another":            {exchanged(oidSigningCertificateV2, refer(crypto.SHA256, sum(crypto.SHA256, other.cert.Raw), other.cert.SerialNumber)), ErrSigningCertificate},
		"reference with another serial":   {exchanged(oidSigningCertificateV2, refer(crypto.SHA256, own, big.NewInt(9))), ErrSigningCertificate},
		"reference with unknown hash":     {exchanged(oidSigningCertificateV2, refer(0, own, id.cert.SerialNumber)), ErrUnsupported},
		"no content-type":                 {without(oidContentType), ErrAttributes},
		"another content-type":            {exchanged(oidContentType, func(b *cryptobyte.Builder) { addOID(b, oidTSTInfo) }), ErrAttributes},
		"content-type twice":              {added(oidContentType, data), ErrAttributes},
		"no message-digest":               {without(oidMessageDigest), ErrAttributes},
		"two message-digests in one":      {exchanged(oidMessageDigest, digest, digest), ErrAttributes},
		"message-digest twice":            {added(oidMessageDigest, digest), ErrAttributes},
		"message-digest of another type":  {exchanged(oidMessageDigest, data), ErrAttributes},
		"message-digest of other content": {exchanged(oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(own) }), ErrDigest},
		"message-digest cut off":          {exchanged(oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(own[:20]) }), ErrDigest},
		"algorithms protected":            {added(oidAlgorithmProtection, protect(ECDSA, crypto.SHA256)), nil},
		"other algorithms protected":      {added(oidAlgorithmProtection, protect(ECDSA, crypto.SHA512)), ErrAttributes},
	} {
		sd := resign(t, id, der, c.change)
		err := sd.Signers[0].Verify(sum(crypto.SHA256, content))
		if c.want == nil && err != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	sd, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	s := *sd.Signers[0]
	s.Certificate = identities()["p521"].cert
	s.references = nil
	if err := s.Verify(sum(crypto.SHA256, content)); !errors.Is(err, ErrSignature) {
		t.Errorf("key of somebody else: %v", err)
	}
	s.Certificate = identities()["rsa2048"].cert
	if err := s.Verify(sum(crypto.SHA256, content)); !errors.Is(err, ErrUnsupported) {
		t.Errorf("key of another kind: %v", err)
	}
}

func TestAlgorithmsThatCannotBeChecked(t *testing.T) {
	id := identities()["rsa2048"]
	der := mustSign(t, id, Request{})
	pss := mustSign(t, id, Request{Scheme: PSS})
	exchange := func(in []byte, old, by []byte) []byte {
		t.Helper()
		top, _, err := readElement(in, 0)
		if err != nil {
			t.Fatal(err)
		}
		out := replace(t, top, old, by)
		if bytes.Equal(out, in) {
			t.Fatal("nothing exchanged")
		}
		return out
	}
	object := func(id objectID) []byte { return appendElement(nil, asn1.OBJECT_IDENTIFIER, []byte(id)) }
	sha256 := object(hashIDs[crypto.SHA256])
	for name, b := range map[string][]byte{
		"MD5":                    exchange(der, sha256, object(oid(1, 2, 840, 113549, 2, 5))),
		"DSA":                    exchange(der, object(oidRSA), object(oid(1, 2, 840, 10040, 4, 3))),
		"SHA-384 with RSA":       exchange(der, object(oidRSA), object(oid(1, 2, 840, 113549, 1, 1, 12))),
		"PSS without parameters": exchange(der, object(oidRSA), object(oidPSS)),
		"PSS with another MGF":   exchange(pss, object(oidMGF1), object(oidRSA)),
		"PSS with another hash":  exchange(pss, appendElement(nil, asn1.SEQUENCE, append(bytes.Clone(sha256), 5, 0)), appendElement(nil, asn1.SEQUENCE, object(hashIDs[crypto.SHA384]))),
		"PSS with another salt":  exchange(pss, []byte{2, 1, 32}, []byte{2, 1, 0xff}),
	} {
		sd, err := Parse(b)
		if err != nil {
			if name == "MD5" { // the certificate was made unreadable too
				continue
			}
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := sd.Signers[0].Verify(sum(crypto.SHA256, content)); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	sd, err := Parse(exchange(pss, []byte{2, 1, 32}, []byte{2, 1, 20}))
	if err != nil {
		t.Fatal(err)
	}
	if err := sd.Signers[0].Verify(sum(crypto.SHA256, content)); !errors.Is(err, ErrSignature) {
		t.Errorf("PSS with another salt length: %v", err)
	}
}

// TestSignatureOverDigestItself: without signed attributes; a content of another
// type than data must have them.
func TestSignatureOverDigestItself(t *testing.T) {
	id := identities()["rsa2048"]
	der := mustSign(t, id, Request{})
	sd, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	signed := sd.Signers[0].toSign
	top, _, err := readElement(der, 0)
	if err != nil {
		t.Fatal(err)
	}
	stripped, err := Parse(replace(t, top, sd.Signers[0].signedElement.raw, nil))
	if err != nil {
		t.Fatal(err)
	}
	s := stripped.Signers[0]
	if s.HasSignedAttributes {
		t.Fatal("attributes are still there")
	}
	if err := s.Verify(sum(crypto.SHA256, content)); !errors.Is(err, ErrSignature) {
		t.Errorf("attributes taken away: %v", err)
	}
	// The confusion that the package documentation warns of: mathematically right.
	if err := s.Verify(sum(crypto.SHA256, signed)); err != nil {
		t.Errorf("attributes as content: %v", err)
	}
	s.contentType = oidTSTInfo.String()
	if err := s.Verify(sum(crypto.SHA256, signed)); !errors.Is(err, ErrAttributes) {
		t.Errorf("content of another type: %v", err)
	}
}

// TestStrayCertificateOfTheSameName: a second certificate with the signer's
// issuer and serial number must not take its place.
func TestStrayCertificateOfTheSameName(t *testing.T) {
	id := identities()["p256"]
	template := *id.cert
	template.RawSubject = nil
	template.Subject.CommonName = "Kẻ giả mạo"
	stray := mustCertificate(&template, issuers().cert, identities()["p384"].key.Public(), issuers().key)
	sd, err := Parse(mustSign(t, id, Request{Chain: []*x509.Certificate{stray}}))
	if err != nil {
		t.Fatal(err)
	}
	if len(sd.Certificates) != 2 || !sd.Signers[0].Certificate.Equal(id.cert) {
		t.Fatalf("signer is %v", sd.Signers[0].Certificate.Subject)
	}
	if err := sd.Signers[0].Verify(sum(crypto.SHA256, content)); err != nil {
		t.Error(err)
	}
}

// TestIssuerEncodedAnew: the signer identifier spells the issuer's name with
// other string types than the certificate does.
func TestIssuerEncodedAnew(t *testing.T) {
	id := identities()["p256"]
	der := mustSign(t, id, Request{})
	sd, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	country := appendElement(nil, asn1.PrintableString, []byte("VN"))
	anew := bytes.Replace(sd.Signers[0].sid.raw, country, appendElement(nil, asn1.UTF8String, []byte("VN")), 1)
	top, _, err := readElement(der, 0)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := Parse(replace(t, top, sd.Signers[0].sid.raw, anew))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(anew, sd.Signers[0].sid.raw) || changed.Signers[0].Certificate == nil {
		t.Fatal("signer not found")
	}
	if err := changed.Signers[0].Verify(sum(crypto.SHA256, content)); err != nil {
		t.Error(err)
	}
}

func TestCertificateThatCannotBeRead(t *testing.T) {
	id := identities()["rsa2048"]
	der := mustSign(t, id, Request{Chain: id.chain})
	top, _, err := readElement(der, 0)
	if err != nil {
		t.Fatal(err)
	}
	// A validity that ends with a time of the wrong form is what crypto/x509 refuses.
	end := []byte(id.cert.NotAfter.UTC().Format("060102150405Z"))
	spoilt := bytes.Replace(id.cert.Raw, end, append([]byte("9"), end[:len(end)-1]...), 1)
	if bytes.Equal(spoilt, id.cert.Raw) {
		t.Fatal("nothing spoilt")
	}
	sd, err := Parse(replace(t, top, id.cert.Raw, spoilt))
	if err != nil {
		t.Fatal(err)
	}
	if len(sd.Certificates) != 2 || len(sd.Unreadable) != 1 {
		t.Fatalf("%d certificates, %d unreadable", len(sd.Certificates), len(sd.Unreadable))
	}
	u := sd.Unreadable[0]
	if u.Serial.Cmp(id.cert.SerialNumber) != 0 || !bytes.Equal(u.Issuer, id.cert.RawIssuer) || !bytes.Equal(u.Raw, spoilt) || u.Reason == nil {
		t.Errorf("%v %x %v", u.Serial, u.Issuer, u.Reason)
	}
	err = sd.Signers[0].Verify(sum(crypto.SHA256, content))
	if !errors.Is(err, ErrNoCertificate) || !strings.Contains(err.Error(), u.Reason.Error()) {
		t.Error(err)
	}
}

func TestHugeKeyIsNotUsed(t *testing.T) {
	id := identities()["rsa2048"]
	der := mustSign(t, id, Request{})
	top, _, err := readElement(der, 0)
	if err != nil {
		t.Fatal(err)
	}
	certificate, _, err := readElement(id.cert.Raw, 0)
	if err != nil {
		t.Fatal(err)
	}
	key := x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(3), 1<<23), E: 1<<31 - 1})
	info, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addSignatureAlgorithm(b, PKCS1v15, 0) // the same identifier as for the key
			b.AddASN1BitString(key)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	huge := replace(t, certificate, id.cert.RawSubjectPublicKeyInfo, info)
	sd, err := Parse(replace(t, top, id.cert.Raw, huge))
	if err != nil {
		t.Fatal(err)
	}
	if len(sd.Unreadable) != 1 || !errors.Is(sd.Unreadable[0].Reason, ErrUnsupported) {
		t.Fatalf("%+v", sd.Unreadable)
	}
	start := time.Now()
	if err := sd.Signers[0].Verify(sum(crypto.SHA256, content)); !errors.Is(err, ErrNoCertificate) || time.Since(start) > time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

// TestDigitorusPKCS7 reads what the library writes that many Go programs use.
func TestDigitorusPKCS7(t *testing.T) {
	for _, key := range []string{"rsa2048", "p256"} {
		id := identities()[key]
		peer, err := pkcs7.NewSignedData(content)
		if err != nil {
			t.Fatal(err)
		}
		peer.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
		if err := peer.AddSignerChain(id.cert, id.key, id.chain, pkcs7.SignerInfoConfig{}); err != nil {
			t.Fatal(err)
		}
		peer.Detach()
		der, err := peer.Finish()
		if err != nil {
			t.Fatal(err)
		}
		sd, err := Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		if err := sd.Signers[0].Verify(sum(crypto.SHA256, content)); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if sd.Signers[0].SigningTime == nil || time.Since(*sd.Signers[0].SigningTime) > time.Hour {
			t.Errorf("%s: signing time %v", key, sd.Signers[0].SigningTime)
		}
		back, err := pkcs7.Parse(mustSign(t, id, Request{Chain: id.chain}))
		if err != nil {
			t.Fatal(err)
		}
		back.Content = content
		if err := back.Verify(); err != nil {
			t.Errorf("%s: peer refuses ours: %v", key, err)
		}
	}
}

func TestWeakKey(t *testing.T) {
	for name, key := range map[string]crypto.Signer{
		"RSA-1024": rsaKey(1024), "RSA-2047": rsaKey(2047), "EC-224": ecKey(elliptic.P224()),
	} {
		if got := WeakKey(newIdentity("Lê Minh Quân", key, 300).cert); got != name {
			t.Errorf("%s is called %q", name, got)
		}
	}
	for name, id := range identities() {
		if got := WeakKey(id.cert); got != "" {
			t.Errorf("%s is called %q", name, got)
		}
	}
}
