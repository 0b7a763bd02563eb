package signer

import (
	"fmt"

	"sokyso/signer/appearance"
	"sokyso/signer/pdf"
)

// Annotation flags (ISO 32000-2 §12.5.3, table 167): print, and the widget can't be moved.
const annotationFlags = 4 | 128

// addField adds a new field merged with its widget.
func (d *draft) addField(v *Visible) error {
	field := pdf.Dict{"FT": pdf.Name("Sig"), "T": text(d.field), "V": d.signature}
	ref := d.u.Add(field)
	if err := d.appendField(ref, signaturesExist|appendOnly); err != nil {
		return err
	}
	return d.addWidget(ref, field, v)
}

// pageNumber is a page by its number from 1; the file may not have it.
func (d *draft) pageNumber(number int) (pdf.Page, error) {
	count, err := d.file.PageCount()
	if err != nil {
		return pdf.Page{}, fmt.Errorf("count pages: %w", err)
	}
	if number < 1 || number > count {
		return pdf.Page{}, fail(CodeBadBox, fmt.Errorf("place box: page %d of %d", number, count), "page", fmt.Sprint(number), "pages", fmt.Sprint(count))
	}
	page, err := d.file.Page(number)
	if err != nil {
		return pdf.Page{}, fmt.Errorf("read page %d: %w", number, err)
	}
	if page.Ref == (pdf.Ref{}) {
		return d.objectPage(page, number)
	}
	return page, nil
}

// useField signs in a field that is there: its widgets show the picture, each where it stands.
func (d *draft) useField(field pdf.Field, v *Visible) error {
	dict := field.Dict
	dict["V"] = d.signature
	d.u.Set(field.Ref, dict)
	if err := d.markSigned(); err != nil {
		return err
	}
	if len(field.Widgets) == 0 {
		return d.addWidget(field.Ref, dict, v)
	}
	if v != nil && v.Rect != [4]float64{} {
		return fail(CodeBadBox, fmt.Errorf("field %q has a place of its own", field.Name), "field", field.Name)
	}
	pages, err := d.pagesOf(field.Widgets)
	if err != nil {
		return err
	}
	seen := 0
	for _, ref := range field.Widgets {
		widget := dict
		if ref != field.Ref {
			if widget, err = d.file.Dict(ref); err != nil {
				return fmt.Errorf("read widget: %w", err)
			}
			// The field has the value. Poppler and MuPDF look for it in a widget that is a kid, and nowhere else.
			widget["V"] = d.signature
			d.u.Set(ref, widget)
		}
		if v == nil {
			if widget["AP"] == nil {
				widget["AP"] = pdf.Dict{"N": appearance.Blank(d.u)}
				d.u.Set(ref, widget)
			}
			continue
		}
		shown, err := d.showWidget(ref, widget, pages[ref], v)
		if err != nil {
			return err
		}
		if shown {
			seen++
		}
	}
	if v != nil && seen == 0 {
		return fail(CodeBadBox, fmt.Errorf("field %q is invisible", field.Name), "field", field.Name)
	}
	return nil
}

// showWidget gives a widget that takes up room the picture.
func (d *draft) showWidget(ref pdf.Ref, widget pdf.Dict, on widgetPage, v *Visible) (bool, error) {
	var err error
	if on.page.Ref == (pdf.Ref{}) {
		// It stands on no page and names none: the signer's.
		if on.page, err = d.pageNumber(max(v.Page, 1)); err != nil {
			return false, err
		}
	}
	at, err := placeOf(d.file, on.page, widget)
	if err != nil || at.width <= 0 || at.height <= 0 {
		return false, err
	}
	ap, err := d.draw(at, v)
	if err != nil {
		return false, err
	}
	flags, err := d.file.Integer(widget["F"])
	if err != nil {
		return false, fmt.Errorf("read widget: %w", err)
	}
	const hidden, noView = 2, 32
	widget["F"] = (flags | annotationFlags) &^ (hidden | noView)
	widget["AP"] = pdf.Dict{"N": ap}
	delete(widget, "AS") // it names a state that the new appearance does not have
	if widget["P"] == nil {
		widget["P"] = on.page.Ref
	}
	d.u.Set(ref, widget)
	if on.listed {
		return true, nil
	}
	return true, d.appendAnnotation(on.page, ref)
}

// widgetPage is the page that a widget stands on; not listed when the page does not have it among its annotations.
type widgetPage struct {
	page   pdf.Page
	listed bool
}

// pagesOf finds the pages that widgets stand on: by the pages' lists of annotations, because /P is optional and
// sometimes wrong; by /P when no list has it.
func (d *draft) pagesOf(widgets []pdf.Ref) (map[pdf.Ref]widgetPage, error) {
	named := map[pdf.Ref][]pdf.Ref{} // pages by the widgets that name them
	found := map[pdf.Ref]widgetPage{}
	for _, ref := range widgets {
		dict, err := d.file.Dict(ref)
		if err != nil {
			return nil, fmt.Errorf("read widget: %w", err)
		}
		found[ref] = widgetPage{}
		if page, ok := dict["P"].(pdf.Ref); ok {
			named[page] = append(named[page], ref)
		}
	}
	for page, err := range d.file.Pages() {
		if err != nil {
			return nil, fmt.Errorf("read pages: %w", err)
		}
		for _, ref := range named[page.Ref] {
			if !found[ref].listed {
				found[ref] = widgetPage{page: page}
			}
		}
		list, err := d.file.Array(page.Dict["Annots"])
		if err != nil {
			continue
		}
		for _, o := range list {
			if ref, ok := o.(pdf.Ref); ok {
				if on, ours := found[ref]; ours && !on.listed {
					found[ref] = widgetPage{page: page, listed: true}
				}
			}
		}
	}
	return found, nil
}

// addWidget merges a widget into a field that has none.
func (d *draft) addWidget(ref pdf.Ref, field pdf.Dict, v *Visible) error {
	number := 1
	if v != nil {
		number = v.Page
	}
	page, err := d.pageNumber(number)
	if err != nil {
		return err
	}
	at := place{rect: nowhere, page: page}
	if v != nil {
		if at, err = placeOn(d.file, page, v.Rect); err != nil {
			return err
		}
	}
	ap, err := d.draw(at, v)
	if err != nil {
		return err
	}
	field["Type"], field["Subtype"], field["F"] = pdf.Name("Annot"), pdf.Name("Widget"), pdf.Integer(annotationFlags)
	field["Rect"], field["AP"] = at.rect, pdf.Dict{"N": ap}
	if page.Ref != (pdf.Ref{}) {
		field["P"] = page.Ref
	}
	return d.appendAnnotation(page, ref)
}

// draw makes the appearance, once for places that look alike: an update has one picture only.
func (d *draft) draw(at place, v *Visible) (pdf.Ref, error) {
	if v == nil {
		return appearance.Blank(d.u), nil
	}
	box := appearance.Box{
		Width: at.width, Height: at.height, Image: v.Image, Behind: v.Behind, Border: v.Border, Code: v.Code, Rotate: at.page.Rotate, Archive: d.archive(),
	}
	for _, line := range v.Lines {
		box.Lines = append(box.Lines, appearance.Line{Text: line, Size: v.Size})
	}
	key := [3]float64{at.width, at.height, float64(at.page.Rotate)}
	if ref, ok := d.drawn[key]; ok {
		return ref, nil
	}
	ref, err := appearance.Draw(d.u, box)
	if err != nil {
		return ref, drawing(err)
	}
	if d.drawn == nil {
		d.drawn = map[[3]float64]pdf.Ref{}
	}
	d.drawn[key] = ref
	return ref, nil
}
