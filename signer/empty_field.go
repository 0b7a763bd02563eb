package signer

import (
	"fmt"
	"math"

	"sokyso/signer/pdf"
)

// EmptyField is a field of an input that can still be filled in or signed in.
type EmptyField struct {
	Name      string
	Label     string // what readers tell of it; "" = nothing
	Signature bool   // else a text
	Page      int    // 1 is the first; 0 = it shows on none
	// Rect is as in Visible; zero where the field takes up no room.
	Rect [4]float64
}

// EmptyFields lists the text and signature fields without a value that no signature locks.
func (p *Prepared) EmptyFields() ([]EmptyField, error) {
	fields, err := p.file.Fields()
	if err != nil {
		return nil, classify(fmt.Errorf("read form: %w", err))
	}
	var list []EmptyField
	var widgets []pdf.Ref
	byWidget := map[pdf.Ref]int{}
	for _, f := range fields {
		if f.Type != "Sig" && f.Type != "Tx" || f.Ref == (pdf.Ref{}) {
			continue
		}
		if empty, err := p.empty(f); err != nil || !empty {
			continue // of one that can't be read nothing can be said
		}
		if _, locked := p.restrictions.Locked(f.Name); locked {
			continue
		}
		e := EmptyField{Name: f.Name, Signature: f.Type == "Sig"}
		if label, err := p.file.String(f.Dict["TU"]); err == nil {
			e.Label = label.Text()
		}
		list = append(list, e)
		if len(f.Widgets) > 0 {
			widgets = append(widgets, f.Widgets[0])
			byWidget[f.Widgets[0]] = len(list) - 1
		}
	}
	if len(widgets) == 0 {
		return list, nil
	}
	number := 0
	for page, err := range p.file.Pages() {
		if err != nil {
			return nil, classify(fmt.Errorf("read pages: %w", err))
		}
		number++
		annotations, err := p.file.Array(page.Dict["Annots"])
		if err != nil {
			continue // readers show none of them
		}
		for _, o := range annotations {
			ref, _ := o.(pdf.Ref)
			i, ours := byWidget[ref]
			if !ours || list[i].Page > 0 {
				continue
			}
			list[i].Page = number
			if widget, err := p.file.Dict(ref); err == nil {
				list[i].Rect = shownRect(p.file, page, widget)
			}
		}
	}
	return list, nil
}

// shownRect is the rectangle of a widget on the page as a reader shows it: placeOn backwards. Zero for none.
func shownRect(f *pdf.File, page pdf.Page, widget pdf.Dict) [4]float64 {
	list, err := f.Array(widget["Rect"])
	if err != nil || len(list) != 4 {
		return [4]float64{}
	}
	var r [4]float64
	for i, o := range list {
		if r[i], err = f.Number(o); err != nil || math.IsNaN(r[i]) || math.IsInf(r[i], 0) {
			return [4]float64{}
		}
	}
	unit, crop := unitOf(f, page), page.CropBox
	w, h := (crop[2]-crop[0])*unit, (crop[3]-crop[1])*unit
	x0, x1 := (min(r[0], r[2])-crop[0])*unit, (max(r[0], r[2])-crop[0])*unit
	y0, y1 := (min(r[1], r[3])-crop[1])*unit, (max(r[1], r[3])-crop[1])*unit
	switch page.Rotate {
	case 90:
		x0, y0, x1, y1 = y0, w-x1, y1, w-x0
	case 180:
		x0, y0, x1, y1 = w-x1, h-y1, w-x0, h-y0
	case 270:
		x0, y0, x1, y1 = h-y1, x0, h-y0, x1
	}
	if x1 <= x0 || y1 <= y0 {
		return [4]float64{}
	}
	return [4]float64{x0, y0, x1 - x0, y1 - y0}
}
