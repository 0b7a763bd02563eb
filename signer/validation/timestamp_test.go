package validation_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/cms"
	"sokyso/signer/validation"
)

// stampDocument adds a document time-stamp to a file (ISO 32000-2 §12.8.5).
func stampDocument(t testing.TB, w *world, file []byte) []byte {
	t.Helper()
	const room = 16 << 10
	field := "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Stamp) /V 301 0 R /Rect [0 0 0 0] /P 3 0 R >>"
	hole := "<" + strings.Repeat("0", 2*room) + ">"
	ranges := "[0 " + strings.Repeat(" ", 40) + "]"
	b := update(t, file, map[int]string{
		11: "<< /Fields [10 0 R 12 0 R 300 0 R] /SigFlags 3 >>", 16: "[10 0 R 12 0 R 300 0 R]", 300: field,
		301: "<< /Type /DocTimeStamp /Filter /Adobe.PPKLite /SubFilter /ETSI.RFC3161 /ByteRange " + ranges + " /Contents " + hole + " >>",
	})
	start := bytes.LastIndex(b, []byte(hole))
	end := start + len(hole)
	copy(b[bytes.LastIndex(b, []byte(ranges)):], fmt.Sprintf("[0 %d %d %d", start, end, len(b)-end))
	digest := sha256.Sum256(append(bytes.Clone(b[:start]), b[end:]...))
	ts, err := cms.RequestTimestamp(context.Background(), nil, w.authority.TSAURL(), crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	copy(b[start+1:], hex.EncodeToString(ts.Raw))
	return b
}

func TestDocumentTimestamp(t *testing.T) {
	w := newWorld(t)
	signed := w.sign(t, build(letter()), w.person(t, authority.Subject{}), signer.Options{Field: "Duyet"})
	file := stampDocument(t, w, signed)
	r := w.validate(t, file, offline)
	if len(r.Signatures) != 2 || r.Indication() != validation.TotalPassed {
		t.Fatalf("%+v", r)
	}
	s := r.Signatures[1]
	if !s.Timestamp || s.Covers != validation.CoversFile || s.Signer == "" || !has(s, validation.DetailTimestamp) || s.Level != "" {
		t.Errorf("%+v", s)
	}
	if s := r.Signatures[0]; s.Timestamp || s.LaterChanges != validation.ChangesPermitted {
		t.Errorf("%+v", s)
	}
	file[len(signed)+100] ^= 1 // within the new field
	if s := w.validate(t, file, offline).Signatures; s[len(s)-1].SubIndication != validation.HashFailure {
		t.Errorf("changed: %+v", s)
	}
}
