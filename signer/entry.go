package signer

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sokyso/signer/appearance"
	"sokyso/signer/pdf"
)

// Entry is a text for an empty text field of the document, such as its number and date of issue. It is filled in by the
// update that the signature covers: what earlier signers left open for that, validators take for a permitted change (ISO
// 32000-2 §12.8.2.2).
type Entry struct {
	Field string `json:"field"` // full name
	Text  string `json:"text"`  // ASCII
}

// flagReadOnly (ISO 32000-2 table 227): a field that was filled in and signed is not to be changed by chance.
const flagReadOnly = 1

// entries are the fields of Options.Entries, held against what earlier signatures lock.
func (p *Prepared) entries(fields []pdf.Field, opt *Options) ([]pdf.Field, error) {
	var found []pdf.Field
	for i, entry := range opt.Entries {
		at := slices.IndexFunc(fields, func(f pdf.Field) bool { return f.Name == entry.Field })
		if at < 0 || fields[at].Type != "Tx" {
			return nil, fail(CodeEntryNotFound, fmt.Errorf("fill in field %q: no text field of this name", entry.Field), "field", entry.Field)
		}
		f := fields[at]
		if by, locked := p.restrictions.Locked(f.Name); locked {
			return nil, fail(CodeFieldLocked, fmt.Errorf("the signature in field %q locks field %q", by, f.Name), "field", f.Name, "by", by)
		}
		again := slices.ContainsFunc(opt.Entries[:i], func(e Entry) bool { return e.Field == entry.Field })
		empty, err := p.empty(f)
		if err != nil {
			return nil, classify(fmt.Errorf("read field %q: %w", f.Name, err))
		}
		if again || !empty {
			return nil, fail(CodeEntryTaken, fmt.Errorf("field %q is filled in", f.Name), "field", f.Name)
		}
		if f.Ref == (pdf.Ref{}) {
			return nil, fail(CodeDamagedPDF, fmt.Errorf("field %q: %w", f.Name, errNoObject))
		}
		found = append(found, f)
	}
	return found, nil
}

// empty tells whether a field has no value.
func (p *Prepared) empty(f pdf.Field) (bool, error) {
	v, err := p.file.Resolve(f.Value)
	if err != nil {
		return false, err
	}
	switch v := v.(type) {
	case nil:
		return true, nil
	case pdf.String:
		return strings.TrimSpace(v.Text()) == "", nil
	}
	return false, nil
}

// fill fills in the fields, with appearances: no reader need make them, and the signature covers what is seen.
func (d *draft) fill(fields []pdf.Field, entries []Entry) error {
	var font pdf.Ref
	for i, f := range fields {
		if len(f.Widgets) == 0 {
			return fail(CodeEntryNotFound, fmt.Errorf("field %q is on no page", f.Name), "field", f.Name)
		}
		pages, err := d.pagesOf(f.Widgets)
		if err != nil {
			return err
		}
		if font == (pdf.Ref{}) {
			if font, err = d.entryFont(); err != nil {
				return err
			}
		}
		field := d.pending(f.Ref, f.Dict)
		field["V"] = text(entries[i].Text)
		field["Ff"] = f.Flags | flagReadOnly
		d.u.Set(f.Ref, field)
		for _, ref := range f.Widgets {
			widget := field
			if ref != f.Ref {
				if widget, err = d.file.Dict(ref); err != nil {
					return fmt.Errorf("read widget: %w", err)
				}
			}
			on := pages[ref]
			if on.page.Ref == (pdf.Ref{}) || !on.listed {
				return fail(CodeEntryNotFound, fmt.Errorf("field %q is on no page", f.Name), "field", f.Name)
			}
			at, err := placeOf(d.file, on.page, widget)
			if err != nil {
				return err
			}
			size, err := d.entrySize(widget, field)
			if err != nil {
				return err
			}
			ap, err := appearance.DrawEntry(d.u, appearance.Text{
				Width: at.width, Height: at.height, Text: entries[i].Text, Size: size, Rotate: on.page.Rotate, Font: font, Archive: d.archive(),
			})
			if err != nil {
				return entryDrawing(err, f.Name)
			}
			widget["AP"] = pdf.Dict{"N": ap}
			delete(widget, "AS")
			d.u.Set(ref, widget)
		}
	}
	return nil
}

// entryDrawing names the field in an error of drawing a text into it.
func entryDrawing(err error, field string) error {
	if errors.Is(err, appearance.ErrTooSmall) || errors.Is(err, appearance.ErrBox) {
		return fail(CodeEntryTooSmall, err, "field", field)
	}
	return drawing(err)
}

// entryFont is the font that prepare put into the form, or a new one where it is not there or not exactly that.
func (d *draft) entryFont() (pdf.Ref, error) {
	_, catalog, err := d.catalog()
	if err != nil {
		return pdf.Ref{}, err
	}
	form, err := d.file.Dict(catalog["AcroForm"])
	if err != nil {
		return pdf.Ref{}, fmt.Errorf("read form: %w", err)
	}
	resources, err := d.file.Dict(form["DR"])
	if err == nil {
		var fonts pdf.Dict
		if fonts, err = d.file.Dict(resources["Font"]); err == nil {
			if ref, ok := fonts[appearance.EntryFontName].(pdf.Ref); ok && appearance.IsEntryFont(d.file, ref) {
				return ref, nil
			}
		}
	}
	if err != nil && !pdf.IsKind(err, pdf.KindDamaged) {
		return pdf.Ref{}, fmt.Errorf("read form: %w", err)
	}
	return appearance.EntryFont(d.u)
}

// entrySize is the size of the text that the field's default appearance asks for (ISO 32000-2 §12.7.4.3), 0 = what fits.
func (d *draft) entrySize(widget, field pdf.Dict) (float64, error) {
	for _, dict := range []pdf.Dict{widget, field} {
		o, err := d.file.Resolve(dict["DA"])
		if err != nil {
			return 0, fmt.Errorf("read field: %w", err)
		}
		s, ok := o.(pdf.String)
		if !ok {
			continue
		}
		words := strings.Fields(string(s))
		if i := slices.Index(words, "Tf"); i > 0 {
			if size, err := strconv.ParseFloat(words[i-1], 64); err == nil && size >= 0 && size <= 100 {
				return size, nil
			}
		}
	}
	return 0, nil
}
