package validation

import (
	"fmt"

	"sokyso/signer/pdf"
)

// compareStrictly judges an update of a document that was signed with P=1. Validation material and document time-stamps
// may follow even then (ISO 32000-2 §12.8.2.2.2), and what a writer of these adds: metadata and the document
// information. Nothing else, not even an object that nobody refers to.
func (s *changeSet) compareStrictly() error {
	if s.touched != (pdf.Ref{}) {
		s.forbidden(s.touched, ChangeNotAllowed, "the signature allows no changes")
	}
	root, catalog, err := s.new.Catalog()
	if err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	lasting := map[pdf.Ref]bool{root: true}
	w := closure{s: s, seen: lasting}
	for k := range harmlessCatalogKeys {
		w.visit(catalog[k], 0)
	}
	w.visit(s.new.Trailer()["Info"], 0)
	w.visit(s.new.Trailer()["Encrypt"], 0)
	for _, ref := range s.stamps {
		w.visit(ref, 0)
	}
	for ref := range s.handled {
		if d, err := s.new.Dict(ref); err == nil {
			w.visit(d["Annots"], 0)
			w.visit(d["Fields"], 0)
		}
	}
	for ref := range s.changed {
		if lasting[ref] || s.handled[ref] {
			continue
		}
		o, err := s.now(ref)
		if err != nil {
			s.forbidden(ref, ChangeNotAllowed, "the signature allows no changes")
			continue
		}
		if stream, ok := o.(*pdf.Stream); ok && (stream.Dict["Type"] == pdf.Name("XRef") || stream.Dict["Type"] == pdf.Name("ObjStm")) {
			continue
		}
		if was, err := s.before(ref); err == nil && was != nil && s.alike(was, o) {
			continue // written again as it was
		}
		s.forbidden(ref, ChangeNotAllowed, "the signature allows no changes")
	}
	if !s.lasting && len(s.changed) > 0 {
		for ref := range s.changed {
			if s.fresh[ref] || ref == root {
				s.forbidden(ref, ChangeNotAllowed, "the signature allows no changes")
				break
			}
		}
	}
	return nil
}

// closure follows references to objects that were changed.
type closure struct {
	s    *changeSet
	seen map[pdf.Ref]bool
}

func (c *closure) visit(o pdf.Object, depth int) {
	if depth > maxAlikeDepth {
		return
	}
	switch o := o.(type) {
	case pdf.Ref:
		if c.seen[o] || !c.s.changed[o] {
			return
		}
		c.seen[o] = true
		if v, err := c.s.now(o); err == nil {
			c.visit(v, depth+1)
		}
	case pdf.Dict:
		for _, v := range o {
			c.visit(v, depth+1)
		}
	case pdf.Array:
		for _, v := range o {
			c.visit(v, depth+1)
		}
	case *pdf.Stream:
		for _, v := range o.Dict {
			c.visit(v, depth+1)
		}
	}
}
