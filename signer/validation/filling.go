package validation

import (
	"strings"

	"sokyso/signer/pdf"
)

// fillingKeys are those that filling in a form field sets, in the field or its widget.
var fillingKeys = map[pdf.Name]bool{"V": true, "AP": true, "AS": true, "M": true, "I": true, "RV": true, "TI": true, "Type": true, "Q": true, "DA": true}

// Bits of field and annotation flags (ISO 32000-2 tables 227, 229, 231 and 167).
const (
	flagsOfEditing = 1<<0 | 1<<1 | 1<<2 // ReadOnly, Required, NoExport
	flagPassword   = 1 << 13
	flagPushButton = 1 << 16
	flagCombo      = 1 << 17
	flagsOfHiding  = 1<<1 | 1<<5 // Hidden, NoView
	flagPrint      = 1 << 2
)

// compareFilling compares a field that is no signature field, or its widget. After an ordinary signature an empty field
// may be filled in (ISO 32000-2 §12.8.2.2 forbids nothing then, and forms are made to be signed by one and filled in by
// the next). One that had a value was part of what the signer saw: giving it another is how documents are altered by
// their own form fields. Only a certification can allow that.
func (s *changeSet) compareFilling(ref pdf.Ref, was, now pdf.Dict, from inherited) {
	appearance := false // whether what it shows was changed
	s.eachAppearance(was["AP"], func(at pdf.Ref, _ *pdf.Stream) {
		if s.changed[at] {
			old, _ := s.before(at)
			o, err := s.now(at)
			if a, ok := old.(*pdf.Stream); ok && err == nil {
				if b, ok := o.(*pdf.Stream); ok && s.alike(a.Dict, b.Dict) && s.sameData(a, b) {
					return
				}
			}
			appearance = true
		}
	})
	// Another state shows another of the appearances that were signed; who prepared them chose what they hide.
	if s.changed[ref] && (!s.alike(was["AP"], now["AP"]) || !s.alike(was["AS"], now["AS"])) {
		appearance = true
	}
	wasFilled := !s.empty(from.wasValue) || from.kind == "Btn" && !s.empty(was["AS"])
	changed := appearance
	for _, k := range keys(was, now) {
		if k == "Kids" || !s.changed[ref] || s.alike(was[k], now[k]) {
			continue
		}
		changed = true
		switch {
		case k == "Ff" && flags(was[k])&^flagsOfEditing == flags(now[k])&^flagsOfEditing:
		case k == "F" && flags(was[k])&flagsOfHiding == 0 && (!wasFilled || !hiddenBy(flags(was[k]), flags(now[k]))):
		case k == "StructParent" && was[k] == nil:
		case fillingKeys[k]:
		default:
			s.suspicious(ref, ChangeField, "/"+string(k)+" of a form field was changed")
		}
	}
	if !changed {
		s.eachAppearance(was["AP"], func(at pdf.Ref, _ *pdf.Stream) { s.kept[at] = true })
		return
	}
	s.eachAppearance(was["AP"], func(at pdf.Ref, _ *pdf.Stream) { s.appearances[at] = true })
	s.touch(ref, now)
	s.locked(ref, from)
	if !s.limits.FormFilling && !s.empty(from.wasValue) && !s.alike(from.wasValue, from.nowValue) ||
		!s.limits.FormFilling && from.kind == "Btn" && !s.empty(was["AS"]) && !s.alike(was["AS"], now["AS"]) {
		s.suspicious(ref, ChangeFieldValue, "a field that was filled in when the document was signed was changed")
	}
	if appearance {
		s.overlaid = append(s.overlaid, overlay{ref: ref, dict: now, before: was, field: &from, reason: "a field was filled in so that it hides what the page shows"})
	}
}

// hiddenBy tells whether flags of an annotation take it away from the screen or from paper.
func hiddenBy(was, now int64) bool {
	return now&flagsOfHiding != 0 || was&flagPrint != 0 && now&flagPrint == 0
}

func flags(o pdf.Object) int64 {
	n, _ := o.(pdf.Integer)
	return int64(n)
}

// empty tells whether a field's value is none.
func (s *changeSet) empty(o pdf.Object) bool {
	o, err := s.old.Resolve(o)
	if err != nil {
		return false
	}
	switch o := o.(type) {
	case nil:
		return true
	case pdf.String:
		return strings.TrimSpace(o.Text()) == ""
	case pdf.Name:
		return o == "Off" || o == ""
	case pdf.Array:
		return len(o) == 0
	}
	return false
}

// eachAppearance hands over the streams of an appearance dictionary as it was signed, which may hang under a state.
func (s *changeSet) eachAppearance(ap pdf.Object, yield func(pdf.Ref, *pdf.Stream)) {
	if ref, ok := ap.(pdf.Ref); ok {
		yield(ref, nil)
	}
	d, err := s.old.Dict(ap)
	if err != nil {
		return
	}
	for _, o := range d {
		s.appearanceStreams(o, 0, yield)
	}
}

func (s *changeSet) appearanceStreams(o pdf.Object, depth int, yield func(pdf.Ref, *pdf.Stream)) {
	ref, _ := o.(pdf.Ref)
	o, err := s.old.Resolve(o)
	if err != nil || depth > 3 {
		return
	}
	switch o := o.(type) {
	case *pdf.Stream:
		yield(ref, o)
	case pdf.Dict:
		if ref != (pdf.Ref{}) {
			yield(ref, nil)
		}
		for _, v := range o {
			s.appearanceStreams(v, depth+1, yield)
		}
	}
}

// normal is the stream that shows a widget as it is now; nil if there is none.
func normal(f *pdf.File, widget pdf.Dict) *pdf.Stream {
	ap, err := f.Dict(widget["AP"])
	if err != nil {
		return nil
	}
	o, err := f.Resolve(ap["N"])
	if err != nil {
		return nil
	}
	if states, ok := o.(pdf.Dict); ok {
		state, _ := f.Name(widget["AS"])
		if o, err = f.Resolve(states[state]); err != nil {
			return nil
		}
	}
	form, _ := o.(*pdf.Stream)
	return form
}
