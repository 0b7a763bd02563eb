package signer_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// TestDirectPages: pages that stand directly in the page tree become objects, so that readers that showed an empty page
// show what the others did; what is signed already is left alone.
func TestDirectPages(t *testing.T) {
	w := newWorld(t)
	for name, texts := range map[string]int{"page-direct.pdf": 1, "pages-direct-deep.pdf": 2} { // on two pages it stands outside
		dir := t.TempDir()
		in := sample(t, name)
		original := writeFile(t, filepath.Join(dir, "in.pdf"), in)
		f, err := pdf.Open(bytes.NewReader(in), int64(len(in)))
		if err != nil {
			t.Fatal(err)
		}
		count, err := f.PageCount()
		if err != nil {
			t.Fatal(err)
		}
		pictures := func(path string) string {
			out := filepath.Join(dir, "page-%d.ppm")
			mustRun(t, "mutool", "draw", "-q", "-r", "24", "-o", out, path)
			var all strings.Builder
			for n := range count {
				page, err := os.ReadFile(strings.Replace(out, "%d", fmt.Sprint(n+1), 1))
				if err != nil {
					t.Fatal(err)
				}
				all.Write(page)
			}
			return all.String()
		}
		// The page with the signature is direct in both files.
		signed, _ := w.sign(t, in, w.principal, signer.Options{Visible: &signer.Visible{Page: min(count, 2), Rect: [4]float64{50, 50, 150, 60}, Lines: []string{"Da ky"}}})
		unseen, _ := w.sign(t, in, w.principal, signer.Options{Visible: &signer.Visible{Page: min(count, 2), Rect: [4]float64{50, 50, 150, 60}, Image: clearPicture(t)}})
		for kind, b := range map[string][]byte{"visible": signed, "of a clear picture": unseen} {
			path := writeFile(t, filepath.Join(dir, "out.pdf"), b)
			if kind != "visible" && pictures(original) != pictures(path) {
				t.Errorf("%s: a page looks different", name)
			}
			if text := mustRun(t, "pdftotext", path, "-"); strings.Count(text, "Thong bao") != texts || strings.Contains(text, directPage) {
				t.Errorf("%s, %s: poppler reads\n%s", name, kind, text)
			}
			if out := mustRun(t, "qpdf", "--check", path); strings.Contains(out, "WARNING") {
				t.Errorf("%s, %s: %s", name, kind, out)
			}
			if out := mustRun(t, "mutool", "sign", "-v", path); !strings.Contains(out, "The document is unchanged since signing.") {
				t.Errorf("%s, %s: %s", name, kind, out)
			}
			if out := mustRun(t, "pdfsig", "-no-ocsp", "-nssdir", "sql:"+w.nss, path); !strings.Contains(out, "Signature is Valid.") {
				t.Errorf("%s, %s: %s", name, kind, out)
			}
		}
		marked, _ := w.sign(t, in, w.principal, signer.Options{Visible: &signer.Visible{Pages: mustPages(t, "all"), Rect: [4]float64{50, 50, 150, 60}, Lines: []string{"Da ky"}}})
		again, _ := w.sign(t, marked, w.seal, signer.Options{})
		if r := w.validate(t, again); r.Indication() != validation.TotalPassed || len(r.Signatures) != 2 {
			t.Errorf("%s: marks on all pages, then signed again: %s", name, r.Indication())
		}
	}

	first, _ := w.sign(t, sample(t, "pages-direct-deep.pdf"), w.principal, signer.Options{})
	_, err := signer.Sign(t.Context(), bytes.NewReader(first), w.seal.key, w.seal.chain,
		signer.Options{Roots: w.roots, Visible: &signer.Visible{Page: 2, Rect: [4]float64{50, 50, 150, 60}, Lines: []string{"Da ky"}}})
	if signer.CodeOf(err) != signer.CodeDamagedPDF || !strings.Contains(err.Error(), "the document is signed") {
		t.Errorf("a direct page of a signed document: %v", err)
	}
}

// clearPicture is an image that nobody sees.
func clearPicture(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
