package validation

import (
	"fmt"

	"sokyso/signer/pdf"
)

// maxObjects bounds a walk over the objects of one revision.
const maxObjects = 2_000_000

// graph says by which keys the objects of interest are referred to in a revision. An object plays a part, such as
// the list of a page's annotations, only when it is reached through that key alone: one that also is a page's
// contents must not be changed as an annotation list may.
type graph struct {
	through map[pdf.Ref]map[pdf.Name]bool
}

// reached tells whether anything refers to the object.
func (g *graph) reached(ref pdf.Ref) bool { return len(g.through[ref]) > 0 }

// only tells whether all references to the object stand under these keys.
func (g *graph) only(ref pdf.Ref, keys ...pdf.Name) bool {
	for k := range g.through[ref] {
		found := false
		for _, allowed := range keys {
			found = found || k == allowed
		}
		if !found {
			return false
		}
	}
	return true
}

// walk goes through all objects that can be reached from the trailer and records who refers to the objects of
// interest.
func walk(f *pdf.File, interest map[pdf.Ref]bool) (*graph, error) {
	g := &graph{through: map[pdf.Ref]map[pdf.Name]bool{}}
	seen := map[pdf.Ref]bool{}
	var queue []pdf.Ref
	var visit func(o pdf.Object, key pdf.Name)
	visit = func(o pdf.Object, key pdf.Name) {
		switch o := o.(type) {
		case pdf.Ref:
			if interest[o] {
				if g.through[o] == nil {
					g.through[o] = map[pdf.Name]bool{}
				}
				g.through[o][key] = true
			}
			if !seen[o] {
				seen[o] = true
				queue = append(queue, o)
			}
		case pdf.Dict:
			for k, v := range o {
				visit(v, k)
			}
		case pdf.Array:
			for _, v := range o {
				visit(v, key)
			}
		case *pdf.Stream:
			for k, v := range o.Dict {
				visit(v, k)
			}
		}
	}
	trailer := f.Trailer()
	for _, k := range []pdf.Name{"Root", "Info"} {
		visit(trailer[k], k)
	}
	for len(queue) > 0 {
		ref := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if len(seen) > maxObjects {
			return nil, &pdf.Error{Kind: pdf.KindTooComplex, Offset: -1, Reason: fmt.Sprintf("more than %d objects", maxObjects)}
		}
		o, err := f.Object(ref)
		if err != nil {
			if pdf.KindOf(err) == pdf.KindRead {
				return nil, fmt.Errorf("read object %s: %w", show(ref), err)
			}
			continue // broken before it was signed: readers ignore it too
		}
		visit(o, "")
	}
	return g, nil
}
