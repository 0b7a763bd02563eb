package validation_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

type identity struct {
	key   crypto.Signer
	chain []*x509.Certificate
}

// world is a CA with its services on loopback.
type world struct {
	authority *authority.Authority
	roots     *x509.CertPool
}

var theWorld = sync.OnceValues(func() (*world, error) {
	a, err := authority.New(authority.Config{})
	if err != nil {
		return nil, err
	}
	w := &world{authority: a, roots: x509.NewCertPool()}
	w.roots.AddCert(a.Root())
	return w, nil
})

func newWorld(t testing.TB) *world {
	t.Helper()
	w, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) person(t testing.TB, s authority.Subject) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if s.CommonName == "" {
		s.CommonName = "Phạm Thu Hằng"
	}
	cert, err := w.authority.Issue(key.Public(), s)
	if err != nil {
		t.Fatal(err)
	}
	return identity{key, append([]*x509.Certificate{cert}, w.authority.Chain()...)}
}

func (w *world) sign(t testing.TB, in []byte, who identity, opt signer.Options) []byte {
	t.Helper()
	d, err := signer.Sign(context.Background(), bytes.NewReader(in), who.key, who.chain, opt)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := d.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (w *world) validate(t testing.TB, b []byte, opt validation.Options) *validation.Report {
	t.Helper()
	if opt.Roots == nil {
		opt.Roots = w.roots
	}
	r, err := validation.Validate(context.Background(), bytes.NewReader(b), int64(len(b)), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var offline = validation.Options{Offline: true}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "pdf", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// build makes a PDF of objects written by hand; object 1 is the catalog, object 9 the information.
func build(objects map[int]string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	return appendRevision(&b, objects, 100, -1)
}

// update appends a revision with these objects to a file.
func update(t testing.TB, file []byte, objects map[int]string) []byte {
	t.Helper()
	f, err := pdf.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	size, _ := f.Integer(f.Trailer()["Size"])
	revisions := f.Revisions()
	return appendRevision(bytes.NewBuffer(bytes.Clone(file)), objects, int(size), revisions[len(revisions)-1].StartXRef)
}

func appendRevision(b *bytes.Buffer, objects map[int]string, size int, prev int64) []byte {
	var numbers []int
	for n := range objects {
		numbers = append(numbers, n)
		size = max(size, n+1)
	}
	slices.Sort(numbers)
	offsets := map[int]int{}
	for _, n := range numbers {
		offsets[n] = b.Len()
		if objects[n] != "" {
			fmt.Fprintf(b, "%d 0 obj\n%s\nendobj\n", n, objects[n])
		}
	}
	at := b.Len()
	b.WriteString("xref\n")
	if prev < 0 {
		b.WriteString("0 1\n0000000000 65535 f \n")
	}
	for _, n := range numbers {
		if objects[n] == "" { // freed
			fmt.Fprintf(b, "%d 1\n%010d 00001 f \n", n, 0)
			continue
		}
		fmt.Fprintf(b, "%d 1\n%010d 00000 n \n", n, offsets[n])
	}
	fmt.Fprintf(b, "trailer\n<< /Size %d /Root 1 0 R /Info 9 0 R", size)
	if prev >= 0 {
		fmt.Fprintf(b, " /Prev %d", prev)
	}
	fmt.Fprintf(b, " >>\nstartxref\n%d\n%%%%EOF\n", at)
	return b.Bytes()
}

func stream(dict, data string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data)
}

// letter is a page with a form that has a text field, an empty signature field, and a page object that refers to an
// object that is not there.
func letter() map[int]string {
	return map[int]string{
		1:  "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /Metadata 13 0 R >>",
		2:  "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>",
		3:  "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots 16 0 R /Resources << /Font << /F1 7 0 R /F2 98 0 R >> >> >>",
		5:  stream("", "BT /F1 24 Tf 72 720 Td (Tra luong 5 trieu) Tj ET"),
		7:  "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		9:  "<< /Title (Thong bao) >>",
		10: "<< /Type /Annot /Subtype /Widget /FT /Tx /T (SoTien) /V (5) /Rect [10 10 90 30] /P 3 0 R >>",
		11: "<< /Fields [10 0 R 12 0 R] >>",
		12: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Duyet) /Rect [100 100 200 150] /P 3 0 R >>",
		13: stream("/Type /Metadata /Subtype /XML", "<x/>"),
		16: "[10 0 R 12 0 R]",
	}
}
