package validation

import (
	"context"
	"fmt"

	"sokyso/signer/pdf"
)

// ambiguity is an object of the document that means different things to different readers: a dictionary has a key twice,
// with two values, and some readers take the first, some the last. Who prepares such a document shows the signer one of
// two, and the reader the other.
type ambiguity struct {
	version
	key pdf.Name
}

func (a *ambiguity) where() string {
	if a.ref == (pdf.Ref{}) {
		return "trailer"
	}
	return show(a.ref)
}

// ambiguities looks through what makes the newest document what it is: catalog, page tree, pages with their contents,
// resources and annotations, form and fields. A key that stands twice with the same value is bad style and nothing else.
func (h *history) ambiguities(ctx context.Context) ([]ambiguity, error) {
	a := ambiguityFinder{ctx: ctx, h: h, seen: map[pdf.Ref]int{}, nodes: map[pdf.Ref]bool{}}
	for n := range h.last + 1 {
		key, err := h.file.TrailerAmbiguous(n)
		if pdf.KindOf(err) == pdf.KindRead {
			return nil, fmt.Errorf("read trailer: %w", err)
		}
		if key != "" {
			a.found = append(a.found, ambiguity{version{revision: n}, key})
		}
	}
	root := h.file.Trailer()["Root"]
	a.look(root, 0)
	catalog, _ := h.file.Dict(root)
	a.look(catalog["Perms"], 1)
	a.pages(catalog["Pages"], 0)
	a.look(catalog["AcroForm"], 0)
	form, _ := h.file.Dict(catalog["AcroForm"])
	a.look(form["DR"], 2)
	a.fields(form["Fields"], 0)
	return a.found, a.err
}

// ambiguityFinder notes the first error, after which it does nothing more. What can't be read is told elsewhere.
type ambiguityFinder struct {
	ctx   context.Context
	h     *history
	seen  map[pdf.Ref]int  // how deep an object was looked into, plus one
	nodes map[pdf.Ref]bool // of trees
	found []ambiguity
	err   error
}

// look looks at the objects that o refers to, so many references deep, and at those objects themselves.
func (a *ambiguityFinder) look(o pdf.Object, depth int) {
	if a.err != nil {
		return
	}
	switch o := o.(type) {
	case pdf.Ref:
		a.lookAt(o, depth)
	case pdf.Array:
		for _, v := range o {
			a.look(v, depth)
		}
	case pdf.Dict:
		for k, v := range o {
			if k != "P" && k != "Parent" { // they lead up again
				a.look(v, depth)
			}
		}
	case *pdf.Stream:
		a.look(o.Dict, depth)
	}
}

func (a *ambiguityFinder) lookAt(ref pdf.Ref, depth int) {
	before := a.seen[ref]
	if before > depth {
		return
	}
	a.seen[ref] = depth + 1
	if a.err = a.h.spend(a.ctx, 1); a.err != nil {
		return
	}
	if before == 0 {
		key, err := a.h.file.Ambiguous(ref)
		switch {
		case pdf.KindOf(err) == pdf.KindRead:
			a.err = fmt.Errorf("read object %s: %w", show(ref), err)
		case key != "" && len(a.found) < maxFindings:
			a.found = append(a.found, ambiguity{a.h.version(ref, a.h.last), key})
		}
	}
	if depth > 0 {
		if o, err := a.h.object(ref, a.h.last); err == nil {
			a.look(o, depth-1)
		}
	}
}

// node tells whether a part of a tree is to be looked at, which is done once.
func (a *ambiguityFinder) node(o pdf.Object, depth int) bool {
	ref, ok := o.(pdf.Ref)
	if a.err != nil || depth > maxTreeDepth || ok && a.nodes[ref] {
		return false
	}
	a.nodes[ref] = ok
	a.look(o, 0)
	return true
}

// maxTreeDepth bounds trees of pages and fields, beyond which package pdf reads none.
const maxTreeDepth = 500

func (a *ambiguityFinder) pages(o pdf.Object, depth int) {
	if !a.node(o, depth) {
		return
	}
	node, _ := a.h.file.Dict(o)
	a.look(node["Contents"], 1)
	a.look(node["Resources"], 2)
	a.look(node["Annots"], 2)
	a.look(node["Kids"], 0)
	kids, _ := a.h.file.Array(node["Kids"])
	for _, kid := range kids {
		a.pages(kid, depth+1)
	}
}

func (a *ambiguityFinder) fields(list pdf.Object, depth int) {
	a.look(list, 0)
	fields, _ := a.h.file.Array(list)
	for _, o := range fields {
		if !a.node(o, depth) {
			continue
		}
		field, _ := a.h.file.Dict(o)
		a.look(field["AP"], 1)
		if field["Kids"] != nil {
			a.fields(field["Kids"], depth+1)
		}
	}
}
