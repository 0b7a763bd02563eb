package signer_test

import (
	"bytes"
	"slices"
	"testing"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// TestBrokenCrossReference: the person is told, the input stays, the result is a file like any other: it can be read
// by its cross-reference and signed again.
func TestBrokenCrossReference(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"offsets-wrong.pdf", "one-offset-wrong.pdf", "trailer-absent.pdf", "object-streams-startxref-wrong.pdf", "prev-cycle.pdf",
		"encrypted-startxref-wrong.pdf", "encrypted-aes-256-startxref-wrong.pdf"} {
		in := sample(t, name)
		for n, who := range []identity{w.principal, w.deputy, w.seal} {
			d, err := signer.Sign(t.Context(), bytes.NewReader(in), who.key, who.chain, signer.Options{Roots: w.roots})
			if err != nil {
				t.Fatalf("%s, signature %d: %v", name, n+1, err)
			}
			if noted := slices.Contains(d.Notes(), signer.NoteXRefRebuilt); noted != (n == 0) {
				t.Errorf("%s, signature %d: notes %v", name, n+1, d.Notes())
			}
			var out bytes.Buffer
			if _, err := d.WriteTo(&out); err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(out.Bytes(), in) {
				t.Errorf("%s, signature %d: the input is not the beginning of the output", name, n+1)
			}
			in = out.Bytes()
		}
		f, err := pdf.Open(bytes.NewReader(in), int64(len(in)))
		if err != nil {
			t.Fatal(err)
		}
		if reason, rebuilt := f.Rebuilt(); rebuilt {
			t.Errorf("%s: %s", name, reason)
		}
		r := w.validate(t, in)
		if len(r.Signatures) != 3 || r.Indication() != validation.TotalPassed {
			t.Errorf("%s: %d signatures, %s", name, len(r.Signatures), r.Indication())
		}
	}
}
