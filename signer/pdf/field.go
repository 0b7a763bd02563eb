package pdf

import "slices"

// Field is a terminal field of the interactive form (ISO 32000-2 §12.7.4): one without kids that are fields.
type Field struct {
	Ref     Ref // zero if it is a direct object
	Dict    Dict
	Name    string // fully qualified: partial names joined with dots
	Type    Name   // FT, own or inherited: Btn Tx Ch Sig; "" if there is none
	Value   Object // V, own or inherited, unresolved; nil if there is none
	Flags   Integer
	Widgets []Ref // its widget annotations: the field itself if it is merged with one, or its kids
}

// fieldAbove is what a field takes from its ancestors.
type fieldAbove struct {
	name      string
	kind      Name
	value     Object
	flags     Integer
	hasParent bool
}

// Fields returns the form's terminal fields in the order of the form; none if there is no form, or if it is no
// dictionary or its list no array, as other readers take it. Branches that are no dictionaries, or lead back to a field
// above, are skipped.
func (f *File) Fields() ([]Field, error) {
	_, catalog, err := f.Catalog()
	if err != nil {
		return nil, err
	}
	form, err := f.Resolve(catalog["AcroForm"])
	if err != nil {
		return nil, err
	}
	d, _ := form.(Dict)
	o, err := f.Resolve(d["Fields"])
	if err != nil {
		return nil, err
	}
	list, _ := o.(Array)
	t := fieldTree{f: f, w: newWork(f.size)}
	for _, o := range list {
		if err := t.walk(o, fieldAbove{}, nil); err != nil {
			return nil, err
		}
	}
	return t.fields, nil
}

type fieldTree struct {
	f      *File
	w      *work
	fields []Field
}

func (t *fieldTree) walk(o Object, above fieldAbove, path []Ref) error {
	ref, _ := o.(Ref)
	if len(path) >= maxTreeDepth {
		return fail(KindTooComplex, -1, "form fields deeper than %d", maxTreeDepth)
	}
	d, err := t.dict(o)
	if err != nil || d == nil {
		return err
	}
	if above, err = t.inherit(above, d); err != nil {
		return err
	}
	kids, err := t.f.resolve(d["Kids"], t.w)
	if err != nil {
		return err
	}
	path = append(path, ref)
	field := Field{Ref: ref, Dict: d, Name: above.name, Type: above.kind, Value: above.value, Flags: above.flags}
	if d["Subtype"] == Name("Widget") && ref != (Ref{}) {
		field.Widgets = append(field.Widgets, ref)
	}
	list, _ := kids.(Array)
	inner := false
	for _, kid := range list {
		if r, ok := kid.(Ref); ok && slices.Contains(path, r) {
			continue // a cycle
		}
		k, err := t.dict(kid)
		if err != nil {
			return err
		}
		if k == nil {
			continue
		}
		// A kid with a partial name, or with kids, is a field; one without is a widget of this field.
		if k["T"] != nil || k["Kids"] != nil {
			inner = true
			if err := t.walk(kid, above, path); err != nil {
				return err
			}
		} else if r, ok := kid.(Ref); ok {
			field.Widgets = append(field.Widgets, r)
		}
	}
	if inner {
		return nil
	}
	if len(t.fields) >= maxFields {
		return fail(KindTooComplex, -1, "more than %d form fields", maxFields)
	}
	t.fields = append(t.fields, field)
	return nil
}

func (t *fieldTree) dict(o Object) (Dict, error) {
	o, err := t.f.resolve(o, t.w)
	if err != nil {
		return nil, err
	}
	d, _ := o.(Dict)
	return d, t.w.spend(0)
}

func (t *fieldTree) inherit(above fieldAbove, d Dict) (fieldAbove, error) {
	o, err := t.f.resolve(d["T"], t.w)
	if err != nil {
		return above, err
	}
	if s, ok := o.(String); ok {
		if above.hasParent {
			above.name += "."
		}
		above.name += s.Text()
		above.hasParent = true
	}
	if len(above.name) > maxFieldName {
		return above, fail(KindTooComplex, -1, "field name of more than %d bytes", maxFieldName)
	}
	if o, err = t.f.resolve(d["FT"], t.w); err != nil {
		return above, err
	}
	if n, ok := o.(Name); ok {
		above.kind = n
	}
	if o, err = t.f.resolve(d["Ff"], t.w); err != nil {
		return above, err
	}
	if n, ok := o.(Integer); ok {
		above.flags = n
	}
	if v := d["V"]; v != nil {
		above.value = v
	}
	return above, nil
}
