package cms

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"testing"

	"pgregory.net/rapid"
)

var content = []byte("Quy chế của Trường Mầm non Hoa Sen\n")

type signCase struct {
	id  identity
	req Request
}

// cases are all combinations that Sign writes.
func cases(yield func(name string, c signCase) bool) {
	for key, id := range identities() {
		schemes := []Scheme{PKCS1v15, PSS}
		if key[0] == 'p' {
			schemes = []Scheme{ECDSA}
		}
		for _, scheme := range schemes {
			for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
				for _, chain := range [][]*x509.Certificate{nil, id.chain} {
					req := Request{Digest: sum(hash, content), Hash: hash, Certificate: id.cert, Chain: chain, Scheme: scheme}
					if !yield(fmt.Sprintf("%s/%s/%v/chain%d", key, scheme, hash, len(chain)), signCase{id, req}) {
						return
					}
				}
			}
		}
	}
}

func TestSignThenVerify(t *testing.T) {
	for name, c := range cases {
		id, req := c.id, c.req
		der, err := Sign(rand.Reader, id.key, req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sd, err := Parse(der)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s := sd.Signers[0]
		if err := s.Verify(req.Digest); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s.Hash != req.Hash || s.Scheme != req.Scheme || !s.Certificate.Equal(id.cert) || s.WeakHash() != 0 || WeakKey(s.Certificate) != "" {
			t.Errorf("%s: read back %v %v %v", name, s.Hash, s.Scheme, s.Certificate.Subject)
		}
		if len(s.SignedAttributes) != 3 || s.SigningTime != nil || s.SigningCertificate.Serial.Cmp(id.cert.SerialNumber) != 0 ||
			!bytes.Equal(s.SigningCertificate.Issuer, id.cert.RawIssuer) {
			t.Errorf("%s: attributes %+v", name, s.SignedAttributes)
		}
		if len(sd.Certificates) != 1+len(req.Chain) || sd.Version != 1 || !sd.Detached {
			t.Errorf("%s: %d certificates, version %d", name, len(sd.Certificates), sd.Version)
		}
		if err := s.Verify(sum(req.Hash, []byte("another text"))); !errors.Is(err, ErrDigest) {
			t.Errorf("%s: other content: %v", name, err)
		}
		max, err := MaxSize(req)
		if err != nil || len(der) > max || req.Scheme != ECDSA && len(der) != max {
			t.Errorf("%s: %d bytes, MaxSize %d, %v", name, len(der), max, err)
		}
	}
}

func TestMaxSizeHoldsForEverySignature(t *testing.T) {
	var all []signCase
	for _, c := range cases {
		if c.req.Scheme == ECDSA { // RSA signatures have one length only
			all = append(all, c)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(all).Draw(t, "case")
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "content")
		c.req.Digest = sum(c.req.Hash, text)
		der, err := Sign(rand.Reader, c.id.key, c.req)
		if err != nil {
			t.Fatal(err)
		}
		if max, err := MaxSize(c.req); err != nil || len(der) > max || len(der) < max-20 {
			t.Fatalf("%d bytes, MaxSize %d, %v", len(der), max, err)
		}
	})
}

// counting counts the uses of a key.
type counting struct {
	crypto.Signer
	uses int
}

func (c *counting) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	c.uses++
	return c.Signer.Sign(r, digest, opts)
}

func TestKeySignsExactlyOnce(t *testing.T) {
	for name, c := range cases {
		key := &counting{Signer: c.id.key}
		if _, err := Sign(rand.Reader, key, c.req); err != nil || key.uses != 1 {
			t.Errorf("%s: key used %d times, %v", name, key.uses, err)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	rsa, ec := identities()["rsa2048"], identities()["p256"]
	good := Request{Digest: sum(crypto.SHA256, content), Certificate: rsa.cert}
	with := func(change func(*Request)) Request { r := good; change(&r); return r }
	for name, c := range map[string]struct {
		key  crypto.Signer
		req  Request
		want error
	}{
		"key of somebody else":   {identities()["rsa3072"].key, good, ErrKeyMismatch},
		"key of another kind":    {ec.key, good, ErrKeyMismatch},
		"no certificate":         {rsa.key, with(func(r *Request) { r.Certificate = nil }), ErrNoCertificate},
		"gap in the chain":       {rsa.key, with(func(r *Request) { r.Chain = []*x509.Certificate{nil} }), ErrNoCertificate},
		"SHA-1":                  {rsa.key, with(func(r *Request) { r.Hash = crypto.SHA1 }), ErrUnsupported},
		"digest of other length": {rsa.key, with(func(r *Request) { r.Digest = r.Digest[1:] }), ErrDigest},
		"ECDSA with an RSA key":  {rsa.key, with(func(r *Request) { r.Scheme = ECDSA }), ErrUnsupported},
		"PSS with an EC key":     {ec.key, with(func(r *Request) { r.Scheme = PSS; r.Certificate = ec.cert }), ErrUnsupported},
		"unknown scheme":         {rsa.key, with(func(r *Request) { r.Scheme = "gost" }), ErrUnsupported},
	} {
		key := &counting{Signer: c.key}
		if der, err := Sign(rand.Reader, key, c.req); !errors.Is(err, c.want) || der != nil || key.uses != 0 {
			t.Errorf("%s: %v, key used %d times", name, err, key.uses)
		}
	}
}

// broken is a token that answers with rubbish of the wrong length.
type broken struct{ crypto.Signer }

func (b broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return []byte("?"), nil }

func TestSignRefusesSignatureOfWrongLength(t *testing.T) {
	id := identities()["rsa2048"]
	_, err := Sign(nil, broken{id.key}, Request{Digest: sum(crypto.SHA256, content), Certificate: id.cert})
	if !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
}
