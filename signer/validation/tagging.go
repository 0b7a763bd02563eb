package validation

import (
	"fmt"
	"slices"

	"sokyso/signer/pdf"
)

// compareStructure lets the structure tree of a tagged document grow: whoever adds the widget of a signature field to
// such a document adds an element for it (ISO 32000-2 §14.7). What stood in the tree stays as it was, and what is added
// speaks for nothing but annotations: an alternative text is what somebody hears who can't see the page.
func (s *changeSet) compareStructure() error {
	holds := false
	for ref := range s.changed {
		if s.fresh[ref] || s.handled[ref] || !s.graph.reached(ref) || !s.graph.only(ref, roleStructure) {
			continue
		}
		if !holds {
			if holds = s.treesHold(); !holds {
				return nil // judged with the rest
			}
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

// treesHold tells whether the parent tree and the tree of element names still answer what they answered, and no key
// twice.
func (s *changeSet) treesHold() bool {
	was, now := s.structureOf(s.old), s.structureOf(s.new)
	for _, tree := range []struct{ key, leaves pdf.Name }{{"ParentTree", "Nums"}, {"IDTree", "Names"}} {
		a, b := map[any]pdf.Object{}, map[any]pdf.Object{}
		left := maxAlike
		// What was ambiguous when it was signed is no change.
		if flatten(s.old, was[tree.key], tree.leaves, a, 0, &left); left <= 0 {
			return false
		}
		if !flatten(s.new, now[tree.key], tree.leaves, b, 0, &left) {
			return false
		}
		for k, v := range a {
			if !s.alike(v, b[k]) {
				return false
			}
		}
	}
	return true
}

func (s *changeSet) structureOf(f *pdf.File) pdf.Dict {
	_, catalog, err := f.Catalog()
	if err != nil {
		return nil
	}
	root, err := f.Dict(catalog["StructTreeRoot"])
	if err != nil {
		return nil
	}
	return root
}

// flatten lists the pairs of a number or name tree (ISO 32000-2 §7.9.6, §7.9.7); false if it can't be read as one.
func flatten(f *pdf.File, node pdf.Object, leaves pdf.Name, to map[any]pdf.Object, depth int, left *int) bool {
	d, err := f.Dict(node)
	if *left--; err != nil || depth > maxFieldDepth || *left <= 0 {
		return false
	}
	pairs, err := f.Array(d[leaves])
	if err != nil || len(pairs)%2 != 0 {
		return false
	}
	whole := true
	for i := 0; i < len(pairs); i += 2 {
		o, err := f.Resolve(pairs[i])
		var key any
		switch o := o.(type) {
		case pdf.Integer:
			key = o
		case pdf.String:
			key = string(o)
		}
		if *left--; err != nil || key == nil || *left <= 0 {
			return false
		}
		if _, twice := to[key]; twice {
			whole = false
		}
		to[key] = pairs[i+1]
	}
	kids, err := f.Array(d["Kids"])
	if err != nil {
		return false
	}
	for _, kid := range kids {
		whole = flatten(f, kid, leaves, to, depth+1, left) && whole
	}
	return whole
}

// treeKeys are those of a node of a number or name tree, whose pairs treesHold compares, and of the root what counts
// them.
var treeKeys = []pdf.Name{"Kids", "Nums", "Names", "Limits"}

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
		return ok && s.widensDict(a, b, depth)
	case pdf.Array:
		b, err := s.new.Array(now)
		if err != nil {
			return false
		}
		i := 0
		for _, o := range b {
			switch {
			case i < len(a) && (s.alike(a[i], o) || s.widens(a[i], o, depth+1)):
				i++
			case !s.speaksForAnnotations(o, 0):
				return false
			}
		}
		return i == len(a)
	}
	if s.alike(was, now) {
		return true
	}
	// One kid that was no list becomes the first of several.
	list, ok := now.(pdf.Array)
	return ok && len(list) > 0 && s.alike(was, list[0]) && s.speaksForAnnotations(list[1:], 0)
}

func (s *changeSet) widensDict(a, b pdf.Dict, depth int) bool {
	root := a["Type"] == pdf.Name("StructTreeRoot")
	node := a["S"] == nil && !root // of a tree
	for _, k := range keys(a, b) {
		switch {
		case node && slices.Contains(treeKeys, k):
		case root && (k == "ParentTree" || k == "IDTree"):
			// A tree that is an object of its own is compared where it is redefined.
			if r, ok := a[k].(pdf.Ref); a[k] != nil && !(ok && r == b[k]) && !s.widens(a[k], b[k], depth+1) {
				return false
			}
		case root && k == "ParentTreeNextKey" && a[k] != nil:
		case root && k == "K" && a[k] == nil:
			if !s.speaksForAnnotations(b[k], 0) {
				return false
			}
		case k == "K" && a[k] != nil:
			if !s.widens(a[k], b[k], depth+1) {
				return false
			}
		case !s.alike(a[k], b[k]):
			return false
		}
	}
	return true
}

// speaksForAnnotations tells whether a kid that was added to an element is an annotation that was added too, or an
// element of such kids only. One with content of a page, or with none at all, would say something about the page.
func (s *changeSet) speaksForAnnotations(kid pdf.Object, depth int) bool {
	ref, isRef := kid.(pdf.Ref)
	if depth > maxFieldDepth || isRef && !s.fresh[ref] {
		return false
	}
	o, err := s.new.Resolve(kid)
	if err != nil {
		return false
	}
	switch o := o.(type) {
	case pdf.Array:
		for _, kid := range o {
			if !s.speaksForAnnotations(kid, depth+1) {
				return false
			}
		}
		return true
	case pdf.Dict:
		if o["Type"] == pdf.Name("OBJR") {
			of, ok := o["Obj"].(pdf.Ref)
			return ok && (s.fresh[of] || s.widgets[of])
		}
		kids, err := s.new.Resolve(o["K"])
		if list, ok := kids.(pdf.Array); err != nil || kids == nil || ok && len(list) == 0 {
			return false
		}
		return o["S"] != nil && o["ActualText"] == nil && s.speaksForAnnotations(o["K"], depth+1)
	}
	return false
}
