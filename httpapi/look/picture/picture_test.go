package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// A part of a picture keeps its size, the colours that it has most of, and nearly the others.
func TestKeep(t *testing.T) {
	shown := image.NewRGBA(image.Rect(0, 0, 200, 100))
	for y := range 100 {
		for x := range 200 {
			shown.Set(x, y, color.RGBA{R: uint8(x), G: uint8(y), B: 7, A: 255})
		}
	}
	bar := color.RGBA{R: 11, G: 79, B: 108, A: 255}
	for y := 20; y < 60; y++ {
		for x := range 200 {
			shown.Set(x, y, bar)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, shown); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := Keep(folder, "x", b.Bytes(), image.Rect(-5, 10, 100, 90)); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(folder, Folder, "x.png"))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if kept.Bounds() != image.Rect(0, 0, 100, 80) || color.RGBAModel.Convert(kept.At(50, 30)) != bar {
		t.Errorf("%v, %v", kept.Bounds(), kept.At(50, 30))
	}
	if r, g, _, _ := kept.At(90, 75).RGBA(); r>>8 < 70 || r>>8 > 110 || g>>8 < 65 || g>>8 > 105 {
		t.Errorf("a colour of many became %v", kept.At(90, 75))
	}
	if err := Keep(folder, "y", b.Bytes(), image.Rect(300, 0, 400, 50)); err == nil {
		t.Error("a part outside the picture is kept")
	}
}
