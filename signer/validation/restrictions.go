package validation

import (
	"fmt"
	"slices"

	"sokyso/signer/pdf"
)

// Restrictions are what signatures in a file forbid to those who come later: DocMDP of a certification signature,
// FieldMDP locks of any (ISO 32000-2 §12.8.2.2, §12.8.2.4), and the permissions of a Lock dictionary (§12.7.5.5,
// table 236).
type Restrictions struct {
	NoChanges   bool   // DocMDP or lock with P = 1: not even a further signature
	NoChangesBy string // the field of that signature
	FormFilling bool   // a certification that expressly allows filling in forms and signing in the fields there are
	Annotations bool   // a certification that allows comments too (P = 3)
	locks       []lock
}

type lock struct {
	action pdf.Name // All, Include, Exclude
	fields []string
	by     string
}

// Locked tells whether the field may no longer be changed, and by whose signature.
func (r *Restrictions) Locked(field string) (by string, locked bool) {
	for _, l := range r.locks {
		named := slices.ContainsFunc(l.fields, func(f string) bool {
			// A name stands for all fields below it too.
			return field == f || len(field) > len(f) && field[:len(f)] == f && field[len(f)] == '.'
		})
		if l.action == "All" || l.action == "Include" && named || l.action == "Exclude" && !named {
			return l.by, true
		}
	}
	return "", false
}

// RestrictionsOf collects what the signatures of the file as it is now forbid.
func RestrictionsOf(f *pdf.File) (*Restrictions, error) {
	r := &Restrictions{}
	fields, err := f.Fields()
	if err != nil {
		return nil, fmt.Errorf("list fields: %w", err)
	}
	for _, field := range fields {
		if field.Type != "Sig" || field.Value == nil {
			continue
		}
		value, err := f.Resolve(field.Value)
		if err != nil {
			return nil, fmt.Errorf("signature in field %s: %w", field.Name, err)
		}
		sig, err := f.Dict(value)
		if err != nil {
			continue // a value of another type is no signature, and forbids nothing
		}
		if err := r.add(f, sig, field.Name); err != nil {
			return nil, err
		}
		l, err := f.Dict(field.Dict["Lock"])
		if err != nil {
			return nil, fmt.Errorf("lock of field %s: %w", field.Name, err)
		}
		if l != nil {
			if err := r.addLock(f, l, field.Name); err != nil {
				return nil, err
			}
		}
	}
	// A certification whose field is not in the form.
	_, catalog, err := f.Catalog()
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	v, err := f.Resolve(catalog["Perms"])
	if err != nil {
		return nil, fmt.Errorf("read permissions: %w", err)
	}
	perms, ok := v.(pdf.Dict)
	if !ok {
		return r, nil // of another type, or none: it permits and forbids nothing
	}
	sig, err := f.Dict(perms["DocMDP"])
	if err != nil {
		return nil, fmt.Errorf("read certification: %w", err)
	}
	return r, r.add(f, sig, "")
}

// of reads what one signature forbids.
func restrictionsOf(f *pdf.File, c *candidate) (*Restrictions, error) {
	r := &Restrictions{}
	return r, r.add(f, c.dict, c.field)
}

// add reads the signature's references.
func (r *Restrictions) add(f *pdf.File, sig pdf.Dict, field string) error {
	references, err := f.Array(sig["Reference"])
	if err != nil {
		return fmt.Errorf("references of the signature in field %s: %w", field, err)
	}
	for _, o := range references {
		reference, err := f.Dict(o)
		if err != nil {
			return fmt.Errorf("references of the signature in field %s: %w", field, err)
		}
		params, err := f.Dict(reference["TransformParams"])
		if err != nil {
			return fmt.Errorf("transform of the signature in field %s: %w", field, err)
		}
		method, err := f.Name(reference["TransformMethod"])
		if err != nil {
			return fmt.Errorf("transform of the signature in field %s: %w", field, err)
		}
		switch method {
		case "DocMDP":
			p := pdf.Integer(2)
			if params["P"] != nil {
				if p, err = f.Integer(params["P"]); err != nil {
					return fmt.Errorf("permissions of the certification: %w", err)
				}
			}
			r.permissions(p, field)
			r.FormFilling = r.FormFilling || p == 2 || p == 3
			r.Annotations = r.Annotations || p == 3
		case "FieldMDP":
			if err := r.addLock(f, params, field); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Restrictions) permissions(p pdf.Integer, field string) {
	if p == 1 && !r.NoChanges {
		r.NoChanges, r.NoChangesBy = true, field
	}
}

// addLock reads a lock dictionary or the parameters of FieldMDP, which have the same keys.
func (r *Restrictions) addLock(f *pdf.File, d pdf.Dict, field string) error {
	l := lock{by: field}
	var err error
	if l.action, err = f.Name(d["Action"]); err != nil {
		return fmt.Errorf("lock of field %s: %w", field, err)
	}
	names, err := f.Array(d["Fields"])
	if err != nil {
		return fmt.Errorf("lock of field %s: %w", field, err)
	}
	for _, o := range names {
		s, err := f.String(o)
		if err != nil {
			return fmt.Errorf("lock of field %s: %w", field, err)
		}
		l.fields = append(l.fields, s.Text())
	}
	r.locks = append(r.locks, l)
	if d["P"] != nil {
		p, err := f.Integer(d["P"])
		if err != nil {
			return fmt.Errorf("lock of field %s: %w", field, err)
		}
		r.permissions(p, field)
	}
	return nil
}
