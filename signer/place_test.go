package signer_test

import (
	"bytes"
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

// TestPlaceOnPage signs pages that are cut, turned and scaled, and looks for the picture where the reader sees it:
// left half red, right half blue, upper corner at the left green.
func TestPlaceOnPage(t *testing.T) {
	w := newWorld(t)
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
	for _, rotate := range []int{0, 90, 180, 270, -90, 450} {
		for _, unit := range []int{1, 2} {
			t.Run(fmt.Sprintf("%d/unit=%d", rotate, unit), func(t *testing.T) {
				in := build(document(map[int]string{
					3: fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [50 60 645 902] /CropBox [100 120 500 720] /Rotate %d /UserUnit %d >>", rotate, unit),
				}))
				const x, y, width, height = 30, 50, 80, 40
				out, _ := w.sign(t, in, w.deputy, signer.Options{Visible: &signer.Visible{Page: 1, Rect: [4]float64{x, y, width, height}, Image: picture.Bytes()}})
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
