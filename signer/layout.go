package signer

import (
	"fmt"
	"time"

	"sokyso/signer/appearance"
	"sokyso/signer/pdf"
)

// Annotation flags (ISO 32000-2 §12.5.3, table 167): print, and the widget can't be moved.
const annotationFlags = 4 | 128

// Check finds out without a key whether field, box, page, image, text and level can be had, so that nobody is asked
// for leave or PIN in vain. Sign checks the same again. The error is an *Error.
func (p *Prepared) Check(opt Options) error {
	if err := checkLevel(&opt); err != nil {
		return err
	}
	_, err := p.lay(&opt, opt.now(), 1)
	return err
}

// lay builds the update: signature dictionary, field, widget, form, annotations. room is the size of the CMS in
// bytes at most.
func (p *Prepared) lay(opt *Options, signed time.Time, room int) (*draft, error) {
	d := &draft{file: p.file, u: pdf.NewUpdate(p.file)}
	d.contents = pdf.NewReserved(2*room+2, '0')
	d.byteRange = pdf.NewReserved(byteRangeWidth, ' ')
	fields, err := p.file.Fields()
	if err != nil {
		return nil, classify(fmt.Errorf("read form: %w", err))
	}
	dict := pdf.Dict{
		"Type": pdf.Name("Sig"), "Filter": pdf.Name("Adobe.PPKLite"), "SubFilter": pdf.Name("ETSI.CAdES.detached"),
		"ByteRange": d.byteRange, "Contents": d.contents, "M": pdf.String(date(signed)),
	}
	for key, value := range map[pdf.Name]string{"Name": opt.Name, "Reason": opt.Reason, "Location": opt.Location} {
		if value != "" {
			dict[key] = text(value)
		}
	}
	d.signature = d.u.Add(dict)
	if opt.Field == "" {
		d.field = freeName(fields)
		if by, locked := p.restrictions.Locked(d.field); locked {
			return nil, locks(d.field, by)
		}
		err = d.addField(opt)
	} else {
		var field pdf.Field
		if field, err = emptyField(p, fields, opt.Field); err != nil {
			return nil, err
		}
		d.field = field.Name
		if by, locked := p.restrictions.Locked(d.field); locked {
			return nil, locks(d.field, by)
		}
		err = d.useField(field, dict, opt)
	}
	if err != nil {
		return nil, classify(err)
	}
	return d, nil
}

func locks(field, by string) error {
	return fail(CodeSigningForbidden, fmt.Errorf("the signature in field %q locks field %q", by, field), "field", by)
}

// date is a PDF date with its zone (ISO 32000-2 §7.9.4).
func date(t time.Time) string {
	_, offset := t.Zone()
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return fmt.Sprintf("D:%s%c%02d'%02d'", t.Format("20060102150405"), sign, offset/3600, offset/60%60)
}

// addField adds a new field merged with its widget.
func (d *draft) addField(opt *Options) error {
	at := place{rect: nowhere}
	number := 1
	if opt.Visible != nil {
		number = opt.Visible.Page
	}
	page, err := d.pageNumber(number)
	if err != nil {
		return err
	}
	at.page = page
	if opt.Visible != nil {
		if at, err = placeOn(d.file, page, opt.Visible.Rect); err != nil {
			return err
		}
	}
	ap, err := d.draw(at, opt.Visible)
	if err != nil {
		return err
	}
	field := pdf.Dict{
		"Type": pdf.Name("Annot"), "Subtype": pdf.Name("Widget"), "FT": pdf.Name("Sig"), "T": text(d.field),
		"V": d.signature, "F": pdf.Integer(annotationFlags), "Rect": at.rect, "AP": pdf.Dict{"N": ap},
	}
	if page.Ref != (pdf.Ref{}) {
		field["P"] = page.Ref
	}
	ref := d.u.Add(field)
	if err := d.appendField(ref); err != nil {
		return err
	}
	return d.appendAnnotation(page, ref)
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
	return page, nil
}

// useField signs in a field that is there.
func (d *draft) useField(field pdf.Field, signature pdf.Dict, opt *Options) error {
	dict := field.Dict
	dict["V"] = d.signature
	d.u.Set(field.Ref, dict)
	if err := d.lockReference(dict, signature); err != nil {
		return err
	}
	if err := d.markSigned(); err != nil {
		return err
	}
	if len(field.Widgets) == 0 {
		return d.addWidget(field.Ref, dict, opt)
	}
	ref := field.Widgets[0]
	widget := dict
	if ref != field.Ref {
		var err error
		if widget, err = d.file.Dict(ref); err != nil {
			return fmt.Errorf("read widget: %w", err)
		}
	}
	if opt.Visible == nil {
		if widget["AP"] == nil {
			widget["AP"] = pdf.Dict{"N": appearance.Blank(d.u)}
			d.u.Set(ref, widget)
		}
		return nil
	}
	if opt.Visible.Rect != [4]float64{} {
		return fail(CodeBadBox, fmt.Errorf("field %q has a place of its own", field.Name), "field", field.Name)
	}
	at, err := d.placeOf(ref, widget)
	if err != nil {
		return err
	}
	if at.width <= 0 || at.height <= 0 {
		return fail(CodeBadBox, fmt.Errorf("field %q is invisible", field.Name), "field", field.Name)
	}
	ap, err := d.draw(at, opt.Visible)
	if err != nil {
		return err
	}
	flags, err := d.file.Integer(widget["F"])
	if err != nil {
		return fmt.Errorf("read widget: %w", err)
	}
	const hidden, noView = 2, 32
	widget["F"] = (flags | annotationFlags) &^ (hidden | noView)
	widget["AP"] = pdf.Dict{"N": ap}
	d.u.Set(ref, widget)
	return nil
}

// addWidget merges a widget into a field that has none.
func (d *draft) addWidget(ref pdf.Ref, field pdf.Dict, opt *Options) error {
	page, err := d.file.Page(1)
	if err != nil {
		return fmt.Errorf("read page 1: %w", err)
	}
	at := place{rect: nowhere, page: page}
	if opt.Visible != nil {
		if page, err = d.pageNumber(opt.Visible.Page); err != nil {
			return err
		}
		if at, err = placeOn(d.file, page, opt.Visible.Rect); err != nil {
			return err
		}
	}
	ap, err := d.draw(at, opt.Visible)
	if err != nil {
		return err
	}
	field["Type"], field["Subtype"], field["F"] = pdf.Name("Annot"), pdf.Name("Widget"), pdf.Integer(annotationFlags)
	field["Rect"], field["P"], field["AP"] = at.rect, page.Ref, pdf.Dict{"N": ap}
	return d.appendAnnotation(page, ref)
}

// draw makes the appearance.
func (d *draft) draw(at place, v *Visible) (pdf.Ref, error) {
	if v == nil {
		return appearance.Blank(d.u), nil
	}
	box := appearance.Box{
		Width: at.width, Height: at.height, Image: v.Image, Behind: v.Behind, Border: v.Border, Rotate: at.page.Rotate,
	}
	for _, line := range v.Lines {
		box.Lines = append(box.Lines, appearance.Line{Text: line, Size: v.Size})
	}
	ref, err := appearance.Draw(d.u, box)
	if err != nil {
		return ref, drawing(err)
	}
	return ref, nil
}

// lockReference makes the signature enforce the field's lock (ISO 32000-2 §12.8.2.4: FieldMDP).
func (d *draft) lockReference(field, signature pdf.Dict) error {
	lock, err := d.file.Dict(field["Lock"])
	if err != nil {
		return fmt.Errorf("read lock: %w", err)
	}
	if lock == nil {
		return nil
	}
	params := pdf.Dict{"Type": pdf.Name("TransformParams"), "V": pdf.Name("1.2"), "Action": lock["Action"]}
	for _, key := range []pdf.Name{"Fields", "P"} {
		if lock[key] != nil {
			params[key] = lock[key]
		}
	}
	signature["Reference"] = pdf.Array{pdf.Dict{
		"Type": pdf.Name("SigRef"), "TransformMethod": pdf.Name("FieldMDP"), "TransformParams": params,
	}}
	return nil
}
