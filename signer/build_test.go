package signer_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"sokyso/signer/pdf"
)

// build makes a PDF of objects written by hand; object 1 is the catalog.
func build(objects map[int]string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	numbers := slices.Sorted(maps.Keys(objects))
	offsets := map[int]int{}
	for _, n := range numbers {
		offsets[n] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", n, objects[n])
	}
	at := b.Len()
	b.WriteString("xref\n0 1\n0000000000 65535 f \n")
	for _, n := range numbers {
		fmt.Fprintf(&b, "%d 1\n%010d 00000 n \n", n, offsets[n])
	}
	fmt.Fprintf(&b, "trailer\n<< /Size 100 /Root 1 0 R /Info 9 0 R >>\nstartxref\n%d\n%%%%EOF\n", at)
	return b.Bytes()
}

// document is a file of two pages with a text on each; objects replace or add to its own.
func document(objects map[int]string) map[int]string {
	content := func(s string) string {
		stream := "BT /F1 24 Tf 72 720 Td (" + s + ") Tj ET"
		return fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(stream), stream)
	}
	all := map[int]string{
		1: "<< /Type /Catalog /Pages 2 0 R /Lang (vi \\(VN\\)) /ViewerPreferences << /DisplayDocTitle true >> >>",
		2: "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 595 842] /Resources << /Font << /F1 7 0 R >> >> >>",
		3: "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Tabs /S >>",
		4: "<< /Type /Page /Parent 2 0 R /Contents 6 0 R >>",
		5: content("Trang 1"), 6: content("Trang 2"),
		7: "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		9: "<< /Title (Thong bao) >>",
	}
	for n, o := range objects {
		all[n] = o
	}
	return all
}

func open(t testing.TB, b []byte) *pdf.File {
	t.Helper()
	f, err := pdf.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if reason, rebuilt := f.Rebuilt(); rebuilt {
		t.Fatalf("the cross-reference is broken: %s", reason)
	}
	return f
}
