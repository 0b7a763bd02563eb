package ink

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // photos
	"image/png"
	"math"
)

// Kind says what the ink draws, and so which colour it gets.
type Kind string

const (
	Signature Kind = "signature" // blue
	Seal      Kind = "seal"      // red
)

// Errors of Lift and Decode.
var (
	ErrNoPicture = errors.New("no PNG or JPEG picture")
	ErrTooLarge  = errors.New("the picture is too large")
	ErrNoInk     = errors.New("there is no ink on the paper")
	ErrKind      = errors.New("unknown kind of ink")
)

const (
	// MaxPixels bounds what is decoded: a phone's photo has up to 50 million.
	MaxPixels = 64 << 20
	// workSide is the longer side in pixels that larger pictures are brought to: a seal of 36 mm at 1,100 dpi.
	workSide = 1600
)

// colours of the ink by kind.
var colours = map[Kind]color.NRGBA{
	Signature: {R: 0x12, G: 0x2F, B: 0x9E},
	Seal:      {R: 0xD0, G: 0x14, B: 0x1E},
}

// Decode reads a PNG or JPEG within MaxPixels.
func Decode(encoded []byte) (image.Image, error) {
	config, _, err := image.DecodeConfig(bytes.NewReader(encoded))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	if config.Width < 8 || config.Height < 8 {
		return nil, fmt.Errorf("%w: %d x %d pixels", ErrNoPicture, config.Width, config.Height)
	}
	if config.Width*config.Height > MaxPixels {
		return nil, fmt.Errorf("%w: %d x %d pixels", ErrTooLarge, config.Width, config.Height)
	}
	picture, _, err := image.Decode(bytes.NewReader(encoded))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	return picture, nil
}

// Lift takes the ink off the paper: a picture cropped to it, transparent where the paper was. One that is transparent
// already is only cropped.
func Lift(picture image.Image, kind Kind) (*image.NRGBA, error) {
	colour, known := colours[kind]
	if !known {
		return nil, fmt.Errorf("%w: %s", ErrKind, kind)
	}
	if transparent(picture) {
		return cropped(toNRGBA(picture))
	}
	small := reduced(picture)
	cover := covers(small, kind)
	out := image.NewNRGBA(small.Bounds())
	for i, c := range cover {
		out.Pix[4*i], out.Pix[4*i+1], out.Pix[4*i+2], out.Pix[4*i+3] = colour.R, colour.G, colour.B, c
	}
	return cropped(out)
}

// Encode writes a PNG.
func Encode(picture image.Image) ([]byte, error) {
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, picture); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return out.Bytes(), nil
}

// transparent says that somebody has taken the background away: a tenth of the picture or more shows nothing.
func transparent(picture image.Image) bool {
	if opaque, ok := picture.(interface{ Opaque() bool }); ok && opaque.Opaque() {
		return false
	}
	b := picture.Bounds()
	clear, all := 0, 0
	for y := b.Min.Y; y < b.Max.Y; y += 1 + b.Dy()/200 {
		for x := b.Min.X; x < b.Max.X; x += 1 + b.Dx()/200 {
			all++
			if _, _, _, a := picture.At(x, y).RGBA(); a < 0x1000 {
				clear++
			}
		}
	}
	return clear*10 > all
}

func toNRGBA(picture image.Image) *image.NRGBA {
	b := picture.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			out.Set(x, y, picture.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return out
}

// reduced brings the longer side to workSide by averaging, which also takes away a camera's noise.
func reduced(picture image.Image) *image.NRGBA {
	b := picture.Bounds()
	step := max(1, int(math.Ceil(float64(max(b.Dx(), b.Dy()))/workSide)))
	w, h := max(1, b.Dx()/step), max(1, b.Dy()/step)
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	n := uint32(step * step)
	for y := range h {
		for x := range w {
			var r, g, bl uint32
			for dy := range step {
				for dx := range step {
					pr, pg, pb, _ := picture.At(b.Min.X+x*step+dx, b.Min.Y+y*step+dy).RGBA()
					r, g, bl = r+pr>>8, g+pg>>8, bl+pb>>8
				}
			}
			out.SetNRGBA(x, y, color.NRGBA{uint8(r / n), uint8(g / n), uint8(bl / n), 255})
		}
	}
	return out
}

// cropped cuts to what is seen and a little margin.
func cropped(picture *image.NRGBA) (*image.NRGBA, error) {
	box := inkBox(picture)
	if box.Empty() {
		return nil, ErrNoInk
	}
	box = box.Inset(-max(2, min(box.Dx(), box.Dy())/50)).Intersect(picture.Bounds())
	out := image.NewNRGBA(image.Rect(0, 0, box.Dx(), box.Dy()))
	for y := range box.Dy() {
		from := picture.PixOffset(box.Min.X, box.Min.Y+y)
		copy(out.Pix[out.PixOffset(0, y):], picture.Pix[from:from+4*box.Dx()])
	}
	return out, nil
}

// inkBox is around all rows and columns with some ink; single dots of dirt do not count.
func inkBox(picture *image.NRGBA) image.Rectangle {
	b := picture.Bounds()
	rows, columns := make([]int, b.Dy()), make([]int, b.Dx())
	for y := range rows {
		for x := range columns {
			if picture.Pix[picture.PixOffset(x, y)+3] > 96 {
				rows[y]++
				columns[x]++
			}
		}
	}
	top, bottom := inkRange(rows)
	left, right := inkRange(columns)
	return image.Rect(left, top, right, bottom)
}

// inkRange is the range of the lines that have ink, but for thin ones far from the rest.
func inkRange(counts []int) (from, to int) {
	all := 0
	for _, c := range counts {
		all += c
	}
	// A thousandth of the ink on either side may be dirt.
	dirt := all / 1000
	for from, to = 0, len(counts); from < to && counts[from] == 0; from++ {
	}
	for ; to > from && counts[to-1] == 0; to-- {
	}
	for sum := 0; from < to && sum+counts[from] <= dirt; from++ {
		sum += counts[from]
	}
	for sum := 0; to > from && sum+counts[to-1] <= dirt; to-- {
		sum += counts[to-1]
	}
	return from, to
}
