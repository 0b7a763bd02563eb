package signer_test

import (
	"bytes"
	"fmt"
	"image/color"
	"path/filepath"
	"slices"
	"testing"

	"sokyso/signer"
	"sokyso/signer/validation"
)

// TestFieldsOfOthers signs visibly in empty fields as other programs make them, and wants the picture on these pages
// and the signature found by readers as often as the field has widgets.
func TestFieldsOfOthers(t *testing.T) {
	w := newWorld(t)
	catalog := "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [40 0 R] >> >>"
	page := func(annots string) string {
		return "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots " + annots + " >>"
	}
	const rect = "/Rect [60 500 260 560]"
	for _, test := range []struct {
		name    string
		objects map[int]string
		field   string
		shown   []int // pages
		widgets int
		code    string
	}{
		{"merged", map[int]string{3: page("[40 0 R]"), 40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) " + rect + " /P 3 0 R >>"}, "B", []int{1}, 1, ""},
		{"widget apart", map[int]string{3: page("[41 0 R]"), 40: "<< /FT /Sig /T (B) /Kids [41 0 R] >>",
			41: "<< /Type /Annot /Subtype /Widget /Parent 40 0 R " + rect + " /P 3 0 R >>"}, "B", []int{1}, 1, ""},
		{"two widgets", map[int]string{3: page("[41 0 R]"), 4: page("43 0 R"), 43: "[42 0 R]", 40: "<< /FT /Sig /T (B) /Kids [41 0 R 42 0 R] >>",
			41: "<< /Type /Annot /Subtype /Widget /Parent 40 0 R " + rect + " >>",
			42: "<< /Type /Annot /Subtype /Widget /Parent 40 0 R " + rect + " >>"}, "B", []int{1, 2}, 2, ""},
		{"one of two widgets empty", map[int]string{3: page("[41 0 R]"), 4: page("[42 0 R]"), 40: "<< /FT /Sig /T (B) /Kids [41 0 R 42 0 R] >>",
			41: "<< /Type /Annot /Subtype /Widget /Parent 40 0 R /Rect [0 0 0 0] >>",
			42: "<< /Type /Annot /Subtype /Widget /Parent 40 0 R " + rect + " >>"}, "B", []int{2}, 2, ""},
		{"type from above", map[int]string{3: page("[42 0 R]"), 40: "<< /FT /Sig /T (A) /Kids [41 0 R] >>",
			41: "<< /T (B) /Parent 40 0 R /Kids [42 0 R] >>",
			42: "<< /Type /Annot /Subtype /Widget /Parent 41 0 R " + rect + " >>"}, "A.B", []int{1}, 1, ""},
		{"on no page but names one", map[int]string{40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) " + rect + " /P 4 0 R >>"}, "B", []int{2}, 1, ""},
		{"on no page and names none", map[int]string{40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) " + rect + " >>"}, "B", []int{1}, 1, ""},
		{"names another page than it is on", map[int]string{4: page("[40 0 R]"), 40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) " + rect + " /P 3 0 R >>"}, "B", []int{2}, 1, ""},
		{"hidden", map[int]string{3: page("[40 0 R]"), 40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) /F 2 " + rect + " >>"}, "B", []int{1}, 1, ""},
		{"with an appearance and a state", map[int]string{3: page("[40 0 R]"), 40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) /AS /Off /AP << /N << /Off 8 0 R >> >> " + rect + " >>",
			8: "<< /Type /XObject /Subtype /Form /BBox [0 0 1 1] /Length 0 >>\nstream\n\nendstream"}, "B", []int{1}, 1, ""},
		{"corners turned round, by reference", map[int]string{3: page("[40 0 R]"), 40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) /Rect 8 0 R >>",
			8: "[260 560 60 500]"}, "B", []int{1}, 1, ""},
		{"no rectangle", map[int]string{3: page("[40 0 R]"), 40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) /Rect [0 0 0 0] >>"}, "B", nil, 1, signer.CodeBadBox},
		{"a direct object", map[int]string{1: "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [<< /FT /Sig /T (B) >>] >> >>"}, "B", nil, 0, signer.CodeDamagedPDF},
	} {
		t.Run(test.name, func(t *testing.T) {
			objects := map[int]string{1: catalog}
			for n, o := range test.objects {
				objects[n] = o
			}
			in := build(document(objects))
			opt := signer.Options{Field: test.field, Visible: &signer.Visible{Image: redPicture(t)}}
			d, err := signer.Sign(t.Context(), bytes.NewReader(in), w.deputy.key, w.deputy.chain, opt)
			if signer.CodeOf(err) != test.code {
				t.Fatalf("%v, want %q", err, test.code)
			}
			if err != nil {
				return
			}
			var out bytes.Buffer
			if _, err := d.WriteTo(&out); err != nil {
				t.Fatal(err)
			}
			path := writeFile(t, filepath.Join(t.TempDir(), "out.pdf"), out.Bytes())
			for n := 1; n <= 2; n++ {
				m := renderPage(t, path, n)
				at := color.NRGBAModel.Convert(m.At(160, m.Bounds().Dy()-530))
				if shown := at == color.Color(color.NRGBA{255, 0, 0, 255}); shown != slices.Contains(test.shown, n) {
					t.Errorf("page %d shows it: %t", n, shown)
				}
			}
			if test.widgets == 1 {
				checkPDFSig(t, w, path, 1)
			}
			checkMutool(t, path, test.widgets)
			checkQPDF(t, writeFile(t, filepath.Join(t.TempDir(), "in.pdf"), in), path)
			// The seal in a field of its own.
			sealed, _ := w.sign(t, out.Bytes(), w.seal, signer.Options{})
			r := w.validate(t, sealed)
			if r.Indication() != validation.TotalPassed || len(r.Signatures) != 2 || r.Signatures[0].LaterChanges != validation.ChangesPermitted {
				t.Errorf("%+v", r)
			}
			// And the other way round: what was signed before allows all that signing in the field changes.
			before, _ := w.sign(t, in, w.seal, signer.Options{})
			both, _ := w.sign(t, before, w.deputy, opt)
			if r := w.validate(t, both); r.Indication() != validation.TotalPassed || len(r.Signatures) != 2 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestNamesNeverCollide: whatever names a form has, a new field gets one that no field, group or other field's prefix
// has.
func TestNamesNeverCollide(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct{ field, want string }{
		{"<< /FT /Tx /T (Signature1) >>", "Signature2"},
		{"<< /T (Signature1) /Kids [41 0 R] >>", "Signature2"},
		{"<< /T (Signature1.x) /FT /Tx >>", "Signature2"},
		{"<< /T (signature1) /FT /Tx >>", "Signature1"},
		{"<< /T <FEFF005300690067006E00610074007500720065 0031> /FT /Tx >>", "Signature2"},
	} {
		in := build(document(map[int]string{
			1:  "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [40 0 R] >> >>",
			40: test.field, 41: "<< /T (B) /FT /Tx /Parent 40 0 R >>",
		}))
		out, d := w.sign(t, in, w.deputy, signer.Options{})
		if d.Field() != test.want {
			t.Errorf("%s: the new one is called %s", test.field, d.Field())
		}
		if _, d = w.sign(t, out, w.seal, signer.Options{}); d.Field() == test.want {
			t.Errorf("%s: both are called %s", test.field, test.want)
		}
	}
}

// TestXFA: a static XFA form is signed like any other, a dynamic one too, with a note; the XFA stays in both.
func TestXFA(t *testing.T) {
	w := newWorld(t)
	const xfa = "/XFA [(xdp:xdp) 12 0 R]"
	stream := "<< /Length 3 >>\nstream\n<a>\nendstream"
	for _, test := range []struct {
		name, catalog string
		note          bool
	}{
		{"static", "/AcroForm << /Fields [10 0 R] " + xfa + " >>", false},
		{"dynamic", "/NeedsRendering true /AcroForm << /Fields [10 0 R] " + xfa + " >>", true},
		{"dynamic without fields", "/AcroForm << /Fields [] " + xfa + " >>", true},
		{"no XFA", "/NeedsRendering true /AcroForm << /Fields [10 0 R] /NeedAppearances true >>", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := build(document(map[int]string{1: "<< /Type /Catalog /Pages 2 0 R " + test.catalog + " >>", 10: textField, 12: stream}))
			out, d := w.sign(t, in, w.deputy, signer.Options{})
			if noted := slices.Contains(d.Notes(), signer.NoteDynamicXFA); noted != test.note {
				t.Errorf("notes %v", d.Notes())
			}
			before, after := open(t, in), open(t, out)
			was, _ := before.Dict(catalog(t, before)["AcroForm"])
			now, _ := after.Dict(catalog(t, after)["AcroForm"])
			compareDict(t, "form", was, now, "Fields", "SigFlags")
			compareDict(t, "catalog", catalog(t, before), catalog(t, after), "AcroForm")
			out, _ = w.sign(t, out, w.seal, signer.Options{})
			if r := w.validate(t, out); r.Indication() != validation.TotalPassed || len(r.Signatures) != 2 {
				t.Errorf("%+v", r)
			}
			path := writeFile(t, filepath.Join(t.TempDir(), "out.pdf"), out)
			checkPDFSig(t, w, path, 2)
			checkMutool(t, path, 2)
			checkQPDF(t, writeFile(t, filepath.Join(t.TempDir(), "in.pdf"), in), path)
		})
	}
}

// TestUprightInField: in the field of a turned page the picture stands as the reader sees it, whatever the page's
// rotation, cut and unit.
func TestUprightInField(t *testing.T) {
	w := newWorld(t)
	for _, rotate := range []int{0, 90, 180, 270} {
		in := build(document(map[int]string{
			1: "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [40 0 R] >> >>",
			2: fmt.Sprintf("<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [50 60 645 902] /CropBox [100 120 500 720] /Rotate %d >>", rotate),
			3: "<< /Type /Page /Parent 2 0 R /Annots [40 0 R] >>", 4: "<< /Type /Page /Parent 2 0 R >>",
			40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) /Rect [200 300 280 380] >>",
		}))
		out, _ := w.sign(t, in, w.deputy, signer.Options{Field: "B", Visible: &signer.Visible{Image: cornerPicture(t)}})
		m := renderPage(t, writeFile(t, filepath.Join(t.TempDir(), "out.pdf"), out), 1)
		// The square 100..180 by 180..260 of the page as it is cut, turned clockwise.
		corner := map[int][2]int{0: {100, 180}, 90: {180, 220}, 180: {220, 340}, 270: {340, 100}}[rotate]
		x, y := corner[0], corner[1]
		for _, p := range []struct {
			dx, dy int
			want   color.NRGBA
		}{{10, 50, color.NRGBA{0, 255, 0, 255}}, {60, 50, color.NRGBA{0, 0, 255, 255}}, {10, 30, color.NRGBA{255, 0, 0, 255}}, {60, 30, color.NRGBA{0, 0, 255, 255}}} {
			if got := color.NRGBAModel.Convert(m.At(x+p.dx, m.Bounds().Dy()-(y+p.dy))); got != color.Color(p.want) {
				t.Errorf("rotated by %d, at %d,%d of the box: %v, want %v", rotate, p.dx, p.dy, got, p.want)
			}
		}
	}
}
