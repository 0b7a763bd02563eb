package validation

import (
	"bytes"
	"testing"
	"time"

	"sokyso/signer/pdf"
)

const blankPDF = "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n" +
	"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\ntrailer\n<</Root 1 0 R/Size 4>>\n"

// FuzzContent runs any page content: it ends soon, and keeps no more than its limits.
func FuzzContent(f *testing.F) {
	file, err := pdf.Open(bytes.NewReader([]byte(blankPDF)), int64(len(blankPDF)))
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		"BT /F1 12 Tf 72 720 Td (x) Tj [(a) -20 <62>] TJ T* (b) ' 1 2 (c) \" ET", "q 1 0 0 1 5 5 cm 0 0 9 9 re f Q", "/Im Do /Fm Do",
		"BI /W 1 /H 1 /BPC 8 /CS /G ID \xff EI", "0 0 m 1 1 2 2 3 3 c h S 1 g 1 0 0 RG /P0 scn sh", "/GS gs W n", "[ << (", "q q q Q", "1e99 1e-99 9999999999999 cm 0 0 1 1 re B*",
	} {
		f.Add([]byte(s))
	}
	fonts := pdf.Dict{"F1": pdf.Dict{"Type": pdf.Name("Font"), "Subtype": pdf.Name("Type1"), "BaseFont": pdf.Name("Helvetica")}}
	states := pdf.Dict{"GS": pdf.Dict{"ca": pdf.Real(0.5), "BM": pdf.Name("Multiply")}}
	f.Fuzz(func(t *testing.T, content []byte) {
		s := changeSet{history: newHistory(file)}
		c := s.canvas(file, wholePlane)
		start := time.Now()
		g := graphics{ctm: identityMatrix, clip: wholePlane, fill: 1, stroke: 1, width: 1, stretch: 1}
		if err := c.run(t.Context(), content, pdf.Dict{"Font": fonts, "ExtGState": states}, g, 0); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		if len(c.paints) > maxPaints+1 || len(c.letters)+len(c.shown) > maxLetters+maxSteps/8 {
			t.Errorf("%d paints, %d letters", len(c.paints), len(c.letters))
		}
	})
}
