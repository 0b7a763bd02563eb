package validation

import (
	"context"
	"fmt"
	"slices"

	"sokyso/signer/pdf"
)

// role is the part that an object plays in a document, by the way that leads to it from the trailer. An object may
// have several: one that is a list of annotations and also a page's contents must not be changed as the list may.
// The name of a key alone tells nothing, as resources and private data have keys of any name.
type role uint16

const (
	roleCatalog     role = 1 << iota
	roleInfo             // the document information dictionary
	roleForm             // AcroForm
	roleField            // a form field, or a list of fields
	rolePage             // a page, a node of the page tree, or its list of kids
	roleAnnotation       // an annotation of a page, or a page's list of them
	roleStructured       // what a structure tree refers to: an annotation, or anything else
	roleStructure        // the structure tree of a tagged document
	roleAppearance       // an appearance of a form field or its widget
	roleResources        // default resources of the form
	rolePermissions      // the catalog's Perms
	roleOther

	roleNone role = 0 // not gone into
)

// next is the part of what an object of part r has under a key (ISO 32000-2 tables 29, 30, 31, 166, 224, 226, 354).
func (r role) next(key pdf.Name) role {
	switch r {
	case roleCatalog:
		switch {
		case key == "Pages":
			return rolePage
		case key == "AcroForm":
			return roleForm
		case key == "StructTreeRoot":
			return roleStructure
		case key == "Perms":
			return rolePermissions
		case harmlessCatalogKeys[key]:
			return roleNone // what is reached in no other way may change
		}
	case roleForm:
		switch key {
		case "Fields":
			return roleField
		case "DR":
			return roleResources
		}
	case roleField, roleAnnotation:
		switch key {
		case "Kids", "Parent":
			return roleField
		case "AP":
			return roleAppearance
		}
	case roleAppearance:
		return roleAppearance // N, R, D and the names of states; the streams end it
	case roleResources:
		return roleResources
	case roleStructure:
		switch key {
		case "Obj":
			return roleStructured
		case "Stm", "AF":
			return roleOther
		}
		return roleStructure
	case rolePage:
		switch key {
		case "Kids", "Parent":
			return rolePage
		case "Annots":
			return roleAnnotation
		}
	case roleOther:
		if key == "Obj" {
			return roleStructured
		}
	}
	return roleOther
}

// graph says which parts the objects that were changed at some time play in a revision.
type graph struct {
	roles       map[pdf.Ref]role     // all of an object's
	generations map[uint32][]pdf.Ref // of each number, those that anything refers to
	pages       map[pdf.Ref]bool     // the nodes of the page tree
	unreadable  []pdf.Ref            // objects reached that can't be read, the first few
}

// reached tells whether anything that matters refers to the object: not the catalog's validation material, metadata
// and private data.
func (g *graph) reached(ref pdf.Ref) bool { return g.roles[ref] != 0 }

// only tells whether the object plays no other parts than these.
func (g *graph) only(ref pdf.Ref, parts role) bool { return g.roles[ref]&^parts == 0 }

// step is an object in a part.
type step struct {
	ref  pdf.Ref
	role role
}

type walker struct {
	history  *history
	revision int
	numbers  map[uint32]bool // of the objects of interest
	graph    *graph
	root     pdf.Ref // the catalog
	queue    []step
	seen     map[step]bool
}

// walk goes through all objects that can be reached from the trailer, in each part that they play, and records those
// of the objects that a later revision changed.
func walk(ctx context.Context, h *history, revision int) (*graph, error) {
	w := walker{
		history: h, revision: revision, numbers: map[uint32]bool{}, seen: map[step]bool{},
		graph: &graph{roles: map[pdf.Ref]role{}, generations: map[uint32][]pdf.Ref{}, pages: map[pdf.Ref]bool{}},
	}
	for ref := range h.when {
		w.numbers[ref.Number] = true
	}
	trailer := h.at(revision).Trailer()
	w.root, _ = trailer["Root"].(pdf.Ref)
	if err := w.findPages(ctx, w.root); err != nil {
		return nil, err
	}
	w.visit(w.root, roleCatalog)
	w.visit(trailer["Info"], roleInfo)
	err := w.run(ctx, func(s step, o pdf.Object) { w.visit(o, s.role) })
	return w.graph, err
}

// findPages goes through the page tree. What leads to a page from elsewhere, as destinations, structure elements and
// annotations do, leads to a page then.
func (w *walker) findPages(ctx context.Context, root pdf.Object) error {
	catalog, err := w.history.at(w.revision).Dict(root)
	if err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	w.visit(catalog["Pages"], rolePage)
	err = w.run(ctx, func(s step, o pdf.Object) {
		w.graph.pages[s.ref] = true
		switch o := o.(type) {
		case pdf.Dict:
			w.visit(o["Kids"], rolePage)
		case pdf.Array, pdf.Ref:
			w.visit(o, rolePage)
		}
	})
	w.seen = map[step]bool{}
	return err
}

// run reads the objects in the queue, each once in each part, and hands them to visit, which may add to the queue.
func (w *walker) run(ctx context.Context, visit func(step, pdf.Object)) error {
	for len(w.queue) > 0 {
		s := w.queue[len(w.queue)-1]
		w.queue = w.queue[:len(w.queue)-1]
		if w.seen[s] {
			continue
		}
		w.seen[s] = true
		h := w.history
		if err := h.spend(ctx, 1); err != nil {
			return err
		}
		o, err := h.object(s.ref, w.revision)
		if pdf.KindOf(err) == pdf.KindRead {
			return fmt.Errorf("read object %s: %w", show(s.ref), err)
		}
		if s.role == roleStructured {
			s.role = roleOther
			if d, ok := o.(pdf.Dict); ok && d["Subtype"] == pdf.Name("Widget") {
				s.role = roleAnnotation
			}
			if w.seen[s] {
				continue
			}
			w.seen[s] = true
		}
		w.record(s)
		switch g := w.graph; {
		case err == nil:
			visit(s, o)
		case len(g.unreadable) < maxFindings && !slices.Contains(g.unreadable, s.ref):
			g.unreadable = append(g.unreadable, s.ref)
		}
	}
	return nil
}

func (w *walker) record(s step) {
	if !w.numbers[s.ref.Number] {
		return
	}
	if w.graph.roles[s.ref] == 0 {
		w.graph.generations[s.ref.Number] = append(w.graph.generations[s.ref.Number], s.ref)
	}
	w.graph.roles[s.ref] |= s.role
}

// visit puts what o refers to into the queue.
func (w *walker) visit(o pdf.Object, r role) {
	if r == roleNone {
		return
	}
	switch o := o.(type) {
	case pdf.Ref:
		// What leads to a page or to the catalog from elsewhere, as a signature's Reference does with its Data
		// (ISO 32000-2 §12.8.1, table 256), leads to a page or to the catalog.
		switch {
		case w.graph.pages[o]:
			r = rolePage
		case o == w.root:
			r = roleCatalog
		}
		if s := (step{o, r}); !w.seen[s] {
			w.queue = append(w.queue, s)
		}
	case pdf.Dict:
		kind, annotated := o["Subtype"]
		for k, v := range o {
			part := r.next(k)
			// What an annotation shows that is no field's is content of the page.
			if part == roleAppearance && r != roleAppearance && annotated && kind != pdf.Name("Widget") {
				part = roleOther
			}
			w.visit(v, part)
		}
	case pdf.Array:
		for _, v := range o {
			w.visit(v, r)
		}
	case *pdf.Stream:
		if r == roleAppearance || r == roleResources {
			r = roleOther
		}
		for k, v := range o.Dict {
			w.visit(v, r.next(k))
		}
	}
}
