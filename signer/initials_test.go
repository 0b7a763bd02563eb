package signer_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

func mustPages(t testing.TB, s string) signer.Pages {
	t.Helper()
	p, err := signer.ParsePages(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParsePages(t *testing.T) {
	for _, s := range []string{"", "0", "1-0", "3-1", "-2", "a", "1,,2", "1-2-3", "1;2", "99999999999999999999", "1-x"} {
		if p, err := signer.ParsePages(s); err == nil {
			t.Errorf("%q was taken for %v", s, p)
		}
	}
	for _, s := range []string{"all", " all ", "1", "1,3-5", "2 , 4-", "1-1"} {
		if p, err := signer.ParsePages(s); err != nil || !p.Given() {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// redPicture is an image of one colour.
func redPicture(t testing.TB) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 30, 20))
	for i := range m.Pix {
		m.Pix[i] = []byte{255, 0, 0, 255}[i%4]
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// book is a document of six pages: turned, cut, with annotations direct, indirect and shared, one page shown twice.
func book() []byte {
	objects := map[int]string{
		1:  "<< /Type /Catalog /Pages 2 0 R >>",
		2:  "<< /Type /Pages /Kids [10 0 R 11 0 R 12 0 R 13 0 R 14 0 R 11 0 R] /Count 6 /MediaBox [0 0 400 300] >>",
		9:  "<< /Title (So) >>",
		20: "[21 0 R]", 21: "<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] >>",
	}
	for i, page := range []string{"", "/Rotate 90 /Annots 20 0 R", "/Rotate 180 /Annots 20 0 R", "/Rotate 270 /CropBox [50 50 380 280]", "/Annots [21 0 R]"} {
		objects[10+i] = "<< /Type /Page /Parent 2 0 R " + page + " >>"
	}
	return build(objects)
}

// TestInitials draws initials on pages: the first has the signature, the others marks, and no other page anything.
func TestInitials(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		pages         string
		shown, stamps []int // pages from 1
	}{
		{"all", []int{1, 2, 3, 4, 5, 6}, []int{2, 3, 4, 5, 6}},
		{"2-3,5", []int{2, 3, 5, 6}, []int{3, 5}},
		{"4-", []int{2, 4, 5, 6}, []int{2, 5, 6}},
		{"3", []int{3}, nil},
	} {
		t.Run(test.pages, func(t *testing.T) {
			in := book()
			key := &countingKey{Signer: w.deputy.key}
			out, _ := w.sign(t, in, identity{key, w.deputy.chain}, signer.Options{
				Name: "Trần Thị Hòa", Reason: "Ký nháy",
				Visible: &signer.Visible{Pages: mustPages(t, test.pages), Rect: [4]float64{20, 30, 60, 40}, Image: redPicture(t)},
			})
			if key.calls != 1 || !bytes.HasPrefix(out, in) {
				t.Errorf("key used %d times", key.calls)
			}
			f := open(t, out)
			var stamps []int
			number := 0
			for page, err := range f.Pages() {
				if err != nil {
					t.Fatal(err)
				}
				number++
				list, err := f.Array(page.Dict["Annots"])
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range list {
					d, err := f.Dict(o)
					if err != nil {
						t.Fatal(err)
					}
					if d["Subtype"] == pdf.Name("Stamp") {
						stamps = append(stamps, number)
						if s, _ := d["Contents"].(pdf.String); s.Text() != "Ký nháy: Trần Thị Hòa" || d["F"] != pdf.Integer(4|64|128|512) {
							t.Errorf("page %d: %v", number, d)
						}
					}
				}
			}
			if fmt.Sprint(stamps) != fmt.Sprint(test.stamps) {
				t.Errorf("marks on pages %v, want %v", stamps, test.stamps)
			}
			path := writeFile(t, filepath.Join(t.TempDir(), "out.pdf"), out)
			red := color.NRGBA{255, 0, 0, 255}
			for n := 1; n <= 6; n++ {
				m := renderPage(t, path, n)
				at := color.NRGBAModel.Convert(m.At(50, m.Bounds().Dy()-50))
				if shown := at == color.Color(red); shown != slices.Contains(test.shown, n) {
					t.Errorf("page %d shows it: %t", n, shown)
				}
			}
			// A seal follows: the marks are covered, and allowed.
			sealed, _ := w.sign(t, out, w.seal, signer.Options{})
			if r := w.validate(t, sealed); r.Indication() != validation.TotalPassed || len(r.Signatures) != 2 {
				t.Errorf("%+v", r)
			}
			path = writeFile(t, path, sealed)
			checkPDFSig(t, w, path, 2)
			checkMutool(t, path, 2)
			checkQPDF(t, writeFile(t, filepath.Join(t.TempDir(), "in.pdf"), in), path)
		})
	}
}

// renderPage draws the part of a page that a reader shows, one pixel for a point.
func renderPage(t testing.TB, path string, page int) image.Image {
	t.Helper()
	base := filepath.Join(t.TempDir(), "page")
	mustRun(t, "pdftoppm", "-png", "-r", "72", "-cropbox", "-singlefile", "-f", fmt.Sprint(page), "-l", fmt.Sprint(page), path, base)
	b, err := os.ReadFile(base + ".png")
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestInitialsShareOnePicture: a hundred marks cost a hundred annotations, not a hundred pictures.
func TestInitialsShareOnePicture(t *testing.T) {
	w := newWorld(t)
	objects := map[int]string{1: "<< /Type /Catalog /Pages 2 0 R >>", 9: "<< /Title (So) >>"}
	var kids []string
	for n := 100; n < 200; n++ {
		objects[n] = "<< /Type /Page /Parent 2 0 R >>"
		kids = append(kids, fmt.Sprintf("%d 0 R", n))
	}
	objects[2] = "<< /Type /Pages /Kids [" + strings.Join(kids, " ") + "] /Count 100 /MediaBox [0 0 400 300] >>"
	in := bytes.Replace(build(objects), []byte("/Size 100"), []byte("/Size 200"), 1)
	opt := signer.Options{Visible: &signer.Visible{Pages: mustPages(t, "1"), Rect: [4]float64{20, 30, 60, 40}, Image: redPicture(t), Lines: []string{"Trần Thị Hòa"}}}
	one, _ := w.sign(t, in, w.deputy, opt)
	opt.Visible.Pages = mustPages(t, "all")
	all, _ := w.sign(t, in, w.deputy, opt)
	if more := (len(all) - len(one)) / 99; more > 400 {
		t.Errorf("%d bytes for a mark", more)
	}
}

// TestInitialsRefused: no mark is drawn that would harm a signature or does not fit its page, and the key is left alone.
func TestInitialsRefused(t *testing.T) {
	w := newWorld(t)
	signed, _ := w.sign(t, book(), w.principal, signer.Options{})
	for name, test := range map[string]struct {
		in    []byte
		pages string
		rect  [4]float64
		code  string
		on    string
	}{
		"signed":         {signed, "all", [4]float64{20, 30, 60, 40}, signer.CodeMarksForbidden, ""},
		"page 7 of 6":    {book(), "1,7", [4]float64{20, 30, 60, 40}, signer.CodeBadBox, ""},
		"pages from 7":   {book(), "7-", [4]float64{20, 30, 60, 40}, signer.CodeBadBox, ""},
		"off some pages": {book(), "1-2", [4]float64{330, 30, 60, 40}, signer.CodeBadBox, "2"},
	} {
		key := &countingKey{Signer: w.deputy.key}
		opt := signer.Options{Visible: &signer.Visible{Pages: mustPages(t, test.pages), Rect: test.rect, Image: redPicture(t)}}
		_, err := signer.Sign(t.Context(), bytes.NewReader(test.in), key, w.deputy.chain, opt)
		e, _ := errors.AsType[*signer.Error](err)
		if e == nil || e.Code != test.code || key.calls > 0 || e.Params["on"] != test.on {
			t.Errorf("%s: %v", name, err)
		}
	}
	// In one place a signed document can be initialled: that is a signature.
	out, _ := w.sign(t, signed, w.deputy, signer.Options{Visible: &signer.Visible{Pages: mustPages(t, "2"), Rect: [4]float64{20, 30, 60, 40}, Image: redPicture(t)}})
	if r := w.validate(t, out); r.Indication() != validation.TotalPassed {
		t.Errorf("%+v", r)
	}
}
