package signer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sokyso/signer/pdf"
)

// draft is an update under construction.
type draft struct {
	file *pdf.File
	u    *pdf.Update

	field     string  // full name
	signature pdf.Ref // the signature dictionary
	contents  *pdf.Reserved
	byteRange *pdf.Reserved
}

// byteRangeWidth holds "[0 n n n]" with three numbers of 19 digits, the longest that an int64 has.
const byteRangeWidth = 3*20 + 4

var errNoObject = errors.New("it is no object of its own")

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
	for range 32 {
		r, ok := o.(pdf.Ref)
		if !ok {
			return ref, o, nil
		}
		ref = r
		if o, err = d.u.Object(r); err != nil {
			return ref, nil, err
		}
	}
	return ref, nil, &pdf.Error{Kind: pdf.KindTooComplex, Offset: -1, Reason: "references lead to references"}
}

// freeName answers a field name that no field has: Signature1, Signature2, ...
func freeName(fields []pdf.Field) string {
	taken := map[string]bool{}
	for _, f := range fields {
		// The first part too: a field group of that name would swallow ours.
		first, _, _ := strings.Cut(f.Name, ".")
		taken[f.Name], taken[first] = true, true
	}
	for n := 1; ; n++ {
		if name := fmt.Sprintf("Signature%d", n); !taken[name] {
			return name
		}
	}
}

// appendField adds a field to the form: to the one that is there, in whatever way it is stored.
func (d *draft) appendField(field pdf.Ref) error {
	catalogRef, catalog, err := d.file.Catalog()
	if err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	formRef, v, err := d.lastRef(catalog["AcroForm"])
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	form, ok := v.(pdf.Dict)
	switch {
	case v == nil:
		form = pdf.Dict{"Fields": pdf.Array{}}
		formRef = d.u.Add(form)
		catalog["AcroForm"] = formRef
		d.u.Set(catalogRef, catalog)
	case !ok:
		return &pdf.Error{Kind: pdf.KindDamaged, Offset: -1, Reason: "AcroForm is no dictionary"}
	}
	listRef, v, err := d.lastRef(form["Fields"])
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	list, ok := v.(pdf.Array)
	if v != nil && !ok {
		return &pdf.Error{Kind: pdf.KindDamaged, Offset: -1, Reason: "Fields of the form is no array"}
	}
	list = append(list, field)
	changed := false
	if v != nil && listRef != (pdf.Ref{}) {
		d.u.Set(listRef, list)
	} else {
		form["Fields"], changed = list, true
	}
	return d.setSigFlags(catalogRef, catalog, formRef, form, changed)
}

// setSigFlags sets SignaturesExist and AppendOnly (ISO 32000-2 §12.7.3, table 225) and writes the form if it changed.
func (d *draft) setSigFlags(catalogRef pdf.Ref, catalog pdf.Dict, formRef pdf.Ref, form pdf.Dict, changed bool) error {
	flags, err := d.file.Integer(form["SigFlags"])
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	if flags&3 != 3 {
		form["SigFlags"], changed = flags|3, true
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
	catalogRef, catalog, err := d.file.Catalog()
	if err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	formRef, v, err := d.lastRef(catalog["AcroForm"])
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	form, ok := v.(pdf.Dict)
	if !ok {
		return &pdf.Error{Kind: pdf.KindDamaged, Offset: -1, Reason: "AcroForm is no dictionary"}
	}
	return d.setSigFlags(catalogRef, catalog, formRef, form, false)
}

// appendAnnotation adds the widget to the page's annotations.
func (d *draft) appendAnnotation(page pdf.Page, widget pdf.Ref) error {
	if page.Ref == (pdf.Ref{}) {
		return &pdf.Error{Kind: pdf.KindDamaged, Offset: -1, Reason: "the page is no object of its own"}
	}
	listRef, v, err := d.lastRef(page.Dict["Annots"])
	if err != nil {
		return fmt.Errorf("read annotations: %w", err)
	}
	list, ok := v.(pdf.Array)
	if v != nil && !ok {
		return &pdf.Error{Kind: pdf.KindDamaged, Offset: -1, Reason: "Annots of the page is no array"}
	}
	list = append(list, widget)
	if v != nil && listRef != (pdf.Ref{}) {
		shared, err := d.shared(page.Ref, listRef)
		if err != nil {
			return err
		}
		if !shared {
			d.u.Set(listRef, list)
			return nil
		}
		// Pages that share one list would all show the widget: this page gets a list of its own.
	}
	page.Dict["Annots"] = list
	d.u.Set(page.Ref, page.Dict)
	return nil
}

// shared tells whether a page besides this one has the same list of annotations.
func (d *draft) shared(page, list pdf.Ref) (bool, error) {
	for p, err := range d.file.Pages() {
		if err != nil {
			return false, fmt.Errorf("read pages: %w", err)
		}
		if p.Ref == page {
			continue
		}
		ref, _, err := d.lastRef(p.Dict["Annots"])
		if err != nil {
			return false, fmt.Errorf("read annotations: %w", err)
		}
		if ref == list {
			return true, nil
		}
	}
	return false, nil
}

// emptyField finds the signature field that is to be signed.
func emptyField(p *Prepared, fields []pdf.Field, name string) (pdf.Field, error) {
	i := slices.IndexFunc(fields, func(f pdf.Field) bool { return f.Name == name })
	if i < 0 {
		return pdf.Field{}, fail(CodeFieldNotFound, fmt.Errorf("find field %q: not in the form", name), "field", name)
	}
	f := fields[i]
	if f.Type != "Sig" {
		return f, fail(CodeFieldTaken, fmt.Errorf("field %q is of type %s", name, f.Type), "field", name)
	}
	v, err := p.file.Resolve(f.Value)
	if err != nil {
		return f, classify(fmt.Errorf("read field %q: %w", name, err))
	}
	if v != nil {
		return f, fail(CodeFieldTaken, fmt.Errorf("field %q is signed", name), "field", name)
	}
	if f.Ref == (pdf.Ref{}) {
		return f, fail(CodeDamagedPDF, fmt.Errorf("field %q: %w", name, errNoObject))
	}
	return f, seedValues(p.file, f)
}

// seedValues holds the field's demands on a signature (ISO 32000-2 §12.7.5.5, table 237) against what is written
// here. Those marked as required in Ff that can't be met forbid signing.
func seedValues(f *pdf.File, field pdf.Field) error {
	sv, err := f.Dict(field.Dict["SV"])
	if err != nil {
		return classify(fmt.Errorf("read seed values: %w", err))
	}
	flags, err := f.Integer(sv["Ff"])
	if err != nil {
		return classify(fmt.Errorf("read seed values: %w", err))
	}
	const filter, subFilter, digestMethod = 1, 2, 64
	refuse := func(what string) error {
		return fail(CodeSigningForbidden, fmt.Errorf("field %q demands another %s", field.Name, what), "field", field.Name)
	}
	if flags&filter != 0 && sv["Filter"] != nil && sv["Filter"] != pdf.Name("Adobe.PPKLite") {
		return refuse("filter")
	}
	contains := func(key pdf.Name, want string) bool {
		list, err := f.Array(sv[key])
		if err != nil || len(list) == 0 {
			return err == nil
		}
		return slices.ContainsFunc(list, func(o pdf.Object) bool {
			switch o := o.(type) {
			case pdf.Name:
				return string(o) == want
			case pdf.String:
				return o.Text() == want
			}
			return false
		})
	}
	if flags&subFilter != 0 && !contains("SubFilter", "ETSI.CAdES.detached") {
		return refuse("format")
	}
	if flags&digestMethod != 0 && !contains("DigestMethod", "SHA256") {
		return refuse("digest")
	}
	return nil
}
