package signer

import (
	"fmt"

	"sokyso/signer/appearance"
	"sokyso/signer/pdf"
)

// draft is an update under construction.
type draft struct {
	file *pdf.File
	u    *pdf.Update

	signed    bool    // the document has signatures
	field     string  // full name
	signature pdf.Ref // the signature dictionary
	contents  *pdf.Reserved
	byteRange *pdf.Reserved

	archival *appearance.Archive // nil = not looked at

	drawn map[[3]float64]pdf.Ref // appearances by width, height and the page's rotation

	lists map[pdf.Ref]int // lists of annotations that are objects, by the number of pages that have them; nil = not counted
	pages []pdf.Ref       // all pages in order, once direct ones were made objects; nil before
}

// byteRangeWidth holds "[0 n n n]" with three numbers of 19 digits, the longest that an int64 has.
const byteRangeWidth = 3*20 + 4

// text is a text string: as it is when it is ASCII, else UTF-16BE in hex. Never an escaped literal: ĩ (U+0129) has a
// byte that is a bracket.
func text(s string) pdf.String {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return pdf.TextString(s)
		}
	}
	return pdf.String(s)
}

// lastRef follows references to the one whose object is no reference, so that it is this one that is redefined.
func (d *draft) lastRef(o pdf.Object) (ref pdf.Ref, v pdf.Object, err error) {
	return lastRef(d.u, o)
}

func lastRef(from interface {
	Object(pdf.Ref) (pdf.Object, error)
}, o pdf.Object) (ref pdf.Ref, v pdf.Object, err error) {
	for range 32 {
		r, ok := o.(pdf.Ref)
		if !ok {
			return ref, o, nil
		}
		ref = r
		if o, err = from.Object(r); err != nil {
			return ref, nil, err
		}
	}
	return ref, nil, &pdf.Error{Kind: pdf.KindTooComplex, Offset: -1, Reason: "references lead to references"}
}

// catalog is the catalog as the update has it so far.
func (d *draft) catalog() (pdf.Ref, pdf.Dict, error) {
	ref, catalog, err := d.file.Catalog()
	if err != nil {
		return ref, nil, fmt.Errorf("read catalog: %w", err)
	}
	return ref, d.pending(ref, catalog), nil
}

// pending is the update's version of an object that the file has, the file's when the update has none.
func (d *draft) pending(ref pdf.Ref, dict pdf.Dict) pdf.Dict {
	if o, err := d.u.Object(ref); err == nil {
		if p, ok := o.(pdf.Dict); ok {
			return p
		}
	}
	return dict
}

// Flags of the form (ISO 32000-2 §12.7.3, table 225).
const (
	signaturesExist = 1
	appendOnly      = 2
)

// appendField adds a field to the form: to the one that is there, in whatever way it is stored, and sets its flags.
func (d *draft) appendField(field pdf.Ref, flags pdf.Integer) error {
	catalogRef, catalog, err := d.catalog()
	if err != nil {
		return err
	}
	formRef, v, err := d.lastRef(catalog["AcroForm"])
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	// What is no dictionary is no form, what is no array no list of fields: readers pass over it, and something of
	// another kind that they stand for elsewhere must stay as it is.
	form, ok := v.(pdf.Dict)
	if !ok {
		form = pdf.Dict{"Fields": pdf.Array{}}
		formRef = d.u.Add(form)
		catalog["AcroForm"] = formRef
		d.u.Set(catalogRef, catalog)
	}
	listRef, v, err := d.lastRef(form["Fields"])
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	list, ok := v.(pdf.Array)
	list = append(list, field)
	changed := false
	if ok && listRef != (pdf.Ref{}) {
		d.u.Set(listRef, list)
	} else {
		form["Fields"], changed = list, true
	}
	return d.setSigFlags(catalogRef, catalog, formRef, form, flags, changed)
}

// setSigFlags sets flags of the form and writes it if it changed.
func (d *draft) setSigFlags(catalogRef pdf.Ref, catalog pdf.Dict, formRef pdf.Ref, form pdf.Dict, wanted pdf.Integer, changed bool) error {
	flags, err := d.file.Integer(form["SigFlags"])
	if err != nil && !pdf.IsKind(err, pdf.KindDamaged) { // what is no number says nothing
		return fmt.Errorf("read form: %w", err)
	}
	if flags&wanted != wanted {
		form["SigFlags"], changed = flags|wanted, true
	}
	switch {
	case !changed:
	case formRef != (pdf.Ref{}):
		d.u.Set(formRef, form)
	default:
		catalog["AcroForm"] = form
		d.u.Set(catalogRef, catalog)
	}
	return nil
}

// markSigned sets the form's flags when a field that is in it already gets signed.
func (d *draft) markSigned() error {
	catalogRef, catalog, err := d.catalog()
	if err != nil {
		return err
	}
	formRef, v, err := d.lastRef(catalog["AcroForm"])
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	form, ok := v.(pdf.Dict)
	if !ok {
		return &pdf.Error{Kind: pdf.KindDamaged, Offset: -1, Reason: "AcroForm is no dictionary"}
	}
	return d.setSigFlags(catalogRef, catalog, formRef, form, signaturesExist|appendOnly, false)
}

// appendAnnotation adds an annotation to the page's.
func (d *draft) appendAnnotation(page pdf.Page, annotation pdf.Ref) error {
	dict := d.pending(page.Ref, page.Dict)
	listRef, v, err := d.lastRef(dict["Annots"])
	if err != nil {
		return fmt.Errorf("read annotations: %w", err)
	}
	// What is no list readers pass over: ours takes its place, and what stands there stays as it is, since something
	// else may lead to it. What can't be read is another thing: other readers may find annotations there.
	list, ok := v.(pdf.Array)
	list = append(list, annotation)
	if ok && listRef != (pdf.Ref{}) {
		shared, err := d.shared(listRef)
		if err != nil {
			return err
		}
		if !shared {
			d.u.Set(listRef, list)
			return nil
		}
		// Pages that share one list would all show the annotation: this page gets a list of its own.
	}
	dict["Annots"] = list
	d.u.Set(page.Ref, dict)
	return nil
}

// shared tells whether several pages of the file have the same list of annotations.
func (d *draft) shared(list pdf.Ref) (bool, error) {
	if d.lists == nil {
		d.lists = map[pdf.Ref]int{}
		seen := map[pdf.Ref]bool{}
		for p, err := range d.file.Pages() {
			if err != nil {
				return false, fmt.Errorf("read pages: %w", err)
			}
			if p.Ref != (pdf.Ref{}) && seen[p.Ref] {
				continue // a page that is shown twice
			}
			seen[p.Ref] = true
			if _, ok := p.Dict["Annots"].(pdf.Ref); !ok {
				continue
			}
			ref, _, err := lastRef(d.file, p.Dict["Annots"])
			if err != nil {
				return false, fmt.Errorf("read annotations: %w", err)
			}
			d.lists[ref]++
		}
	}
	return d.lists[list] > 1, nil
}
