package ink_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"sokyso/signer/ink"
)

// photo is a sheet in uneven, tinted light with noise, with a stroke of ink on it.
func photo(stroke color.NRGBA, on func(x, y int) bool) image.Image {
	const w, h = 900, 600
	noise := rand.New(rand.NewPCG(1, 2))
	picture := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			light := 0.55 + 0.4*float64(x)/w - 0.12*float64(y)/h // a window at the right
			paper := [3]float64{250 * light, 240 * light, 215 * light}
			if on(x, y) {
				paper = [3]float64{float64(stroke.R) * light, float64(stroke.G) * light, float64(stroke.B) * light}
			}
			for i := range paper {
				paper[i] = min(255, max(0, paper[i]+noise.NormFloat64()*4))
			}
			picture.SetNRGBA(x, y, color.NRGBA{uint8(paper[0]), uint8(paper[1]), uint8(paper[2]), 255})
		}
	}
	return picture
}

// wave is a curved stroke of 9 pixels from x 200 to 700, about y 300.
func wave(x, y int) bool {
	return x > 200 && x < 700 && math.Abs(float64(y)-300-60*math.Sin(float64(x)/40)) < 4.5
}

// ring is a seal's rim.
func ring(x, y int) bool {
	r := math.Hypot(float64(x)-450, float64(y)-300)
	return r > 150 && r < 165
}

func TestLift(t *testing.T) {
	for name, test := range map[string]struct {
		kind   ink.Kind
		stroke color.NRGBA
		on     func(x, y int) bool
		box    image.Point // about the size of what is drawn
		red    bool
	}{
		"signature in blue":  {ink.Signature, color.NRGBA{40, 50, 140, 255}, wave, image.Pt(500, 129), false},
		"signature in black": {ink.Signature, color.NRGBA{35, 35, 40, 255}, wave, image.Pt(500, 129), false},
		"seal":               {ink.Seal, color.NRGBA{215, 60, 60, 255}, ring, image.Pt(330, 330), true},
	} {
		t.Run(name, func(t *testing.T) {
			scan := photo(test.stroke, test.on)
			var encoded bytes.Buffer
			if err := jpeg.Encode(&encoded, scan, &jpeg.Options{Quality: 85}); err != nil {
				t.Fatal(err)
			}
			decoded, err := ink.Decode(encoded.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			lifted, err := ink.Lift(decoded, test.kind)
			if err != nil {
				t.Fatal(err)
			}
			size := lifted.Bounds().Size()
			if d := size.Sub(test.box); max(d.X, -d.X) > 25 || max(d.Y, -d.Y) > 25 {
				t.Errorf("cropped to %v, drawn was %v", size, test.box)
			}
			inked, clear := 0, 0
			for i := 3; i < len(lifted.Pix); i += 4 {
				switch {
				case lifted.Pix[i] > 200:
					inked++
				case lifted.Pix[i] < 20:
					clear++
				}
				if lifted.Pix[i] > 0 && (lifted.Pix[i-3] > lifted.Pix[i-1]) != test.red {
					t.Fatalf("ink has colour %v", lifted.Pix[i-3:i+1])
				}
			}
			all := len(lifted.Pix) / 4
			if inked < all/60 || clear < all/2 {
				t.Errorf("%d of %d pixels are ink, %d are clear", inked, all, clear)
			}
		})
	}
}

// TestBlackPrintIsNoSeal: letters under a seal stay on the paper.
func TestBlackPrintIsNoSeal(t *testing.T) {
	scan := photo(color.NRGBA{30, 30, 30, 255}, wave)
	if lifted, err := ink.Lift(scan, ink.Seal); !errors.Is(err, ink.ErrNoInk) {
		t.Errorf("black print became a seal of %v, %v", lifted.Bounds(), err)
	}
}

func TestNothingThere(t *testing.T) {
	blank := photo(color.NRGBA{}, func(int, int) bool { return false })
	for _, kind := range []ink.Kind{ink.Signature, ink.Seal} {
		if _, err := ink.Lift(blank, kind); !errors.Is(err, ink.ErrNoInk) {
			t.Errorf("%s of an empty sheet: %v", kind, err)
		}
	}
	if _, err := ink.Lift(blank, "stamp"); !errors.Is(err, ink.ErrKind) {
		t.Errorf("unknown kind: %v", err)
	}
}

// TestTransparentStays: what has no background already keeps its own pixels.
func TestTransparentStays(t *testing.T) {
	own := color.NRGBA{10, 200, 30, 180}
	picture := image.NewNRGBA(image.Rect(0, 0, 200, 100))
	for x := 50; x < 150; x++ {
		for y := 40; y < 60; y++ {
			picture.SetNRGBA(x, y, own)
		}
	}
	lifted, err := ink.Lift(picture, ink.Signature)
	if err != nil {
		t.Fatal(err)
	}
	if size := lifted.Bounds().Size(); size != image.Pt(104, 24) || lifted.NRGBAAt(52, 12) != own {
		t.Errorf("%v with %v in the middle", size, lifted.NRGBAAt(52, 12))
	}
}

func TestDecode(t *testing.T) {
	for name, content := range map[string][]byte{
		"nothing": nil, "text": []byte("no picture at all"), "a PNG cut short": []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00\x00\x00\x01\x00\x08\x06\x00\x00\x00"),
	} {
		if _, err := ink.Decode(content); !errors.Is(err, ink.ErrNoPicture) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// 60,000 x 60,000 pixels are told by a header of a few bytes.
	header := []byte("IHDR\x00\x00\xea\x60\x00\x00\xea\x60\x08\x06\x00\x00\x00")
	huge := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\r"), header...)
	huge = binary.BigEndian.AppendUint32(huge, crc32.ChecksumIEEE(header))
	if _, err := ink.Decode(huge); !errors.Is(err, ink.ErrTooLarge) {
		t.Errorf("a bomb: %v", err)
	}
}
