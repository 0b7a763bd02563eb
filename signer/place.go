package signer

import (
	"fmt"
	"math"

	"sokyso/signer/pdf"
)

// place is where on which page a signature is seen.
type place struct {
	page          pdf.Page
	rect          pdf.Array // in the page's own coordinates; null rectangle when invisible
	width, height float64   // points as the reader sees them
	unit          float64   // UserUnit: points in a unit of the page's coordinates
}

var nowhere = pdf.Array{pdf.Integer(0), pdf.Integer(0), pdf.Integer(0), pdf.Integer(0)}

// unitOf is the page's UserUnit (ISO 32000-2 §14.11.2, table 31).
func unitOf(f *pdf.File, page pdf.Page) float64 {
	if u, err := f.Number(page.Dict["UserUnit"]); err == nil && u > 0 {
		return u
	}
	return 1
}

// placeOn turns a rectangle on the displayed page (points, from its lower left corner) into the page's coordinates.
func placeOn(f *pdf.File, page pdf.Page, box [4]float64) (place, error) {
	unit := unitOf(f, page)
	crop := page.CropBox
	w, h := (crop[2]-crop[0])*unit, (crop[3]-crop[1])*unit
	seenW, seenH := w, h
	if page.Rotate%180 != 0 {
		seenW, seenH = h, w
	}
	const slack = 0.5 // half a point: boxes drawn up to the edge
	for _, v := range box {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return place{}, badBox("it has no numbers", box, seenW, seenH)
		}
	}
	switch {
	case box[2] <= 0 || box[3] <= 0:
		return place{}, badBox("it has no size", box, seenW, seenH)
	case box[0] < -slack || box[1] < -slack || box[0]+box[2] > seenW+slack || box[1]+box[3] > seenH+slack:
		return place{}, badBox("it is not on the page", box, seenW, seenH)
	}
	x0, y0, x1, y1 := box[0], box[1], box[0]+box[2], box[1]+box[3]
	// The reader turns the page clockwise by Rotate; this turns it back.
	switch page.Rotate {
	case 90:
		x0, y0, x1, y1 = w-y1, x0, w-y0, x1
	case 180:
		x0, y0, x1, y1 = w-x1, h-y1, w-x0, h-y0
	case 270:
		x0, y0, x1, y1 = y0, h-x1, y1, h-x0
	}
	at := func(v, origin float64) pdf.Object {
		return pdf.Real(math.Round((v/unit+origin)*1000) / 1000)
	}
	return place{
		page: page, width: box[2], height: box[3], unit: unit,
		rect: pdf.Array{at(x0, crop[0]), at(y0, crop[1]), at(x1, crop[0]), at(y1, crop[1])},
	}, nil
}

func badBox(reason string, box [4]float64, w, h float64) error {
	return fail(CodeBadBox, fmt.Errorf("place box %v on a page of %.0fx%.0f pt: %s", box, w, h, reason),
		"width", fmt.Sprintf("%.0f", w), "height", fmt.Sprintf("%.0f", h))
}

// placeOf answers the place that a widget has on its page, and its size as the reader sees it.
func placeOf(f *pdf.File, page pdf.Page, dict pdf.Dict) (place, error) {
	p := place{page: page, unit: unitOf(f, page), rect: nowhere}
	list, err := f.Array(dict["Rect"])
	if err != nil {
		return place{}, fmt.Errorf("read widget: %w", err)
	}
	if len(list) != 4 {
		return p, nil
	}
	var r [4]float64
	for i, o := range list {
		if r[i], err = f.Number(o); err != nil {
			return place{}, fmt.Errorf("read widget: %w", err)
		}
	}
	p.rect = list
	p.width, p.height = math.Abs(r[2]-r[0])*p.unit, math.Abs(r[3]-r[1])*p.unit
	if page.Rotate%180 != 0 {
		p.width, p.height = p.height, p.width
	}
	return p, nil
}
