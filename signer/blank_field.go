package signer

import (
	"context"
	"crypto"
	"fmt"
	"slices"

	"sokyso/signer/appearance"
	"sokyso/signer/pdf"
)

// BlankField is a field that a draft gets before anybody signs it, to be filled in or signed in later.
type BlankField struct {
	Name      string
	Label     string // what readers tell of it (TU)
	Signature bool   // else a text
	Page      int    // 1 is the first
	// Rect is x, y, width, height as in Visible. For a text use TextRect.
	Rect [4]float64
	Size float64 // of the text in points
}

// TextRect is the rectangle of a text field whose text is to stand on a baseline, between two edges, in points.
func TextRect(left, right, base, size float64) [4]float64 {
	return [4]float64{left, base - appearance.EntryDepth()*size, right - left, appearance.EntryHeight() * size}
}

// AddFields adds empty fields to a document that nobody has signed. The result has no signature. The error is an *Error.
func (p *Prepared) AddFields(ctx context.Context, blanks []BlankField) (*Document, error) {
	fields, err := p.file.Fields()
	if err != nil {
		return nil, classify(fmt.Errorf("read form: %w", err))
	}
	if !p.unsigned(fields) {
		return nil, fail(CodeFieldsTooLate, fmt.Errorf("add fields: the document is signed"))
	}
	d := &draft{file: p.file, u: pdf.NewUpdate(p.file)}
	for i, blank := range blanks {
		taken := slices.ContainsFunc(fields, func(f pdf.Field) bool { return f.Name == blank.Name }) ||
			slices.ContainsFunc(blanks[:i], func(b BlankField) bool { return b.Name == blank.Name })
		if taken {
			return nil, fail(CodeFieldsPresent, fmt.Errorf("add field %q: it is there", blank.Name), "field", blank.Name)
		}
		if err := d.addBlank(blank); err != nil {
			return nil, classify(err)
		}
	}
	doc := &Document{in: p.in, copy: p.copy, sumIn: p.sum}
	if doc.tail, err = d.u.Bytes(); err != nil {
		return nil, classify(fmt.Errorf("write update: %w", err))
	}
	return doc, p.complete(ctx, doc, len(fields)+len(blanks))
}

func (d *draft) addBlank(blank BlankField) error {
	page, err := d.pageNumber(blank.Page)
	if err != nil {
		return err
	}
	at, err := placeOn(d.file, page, blank.Rect)
	if err != nil {
		return err
	}
	field := pdf.Dict{
		"Type": pdf.Name("Annot"), "Subtype": pdf.Name("Widget"), "F": pdf.Integer(flagPrint), "Rect": at.rect, "P": page.Ref,
		"T": text(blank.Name),
	}
	if blank.Label != "" {
		field["TU"] = text(blank.Label)
	}
	flags := pdf.Integer(0)
	if blank.Signature {
		field["FT"], flags = pdf.Name("Sig"), 1 // SignaturesExist: that there are fields for them
		field["AP"] = pdf.Dict{"N": appearance.Blank(d.u)}
	} else {
		field["FT"], field["Q"] = pdf.Name("Tx"), pdf.Integer(1)
		field["DA"] = pdf.String(fmt.Sprintf("/%s %g Tf 0 g", appearance.EntryFontName, blank.Size))
		ap, err := appearance.DrawEntry(d.u, appearance.Text{Width: at.width, Height: at.height, Rotate: page.Rotate})
		if err != nil {
			return drawing(err)
		}
		field["AP"] = pdf.Dict{"N": ap}
	}
	ref := d.u.Add(field)
	if err := d.appendField(ref, flags); err != nil {
		return err
	}
	if !blank.Signature {
		if err := d.shareEntryFont(); err != nil {
			return err
		}
	}
	return d.appendAnnotation(page, ref)
}

// flagPrint (ISO 32000-2 table 167).
const flagPrint = 4

// shareEntryFont puts the font into the form's default resources, where programs that fill in fields look for it.
func (d *draft) shareEntryFont() error {
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
	resourcesRef, v, err := d.lastRef(form["DR"])
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	resources, ok := v.(pdf.Dict)
	if !ok {
		resources, resourcesRef = pdf.Dict{}, pdf.Ref{}
	}
	fontsRef, v, err := d.lastRef(resources["Font"])
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	fonts, ok := v.(pdf.Dict)
	if !ok {
		fonts, fontsRef = pdf.Dict{}, pdf.Ref{}
	}
	if fonts[appearance.EntryFontName] != nil {
		return nil
	}
	font, err := appearance.EntryFont(d.u)
	if err != nil {
		return drawing(err)
	}
	fonts[appearance.EntryFontName] = font
	if fontsRef != (pdf.Ref{}) {
		d.u.Set(fontsRef, fonts)
		return nil
	}
	resources["Font"] = fonts
	if resourcesRef != (pdf.Ref{}) {
		d.u.Set(resourcesRef, resources)
		return nil
	}
	form["DR"] = resources
	if formRef != (pdf.Ref{}) {
		d.u.Set(formRef, form)
		return nil
	}
	catalog["AcroForm"] = form
	d.u.Set(catalogRef, catalog)
	return nil
}

// complete hashes a document that has no signature and reads it as anybody would.
func (p *Prepared) complete(ctx context.Context, doc *Document, fields int) error {
	whole, err := p.hash(ctx, crypto.SHA256)
	if err != nil {
		return err
	}
	whole.Write(doc.tail)
	whole.Sum(doc.sumOut[:0])
	refuse := func(err error) error { return fail(CodeSelfCheckFailed, fmt.Errorf("self-check: %w", err)) }
	f, err := pdf.OpenWithPassword(doc, doc.Size(), p.password)
	if err != nil {
		return refuse(err)
	}
	if reason, rebuilt := f.Rebuilt(); rebuilt {
		return refuse(fmt.Errorf("cross-reference is broken: %s", reason))
	}
	was, err := p.file.PageCount()
	if err != nil {
		return classify(fmt.Errorf("count pages: %w", err))
	}
	if now, err := f.PageCount(); err != nil || now != was {
		return refuse(fmt.Errorf("%d pages of %d: %w", now, was, err))
	}
	if list, err := f.Fields(); err != nil || len(list) != fields {
		return refuse(fmt.Errorf("%d fields of %d: %w", len(list), fields, err))
	}
	return nil
}
