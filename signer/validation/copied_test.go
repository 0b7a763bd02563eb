package validation_test

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"strings"
	"testing"

	"sokyso/signer/validation"
)

// TestCopied: a time-stamp or a signature of one document is put into another.
func TestCopied(t *testing.T) {
	root := newRoot(t, p256(t))
	w := &world{roots: root.pool()}
	who, tsa := identity{key: rsaKey(t, 2048)}, identity{key: p256(t)}
	who.chain = append(who.chain, root.issue(t, who.key.Public(), nil))
	tsa.chain = append(tsa.chain, root.issue(t, tsa.key.Public(), asTSA(t)))
	id, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14})
	if err != nil {
		t.Fatal(err)
	}
	other := stampToken(t, tsa, []byte("another signature"), crypto.SHA256, true)
	h := handmade{hash: crypto.SHA256, attributes: true}
	with := handmade{hash: crypto.SHA256, attributes: true, unsigned: [][]byte{der(0x30, id, der(0x31, other))}}
	const detached, stamp = "/SubFilter /adbe.pkcs7.detached", "/SubFilter /ETSI.RFC3161"
	signed := signWith(letter(), detached, func(b []byte) []byte { return h.sign(t, who, b) })
	// again is the signature once more, in a field of its own over the same ByteRange.
	dictionary := string(signed[bytes.Index(signed, []byte("20 0 obj"))+len("20 0 obj"):])
	dictionary = dictionary[:strings.Index(dictionary, "endobj")]
	again := update(t, signed, map[int]string{
		200: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Moi) /Rect [0 0 0 0] /P 3 0 R /V 201 0 R >>", 201: dictionary,
		11: "<< /Fields [10 0 R 12 0 R 200 0 R] >>",
	})
	changed := letter()
	changed[5] = stream("", forgedText)
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"nothing copied": {signed, "TOTAL-PASSED "},
		"the time-stamp of another signature": {signWith(letter(), detached, func(b []byte) []byte { return with.sign(t, who, b) }),
			"INDETERMINATE SIG_CONSTRAINTS_FAILURE"},
		"the time-stamp of another document": {signWith(letter(), stamp, func([]byte) []byte { return other }), "TOTAL-FAILED HASH_FAILURE"},
		"a document time-stamp of its own": {signWith(letter(), stamp, func(b []byte) []byte { return stampToken(t, tsa, b, crypto.SHA256, true) }),
			"TOTAL-PASSED "},
		"the signature of another document": {signWith(changed, detached, func([]byte) []byte { return h.sign(t, who, []byte("another")) }),
			"TOTAL-FAILED HASH_FAILURE"},
		"the same ByteRange and CMS in a second field": {again, "TOTAL-FAILED FORMAT_FAILURE"},
	} {
		signatures := w.validate(t, test.file, offline).Signatures
		var s validation.Signature
		if len(signatures) > 0 {
			s = signatures[len(signatures)-1]
		}
		if got := string(s.Indication) + " " + s.SubIndication; got != test.want {
			t.Errorf("%s: %s, want %s: %v", name, got, test.want, s.Details)
		}
	}
}
