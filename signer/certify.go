package signer

import (
	"fmt"
	"slices"

	"sokyso/signer/pdf"
)

// fieldLock is a field's lock (ISO 32000-2 §12.7.5.5, table 236): what may no longer be changed once it is signed.
type fieldLock struct {
	action      pdf.Name  // All, Include or Exclude
	fields      pdf.Array // names, with Include and Exclude
	permissions pdf.Object
}

// locksDocument tells whether nothing at all may follow.
func (l *fieldLock) locksDocument() bool { return l != nil && l.permissions == pdf.Integer(1) }

// readLock reads the field's lock; nil if it has none.
func readLock(f *pdf.File, field pdf.Field) (*fieldLock, error) {
	dict, err := f.Dict(field.Dict["Lock"])
	if err != nil {
		return nil, classify(fmt.Errorf("read lock: %w", err))
	}
	if dict == nil {
		return nil, nil
	}
	l := &fieldLock{}
	if l.action, err = f.Name(dict["Action"]); err != nil {
		return nil, classify(fmt.Errorf("read lock: %w", err))
	}
	if !slices.Contains([]pdf.Name{"All", "Include", "Exclude"}, l.action) {
		return nil, demands(field.Name, demandLock, fmt.Sprintf("a lock with action %q", string(l.action)))
	}
	names, err := f.Array(dict["Fields"])
	if err != nil {
		return nil, classify(fmt.Errorf("read lock: %w", err))
	}
	for _, o := range names {
		name, err := f.String(o)
		if err != nil {
			return nil, classify(fmt.Errorf("read lock: %w", err))
		}
		l.fields = append(l.fields, name)
	}
	if dict["P"] == nil {
		return l, nil
	}
	p, err := f.Integer(dict["P"])
	if err != nil {
		return nil, classify(fmt.Errorf("read lock: %w", err))
	}
	if p < 1 || p > 3 {
		return nil, demands(field.Name, demandLock, fmt.Sprintf("a lock with P = %d", p))
	}
	l.permissions = p
	return l, nil
}

// restrict makes the signature say what it allows those who come later: DocMDP of a certification (ISO 32000-2
// §12.8.2.2), FieldMDP of a lock (§12.8.2.4).
func (d *draft) restrict(signature pdf.Dict, t *target, certify int) error {
	var references pdf.Array
	root, catalog, err := d.catalog()
	if err != nil {
		return err
	}
	if certify > 0 {
		references = append(references, pdf.Dict{
			"Type": pdf.Name("SigRef"), "TransformMethod": pdf.Name("DocMDP"),
			"TransformParams": pdf.Dict{"Type": pdf.Name("TransformParams"), "V": pdf.Name("1.2"), "P": pdf.Integer(certify)},
		})
		if err := d.nameCertification(root, catalog); err != nil {
			return err
		}
	}
	if l := t.lock; l != nil {
		params := pdf.Dict{"Type": pdf.Name("TransformParams"), "V": pdf.Name("1.2"), "Action": l.action}
		if l.action != "All" {
			params["Fields"] = slices.Clone(l.fields)
		}
		// The standard has P in the Lock dictionary only, where it binds a validator of PDF 2.0. Acrobat writes and
		// reads it here too. A DocMDP of its own is not for an approval: a document has one, its certification's.
		if l.permissions != nil {
			params["P"] = l.permissions
		}
		references = append(references, pdf.Dict{
			"Type": pdf.Name("SigRef"), "TransformMethod": pdf.Name("FieldMDP"), "TransformParams": params, "Data": root,
		})
	}
	if references != nil {
		signature["Reference"] = references
	}
	return nil
}

// nameCertification makes the signature the document's certification (ISO 32000-2 §12.8.6, table 263), beside usage
// rights that are there.
func (d *draft) nameCertification(root pdf.Ref, catalog pdf.Dict) error {
	ref, v, err := d.lastRef(catalog["Perms"])
	if err != nil {
		return fmt.Errorf("read permissions: %w", err)
	}
	perms, ok := v.(pdf.Dict)
	switch {
	case v == nil:
		perms, ref = pdf.Dict{}, pdf.Ref{}
	case !ok:
		return &pdf.Error{Kind: pdf.KindDamaged, Offset: -1, Reason: "Perms of the catalog is no dictionary"}
	}
	perms["DocMDP"] = d.signature
	if ref != (pdf.Ref{}) {
		d.u.Set(ref, perms)
		return nil
	}
	catalog["Perms"] = perms
	d.u.Set(root, catalog)
	return nil
}
