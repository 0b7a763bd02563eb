package validation

import (
	"context"
	"fmt"

	"sokyso/signer/pdf"
)

// history gives the objects of a file as they were after each revision, and parses each version of an object once.
// What it answers is shared and must not be changed.
type history struct {
	file  *pdf.File
	last  int // index of the newest revision
	files []*pdf.File
	refs  [][]pdf.Ref       // that each revision changed; filled when asked for
	when  map[pdf.Ref][]int // the revisions that changed an object, without the first
	cache map[version]parsed

	graphs  map[int]*graph // of the revisions that were gone through
	scanned bool
	hidden  []pdf.Placed // objects behind the first revision that no cross-reference lists
	visits  int          // objects gone through, for all signatures
	values  int          // that were compared
	painted int          // steps of drawing
}

// version names an object as a revision left it: the revision is the one that wrote it.
type version struct {
	ref      pdf.Ref
	revision int
}

type parsed struct {
	object pdf.Object
	err    error
}

// graph answers the parts that objects play in a revision.
func (h *history) graph(ctx context.Context, revision int) (*graph, error) {
	if g := h.graphs[revision]; g != nil {
		return g, nil
	}
	g, err := walk(ctx, h, revision)
	if err == nil {
		h.graphs[revision] = g
	}
	return g, err
}

// What the streams of one file may unpack to while it is judged, in bytes: so much, and so many times its size. Text
// and images in use shrink to a third or a tenth; what shrinks further is small, or made to keep readers busy.
const (
	unpackingBase   = 128 << 20
	unpackingFactor = 16
)

// Bounds on comparing and drawing for all signatures of one file together.
const (
	maxValues  = 3_000_000
	maxPainted = 4_000_000
)

// maxVisits bounds the objects that are gone through in one file, for all its signatures. A document of 300,000
// objects that was signed a dozen times stays below.
const maxVisits = 4_000_000

// spend counts objects that are gone through.
func (h *history) spend(ctx context.Context, objects int) error {
	before := h.visits
	if h.visits += objects; h.visits > maxVisits {
		return &pdf.Error{Kind: pdf.KindTooComplex, Offset: -1, Reason: fmt.Sprintf("more than %d objects to compare", maxVisits)}
	}
	if before>>10 != h.visits>>10 {
		return ctx.Err()
	}
	return nil
}

// unlisted answers the objects behind a revision that no cross-reference lists.
func (h *history) unlisted(ctx context.Context, revision int) ([]pdf.Placed, error) {
	revisions := h.file.Revisions()
	if !h.scanned {
		var err error
		if h.hidden, err = h.file.Unlisted(ctx, revisions[0].End, maxUnlisted); err != nil {
			return nil, err
		}
		h.scanned = true
	}
	if len(h.hidden) >= maxUnlisted {
		return h.hidden, nil // there may be more
	}
	var out []pdf.Placed
	for _, p := range h.hidden {
		if p.Offset >= revisions[revision].End {
			out = append(out, p)
		}
	}
	return out, nil
}

// maxUnlisted bounds what a search for unlisted objects brings; any of them is enough to doubt the file.
const maxUnlisted = 4096

// maxParsed bounds the objects that are kept.
const maxParsed = 20_000

func newHistory(f *pdf.File) *history {
	h := &history{file: f, last: len(f.Revisions()) - 1, when: map[pdf.Ref][]int{}, cache: map[version]parsed{}, graphs: map[int]*graph{}}
	h.files, h.refs = make([]*pdf.File, h.last+1), make([][]pdf.Ref, h.last+1)
	for n := 1; n <= h.last; n++ {
		h.refs[n] = f.Changed(n)
		for _, ref := range h.refs[n] {
			h.when[ref] = append(h.when[ref], n)
		}
	}
	return h
}

// at is the file as it was after a revision.
func (h *history) at(revision int) *pdf.File {
	if h.files[revision] == nil {
		h.files[revision] = h.file.At(revision)
	}
	return h.files[revision]
}

// changed lists the objects that a revision after the first wrote or freed.
func (h *history) changed(revision int) []pdf.Ref { return h.refs[revision] }

// version answers which version of the object holds after the revision.
func (h *history) version(ref pdf.Ref, revision int) version {
	v := version{ref: ref}
	for _, n := range h.when[ref] {
		if n <= revision {
			v.revision = n
		}
	}
	return v
}

// object reads the object as it was after the revision.
func (h *history) object(ref pdf.Ref, revision int) (pdf.Object, error) {
	v := h.version(ref, revision)
	if p, ok := h.cache[v]; ok {
		return p.object, p.err
	}
	o, err := h.at(revision).Object(ref)
	if len(h.cache) < maxParsed {
		h.cache[v] = parsed{o, err}
	}
	return o, err
}
