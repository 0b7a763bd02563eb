package signer

import (
	"fmt"
	"math"
	"strings"

	"sokyso/signer/pdf"
)

// FormField is a text or signature field of an input.
type FormField struct {
	Name      string
	Label     string // what readers tell of it; "" = nothing
	Signature bool   // else a text
	Empty     bool   // it can still be filled in or signed in
	Value     string // of a text that was filled in
	Page      int    // 1 is the first; 0 = it shows on none
	// Rect is as in Visible; zero where the field takes up no room.
	Rect [4]float64
}

// FormFields lists the text and signature fields. One that a signature locks is not empty.
func (p *Prepared) FormFields() ([]FormField, error) {
	fields, err := p.file.Fields()
	if err != nil {
		return nil, classify(fmt.Errorf("read form: %w", err))
	}
	var list []FormField
	var widgets []pdf.Ref
	byWidget := map[pdf.Ref]int{}
	for _, f := range fields {
		if f.Type != "Sig" && f.Type != "Tx" || f.Ref == (pdf.Ref{}) {
			continue
		}
		empty, err := p.empty(f)
		if err != nil {
			continue // of one that can't be read nothing can be said
		}
		_, locked := p.restrictions.Locked(f.Name)
		e := FormField{Name: f.Name, Signature: f.Type == "Sig", Empty: empty && !locked}
		if value, err := p.file.String(f.Value); err == nil && !e.Signature {
			e.Value = strings.TrimSpace(value.Text())
		}
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
