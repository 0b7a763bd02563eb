package signer_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"sokyso/signer"
	"sokyso/signer/validation"
)

// TestOddForms signs, three times, what is wrong in a place that a signature must change, but that readers pass over.
func TestOddForms(t *testing.T) {
	w := newWorld(t)
	page := func(annots string) string {
		return "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots " + annots + " >>"
	}
	catalog := func(form string) string { return "<< /Type /Catalog /Pages 2 0 R /AcroForm " + form + " >>" }
	const noSignature = "a signature is a string"
	for name, objects := range map[string]map[int]string{
		"annotations are a name":       {3: page("/None")},
		"annotations are a number":     {3: page("0")},
		"annotations are a dictionary": {3: page("40 0 R"), 40: "<< /Type /Annot /Subtype /Text /Rect [9 9 30 30] >>"},
		"annotations are a stream":     {3: page("5 0 R")},
		"flags are a string":           {1: catalog("<< /Fields [] /SigFlags (3) >>")},
		"a field is listed twice": {1: catalog("<< /Fields [40 0 R 40 0 R] >>"),
			40: "<< /T (a) /FT /Tx /Type /Annot /Subtype /Widget /Rect [0 0 9 9] >>"},
		"kids are a name":        {1: catalog("<< /Fields [40 0 R] >>"), 40: "<< /T (a) /FT /Tx /Kids /None >>"},
		"permissions are a name": {1: "<< /Type /Catalog /Pages 2 0 R /Perms /None >>"},
		"pages 150 levels deep":  deepPages(150),
		noSignature:              {1: catalog("<< /Fields [40 0 R] >>"), 40: "<< /T (a) /FT /Sig /V (abc) >>"},
		"a digit that is none, a parenthesis too many": {3: "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /A <4G1> /B (b)) >>"},
	} {
		t.Run(name, func(t *testing.T) {
			in := build(document(objects))
			out := in
			for _, who := range []identity{w.deputy, w.principal, w.seal} {
				out, _ = w.sign(t, out, who, signer.Options{})
			}
			path := writeFile(t, filepath.Join(t.TempDir(), "out.pdf"), out)
			checkPDFSig(t, w, path, 3)
			if name != noSignature { // mutool counts it as one that is not signed
				checkMutool(t, path, 3)
			}
			checkQPDF(t, writeFile(t, filepath.Join(t.TempDir(), "in.pdf"), in), path)
			ours := 0
			for _, s := range w.validate(t, out).Signatures {
				if s.Indication == validation.TotalPassed {
					ours++
				}
			}
			if ours != 3 {
				t.Errorf("%d of three signatures passed", ours)
			}
		})
	}
}

// deepPages has the pages below a chain of nodes.
func deepPages(levels int) map[int]string {
	tree := map[int]string{2: "<< /Type /Pages /Kids [100 0 R] /Count 2 /MediaBox [0 0 595 842] /Resources << /Font << /F1 7 0 R >> >> >>"}
	for n := 100; n < 100+levels; n++ {
		kids := fmt.Sprintf("%d 0 R", n+1)
		if n == 99+levels {
			kids = "3 0 R 4 0 R"
		}
		tree[n] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count 2 >>", kids)
	}
	return tree
}
