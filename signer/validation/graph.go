package validation

import (
	"context"
	"fmt"

	"sokyso/signer/pdf"
)

// maxObjects bounds a walk over the objects of one revision.
const maxObjects = 2_000_000

// graph says by which keys the objects of interest are referred to in a revision. An object plays a part, such as
// the list of a page's annotations, only when it is reached through that key alone: one that also is a page's
// contents must not be changed as an annotation list may.
type graph struct {
	through     map[pdf.Ref]map[pdf.Name]bool
	generations map[uint32][]pdf.Ref // of each number of interest, all that anything refers to
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
// interest. What stands in a list that is an object of its own counts as standing under the key of the list.
func walk(ctx context.Context, h *history, revision int, interest map[pdf.Ref]bool) (*graph, error) {
	w := walker{
		interest: map[uint32]bool{},
		graph:    &graph{through: map[pdf.Ref]map[pdf.Name]bool{}, generations: map[uint32][]pdf.Ref{}},
		seen:     map[pdf.Ref]bool{}, lists: map[step]bool{},
	}
	for ref := range interest {
		w.interest[ref.Number] = true
	}
	trailer := h.at(revision).Trailer()
	for _, k := range []pdf.Name{"Root", "Info"} {
		w.visit(trailer[k], k)
	}
	for n := 0; len(w.queue) > 0; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s := w.queue[len(w.queue)-1]
		w.queue = w.queue[:len(w.queue)-1]
		if len(w.seen)+len(w.lists) > maxObjects {
			return nil, &pdf.Error{Kind: pdf.KindTooComplex, Offset: -1, Reason: fmt.Sprintf("more than %d objects", maxObjects)}
		}
		if w.seen[s.ref] || w.lists[s] {
			continue
		}
		o, err := h.object(s.ref, revision)
		if err != nil {
			if pdf.KindOf(err) == pdf.KindRead {
				return nil, fmt.Errorf("read object %s: %w", show(s.ref), err)
			}
			w.seen[s.ref] = true // broken before it was signed: readers ignore it too
			continue
		}
		switch o.(type) {
		case pdf.Array, pdf.Ref:
			w.lists[s] = true
		default:
			w.seen[s.ref] = true
		}
		w.visit(o, s.key)
	}
	return w.graph, nil
}

// step is an object together with the key that leads to it.
type step struct {
	ref pdf.Ref
	key pdf.Name
}

type walker struct {
	interest map[uint32]bool // numbers of objects
	graph    *graph
	queue    []step
	seen     map[pdf.Ref]bool // objects done, but for lists and references to references
	lists    map[step]bool    // these, by each key that leads to them
}

func (w *walker) visit(o pdf.Object, key pdf.Name) {
	switch o := o.(type) {
	case pdf.Ref:
		if w.interest[o.Number] {
			if w.graph.through[o] == nil {
				w.graph.through[o] = map[pdf.Name]bool{}
				w.graph.generations[o.Number] = append(w.graph.generations[o.Number], o)
			}
			w.graph.through[o][key] = true
		}
		if s := (step{o, key}); !w.seen[o] && !w.lists[s] {
			w.queue = append(w.queue, s)
		}
	case pdf.Dict:
		for k, v := range o {
			w.visit(v, k)
		}
	case pdf.Array:
		for _, v := range o {
			w.visit(v, key)
		}
	case *pdf.Stream:
		for k, v := range o.Dict {
			w.visit(v, k)
		}
	}
}
