package validation

import (
	"fmt"

	"sokyso/signer/pdf"
)

// compareForm compares the interactive form: signature fields may be added and signed, others filled in.
func (s *changeSet) compareForm(was, now pdf.Object) error {
	at, _ := was.(pdf.Ref)
	// A form that was part of the catalog may become an object of its own, and the other way round.
	if ref, ok := now.(pdf.Ref); ok && ref != at && !s.fresh[ref] {
		s.suspicious(ref, ChangeForm, "an object of the signed version became the form")
	}
	s.handle(was, roleForm)
	a, err := s.old.Dict(was)
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	b, err := s.new.Dict(now)
	if pdf.IsKind(err, pdf.KindDamaged) {
		s.forbidden(at, ChangeForm, "the form is no form any more")
		return nil
	}
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	for _, k := range keys(a, b) {
		switch {
		case k == "Fields" || k == "SigFlags" || k == "DA" || k == "Q" || k == "DR":
		case s.alike(a[k], b[k]):
		case k == "NeedAppearances" && b[k] != true:
		default:
			s.suspicious(at, ChangeForm, "/"+string(k)+" of the form was changed")
		}
	}
	var parts []pdf.Ref
	if !s.contains(a["DR"], b["DR"], 0, func(ref pdf.Ref) { parts = append(parts, ref) }) {
		s.suspicious(at, ChangeForm, "/DR of the form was changed")
	} else {
		for _, ref := range parts {
			s.handle(ref, roleResources)
		}
	}
	return s.compareFieldList(at, a["Fields"], b["Fields"], inherited{}, 0)
}

// maxFieldDepth bounds nested fields.
const maxFieldDepth = 32

// inherited is what a field has from those above it.
type inherited struct {
	name                 string
	kind                 pdf.Name // FT
	wasSigned, nowSigned bool     // whether there was a value, and is
	freshly              bool     // the value is a signature that was made since

	wasValue, nowValue pdf.Object
	formatted          bool // a script decides how the value is shown
	flags              pdf.Integer
	options            pdf.Object // Opt of a choice
}

// compareFieldList compares a list of fields or of a field's kids: the signed ones stay; those that are added must be
// signature fields.
func (s *changeSet) compareFieldList(at pdf.Ref, was, now pdf.Object, from inherited, depth int) error {
	if depth > maxFieldDepth {
		return &pdf.Error{Kind: pdf.KindTooComplex, Offset: -1, Reason: "fields nested too deeply"}
	}
	s.handle(was, roleField)
	a, err := s.old.Array(was)
	if pdf.IsKind(err, pdf.KindDamaged) && s.sameValue(was, now) {
		return nil // it was no list, and readers pass over it
	}
	if err != nil {
		return fmt.Errorf("read fields: %w", err)
	}
	b, err := s.new.Array(now)
	if pdf.IsKind(err, pdf.KindDamaged) {
		s.forbidden(at, ChangeForm, "the list of fields is no list any more")
		return nil
	}
	if err != nil {
		return fmt.Errorf("read fields: %w", err)
	}
	signed := map[pdf.Ref]int{} // how many times it was listed
	for _, o := range a {
		if ref, ok := o.(pdf.Ref); ok {
			signed[ref]++
		}
	}
	found := map[pdf.Ref]int{}
	for i, o := range b {
		ref, ok := o.(pdf.Ref)
		switch {
		case ok && signed[ref] > 0:
			if found[ref]++; found[ref] > 1 {
				if found[ref] > signed[ref] { // some writers list a field twice from the beginning
					s.suspicious(at, ChangeForm, "a form field is listed twice")
				}
				continue
			}
			if err := s.compareField(ref, from, depth); err != nil {
				return err
			}
			continue
		case !ok && i < len(a) && equal(a[i], o):
			continue // within the list, against the standard, but as it was
		case !ok:
			s.suspicious(at, ChangeFieldAdded, "a field was added that is no object of its own")
			continue
		}
		if from.wasSigned && from.kind == "Sig" {
			s.forbidden(at, ChangeSignedField, "the field of an earlier signature was changed")
		}
		if err := s.addedField(ref, from, depth); err != nil {
			return err
		}
	}
	if len(found) < len(signed) || len(b) < len(a) {
		s.forbidden(at, ChangeForm, "a form field was removed")
	}
	return nil
}

// compareField compares a field that was signed with what it is now.
func (s *changeSet) compareField(ref pdf.Ref, from inherited, depth int) error {
	if s.fields[ref] {
		return nil
	}
	s.fields[ref] = true
	was, err := s.old.Dict(ref)
	if pdf.IsKind(err, pdf.KindDamaged) {
		return nil // it was no field when it was signed; if it is one now, that is an object changed
	}
	if err != nil {
		return fmt.Errorf("read field %s: %w", show(ref), err)
	}
	now, err := s.new.Dict(ref)
	if err != nil {
		return fmt.Errorf("read field %s: %w", show(ref), err)
	}
	if t, ok := was["T"].(pdf.String); ok {
		if from.name != "" {
			from.name += "."
		}
		from.name += t.Text()
	}
	if ft, ok := was["FT"].(pdf.Name); ok {
		from.kind = ft
	}
	from.wasSigned = from.wasSigned || was["V"] != nil
	s.value(&from, now)
	if was["V"] != nil {
		from.wasValue = was["V"]
	}
	if now["V"] != nil {
		from.nowValue = now["V"]
	}
	if n, ok := now["Ff"].(pdf.Integer); ok {
		from.flags = n
	}
	if now["Opt"] != nil {
		from.options = now["Opt"]
	}
	if actions, err := s.old.Dict(was["AA"]); err == nil && actions["F"] != nil {
		from.formatted = true
	}
	newlySigned := from.kind == "Sig" && !from.wasSigned && from.freshly
	// A widget that was signed without standing on a page must not appear there later, except by signing it.
	if newlySigned {
		s.widgets[ref] = true
		s.overlaid = append(s.overlaid, overlay{ref: ref, dict: now, reason: "a signature was added that hides what the page shows"})
	}
	if s.changed[ref] && s.graph.only(ref, roleField|roleAnnotation) {
		s.handled[ref] = true
	}
	if from.kind == "Sig" || from.kind == "" {
		if s.changed[ref] {
			s.compareFieldKeys(ref, was, now, from)
		}
	} else {
		s.compareFilling(ref, was, now, from)
	}
	if newlySigned {
		s.eachAppearance(was["AP"], func(at pdf.Ref, _ *pdf.Stream) { s.appearances[at] = true })
	} else if from.kind == "Sig" || from.kind == "" {
		s.eachAppearance(was["AP"], func(at pdf.Ref, _ *pdf.Stream) { s.kept[at] = true })
	}
	if was["Kids"] == nil && now["Kids"] == nil {
		return nil
	}
	return s.compareFieldList(ref, was["Kids"], now["Kids"], from, depth+1)
}

// signingKeys are those of an empty signature field and its widget that signing it sets.
var signingKeys = map[pdf.Name]bool{"V": true, "AP": true, "AS": true, "MK": true, "M": true, "F": true, "P": true, "DA": true, "Kids": true, "Type": true, "Ff": true, "StructParent": true}

// widgetKeys make a widget of a field that had none.
var widgetKeys = map[pdf.Name]bool{"Type": true, "Subtype": true, "Rect": true}

// compareFieldKeys compares a signature field, its widget, or a node above fields.
func (s *changeSet) compareFieldKeys(ref pdf.Ref, was, now pdf.Dict, from inherited) {
	changed := false
	for _, k := range keys(was, now) {
		if k == "Kids" || s.alike(was[k], now[k]) {
			continue
		}
		changed = true
		switch {
		case from.kind == "Sig" && from.wasSigned:
			s.forbidden(ref, ChangeSignedField, "the field of an earlier signature was changed")
		case from.kind == "Sig" && signingKeys[k] && (was[k] == nil || k != "P"):
			if from.nowSigned && !from.freshly {
				s.forbidden(ref, ChangeSignedField, "a field was given a value that is no signature made since")
			} else if k == "AP" && !from.nowSigned {
				s.suspicious(ref, ChangeFieldAdded, "an empty signature field got an appearance")
			}
		case from.kind == "Sig" && widgetKeys[k] && was["Subtype"] == nil:
		default:
			s.suspicious(ref, ChangeField, "/"+string(k)+" of a form field was changed")
		}
	}
	if changed {
		s.touch(ref, now)
		s.locked(ref, from)
	}
}

// locked judges a change of a field that a signature locks.
func (s *changeSet) locked(ref pdf.Ref, from inherited) {
	if by, locked := s.limits.Locked(from.name); locked {
		s.forbidden(ref, ChangeFieldLocked, "a form field was changed that the signature in "+by+" locks")
	}
}

// addedField judges a field that the signed form did not have.
func (s *changeSet) addedField(ref pdf.Ref, from inherited, depth int) error {
	if s.fields[ref] {
		return nil
	}
	s.fields[ref] = true
	if !s.fresh[ref] {
		s.suspicious(ref, ChangeFieldAdded, "an object of the signed version became a form field")
		return nil
	}
	d, err := s.new.Dict(ref)
	if err != nil {
		return fmt.Errorf("read field %s: %w", show(ref), err)
	}
	if ft, ok := d["FT"].(pdf.Name); ok {
		from.kind = ft
	}
	if s.value(&from, d); from.nowSigned && !from.freshly {
		s.forbidden(ref, ChangeFieldAdded, "a field was added whose value is no signature made since")
	}
	kids, err := s.new.Array(d["Kids"])
	if err != nil {
		return fmt.Errorf("read field %s: %w", show(ref), err)
	}
	switch {
	case from.kind == "Sig":
		s.widgets[ref] = true
		s.touch(ref, d)
		s.overlaid = append(s.overlaid, overlay{ref: ref, dict: d, reason: "a signature was added that hides what the page shows"})
		// A certification lets others sign, in the fields that are there (ISO 32000-2 table 257). In a field of one's
		// own anything can be shown anywhere.
		if s.limits.FormFilling && d["Rect"] != nil && s.visible(d) {
			s.suspicious(ref, ChangeFieldAdded, "a visible signature field was added to a certified document")
		}
		if !from.nowSigned && d["AP"] != nil && s.visible(d) {
			s.suspicious(ref, ChangeFieldAdded, "a signature field was added that shows something and is not signed")
		}
	case len(kids) == 0:
		s.suspicious(ref, ChangeFieldAdded, "a form field was added that is no signature field")
	}
	if d["AA"] != nil || d["A"] != nil {
		s.suspicious(ref, ChangeAction, "a field was added that runs an action")
	}
	for _, o := range kids {
		kid, ok := o.(pdf.Ref)
		if !ok || depth > maxFieldDepth {
			s.suspicious(ref, ChangeFieldAdded, "a field was added whose kids can't be followed")
			continue
		}
		if err := s.addedField(kid, from, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// value notes what the field has as its value now. One that is there already as another field's value signs nothing:
// with it any appearance could be laid over the page.
func (s *changeSet) value(to *inherited, field pdf.Dict) {
	v := field["V"]
	if v == nil {
		return
	}
	to.nowSigned, to.freshly = true, false
	if ref, ok := v.(pdf.Ref); ok && s.fresh[ref] {
		o, err := s.now(ref)
		d, ok := o.(pdf.Dict)
		to.freshly = err == nil && ok && d["ByteRange"] != nil && d["Contents"] != nil
	}
}

// touch notes a field that is new or different, unless it holds a document time-stamp that shows nothing.
func (s *changeSet) touch(ref pdf.Ref, field pdf.Dict) {
	v, err := s.new.Dict(field["V"])
	if err == nil && v["Type"] == pdf.Name("DocTimeStamp") && v["SubFilter"] == pdf.Name("ETSI.RFC3161") &&
		(field["Rect"] == nil || !s.visible(field)) && field["Kids"] == nil {
		s.lasting, s.stamps = true, append(s.stamps, ref)
		return
	}
	s.touched = ref
}

// visible tells whether the widget may take up room: what is no rectangle of four numbers is shown by some readers.
func (s *changeSet) visible(d pdf.Dict) bool {
	a, err := s.new.Array(d["Rect"])
	if err != nil || len(a) != 4 {
		return true
	}
	var n [4]float64
	for i, o := range a {
		o, err := s.new.Resolve(o)
		switch o := o.(type) {
		case pdf.Integer:
			n[i] = float64(o)
		case pdf.Real:
			n[i] = float64(o)
		default:
			return true
		}
		if err != nil {
			return true
		}
	}
	return n[0] != n[2] && n[1] != n[3]
}
