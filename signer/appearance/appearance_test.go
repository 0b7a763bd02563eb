package appearance_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"sokyso/signer/appearance"
	"sokyso/signer/pdf"
)

// page is an empty page; the appearance is put on it as a stamp.
const page = "%%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n" +
	"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %g %g] >>\nendobj\nxref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000058 00000 n \n0000000115 00000 n \n" +
	"trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"

// stamp draws the box on a page of its size and answers the file.
func stamp(t testing.TB, b appearance.Box) ([]byte, error) {
	t.Helper()
	width, height := b.Width, b.Height
	if b.Rotate%180 != 0 {
		width, height = height, width
	}
	head := fmt.Sprintf(page, width, height, 0)
	file := []byte(fmt.Sprintf(page, width, height, strings.Index(head, "xref")))
	f, err := pdf.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if reason, rebuilt := f.Rebuilt(); rebuilt {
		t.Fatal(reason)
	}
	u := pdf.NewUpdate(f)
	form, err := appearance.Draw(u, b)
	if err != nil {
		return nil, err
	}
	p, err := f.Page(1)
	if err != nil {
		t.Fatal(err)
	}
	p.Dict["Annots"] = pdf.Array{pdf.Dict{
		"Type": pdf.Name("Annot"), "Subtype": pdf.Name("Stamp"), "F": pdf.Integer(4), "AP": pdf.Dict{"N": form},
		"Rect": pdf.Array{pdf.Integer(0), pdf.Integer(0), pdf.Real(width), pdf.Real(height)},
	}}
	u.Set(p.Ref, p.Dict)
	tail, err := u.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return append(file, tail...), nil
}

func draw(t testing.TB, b appearance.Box) string {
	t.Helper()
	file, err := stamp(t, b)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "box.pdf")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if keep := os.Getenv("KEEP_DRAWINGS"); keep != "" { // to look at them
		_ = os.WriteFile(filepath.Join(keep, strings.ReplaceAll(t.Name(), "/", "_")+".pdf"), file, 0o600)
	}
	return path
}

func output(t testing.TB, name string, args ...string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("other readers judge on Linux")
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// seal is a red ring on transparent ground, as a scanned seal would be.
func seal(size int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			r := math.Hypot(float64(x-size/2), float64(y-size/2)) / float64(size/2)
			if r > 0.8 && r < 0.98 || r < 0.2 {
				m.SetNRGBA(x, y, color.NRGBA{220, 20, 30, 200})
			}
		}
	}
	return m
}

func encode(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var lines = []appearance.Line{
	{Text: "Nguyễn Văn Nghĩa (Hiệu trưởng)", Bold: true},
	{Text: "Trường Mầm non Hoa Sen, xã Đồng Tâm, tỉnh Ninh Bình"},
	{Text: "Thời gian ký: 2026-10-07T09:15:30+07:00", Size: 8},
}

func TestTextCanBeRead(t *testing.T) {
	for _, rotate := range []int{0, 90, 180, 270} {
		for name, b := range map[string]appearance.Box{
			"text":         {Width: 220, Height: 80, Lines: lines, Border: true},
			"image beside": {Width: 220, Height: 80, Lines: lines, Image: encode(t, seal(200))},
			"image behind": {Width: 220, Height: 80, Lines: lines, Image: encode(t, seal(200)), Behind: true, Border: true},
			"shrunk":       {Width: 110, Height: 30, Lines: lines},
		} {
			t.Run(fmt.Sprintf("%s/%d", name, rotate), func(t *testing.T) {
				b.Rotate = rotate
				path := draw(t, b)
				output(t, "qpdf", "--check", path)
				if rotate != 0 {
					return
				}
				got := strings.Join(strings.Fields(output(t, "pdftotext", path, "-")), " ")
				for _, l := range lines {
					if !strings.Contains(got, l.Text) {
						t.Errorf("text is %q, lacks %q", got, l.Text)
					}
				}
				if fonts := output(t, "pdffonts", path); !strings.Contains(fonts, "+LiberationSerif") || !strings.Contains(fonts, "yes yes yes") {
					t.Errorf("fonts:\n%s", fonts)
				}
			})
		}
	}
}

// TestAllVietnamese: every letter of Vietnamese is in both faces, also when typed with combining marks.
func TestAllVietnamese(t *testing.T) {
	var letters strings.Builder
	for _, vowel := range "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY" {
		for _, tone := range []string{"", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"} {
			letters.WriteString(string(vowel) + tone + " ")
		}
	}
	letters.WriteString("đ Đ – — “ ” ‘ ’ … • № ₫")
	for _, bold := range []bool{false, true} {
		file, err := stamp(t, appearance.Box{Width: 400, Height: 300, Lines: []appearance.Line{{Text: letters.String(), Bold: bold}}})
		if err != nil {
			t.Fatal(err)
		}
		if len(file) > 40_000 {
			t.Errorf("%d bytes", len(file))
		}
	}
}

func TestDrawIsDeterministic(t *testing.T) {
	box := appearance.Box{Width: 220, Height: 80, Lines: lines, Image: encode(t, seal(64))}
	form := func() []byte {
		b, err := stamp(t, box)
		if err != nil {
			t.Fatal(err)
		}
		return b[:bytes.LastIndex(b, []byte("trailer"))] // the trailer has a random ID
	}
	first := form()
	for range 3 {
		if !bytes.Equal(first, form()) {
			t.Fatal("two drawings of the same box differ")
		}
	}
}

func TestRefused(t *testing.T) {
	text := []appearance.Line{{Text: "Trường Mầm non Hoa Sen"}}
	huge := encode(t, image.NewGray(image.Rect(0, 0, 5000, 5000)))
	whole := encode(t, seal(50))
	for name, test := range map[string]struct {
		box  appearance.Box
		want error
	}{
		"no size":         {appearance.Box{Lines: text}, appearance.ErrBox},
		"not a number":    {appearance.Box{Width: math.NaN(), Height: 10}, appearance.ErrBox},
		"too small":       {appearance.Box{Width: 10, Height: 10, Lines: text}, appearance.ErrTooSmall},
		"thinner than 0":  {appearance.Box{Width: 3, Height: 10, Lines: text}, appearance.ErrTooSmall},
		"no picture":      {appearance.Box{Width: 90, Height: 90, Image: []byte("x")}, appearance.ErrImage},
		"cut picture":     {appearance.Box{Width: 90, Height: 90, Image: whole[:len(whole)/2]}, appearance.ErrImage},
		"too many pixels": {appearance.Box{Width: 90, Height: 90, Image: huge}, appearance.ErrImage},
	} {
		if _, err := stamp(t, test.box); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	_, err := stamp(t, appearance.Box{Width: 90, Height: 90, Lines: []appearance.Line{{Text: "Số 校"}}})
	if e, ok := errors.AsType[*appearance.GlyphError](err); !ok || e.Rune != '校' {
		t.Errorf("a letter without glyph: %v", err)
	}
}

// TestImages draws each kind of PNG and looks at the middle of the picture.
func TestImages(t *testing.T) {
	fill := func(m interface {
		image.Image
		Set(x, y int, c color.Color)
	}, c color.Color) image.Image {
		for y := range 16 {
			for x := range 16 {
				m.Set(x, y, c)
			}
		}
		return m
	}
	r := image.Rect(0, 0, 16, 16)
	half := color.NRGBA{200, 0, 0, 128}
	for name, test := range map[string]struct {
		image image.Image
		want  color.RGBA // on white
	}{
		"rgb":               {fill(image.NewNRGBA(r), color.NRGBA{10, 120, 240, 255}), color.RGBA{10, 120, 240, 255}},
		"rgb, half seen":    {fill(image.NewNRGBA(r), half), color.RGBA{227, 127, 127, 255}},
		"16 bit":            {fill(image.NewNRGBA64(r), half), color.RGBA{227, 127, 127, 255}},
		"16 bit, opaque":    {fill(image.NewRGBA64(r), color.NRGBA{10, 120, 240, 255}), color.RGBA{10, 120, 240, 255}},
		"gray":              {fill(image.NewGray(r), color.Gray{77}), color.RGBA{77, 77, 77, 255}},
		"gray, 16 bit":      {fill(image.NewGray16(r), color.Gray{77}), color.RGBA{77, 77, 77, 255}},
		"palette":           {fill(image.NewPaletted(r, color.Palette{color.White, color.NRGBA{10, 120, 240, 255}}), color.NRGBA{10, 120, 240, 255}), color.RGBA{10, 120, 240, 255}},
		"palette, clear":    {fill(image.NewPaletted(r, color.Palette{color.NRGBA{0, 0, 0, 0}, half}), half), color.RGBA{227, 127, 127, 255}},
		"nothing but clear": {image.NewNRGBA(r), color.RGBA{255, 255, 255, 255}},
	} {
		t.Run(name, func(t *testing.T) {
			path := draw(t, appearance.Box{Width: 40, Height: 40, Image: encode(t, test.image)})
			base := strings.TrimSuffix(path, ".pdf")
			output(t, "pdftoppm", "-png", "-r", "72", "-singlefile", path, base)
			b, err := os.ReadFile(base + ".png")
			if err != nil {
				t.Fatal(err)
			}
			m, err := png.Decode(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			red, green, blue, _ := m.At(20, 20).RGBA()
			got := [3]int{int(red >> 8), int(green >> 8), int(blue >> 8)}
			for i, want := range []uint8{test.want.R, test.want.G, test.want.B} {
				if d := got[i] - int(want); d < -2 || d > 2 {
					t.Fatalf("colour %v, want %v", got, test.want)
				}
			}
		})
	}
}

func BenchmarkDraw(b *testing.B) {
	for b.Loop() {
		if _, err := stamp(b, appearance.Box{Width: 220, Height: 80, Lines: lines}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestCode has a reader of others read the code off the paper, beside text and picture.
func TestCode(t *testing.T) {
	const address = "https://so.mnhoasen.edu.vn/check/s/01a21934-2b4b-7d09-ba5d-45a02993c3b3"
	lines := []appearance.Line{{Text: "Ký bởi: Nguyễn Văn Nghĩa"}, {Text: "Thời gian ký: 2026-10-07T09:15:00+07:00"}}
	for name, box := range map[string]appearance.Box{
		"text":          {Width: 220, Height: 60, Lines: lines, Border: true},
		"alone":         {Width: 110, Height: 48},
		"picture":       {Width: 200, Height: 70, Image: encode(t, seal(200))},
		"picture, text": {Width: 260, Height: 70, Image: encode(t, seal(200)), Lines: lines},
		"turned":        {Width: 220, Height: 60, Lines: lines, Rotate: 90},
		"archive":       {Width: 220, Height: 60, Lines: lines, Archive: appearance.Archive{}},
	} {
		t.Run(name, func(t *testing.T) {
			box.Code = address
			path := draw(t, box)
			base := strings.TrimSuffix(path, ".pdf")
			output(t, "pdftoppm", "-png", "-r", "300", "-singlefile", path, base)
			b, err := os.ReadFile(base + ".png")
			if err != nil {
				t.Fatal(err)
			}
			m, err := png.Decode(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			bitmap, err := gozxing.NewBinaryBitmapFromImage(m)
			if err != nil {
				t.Fatal(err)
			}
			code, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
			if err != nil || code.GetText() != address {
				t.Errorf("read %v: %v", code, err)
			}
		})
	}
	for _, box := range []appearance.Box{{Width: 300, Height: 40, Code: address}, {Width: 90, Height: 80, Lines: lines, Code: address}} {
		if _, err := stamp(t, box); !errors.Is(err, appearance.ErrTooSmall) {
			t.Errorf("%gx%g: %v", box.Width, box.Height, err)
		}
	}
}
