package appearance

import "sokyso/signer/pdf"

// Archive says what a document that claims PDF/A (ISO 19005) leaves to what is drawn on it. The zero value is a document
// that claims nothing.
type Archive struct {
	// Calibrated: colours do not depend on a device (ISO 19005-1 §6.2.3, 19005-2 §6.2.4), because the document does not
	// say which device's they are.
	Calibrated bool
	// Opaque: no transparency (ISO 19005-1 §6.4). An image is cut out by a mask with hard edges in place of a soft one.
	Opaque bool
	// AllGlyphs: the subset of a font lists its glyphs (CIDSet, ISO 19005-1 §6.3.5).
	AllGlyphs bool
}

// whitePoint is D65, that of sRGB.
var whitePoint = pdf.Array{pdf.Real(0.9505), pdf.Integer(1), pdf.Real(1.089)}

// rgb and gray are the colour spaces of samples: sRGB, as screens show it, where they are calibrated.
func (a Archive) rgb() pdf.Object {
	if !a.Calibrated {
		return pdf.Name("DeviceRGB")
	}
	return pdf.Array{pdf.Name("CalRGB"), pdf.Dict{
		"WhitePoint": whitePoint, "Gamma": pdf.Array{pdf.Real(2.2), pdf.Real(2.2), pdf.Real(2.2)},
		"Matrix": pdf.Array{pdf.Real(0.4124), pdf.Real(0.2126), pdf.Real(0.0193), pdf.Real(0.3576), pdf.Real(0.7152), pdf.Real(0.1192), pdf.Real(0.1805), pdf.Real(0.0722), pdf.Real(0.9505)},
	}}
}

func (a Archive) gray() pdf.Object {
	if !a.Calibrated {
		return pdf.Name("DeviceGray")
	}
	return pdf.Array{pdf.Name("CalGray"), pdf.Dict{"WhitePoint": whitePoint, "Gamma": pdf.Real(2.2)}}
}

// black are the operators that set black for filling or for lines, with what they need of the resources.
func (a Archive) black(resources pdf.Dict) (fill, stroke string) {
	if !a.Calibrated {
		return "0 g", "0 G"
	}
	resources["ColorSpace"] = pdf.Dict{"CS0": a.gray()}
	return "/CS0 cs 0 sc", "/CS0 CS 0 SC"
}

// cutOut turns the alpha plane into a mask of one bit a pixel, 1 where nothing is painted, and mixes half-seen colours
// with white, as they look on paper.
func (p *picture) cutOut() []byte {
	row := (p.width + 7) / 8
	mask := make([]byte, row*p.height)
	channels := len(p.samples) / (p.width * p.height)
	for i, alpha := range p.alpha {
		if alpha < 0x40 {
			mask[i/p.width*row+i%p.width/8] |= 0x80 >> (i % p.width % 8)
			continue
		}
		for c := range channels {
			s := &p.samples[i*channels+c]
			*s = byte((int(*s)*int(alpha) + 0xff*(0xff-int(alpha))) / 0xff)
		}
	}
	return mask
}
