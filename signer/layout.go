package signer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"sokyso/signer/pdf"
)

// Check finds out without a key whether field, box, pages, image, text and level can be had and whether earlier
// signatures take no harm, so that nobody is asked for leave or PIN in vain; with the chain, whether the field takes the
// certificate. Sign checks the same again. The
// error is an *Error.
func (p *Prepared) Check(opt Options, chain ...*x509.Certificate) error {
	if err := checkLevel(&opt); err != nil {
		return err
	}
	t, err := p.target(&opt)
	if err != nil {
		return err
	}
	if err := t.seeds.certificate(chain); err != nil {
		return err
	}
	d, err := p.lay(t, &opt, opt.now(), 1)
	if err != nil || t.fresh {
		return err
	}
	doc := &Document{in: p.in}
	if doc.tail, err = d.u.Bytes(); err != nil {
		return classify(fmt.Errorf("write update: %w", err))
	}
	doc.patchByteRange(d)
	return doc.harmless(context.Background(), p)
}

// lay builds the update: signature dictionary, field, widget, form, annotations. room is the size of the CMS in
// bytes at most.
func (p *Prepared) lay(t *target, opt *Options, signed time.Time, room int) (*draft, error) {
	d := &draft{file: p.file, u: pdf.NewUpdate(p.file), signed: !t.fresh, field: t.name}
	d.contents = pdf.NewReserved(2*room+2, '0')
	d.byteRange = pdf.NewReserved(byteRangeWidth, ' ')
	dict := pdf.Dict{
		"Type": pdf.Name("Sig"), "Filter": pdf.Name("Adobe.PPKLite"), "SubFilter": pdf.Name("ETSI.CAdES.detached"),
		"ByteRange": d.byteRange, "Contents": d.contents, "M": pdf.String(date(signed)),
	}
	for key, value := range map[pdf.Name]string{"Name": opt.Name, "Reason": t.reason, "Location": opt.Location} {
		if value != "" {
			dict[key] = text(value)
		}
	}
	d.signature = d.u.Add(dict)
	visible, marks, err := p.spread(t, opt.Visible)
	if err != nil {
		return nil, err
	}
	// A certification lets others sign in the fields that are there (ISO 32000-2 table 257). In a new one anything could
	// be shown anywhere, which validation doubts; one that shows nothing harms nobody.
	if t.field == nil && visible != nil && p.restrictions.FormFilling {
		return nil, fail(CodeVisibleForbidden, errors.New("the document is certified: no new visible field"))
	}
	if err := d.restrict(dict, t, opt.Certify); err != nil {
		return nil, classify(err)
	}
	if err := d.fill(t.entries, opt.Entries); err != nil {
		return nil, classify(err)
	}
	if t.field == nil {
		err = d.addField(visible)
	} else {
		err = d.useField(*t.field, visible)
	}
	if err == nil {
		err = d.mark(marks, visible, opt)
	}
	if err != nil {
		return nil, classify(err)
	}
	return d, nil
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
