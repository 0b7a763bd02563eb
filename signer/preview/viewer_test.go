package preview_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sokyso/signer/preview"
)

func TestWords(t *testing.T) {
	v := newViewer(t)
	upright, err := v.Words(t.Context(), sample("ke-hoach.pdf"), 1)
	if err != nil {
		t.Fatal(err)
	}
	turned, err := v.Words(t.Context(), sample("ke-hoach-xoay.pdf"), 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(upright.Words) < 100 || len(turned.Words) != len(upright.Words) {
		t.Fatalf("%d and %d words", len(upright.Words), len(turned.Words))
	}
	if turned.Page.Width != upright.Page.Height || turned.Page.Height != upright.Page.Width {
		t.Errorf("sizes %+v and %+v", upright.Page, turned.Page)
	}
	// The same page, /Rotate 90: what is up is at the right.
	for i, w := range upright.Words {
		got := turned.Words[i]
		want := preview.Word{Text: w.Text, Left: w.Bottom, Right: w.Top, Bottom: upright.Page.Width - w.Right, Top: upright.Page.Width - w.Left}
		if got.Text != want.Text || got.Turn != 270 || !near(got.Left, want.Left) || !near(got.Right, want.Right) || !near(got.Bottom, want.Bottom) || !near(got.Top, want.Top) || !near(got.Base, w.Base) {
			t.Fatalf("word %d is %+v, want %+v", i, got, want)
		}
	}
	bold := map[string]bool{}
	for _, w := range upright.Words {
		bold[w.Text] = bold[w.Text] || w.Bold
	}
	if !bold["HOẠCH"] || bold["UBND"] {
		t.Error("bold is not told from plain")
	}
}

func near(a, b float64) bool { return a-b < 0.05 && b-a < 0.05 }

// TestPicture: ink is where the text is, on an upright and on a turned page.
func TestPicture(t *testing.T) {
	v := newViewer(t)
	for _, name := range []string{"ke-hoach.pdf", "ke-hoach-xoay.pdf", "quy-che-scan.pdf"} {
		t.Run(name, func(t *testing.T) {
			encoded, page, err := v.Picture(t.Context(), sample(name), 1, 800)
			if err != nil {
				t.Fatal(err)
			}
			drawn, err := png.Decode(bytes.NewReader(encoded))
			if err != nil {
				t.Fatal(err)
			}
			size := drawn.Bounds().Size()
			if size.X != 800 || !near(float64(size.Y), float64(int(800*page.Height/page.Width+0.5))) {
				t.Errorf("picture is %v, page %+v", size, page)
			}
			words, err := v.Words(t.Context(), sample(name), 1)
			if err != nil {
				t.Fatal(err)
			}
			scale := 800 / page.Width
			for _, w := range words.Words {
				box := image.Rect(int(w.Left*scale), int((page.Height-w.Top)*scale), int(w.Right*scale)+1, int((page.Height-w.Bottom)*scale)+1)
				if !inked(drawn, box) {
					t.Errorf("no ink at %q %v", w.Text, box)
				}
			}
			if !inked(drawn, drawn.Bounds()) {
				t.Error("the picture is empty")
			}
		})
	}
}

// TestSignatureIsDrawn: the picture of a signature field is on the page.
func TestSignatureIsDrawn(t *testing.T) {
	path := write(t, "signed.pdf", []byte("%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/SigFlags 3>>>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"+
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Annots[4 0 R]>>endobj\n"+
		"4 0 obj<</Type/Annot/Subtype/Widget/FT/Sig/T(a)/F 132/P 3 0 R/Rect[300 400 400 500]/AP<</N 5 0 R>>>>endobj\n"+
		"5 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 100 100]/Length 20>>stream\n0 0 100 100 re f    \nendstream endobj\ntrailer<</Root 1 0 R>>\n"))
	encoded, _, err := newViewer(t).Picture(t.Context(), preview.File{Path: path}, 1, 600)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := png.Decode(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	if !inked(drawn, image.Rect(310, 310, 390, 390)) || inked(drawn, image.Rect(0, 0, 290, 790)) {
		t.Error("the signature's picture is not where its field is")
	}
}

func inked(drawn image.Image, box image.Rectangle) bool {
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			if r, _, _, _ := drawn.At(x, y).RGBA(); r < 0xC000 {
				return true
			}
		}
	}
	return false
}

func TestRefused(t *testing.T) {
	v := newViewer(t)
	for _, test := range []struct {
		file preview.File
		page int
		want error
	}{
		{sample("ke-hoach.pdf"), 2, preview.ErrNoPage},
		{sample("ke-hoach.pdf"), 0, preview.ErrNoPage},
		{sample("not-a-pdf.pdf"), 1, preview.ErrDamaged},
		{sample("encrypted-aes-256-password.pdf"), 1, preview.ErrPassword},
	} {
		if _, err := v.Words(t.Context(), test.file, test.page); !errors.Is(err, test.want) {
			t.Errorf("%s page %d: %v, want %v", test.file.Path, test.page, err, test.want)
		}
	}
	if _, err := v.Pages(t.Context(), sample("no-such-file.pdf")); err == nil {
		t.Error("a file that is not there was counted")
	}
	if _, _, err := v.Picture(t.Context(), preview.File{Path: strip(t)}, 1, 800); !errors.Is(err, preview.ErrTooLarge) {
		t.Errorf("a page of one to a million: %v", err)
	}
	// Whatever came before, the next one works.
	if count, err := v.Pages(t.Context(), sample("quy-che.pdf")); err != nil || count != 4 {
		t.Errorf("%d pages, %v", count, err)
	}
}

// strip is a PDF whose page is very high.
func strip(t *testing.T) string {
	t.Helper()
	return write(t, "strip.pdf", []byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"+
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 10 1000000]>>endobj\ntrailer<</Root 1 0 R>>\n"))
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestChangedFile: what is shown is what stands on the disk now.
func TestChangedFile(t *testing.T) {
	v := newViewer(t)
	path := filepath.Join(t.TempDir(), "paper.pdf")
	for _, test := range []struct {
		name  string
		pages int
	}{{"ke-hoach.pdf", 1}, {"quy-che.pdf", 4}} {
		content, err := os.ReadFile(sample(test.name).Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if count, err := v.Pages(t.Context(), preview.File{Path: path}); err != nil || count != test.pages {
			t.Errorf("%s: %d pages, %v", test.name, count, err)
		}
	}
}

// TestEndlessPage: a page that takes for ever ends at the deadline or when PDFium has no more memory, whatever comes
// first, and the next file is shown.
func TestEndlessPage(t *testing.T) {
	v := preview.New(preview.Config{CacheDir: cacheDir(), Timeout: 2 * time.Second})
	defer v.Close()
	if err := v.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _, err := v.Picture(t.Context(), preview.File{Path: nested(t)}, 1, 2000)
	if !errors.Is(err, preview.ErrTooSlow) && !errors.Is(err, preview.ErrCrashed) {
		t.Errorf("%v, want %v or %v", err, preview.ErrTooSlow, preview.ErrCrashed)
	}
	if count, err := v.Pages(t.Context(), sample("quy-che.pdf")); err != nil || count != 4 {
		t.Errorf("then %d pages, %v", count, err)
	}
}

// nested draws a form that draws ten forms that draw ten forms, and so on.
func nested(t *testing.T) string {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 10 0 R/Resources<</XObject<</F 10 0 R>>>>>>endobj\n")
	const depth = 9
	for i := range depth {
		content := bytes.Repeat([]byte("/F Do\n"), 10)
		if i == depth-1 {
			content = []byte("0 0 600 800 re f\n")
		}
		fmt.Fprintf(&b, "%d 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</XObject<</F %d 0 R>>>>/Length %d>>stream\n%sendstream endobj\n",
			10+i, 11+i, len(content), content)
	}
	b.WriteString("trailer<</Root 1 0 R>>\n")
	return write(t, "nested.pdf", b.Bytes())
}

func TestGivenUp(t *testing.T) {
	v := newViewer(t)
	if err := v.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	if _, _, err := v.Picture(ctx, preview.File{Path: nested(t)}, 1, 2000); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	v.Close()
	if _, err := v.Pages(t.Context(), sample("quy-che.pdf")); !errors.Is(err, preview.ErrClosed) {
		t.Errorf("%v, want %v", err, preview.ErrClosed)
	}
}

// BenchmarkPicture draws a page of text and one of a scan, beside decoding the same PNG again.
func BenchmarkPicture(b *testing.B) {
	v := newViewer(b)
	for _, name := range []string{"quy-che.pdf", "quy-che-scan.pdf"} {
		b.Run(name, func(b *testing.B) {
			var encoded []byte
			for b.Loop() {
				var err error
				if encoded, _, err = v.Picture(b.Context(), sample(name), 1, 1000); err != nil {
					b.Fatal(err)
				}
			}
			start := time.Now()
			for range 10 {
				if _, err := png.Decode(bytes.NewReader(encoded)); err != nil {
					b.Fatal(err)
				}
			}
			decode := time.Since(start) / 10
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(decode), "x-png-decode")
		})
	}
}
