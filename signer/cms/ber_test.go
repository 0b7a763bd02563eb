package cms

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte/asn1"
	"pgregory.net/rapid"
)

// loosen writes an element the way BER allows: indefinite lengths, lengths with
// leading zeros, octet strings in pieces. Certificates stay as they are, and so
// does what keep says.
func loosen(t *rapid.T, e element, keep func(element) bool) []byte {
	if keep(e) {
		return e.raw
	}
	if e.tag == asn1.OCTET_STRING && rapid.Bool().Draw(t, "pieces") {
		var pieces []byte
		for rest := e.content; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			pieces, rest = appendElement(pieces, asn1.OCTET_STRING, rest[:n]), rest[n:]
		}
		return looseElement(t, asn1.OCTET_STRING|constructed, pieces)
	}
	if e.tag&constructed == 0 {
		return appendElement(nil, e.tag, e.content) // integers must stay short
	}
	var content []byte
	for children := e.children(0); !children.empty(); {
		child, err := children.next()
		if err != nil {
			t.Fatal(err)
		}
		content = append(content, loosen(t, child, keep)...)
	}
	return looseElement(t, e.tag, content)
}

func looseElement(t *rapid.T, tag asn1.Tag, content []byte) []byte {
	switch rapid.IntRange(0, 2).Draw(t, "form") {
	case 0:
		return append(append([]byte{byte(tag), 0x80}, content...), 0, 0)
	case 1:
		n := len(content)
		return append([]byte{byte(tag), 0x85, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)}, content...)
	}
	return appendElement(nil, tag, content)
}

func TestBERReadsLikeDER(t *testing.T) {
	id := identities()["p256"]
	req := Request{Digest: sum(crypto.SHA256, content), Certificate: id.cert, Chain: id.chain}
	der, err := Sign(rand.Reader, id.key, req)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	top, _, err := readElement(der, 0)
	if err != nil {
		t.Fatal(err)
	}
	keep := func(e element) bool { // certificates, signed attributes, names
		s := want.Signers[0]
		for _, c := range want.Certificates {
			if bytes.Equal(e.raw, c.Raw) {
				return true
			}
		}
		return bytes.Equal(e.raw, s.signedElement.raw) || bytes.Equal(e.raw, s.Issuer)
	}
	rapid.Check(t, func(t *rapid.T) {
		ber := loosen(t, top, keep)
		got, err := Parse(ber)
		if err != nil {
			t.Fatalf("%v\n%x", err, ber)
		}
		if err := got.Signers[0].Verify(req.Digest); err != nil {
			t.Fatalf("%v\n%x", err, ber)
		}
		if len(got.Certificates) != 3 || !bytes.Equal(got.Signers[0].Signature, want.Signers[0].Signature) {
			t.Fatalf("read something else\n%x", ber)
		}
		trimmed, err := Trim(append(bytes.Clone(ber), make([]byte, 100)...))
		if err != nil || !bytes.Equal(trimmed, ber) {
			t.Fatalf("trim: %v\n%x", err, trimmed)
		}
		again, err := got.encodeWith(nil)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Parse(again); err != nil || back.Signers[0].Verify(req.Digest) != nil {
			t.Fatalf("encoded in DER again: %v\n%x", err, again)
		}
	})
}

// TestIndefiniteSignedAttributes: RFC 5652 §5.4 has their DER encoding digested
// however they were transmitted.
func TestIndefiniteSignedAttributes(t *testing.T) {
	id := identities()["rsa2048"]
	req := Request{Digest: sum(crypto.SHA256, content), Certificate: id.cert}
	der, err := Sign(rand.Reader, id.key, req)
	if err != nil {
		t.Fatal(err)
	}
	sd, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	signed := sd.Signers[0].signedElement
	top, _, err := readElement(der, 0)
	if err != nil {
		t.Fatal(err)
	}
	indefinite := append(append([]byte{byte(signed.tag), 0x80}, signed.content...), 0, 0)
	changed, err := Parse(replace(t, top, signed.raw, indefinite))
	if err != nil {
		t.Fatal(err)
	}
	if err := changed.Signers[0].Verify(req.Digest); err != nil {
		t.Error(err)
	}
}

// replace writes e with one of its elements exchanged, all lengths put right.
func replace(t *testing.T, e element, old, by []byte) []byte {
	t.Helper()
	if bytes.Equal(e.raw, old) {
		return by
	}
	if e.tag&constructed == 0 {
		return e.raw
	}
	var content []byte
	for children := e.children(0); !children.empty(); {
		child, err := children.next()
		if err != nil {
			t.Fatal(err)
		}
		content = append(content, replace(t, child, old, by)...)
	}
	return appendElement(nil, e.tag, content)
}

func TestTrim(t *testing.T) {
	der := []byte{0x30, 0x03, 0x02, 0x01, 0x00}
	ber := []byte{0x30, 0x80, 0x02, 0x01, 0x00, 0, 0}
	with := func(b []byte, tail ...byte) []byte { return append(bytes.Clone(b), tail...) }
	for name, c := range map[string]struct {
		in, out []byte
		want    error
	}{
		"exact":              {der, der, nil},
		"zeros":              {with(der, 0, 0, 0), der, nil},
		"indefinite":         {ber, ber, nil},
		"indefinite, zeros":  {with(ber, 0, 0, 0, 0), ber, nil},
		"hidden bytes":       {with(der, 0, 0, 7), der, ErrPadding},
		"second CMS":         {with(der, der...), der, ErrPadding},
		"all zeros":          {make([]byte, 40), []byte{0, 0}, nil},
		"empty":              {nil, nil, ErrMalformed},
		"cut off":            {der[:4], nil, ErrMalformed},
		"no end of contents": {ber[:5], nil, ErrMalformed},
	} {
		out, err := Trim(c.in)
		if !bytes.Equal(out, c.out) || !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %x, %v", name, out, err)
		}
	}
}

func TestHostileBERIsBounded(t *testing.T) {
	nest := func(n int) []byte {
		return append(bytes.Repeat([]byte{0x30, 0x80}, n), make([]byte, 2*n)...)
	}
	pieces := func(depth, n int) []byte { // octet strings within octet strings, many at the bottom
		inner := bytes.Repeat([]byte{0x04, 0x00}, n)
		for range depth {
			inner = append(append([]byte{0x24, 0x80}, inner...), 0, 0)
		}
		return inner
	}
	wrap := func(value []byte) []byte {
		encapsulated := appendElement(nil, asn1.SEQUENCE, append(appendElement(nil, asn1.OBJECT_IDENTIFIER, []byte(oidData)), appendElement(nil, tagImplicit0, value)...))
		body := append([]byte{0x02, 0x01, 0x01, 0x31, 0x00}, encapsulated...)
		body = append(body, 0x31, 0x00)
		info := append(appendElement(nil, asn1.OBJECT_IDENTIFIER, []byte(oidSignedData)), appendElement(nil, tagImplicit0, appendElement(nil, asn1.SEQUENCE, body))...)
		return appendElement(nil, asn1.SEQUENCE, info)
	}
	if _, err := Parse(wrap(pieces(3, 10))); err != nil {
		t.Fatalf("harmless nesting: %v", err)
	}
	for name, b := range map[string][]byte{
		"a million levels":     nest(1 << 20),
		"beyond the size":      make([]byte, maxSize+1),
		"length of 4 GB":       {0x30, 0x84, 0xff, 0xff, 0xff, 0xff},
		"length of 2^64":       {0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"high tag":             {0x3f, 0x81, 0x01, 0x00},
		"indefinite primitive": {0x04, 0x80, 0x00, 0x00},
		"pieces, deep":         wrap(pieces(maxDepth-6, 10)),
		"pieces, many":         wrap(pieces(maxNest, maxSize/4)),
	} {
		start := time.Now()
		_, err := Parse(b)
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && name != "pieces, many" {
			t.Errorf("%s: accepted", name)
		}
		t.Logf("%s: %v in %v", name, err, time.Since(start))
	}
}
