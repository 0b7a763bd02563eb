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
	"testing"

	"sokyso/signer"
	"sokyso/signer/validation"
)

// cornerPicture is an image with a red left half, a blue right half and a green upper corner at the left.
func cornerPicture(t testing.TB) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 40, 20))
	for y := range 20 {
		for x := range 40 {
			c := color.NRGBA{255, 0, 0, 255}
			switch {
			case x < 10 && y < 10:
				c = color.NRGBA{0, 255, 0, 255}
			case x >= 20:
				c = color.NRGBA{0, 0, 255, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, m); err != nil {
		t.Fatal(err)
	}
	return picture.Bytes()
}

// TestPlaceOnPage signs pages that are cut, turned and scaled, and looks for the picture where the reader sees it.
func TestPlaceOnPage(t *testing.T) {
	w := newWorld(t)
	picture := cornerPicture(t)
	for _, rotate := range []int{0, 90, 180, 270, -90, 450} {
		for _, unit := range []int{1, 2} {
			t.Run(fmt.Sprintf("%d/unit=%d", rotate, unit), func(t *testing.T) {
				in := build(document(map[int]string{
					3: fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [50 60 645 902] /CropBox [100 120 500 720] /Rotate %d /UserUnit %d >>", rotate, unit),
				}))
				const x, y, width, height = 30, 50, 80, 40
				out, _ := w.sign(t, in, w.deputy, signer.Options{Visible: &signer.Visible{Page: 1, Rect: [4]float64{x, y, width, height}, Image: picture}})
				if r := w.validate(t, out); r.Indication() != validation.TotalPassed {
					t.Fatalf("%+v", r)
				}
				path := writeFile(t, filepath.Join(t.TempDir(), "out.pdf"), out)
				page := render2(t, path)
				bottom := page.Bounds().Dy()
				// pdftoppm leaves UserUnit out: a point of the reader is half a pixel then.
				k := 1 / float64(unit)
				for _, p := range []struct {
					dx, dy float64
					want   color.NRGBA
				}{
					{10, 30, color.NRGBA{0, 255, 0, 255}}, {30, 10, color.NRGBA{255, 0, 0, 255}}, {70, 30, color.NRGBA{0, 0, 255, 255}},
					{-4, 20, color.NRGBA{255, 255, 255, 255}}, {84, 20, color.NRGBA{255, 255, 255, 255}},
					{40, -4, color.NRGBA{255, 255, 255, 255}}, {40, 44, color.NRGBA{255, 255, 255, 255}},
				} {
					px, py := int((x+p.dx)*k), bottom-int((y+p.dy)*k)
					if got := color.NRGBAModel.Convert(page.At(px, py)); got != p.want {
						t.Errorf("at %v,%v of the box: %v, want %v", p.dx, p.dy, got, p.want)
					}
				}
			})
		}
	}
}

// render2 draws the part of page 1 that a reader shows, one pixel for a unit.
func render2(t *testing.T, path string) image.Image {
	t.Helper()
	base := filepath.Join(t.TempDir(), "page")
	mustRun(t, "pdftoppm", "-png", "-r", "72", "-cropbox", "-singlefile", path, base)
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

// TestCheckBeforeTheKey: what can't be had is known without a key, by the code that signing would give; what can be had
// is signed after the check as without it.
func TestCheckBeforeTheKey(t *testing.T) {
	w := newWorld(t)
	plain := sample(t, "thong-bao.pdf")
	box := func(page int, image []byte, rect ...float64) *signer.Visible {
		return &signer.Visible{Page: page, Rect: [4]float64(rect), Image: image, Lines: []string{"Đã ký"}}
	}
	form := build(document(map[int]string{
		1:  "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [20 0 R 21 0 R] >> >>",
		20: "<< /FT /Sig /T (A) /Type /Annot /Subtype /Widget /Rect [10 10 200 80] /P 3 0 R >>",
		21: "<< /FT /Sig /T (B) >>",
	}))
	for name, test := range map[string]struct {
		in   []byte
		opt  signer.Options
		code string
	}{
		"invisible":              {plain, signer.Options{}, ""},
		"visible":                {plain, signer.Options{Visible: box(1, nil, 10, 10, 200, 80)}, ""},
		"in a field":             {form, signer.Options{Field: "A", Visible: box(1, nil, 0, 0, 0, 0)}, ""},
		"in a field nowhere yet": {form, signer.Options{Field: "B", Visible: box(1, nil, 10, 10, 200, 80)}, ""},
		"no such page":           {plain, signer.Options{Visible: box(70, nil, 10, 10, 200, 80)}, signer.CodeBadBox},
		"no page for the field":  {form, signer.Options{Field: "B", Visible: box(70, nil, 10, 10, 200, 80)}, signer.CodeBadBox},
		"off the page":           {plain, signer.Options{Visible: box(1, nil, 10, 10, 20000, 80)}, signer.CodeBadBox},
		"no image":               {plain, signer.Options{Visible: box(1, []byte("x"), 10, 10, 200, 80)}, signer.CodeBadImage},
		"no such field":          {plain, signer.Options{Field: "A"}, signer.CodeFieldNotFound},
		"a level to come":        {plain, signer.Options{Level: signer.LevelBLT}, signer.CodeLevelUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := signer.Prepare(t.Context(), bytes.NewReader(test.in))
			if err != nil {
				t.Fatal(err)
			}
			err = p.Check(test.opt)
			if signer.CodeOf(err) != test.code {
				t.Errorf("checked: %v", err)
			}
			if test.code == signer.CodeBadBox {
				e, _ := errors.AsType[*signer.Error](err)
				if e == nil || e.Params["pages"] == "" && e.Params["width"] == "" {
					t.Errorf("%+v does not say what would fit", e)
				}
			}
			d, err := p.Sign(t.Context(), w.deputy.key, w.deputy.chain, test.opt)
			if signer.CodeOf(err) != test.code {
				t.Errorf("signed: %v", err)
			}
			if err != nil {
				return
			}
			var out bytes.Buffer
			if _, err := d.WriteTo(&out); err != nil {
				t.Fatal(err)
			}
			if r := w.validate(t, out.Bytes()); r.Indication() != validation.TotalPassed {
				t.Errorf("%+v", r)
			}
		})
	}
}
