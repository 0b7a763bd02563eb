package appearance

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"

	"sokyso/signer/pdf"
)

// MinSize is the smallest text size in points that Draw shrinks text to before it gives up.
const MinSize = 3.0

// DefaultSize is the text size in points of a Line that names none.
const DefaultSize = 10.0

// padding is the free space in points between the box's edge and what is in it.
const padding = 2.0

// ErrTooSmall says that the text does not fit into the box even at MinSize.
var ErrTooSmall = errors.New("text does not fit into the box")

// ErrBox says that the box has no usable size.
var ErrBox = errors.New("box has no usable size")

// Box is what is to be drawn. Width and Height are in points as the reader sees them.
type Box struct {
	Width, Height float64
	Lines         []Line
	Image         []byte // a PNG; nil for none
	Behind        bool   // the image fills the box behind the text instead of standing at its left
	Border        bool   // a thin line around the box
	Code          string // what a QR code at the right says; "" for none
	Archive       Archive
	Rotate        int // the page's /Rotate: the appearance is turned so that it stands upright on that page
}

// Line is one paragraph; it is wrapped at the box's width.
type Line struct {
	Text string
	Size float64 // points; 0 means DefaultSize
	Bold bool
}

// Draw adds the appearance of b to the update and answers the form XObject's reference.
func Draw(u *pdf.Update, b Box) (pdf.Ref, error) {
	if !(b.Width > 0 && b.Height > 0) || b.Width > 14400 || b.Height > 14400 {
		return pdf.Ref{}, fmt.Errorf("draw appearance %gx%g pt: %w", b.Width, b.Height, ErrBox)
	}
	var content bytes.Buffer
	resources := pdf.Dict{}
	fill, stroke := "", ""
	if b.Border || len(b.Lines) > 0 || b.Code != "" {
		fill, stroke = b.Archive.black(resources)
	}
	if b.Border {
		fmt.Fprintf(&content, "q 0.5 w %s %s %s %s %s re S Q\n", stroke, number(0.25), number(0.25), number(b.Width-0.5), number(b.Height-0.5))
	}
	text := rect{x: padding, y: padding, w: b.Width - 2*padding, h: b.Height - 2*padding}
	if b.Code != "" {
		var err error
		if text, err = drawCode(&content, text, b.Code, fill); err != nil {
			return pdf.Ref{}, err
		}
	}
	if len(b.Image) > 0 {
		img, err := decodePNG(b.Image)
		if err != nil {
			return pdf.Ref{}, err
		}
		area := text
		switch {
		case len(b.Lines) == 0 && b.Code == "":
			area = rect{w: b.Width, h: b.Height}
		case len(b.Lines) == 0: // beside the code
		case !b.Behind:
			// The image takes its natural width at the box's height, but leaves the text three fifths of the box.
			area.w = math.Min(area.h*float64(img.width)/float64(img.height), b.Width*0.4)
			text.x += area.w + padding
			text.w -= area.w + padding
		}
		place := area.fit(float64(img.width), float64(img.height))
		fmt.Fprintf(&content, "q %s 0 0 %s %s %s cm /Im0 Do Q\n", number(place.w), number(place.h), number(place.x), number(place.y))
		resources["XObject"] = pdf.Dict{"Im0": img.add(u, b.Archive)}
	}
	if len(b.Lines) > 0 {
		fonts, err := drawText(u, &content, text, b.Lines, fill, b.Archive)
		if err != nil {
			return pdf.Ref{}, err
		}
		resources["Font"] = fonts
	}
	dict := pdf.Dict{
		"Type": pdf.Name("XObject"), "Subtype": pdf.Name("Form"), "FormType": pdf.Integer(1),
		"BBox":      pdf.Array{pdf.Integer(0), pdf.Integer(0), pdf.Real(b.Width), pdf.Real(b.Height)},
		"Resources": resources,
	}
	if m := upright(b.Rotate, b.Width, b.Height); m != nil {
		dict["Matrix"] = m
	}
	return u.Add(compressed(dict, content.Bytes())), nil
}

// Blank adds an empty appearance: an invisible signature's widget has one too, because ISO 32000-2 (table 166) and
// PDF/A want /AP on each widget that is not hidden by an empty rectangle alone.
func Blank(u *pdf.Update) pdf.Ref {
	return u.Add(&pdf.Stream{Dict: pdf.Dict{
		"Type": pdf.Name("XObject"), "Subtype": pdf.Name("Form"), "FormType": pdf.Integer(1),
		"BBox":      pdf.Array{pdf.Integer(0), pdf.Integer(0), pdf.Integer(0), pdf.Integer(0)},
		"Resources": pdf.Dict{},
	}})
}

// upright is the form's matrix that undoes the page's clockwise rotation (ISO 32000-2 §12.5.5, algorithm 8: the
// reader scales the transformed BBox into the widget's rectangle).
func upright(rotate int, w, h float64) pdf.Array {
	matrix := func(v ...float64) pdf.Array {
		a := make(pdf.Array, len(v))
		for i, x := range v {
			a[i] = pdf.Real(x)
		}
		return a
	}
	switch ((rotate % 360) + 360) % 360 {
	case 90:
		return matrix(0, 1, -1, 0, h, 0)
	case 180:
		return matrix(-1, 0, 0, -1, w, h)
	case 270:
		return matrix(0, -1, 1, 0, 0, w)
	}
	return nil
}

// compressed is a new stream object with Flate-encoded data.
func compressed(dict pdf.Dict, data []byte) *pdf.Stream {
	dict["Filter"] = pdf.Name("FlateDecode")
	return &pdf.Stream{Dict: dict, Data: deflate(data)}
}

// rect is a rectangle in points with its lower left corner at x, y.
type rect struct{ x, y, w, h float64 }

// fit is the largest rectangle of the given proportions in the middle of r.
func (r rect) fit(w, h float64) rect {
	k := math.Min(r.w/w, r.h/h)
	w, h = w*k, h*k
	return rect{x: r.x + (r.w-w)/2, y: r.y + (r.h-h)/2, w: w, h: h}
}

// number writes a coordinate: at most three decimals, never an exponent.
func number(v float64) string {
	s := strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
	if s == "-0" {
		return "0"
	}
	return s
}
