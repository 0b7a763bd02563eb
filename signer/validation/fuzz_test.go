package validation_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// FuzzValidate looks for panics and endless work, and for a verdict that survives a change: only the files that were
// signed here may pass.
func FuzzValidate(f *testing.F) {
	w := newWorld(f)
	who := w.person(f, authority.Subject{})
	pass := [][]byte{w.sign(f, build(letter()), who, signer.Options{Field: "Duyet"})}
	pass = append(pass, w.sign(f, pass[0], who, signer.Options{Reason: "Ký"}))
	f.Add(build(letter()))
	for _, b := range pass {
		f.Add(b)
		f.Add(b[:len(b)-40])
		f.Add(update(f, b, map[int]string{3: "<< /Type /Page /Parent 2 0 R >>"}))
	}
	for _, name := range []string{"hybrid.pdf", "object-streams.pdf", "fields-nested.pdf", "three-revisions.pdf", "minimal.pdf"} {
		f.Add(sample(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		r, err := validation.Validate(ctx, bytes.NewReader(b), int64(len(b)), validation.Options{Roots: w.roots, Offline: true})
		if ctx.Err() != nil {
			t.Fatal("it takes too long")
		}
		if err != nil || r.Indication() != validation.TotalPassed {
			return
		}
		for _, p := range pass {
			// The first file is the beginning of the second; a permitted revision may follow either.
			if bytes.HasPrefix(b, p) || bytes.HasPrefix(b, p[:len(p)-1]) {
				return
			}
		}
		t.Fatalf("a file passes that nobody signed:\n%q", b)
	})
}
