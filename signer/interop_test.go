package signer_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sokyso/signer"
)

// TestOtherReaders shows signed files to the programs that people check them with.
func TestOtherReaders(t *testing.T) {
	w := newWorld(t)
	for _, name := range samples {
		for _, seen := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/visible=%t", name, seen), func(t *testing.T) {
				dir := t.TempDir()
				in := sample(t, name)
				original := writeFile(t, filepath.Join(dir, "in.pdf"), in)
				for round, who := range []identity{w.principal, w.deputy, w.seal} {
					opt := signer.Options{Name: "Nguyễn Văn Nghĩa", Reason: "Ký duyệt"}
					if seen {
						opt.Visible = visible()
						opt.Visible.Rect[1] += float64(round) * 80
					}
					out, d := w.sign(t, in, who, opt)
					path := writeFile(t, filepath.Join(dir, fmt.Sprintf("out%d.pdf", round+1)), out)
					checkPDFSig(t, w, path, round+1)
					checkQPDF(t, original, path)
					checkMutool(t, path, round+1)
					checkOpenSSL(t, w, dir, out, d)
					in = out
				}
				if !seen {
					last := filepath.Join(dir, "out3.pdf")
					if !bytes.Equal(render(t, original, 1), render(t, last, 1)) {
						t.Error("page 1 looks different")
					}
				}
			})
		}
	}
}

// checkPDFSig: all valid and trusted, all ETSI, the last covers the document.
func checkPDFSig(t *testing.T, w *world, path string, n int) {
	t.Helper()
	out := mustRun(t, "pdfsig", "-no-ocsp", "-nssdir", "sql:"+w.nss, path)
	for text, want := range map[string]int{
		"Signature is Valid.": n, "Certificate is Trusted.": n, "ETSI.CAdES.detached": n, "Total document signed": 1,
	} {
		if got := strings.Count(out, text); got != want {
			t.Errorf("pdfsig %s: %q %d times, want %d\n%s", path, text, got, want, out)
		}
	}
	if i := strings.LastIndex(out, "Signature #"); !strings.Contains(out[i:], "Total document signed") {
		t.Errorf("pdfsig: the last signature does not cover the document\n%s", out)
	}
}

// checkQPDF: no worse than the input.
func checkQPDF(t *testing.T, original, path string) {
	t.Helper()
	if _, err := run(t, "qpdf", "--check", original); err != nil {
		return
	}
	out, err := run(t, "qpdf", "--check", path)
	if err != nil || strings.Contains(out, "WARNING") {
		t.Errorf("qpdf --check %s: %v\n%s", path, err, out)
	}
}

// checkMutool: each signature is found and none is said to be broken; trust is not asked for, it has no roots.
func checkMutool(t *testing.T, path string, n int) {
	t.Helper()
	out := mustRun(t, "mutool", "sign", "-v", path)
	found := strings.Count(out, "Verifying signature")
	intact := strings.Count(out, "The document is unchanged since signing.") + strings.Count(out, "The signature is valid but")
	if found != n || intact != n {
		t.Errorf("mutool sign -v %s: %d signatures, %d intact, want %d\n%s", path, found, intact, n, out)
	}
}

// checkOpenSSL extracts the CMS and the covered bytes.
func checkOpenSSL(t *testing.T, w *world, dir string, out []byte, d *signer.Document) {
	t.Helper()
	report := w.validate(t, out)
	s := report.Signatures[len(report.Signatures)-1]
	if !bytes.Equal(s.CMS, d.CMS()) {
		t.Error("the CMS in the file is not the document's")
	}
	br := s.ByteRange
	ranges := append(bytes.Clone(out[br[0]:br[0]+br[1]]), out[br[2]:br[2]+br[3]]...)
	der := writeFile(t, filepath.Join(dir, "sig.cms"), s.CMS)
	content := writeFile(t, filepath.Join(dir, "ranges.bin"), ranges)
	text, err := run(t, "openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", der,
		"-content", content, "-CAfile", w.rootFile, "-purpose", "any", "-out", os.DevNull)
	if err != nil {
		t.Errorf("openssl cms -verify: %v\n%s", err, text)
	}
}

// render draws a page as PNG.
func render(t *testing.T, path string, page int) []byte {
	t.Helper()
	base := filepath.Join(t.TempDir(), "page")
	mustRun(t, "pdftoppm", "-png", "-r", "72", "-singlefile", "-f", fmt.Sprint(page), "-l", fmt.Sprint(page), path, base)
	b, err := os.ReadFile(base + ".png")
	if err != nil {
		t.Fatal(err)
	}
	return b
}
