package validation

import (
	"fmt"

	"sokyso/signer/pdf"
)

// comparePages compares the pages and lists of annotations that were redefined: a page may gain the widget of a
// signature field, nothing else.
func (s *changeSet) comparePages() error {
	for ref := range s.changed {
		if s.fresh[ref] || s.handled[ref] || !s.graph.reached(ref) {
			continue
		}
		was, err := s.before(ref)
		if err != nil {
			return fmt.Errorf("compare %s: %w", show(ref), err)
		}
		now, err := s.now(ref)
		if err != nil {
			s.forbidden(ref, ChangeObject, "an object can no longer be read")
			s.handled[ref] = true
			continue
		}
		switch was := was.(type) {
		case pdf.Dict:
			if !s.graph.pages[ref] || was["Kids"] != nil {
				continue
			}
			s.handled[ref] = true
			page, ok := now.(pdf.Dict)
			if !ok {
				s.forbidden(ref, ChangePage, "a page was removed")
				continue
			}
			if err := s.comparePage(ref, was, page); err != nil {
				return err
			}
		case pdf.Array:
			if !s.graph.only(ref, roleAnnotation) {
				continue
			}
			s.handled[ref] = true
			list, ok := now.(pdf.Array)
			if !ok {
				s.forbidden(ref, ChangeAnnotation, "the annotations of a page were removed")
				continue
			}
			if err := s.compareAnnotations(ref, was, list); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *changeSet) comparePage(ref pdf.Ref, was, now pdf.Dict) error {
	for _, k := range keys(was, now) {
		if k == "Annots" || s.alike(was[k], now[k]) || s.respelled(ref, k, was, now) {
			continue
		}
		switch {
		case k == "Metadata" || k == "LastModified" || k == "PieceInfo" || k == "Tabs":
		case k == "StructParents" && was[k] == nil:
		case k == "StructParents" || k == "Thumb" || k == "TemplateInstantiated":
			s.suspicious(ref, ChangePage, "/"+string(k)+" of a page was changed")
		default:
			s.forbidden(ref, ChangePage, "/"+string(k)+" of a page was changed")
		}
	}
	// A list that is an object of its own and stays is compared where it is redefined.
	if r, ok := was["Annots"].(pdf.Ref); ok && equal(r, now["Annots"]) {
		return nil
	}
	a, err := s.old.Array(was["Annots"])
	if err != nil {
		return fmt.Errorf("read annotations of page %s: %w", show(ref), err)
	}
	b, err := s.new.Array(now["Annots"])
	if err != nil {
		return fmt.Errorf("read annotations of page %s: %w", show(ref), err)
	}
	return s.compareAnnotations(ref, a, b)
}

func (s *changeSet) compareAnnotations(at pdf.Ref, was, now pdf.Array) error {
	i := 0
	seen := map[pdf.Ref]int{}
	for _, o := range now {
		if i < len(was) && equal(was[i], o) {
			i++
			continue
		}
		ref, ok := o.(pdf.Ref)
		if !ok || !s.fresh[ref] && !s.widgets[ref] {
			s.suspicious(at, ChangeAnnotation, "an annotation was added to a page")
			continue
		}
		seen[ref]++
		if seen[ref] > 1 {
			s.suspicious(ref, ChangeAnnotation, "an annotation stands on pages twice")
		}
		d, err := s.new.Dict(ref)
		if err != nil {
			return fmt.Errorf("read annotation %s: %w", show(ref), err)
		}
		if !s.widgets[ref] || d["Subtype"] != pdf.Name("Widget") {
			s.addedAnnotation(ref, d)
		}
	}
	if i < len(was) {
		s.forbidden(at, ChangeAnnotation, "an annotation was removed from a page")
	}
	return nil
}
