package appearance

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"sokyso/signer/pdf"
)

// Bounds on images: a signature's picture or a seal scanned at 1200 dpi stays well below them.
const (
	MaxImageBytes  = 16 << 20
	MaxImagePixels = 16 << 20
)

// ErrImage says that the image is no PNG that can be used.
var ErrImage = errors.New("image is not a usable PNG")

// picture is a decoded PNG in the form of PDF image samples.
type picture struct {
	width, height int
	gray          bool
	samples       []byte // 1 or 3 bytes a pixel
	alpha         []byte // 1 byte a pixel; nil when all is opaque
}

func decodePNG(b []byte) (*picture, error) {
	if len(b) > MaxImageBytes {
		return nil, fmt.Errorf("read image: %w: %d bytes, at most %d", ErrImage, len(b), MaxImageBytes)
	}
	// The header alone is read first: a small file can claim a huge picture.
	cfg, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("read image: %w: %w", ErrImage, err)
	}
	if cfg.Width <= 0 || cfg.Height <= 0 || int64(cfg.Width)*int64(cfg.Height) > MaxImagePixels {
		return nil, fmt.Errorf("read image: %w: %dx%d pixels, at most %d in all", ErrImage, cfg.Width, cfg.Height, MaxImagePixels)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("read image: %w: %w", ErrImage, err)
	}
	return convert(m), nil
}

// convert turns the picture into samples without alpha and an alpha plane.
func convert(m image.Image) *picture {
	size := m.Bounds()
	p := &picture{width: size.Dx(), height: size.Dy()}
	n := p.width * p.height
	switch m.(type) {
	case *image.Gray, *image.Gray16:
		p.gray = true
		p.samples = make([]byte, 0, n)
	default:
		p.samples = make([]byte, 0, 3*n)
	}
	alpha := make([]byte, 0, n)
	opaque := true
	pixel := pixels(m)
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			c := pixel(x, y)
			if p.gray {
				p.samples = append(p.samples, c.R)
			} else {
				p.samples = append(p.samples, c.R, c.G, c.B)
			}
			alpha = append(alpha, c.A)
			opaque = opaque && c.A == 0xff
		}
	}
	if !opaque {
		p.alpha = alpha
	}
	return p
}

// pixels answers a reader of single pixels without premultiplied alpha; the common kinds are read without an
// interface value for each pixel.
func pixels(m image.Image) func(x, y int) color.NRGBA {
	switch m := m.(type) {
	case *image.NRGBA:
		return m.NRGBAAt
	case *image.Gray:
		return func(x, y int) color.NRGBA {
			g := m.GrayAt(x, y).Y
			return color.NRGBA{g, g, g, 0xff}
		}
	case *image.NRGBA64:
		// Converted by hand: NRGBAModel would go through premultiplied values and change colours at low alpha.
		return func(x, y int) color.NRGBA {
			c := m.NRGBA64At(x, y)
			return color.NRGBA{byte(c.R >> 8), byte(c.G >> 8), byte(c.B >> 8), byte(c.A >> 8)}
		}
	case *image.Paletted:
		palette := make([]color.NRGBA, 256)
		for i, c := range m.Palette {
			palette[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
		}
		return func(x, y int) color.NRGBA { return palette[m.ColorIndexAt(x, y)] }
	}
	return func(x, y int) color.NRGBA { return color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA) }
}

// add adds the image and its mask to the update.
func (p *picture) add(u *pdf.Update, archive Archive) pdf.Ref {
	dict := func(bits int, space pdf.Object) pdf.Dict {
		return pdf.Dict{
			"Type": pdf.Name("XObject"), "Subtype": pdf.Name("Image"),
			"Width": pdf.Integer(p.width), "Height": pdf.Integer(p.height),
			"BitsPerComponent": pdf.Integer(bits), "ColorSpace": space,
		}
	}
	space := archive.rgb()
	if p.gray {
		space = archive.gray()
	}
	d := dict(8, space)
	switch {
	case p.alpha == nil:
	case archive.Opaque:
		mask := dict(1, nil)
		mask["ImageMask"] = true
		delete(mask, "ColorSpace")
		d["Mask"] = u.Add(compressed(mask, p.cutOut()))
	default:
		d["SMask"] = u.Add(compressed(dict(8, pdf.Name("DeviceGray")), p.alpha))
	}
	return u.Add(compressed(d, p.samples))
}
