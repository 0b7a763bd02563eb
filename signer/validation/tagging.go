package validation

import (
	"fmt"

	"sokyso/signer/pdf"
)

// compareStructure lets the structure tree of a tagged document grow: whoever adds the widget of a signature field to
// such a document adds an element for it (ISO 32000-2 §14.7). What stood in the tree stays as it was: an alternative
// text is what somebody hears who can't see the page.
func (s *changeSet) compareStructure() error {
	for ref := range s.changed {
		if s.fresh[ref] || s.handled[ref] || !s.graph.reached(ref) || !s.graph.only(ref, roleStructure) {
			continue
		}
		was, err := s.before(ref)
		if err != nil {
			return fmt.Errorf("compare %s: %w", show(ref), err)
		}
		now, err := s.now(ref)
		if err != nil {
			continue // judged with the rest
		}
		if s.widens(was, now, 0) {
			s.handled[ref] = true
		}
	}
	return nil
}

// wideningKeys are those of a structure tree's root, an element, and a node of a number or name tree under which
// something may be added. Limits and ParentTreeNextKey follow from it.
var wideningKeys = map[pdf.Name]bool{"K": true, "Kids": true, "Nums": true, "Names": true, "ParentTree": true, "IDTree": true, "RoleMap": true, "ClassMap": true}

func (s *changeSet) widens(was, now pdf.Object, depth int) bool {
	if depth > maxFieldDepth {
		return false
	}
	if a, ok := was.(pdf.Ref); ok && was != now {
		var err error
		if was, err = s.before(a); err != nil {
			return false
		}
		if now, err = s.new.Resolve(now); err != nil {
			return false
		}
	}
	switch a := was.(type) {
	case pdf.Dict:
		b, ok := now.(pdf.Dict)
		if !ok {
			return false
		}
		for _, k := range keys(a, b) {
			switch {
			case k == "Limits", k == "ParentTreeNextKey" && a[k] != nil:
			case wideningKeys[k]:
				if a[k] != nil && !s.widens(a[k], b[k], depth+1) {
					return false
				}
			case !s.alike(a[k], b[k]):
				return false
			}
		}
		return true
	case pdf.Array:
		b, err := s.new.Array(now)
		if err != nil {
			return false
		}
		i := 0
		for _, o := range b {
			if i < len(a) && (s.alike(a[i], o) || s.widens(a[i], o, depth+1)) {
				i++
			}
		}
		return i == len(a)
	}
	if s.alike(was, now) {
		return true
	}
	// One kid that was no list becomes the first of several.
	list, ok := now.(pdf.Array)
	return ok && len(list) > 0 && s.alike(was, list[0])
}
