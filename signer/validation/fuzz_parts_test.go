package validation_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// judged validates without the network at the fixtures' time.
func judged(t *testing.T, file []byte, opt validation.Options) *validation.Report {
	t.Helper()
	r, err := validation.Validate(t.Context(), bytes.NewReader(file), int64(len(file)), opt)
	if err != nil {
		return &validation.Report{}
	}
	return r
}

// FuzzByteRange writes anything in the place of a ByteRange: only the one that was signed passes.
func FuzzByteRange(f *testing.F) {
	roots, files, at := fixtures(f)
	file := files[0]
	start := bytes.Index(file, []byte("/ByteRange")) + len("/ByteRange")
	end := start + bytes.IndexByte(file[start:], ']') + 1
	was := string(file[start:end])
	for _, s := range []string{was, "[0 1 2 3]", "[]", "[0 0 0 0]", "null", "5 0 R", "[0 99999999999999999999 1 1]", "[-1 2 3 4]", "[0 1.5 2 3]", "<<>>", "(x)", "[0 1 2 3 4 5]", "[[0] 1 2 3]", ">> endobj"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > end-start {
			return
		}
		b := bytes.Clone(file)
		copy(b[start:end], s+strings.Repeat(" ", end-start-len(s)))
		r := judged(t, b, validation.Options{Roots: roots, Offline: true, At: at})
		if len(r.Signatures) > 0 && r.Indication() == validation.TotalPassed && !bytes.Equal(b, file) {
			t.Fatalf("%q passes in the place of %q", s, was)
		}
	})
}

// FuzzRevision appends a revision that defines two objects: what the page shows is never another with a signature that
// passes.
func FuzzRevision(f *testing.F) {
	roots, files, at := fixtures(f)
	file := files[0]
	page := pageText(file)
	if page == "" {
		f.Fatal("the fixture shows nothing")
	}
	for _, s := range []string{"<< /Type /Page /Parent 2 0 R >>", "null", "[]", stream("", "BT ET"), "<< /Type /Catalog /Pages 2 0 R >>", "<< /FT /Sig /T (x) >>", "<< /Type /Annot /Subtype /Stamp /Rect [0 0 600 800] >>"} {
		for n := range 6 {
			f.Add(uint16(n), s, uint16(n+1), "<< >>")
		}
	}
	f.Fuzz(func(t *testing.T, n uint16, object string, m uint16, other string) {
		if n == 0 || m == 0 || strings.Contains(object+other, "endobj") {
			return
		}
		b := update(t, file, map[int]string{int(n): object, int(m): other})
		r := judged(t, b, validation.Options{Roots: roots, Offline: true, At: at})
		if len(r.Signatures) > 0 && r.Signatures[0].Indication == validation.TotalPassed && pageText(b) != page {
			t.Fatalf("%d is %q, %d is %q: it passes, and the page is another", n, object, m, other)
		}
	})
}

// FuzzStore puts anything into a document security store: it can't make an untrusted signature pass.
func FuzzStore(f *testing.F) {
	_, files, at := fixtures(f)
	other := newRoot(f, p256(f))
	f.Add([]byte{0x30, 0}, []byte{0x30, 0x82, 1, 0}, []byte{})
	f.Add(other.cert.Raw, other.cert.Raw, other.cert.Raw)
	f.Fuzz(func(t *testing.T, certificate, response, list []byte) {
		b := update(t, files[0], map[int]string{
			1:   strings.Replace(letter()[1], "<<", "<< /DSS 900 0 R ", 1),
			900: "<< /Certs [901 0 R] /OCSPs [902 0 R] /CRLs [903 0 R] /VRI << /A << /Cert [901 0 R] /OCSP [902 0 R] /CRL [903 0 R] >> >> >>",
			901: stream("", string(certificate)), 902: stream("", string(response)), 903: stream("", string(list)),
		})
		r := judged(t, b, validation.Options{Roots: other.pool(), Offline: true, At: at})
		if len(r.Signatures) > 0 && r.Indication() == validation.TotalPassed {
			t.Fatal("a signature of a stranger passes")
		}
	})
}

// pageText is what the first page shows, as far as a later revision can change it.
func pageText(file []byte) string {
	p, err := pdf.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return ""
	}
	page, err := p.Page(1)
	if err != nil {
		return ""
	}
	shown := fmt.Sprint(page.Dict["MediaBox"], page.Dict["CropBox"], page.Dict["Rotate"])
	if content, err := p.Stream(page.Dict["Contents"]); err == nil && content != nil {
		data, _ := p.Data(content)
		shown += string(data)
	}
	return shown
}
