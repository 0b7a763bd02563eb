package validation_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"sokyso/signer/validation"
)

// handmade is a CMS as others write it.
type handmade struct {
	content     []byte // within it; nil = detached
	attributes  bool
	signingTime *time.Time // the attribute, which PAdES forbids
	reversed    bool       // the attributes stand in no order
	digestNull  bool
	contentType asn1.ObjectIdentifier // of the attribute
	signers     int
	hash        crypto.Hash
	extra       [][]byte // more signed attributes
	unsigned    [][]byte
	crls        []byte // content of the field
}

var (
	idData      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	idSHA1      = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	idSHA256    = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	idSHA512    = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	idRSA       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	idEd25519   = asn1.ObjectIdentifier{1, 3, 101, 112}
	idECDSA256  = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	hashOf      = map[crypto.Hash]asn1.ObjectIdentifier{crypto.SHA1: idSHA1, crypto.SHA256: idSHA256, crypto.SHA512: idSHA512}
	idSignedAll = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
)

// der wraps the parts in a tag.
func der(tag byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	out := []byte{tag}
	switch n := len(body); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	default:
		out = append(out, 0x82, byte(n>>8), byte(n))
	}
	return append(out, body...)
}

func (h handmade) sign(t testing.TB, who identity, signed []byte) []byte {
	t.Helper()
	marshal := func(v any) []byte {
		b, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	sum := func(b []byte) []byte {
		d := h.hash.New()
		d.Write(b)
		return d.Sum(nil)
	}
	digest := sum(signed)
	if len(h.content) > 0 {
		digest = sum(h.content)
	}
	alg := der(0x30, marshal(hashOf[h.hash]))
	if h.digestNull {
		alg = der(0x30, marshal(hashOf[h.hash]), []byte{5, 0})
	}
	cert := who.chain[0]
	toSign, attributes := digest, []byte(nil)
	if h.attributes {
		kind := h.contentType
		if kind == nil {
			kind = idData
		}
		list := [][]byte{
			der(0x30, marshal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}), der(0x31, marshal(kind))),
			der(0x30, marshal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}), der(0x31, der(0x04, digest))),
		}
		if h.signingTime != nil {
			list = append(list, der(0x30, marshal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}), der(0x31, marshal(h.signingTime.UTC()))))
		}
		list = append(list, h.extra...)
		if h.reversed {
			slices.Reverse(list)
		}
		attributes = der(0xa0, list...)
		set := der(0x31, list...)
		toSign = sum(set)
		if _, ok := who.key.(ed25519.PrivateKey); ok {
			toSign = set
		}
	}
	sigAlg, options := der(0x30, marshal(idRSA), []byte{5, 0}), crypto.SignerOpts(h.hash)
	switch who.key.Public().(type) {
	case ed25519.PublicKey:
		sigAlg, options = der(0x30, marshal(idEd25519)), crypto.Hash(0)
	case *rsa.PublicKey:
	default:
		sigAlg = der(0x30, marshal(idECDSA256))
	}
	value, err := who.key.Sign(rand.Reader, toSign, options)
	if err != nil {
		t.Fatal(err)
	}
	info := [][]byte{{2, 1, 1}, der(0x30, cert.RawIssuer, marshal(cert.SerialNumber)), alg, attributes, sigAlg, der(0x04, value)}
	if h.unsigned != nil {
		info = append(info, der(0xa1, h.unsigned...))
	}
	var crls []byte
	if h.crls != nil {
		crls = der(0xa1, h.crls)
	}
	inner := der(0x30, marshal(idData))
	if h.content != nil {
		inner = der(0x30, marshal(idData), der(0xa0, der(0x04, h.content)))
	}
	var certificates [][]byte
	for _, c := range who.chain {
		certificates = append(certificates, c.Raw)
	}
	body := der(0x30, []byte{2, 1, 1}, der(0x31, alg), inner, der(0xa0, certificates...), crls,
		der(0x31, slices.Repeat([][]byte{der(0x30, info...)}, max(h.signers, 1))...))
	return der(0x30, marshal(idSignedAll), der(0xa0, body))
}

// TestFormats has signatures of every kind that is in use (ISO 32000-2 table 260), and of some that are not.
func TestFormats(t *testing.T) {
	root := newRoot(t, p256(t))
	w := &world{roots: root.pool()}
	rsaWho := identity{key: rsaKey(t, 2048)}
	rsaWho.chain = append(rsaWho.chain, root.issue(t, rsaWho.key.Public(), nil))
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edWho := identity{key: edKey}
	edWho.chain = append(edWho.chain, root.issue(t, edKey.Public(), nil))
	with := func(who identity, h handmade) func([]byte) []byte {
		return func(signed []byte) []byte { return h.sign(t, who, signed) }
	}
	inside := func(h handmade, of func([]byte) []byte) func([]byte) []byte {
		return func(signed []byte) []byte {
			h.content = of(signed)
			return h.sign(t, rsaWho, signed)
		}
	}
	sha1Of := func(b []byte) []byte { s := sha1.Sum(b); return s[:] }
	// referring has the signing-certificate attribute of version 1, which is in SHA-1 always.
	referring := func(cert *x509.Certificate) handmade {
		id, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12})
		if err != nil {
			t.Fatal(err)
		}
		return handmade{hash: crypto.SHA256, attributes: true, extra: [][]byte{
			der(0x30, id, der(0x31, der(0x30, der(0x30, der(0x30, der(0x04, sha1Of(cert.Raw))))))),
		}}
	}
	bare := func(hash crypto.Hash, prefix string) func([]byte) []byte {
		return func(signed []byte) []byte {
			d := hash.New()
			d.Write(signed)
			digest := d.Sum(nil)
			if prefix != "" {
				b, err := hex.DecodeString(prefix)
				if err != nil {
					t.Fatal(err)
				}
				digest, hash = append(b, digest...), 0
			}
			value, err := rsa.SignPKCS1v15(nil, rsaWho.key.(*rsa.PrivateKey), hash, digest)
			if err != nil {
				t.Fatal(err)
			}
			return der(0x04, value)
		}
	}
	cert := fmt.Sprintf("/SubFilter /adbe.x509.rsa_sha1 /Cert <%x>", rsaWho.chain[0].Raw)
	chain := fmt.Sprintf("/SubFilter /adbe.x509.rsa_sha1 /Cert [<%x> <%x>]", rsaWho.chain[0].Raw, root.cert.Raw)
	other := fmt.Sprintf("/SubFilter /adbe.x509.rsa_sha1 /Cert <%x>", root.issue(t, rsaKey(t, 2048).Public(), nil).Raw)
	const detached, withDigest = "/SubFilter /adbe.pkcs7.detached", "/SubFilter /adbe.pkcs7.sha1"
	sha256CMS, plain := handmade{hash: crypto.SHA256, attributes: true}, handmade{hash: crypto.SHA256}
	const weak = "INDETERMINATE CRYPTO_CONSTRAINTS_FAILURE"
	for name, test := range map[string]struct {
		dictionary string
		contents   func([]byte) []byte
		want       string
	}{
		"detached":                                    {detached, with(rsaWho, sha256CMS), "TOTAL-PASSED "},
		"detached, attributes unordered":              {detached, with(rsaWho, handmade{hash: crypto.SHA256, attributes: true, reversed: true}), "TOTAL-PASSED "},
		"detached, digest with NULL":                  {detached, with(rsaWho, handmade{hash: crypto.SHA256, attributes: true, digestNull: true}), "TOTAL-PASSED "},
		"detached, no attributes":                     {detached, with(rsaWho, plain), "TOTAL-PASSED "},
		"detached, SHA-1":                             {detached, with(rsaWho, handmade{hash: crypto.SHA1, attributes: true}), weak},
		"detached, Ed25519":                           {detached, with(edWho, handmade{hash: crypto.SHA512, attributes: true}), "TOTAL-PASSED "},
		"detached, empty content":                     {detached, inside(sha256CMS, func([]byte) []byte { return []byte{} }), "TOTAL-PASSED "},
		"detached, the document inside":               {detached, inside(sha256CMS, func(b []byte) []byte { return b[:100] }), "TOTAL-FAILED FORMAT_FAILURE"},
		"detached, two signers":                       {detached, with(rsaWho, handmade{hash: crypto.SHA256, attributes: true, signers: 2}), "TOTAL-FAILED FORMAT_FAILURE"},
		"detached, attribute of another content type": {detached, with(rsaWho, handmade{hash: crypto.SHA256, attributes: true, contentType: idSignedAll}), "TOTAL-FAILED FORMAT_FAILURE"},
		"detached, referred to by SHA-1":              {detached, with(rsaWho, referring(rsaWho.chain[0])), "TOTAL-PASSED "},
		"detached, another one referred to":           {detached, with(rsaWho, referring(root.cert)), "INDETERMINATE NO_SIGNING_CERTIFICATE_FOUND"},
		"CAdES, referred to by SHA-1":                 {"/SubFilter /ETSI.CAdES.detached", with(rsaWho, referring(rsaWho.chain[0])), "TOTAL-PASSED "},
		"CAdES without its attribute":                 {"/SubFilter /ETSI.CAdES.detached", with(rsaWho, sha256CMS), "INDETERMINATE SIG_CONSTRAINTS_FAILURE"},
		"no SubFilter":                                {"", with(rsaWho, sha256CMS), "INDETERMINATE SIG_CONSTRAINTS_FAILURE"},
		"a SubFilter of one's own":                    {"/SubFilter /Entrust.PKCS7", with(rsaWho, sha256CMS), "INDETERMINATE SIG_CONSTRAINTS_FAILURE"},
		"another Filter":                              {detached + " /FilterOf /X", with(rsaWho, sha256CMS), "TOTAL-PASSED "},

		"digest inside":                     {withDigest, inside(handmade{hash: crypto.SHA1, attributes: true}, sha1Of), weak},
		"digest inside, signed with SHA-2":  {withDigest, inside(sha256CMS, sha1Of), weak},
		"digest inside, no attributes":      {withDigest, inside(handmade{hash: crypto.SHA1}, sha1Of), weak},
		"digest inside, of something else":  {withDigest, inside(sha256CMS, func([]byte) []byte { return sha1Of(nil) }), "TOTAL-FAILED HASH_FAILURE"},
		"digest inside, none":               {withDigest, with(rsaWho, sha256CMS), "TOTAL-FAILED FORMAT_FAILURE"},
		"digest inside, with another hash":  {withDigest, inside(sha256CMS, func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }), "TOTAL-FAILED HASH_FAILURE"},
		"bare":                              {cert, bare(crypto.SHA1, ""), weak},
		"bare, with a chain":                {chain, bare(crypto.SHA1, ""), weak},
		"bare, SHA-256":                     {chain, bare(crypto.SHA256, ""), "TOTAL-PASSED "},
		"bare, SHA-512":                     {chain, bare(crypto.SHA512, ""), "TOTAL-PASSED "},
		"bare, digest without NULL":         {chain, bare(crypto.SHA256, "302f300b0609608648016503040201"+"0420"), "TOTAL-PASSED "},
		"bare, digest without an algorithm": {chain, bare(crypto.SHA256, "0420"), "TOTAL-FAILED SIG_CRYPTO_FAILURE"},
		"bare, of another key":              {other, bare(crypto.SHA256, ""), "TOTAL-FAILED SIG_CRYPTO_FAILURE"},
		"bare, no certificate":              {"/SubFilter /adbe.x509.rsa_sha1", bare(crypto.SHA256, ""), "INDETERMINATE NO_SIGNING_CERTIFICATE_FOUND"},
		"bare, a CMS":                       {chain, with(rsaWho, sha256CMS), "TOTAL-FAILED FORMAT_FAILURE"},
		"bare, of something else":           {chain, func([]byte) []byte { return bare(crypto.SHA256, "")([]byte("x")) }, "TOTAL-FAILED SIG_CRYPTO_FAILURE"},
	} {
		s := w.validate(t, signWith(letter(), test.dictionary, test.contents), offline).Signatures[0]
		if got := string(s.Indication) + " " + s.SubIndication; got != test.want {
			t.Errorf("%s: %s, want %s: %v", name, got, test.want, s.Details)
		}
	}
}

// TestEndOfRange: writers disagree about what comes after %%EOF; whatever it is, no byte of the revision may be left
// out.
func TestEndOfRange(t *testing.T) {
	root := newRoot(t, p256(t))
	w := &world{roots: root.pool()}
	key := p256(t)
	who := identity{key: key}
	who.chain = append(who.chain, root.issue(t, key.Public(), nil))
	// ending signs a file with this after %%EOF, of which the last bytes are left out of the range.
	ending := func(end string, uncovered int) []byte {
		b := signObjects(t, who, letter(), "", nil)
		start := bytes.Index(b, []byte("/Contents <")) + len("/Contents ")
		gap := start + bytes.IndexByte(b[start:], '>') + 1
		b = append(bytes.TrimSuffix(b, []byte("\n")), end...)
		b = rewriteRange(b, fmt.Sprintf("0 %d %d %d", start, gap, len(b)-gap-uncovered))
		h := handmade{hash: crypto.SHA256, attributes: true}
		room := bytes.Repeat([]byte("0"), gap-start-2)
		copy(room, hex.EncodeToString(h.sign(t, who, append(bytes.Clone(b[:start]), b[gap:len(b)-uncovered]...))))
		copy(b[start+1:], room)
		return b
	}
	for name, test := range map[string]struct {
		file   []byte
		passes bool
	}{
		"nothing":                        {ending("", 0), true},
		"LF":                             {ending("\n", 0), true},
		"CR LF":                          {ending("\r\n", 0), true},
		"LF, not covered":                {ending("\n", 1), true},
		"CR LF, not covered":             {ending("\r\n", 2), true},
		"CR LF, half covered":            {ending("\r\n", 1), true},
		"many blanks":                    {ending("\r\n\r\n    \r\n\x00\x00\n", 0), true},
		"a comment":                      {ending("\n%signed by a program\n", 0), true},
		"a comment, not covered":         {ending("\n%signed by a program\n", 20), false},
		"%%EOF not covered":              {ending("\n", 6), false},
		"the trailer half covered":       {ending("\n", 40), false},
		"cross-reference not covered":    {ending("\n", 300), false},
		"blanks, then an honest update":  {update(t, ending("\r\n\r\n  ", 0), map[int]string{200: "(x)"}), true},
		"comment, then an honest update": {update(t, ending("\n%signed by a program\n", 0), map[int]string{200: "(x)"}), true},
	} {
		s := w.validate(t, test.file, offline).Signatures[0]
		// The CMS lacks the reference to the certificate that CAdES has, which is a doubt of its own.
		failed := s.Indication == validation.TotalFailed || has(s, validation.DetailTrailingBytes) || s.LaterChanges == validation.ChangesSuspicious
		if failed == test.passes {
			t.Errorf("%s: %s %s %v", name, s.Indication, s.LaterChanges, s.Details)
		}
	}
}

// rewriteRange puts other numbers in the place of ByteRange.
func rewriteRange(b []byte, numbers string) []byte {
	start := bytes.Index(b, []byte("/ByteRange [")) + len("/ByteRange [")
	end := start + bytes.IndexByte(b[start:], ']')
	copy(b[start:end], numbers+string(bytes.Repeat([]byte(" "), end-start-len(numbers))))
	return b
}
