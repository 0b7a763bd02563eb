package reading_test

import (
	"bytes"
	"image"
	"image/png"
	"path/filepath"
	"testing"

	"sokyso/signer/preview"
	"sokyso/signer/reading"
)

// TestScanPlace: from the picture of a page alone the place is found where its text has it: it lies in the gap and
// covers no word. Of a page that has no such gap nothing is made up.
func TestScanPlace(t *testing.T) {
	v := newViewer(t)
	for _, name := range []string{"ke-hoach.pdf", "thong-bao.pdf", "quy-che.pdf", "du-thao.pdf", "du-thao-cham.pdf"} {
		file := preview.File{Path: filepath.Join("..", "..", "testdata", "pdf", name)}
		pages := wordsOf(t, v, file.Path)
		block := reading.Read(pages).Blocks[0]
		words := pages[block.Page-1]
		picture := pictureOf(t, v, file, block.Page)
		got, ok := reading.ScanPlace(picture, words.Page)
		if !ok {
			t.Errorf("%s: no place", name)
			continue
		}
		x, y := got.Center()
		if x < block.Gap.Left || x > block.Gap.Right || y < block.Gap.Bottom || y > block.Gap.Top {
			t.Errorf("%s: %v is not in the gap %v", name, got, block.Gap)
		}
		if covered := reading.Covered(words, got); len(covered) > 0 {
			t.Errorf("%s: it covers %v", name, covered)
		}
		wx, _ := block.Picture.Center()
		if x-wx > 20 || wx-x > 20 {
			t.Errorf("%s: its middle is at %.0f, that of the text's at %.0f", name, x, wx)
		}
	}
	for page := 1; page <= 3; page++ { // pages of text alone
		file := preview.File{Path: filepath.Join("..", "..", "testdata", "pdf", "quy-che-scan.pdf")}
		_, size, err := v.Picture(t.Context(), file, page, reading.ScanWidth)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := reading.ScanPlace(pictureOf(t, v, file, page), size); ok {
			t.Errorf("page %d of the scan: made up %v", page, got)
		}
	}
	if got, ok := reading.ScanPlace(image.NewGray(image.Rect(0, 0, 330, 467)), preview.Page{Width: 595, Height: 842}); ok {
		t.Errorf("a black page: %v", got)
	}
}

func pictureOf(t *testing.T, v *preview.Viewer, file preview.File, page int) image.Image {
	t.Helper()
	content, _, err := v.Picture(t.Context(), file, page, reading.ScanWidth)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
