package validation_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

var remake = flag.Bool("remake-fixtures", false, "sign the files in testdata anew, with a new authority")

// fixtures are files signed once and for all, so that each process of a fuzz run judges the same ones by the same
// root.
func fixtures(t testing.TB) (roots *x509.CertPool, files [][]byte, at time.Time) {
	t.Helper()
	if *remake {
		w := newWorld(t)
		who := w.person(t, authority.Subject{})
		one := w.sign(t, build(letter()), who, signer.Options{Field: "Duyet"})
		two := w.sign(t, one, who, signer.Options{Reason: "Ký"})
		for name, b := range map[string][]byte{"root.pem": w.authority.RootPEM(), "once.pdf": one, "twice.pdf": two} {
			if err := os.WriteFile(filepath.Join("testdata", name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(read("root.pem")) {
		t.Fatal("no root")
	}
	files = [][]byte{read("once.pdf"), read("twice.pdf")}
	r, err := validation.Validate(context.Background(), bytes.NewReader(files[0]), int64(len(files[0])), validation.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	return roots, files, r.Signatures[0].ClaimedTime
}

// FuzzValidate looks for panics and endless work, and for a verdict that survives a change: only the files that were
// signed may pass, and what may follow them.
func FuzzValidate(f *testing.F) {
	roots, files, at := fixtures(f)
	f.Add(build(letter()))
	for _, b := range files {
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
		r, err := validation.Validate(ctx, bytes.NewReader(b), int64(len(b)), validation.Options{Roots: roots, Offline: true, At: at})
		if ctx.Err() != nil {
			t.Fatal("it takes too long")
		}
		if err != nil || r.Indication() != validation.TotalPassed {
			return
		}
		for _, p := range files {
			// A permitted revision may follow; the end-of-line after %%EOF need not be covered.
			if bytes.HasPrefix(b, p[:len(p)-1]) {
				return
			}
		}
		t.Fatalf("a file passes that nobody signed:\n%q", b)
	})
}

func TestFixtures(t *testing.T) {
	roots, files, at := fixtures(t)
	for i, b := range files {
		r, err := validation.Validate(context.Background(), bytes.NewReader(b), int64(len(b)), validation.Options{Roots: roots, Offline: true, At: at})
		if err != nil || r.Indication() != validation.TotalPassed || len(r.Signatures) != i+1 {
			t.Errorf("%+v %v", r, err)
		}
	}
}
