package pdf

import (
	"iter"
	"math"
	"slices"
)

// Page is one page. Dict is the page object as it stands in the file; what it inherits from the page tree
// (ISO 32000-2 §7.7.3.4) is in the other fields only, so that Dict can be changed and written back.
type Page struct {
	Ref       Ref // zero if the page is, against the standard, a direct object
	Dict      Dict
	Resources Object     // own or inherited; a Dict, a Ref to one, or nil
	MediaBox  [4]float64 // x0 y0 x1 y1 in default user space units, x0 < x1, y0 < y1
	CropBox   [4]float64 // within MediaBox; MediaBox if there is none
	Rotate    int        // 0, 90, 180 or 270, clockwise
}

// defaultBox is US Letter, what readers take when no MediaBox can be found.
var defaultBox = [4]float64{0, 0, 612, 792}

// inherited is what a page takes from its ancestors.
type inherited struct{ resources, mediaBox, cropBox, rotate Object }

func (in inherited) with(d Dict) inherited {
	for key, to := range map[Name]*Object{
		"Resources": &in.resources, "MediaBox": &in.mediaBox, "CropBox": &in.cropBox, "Rotate": &in.rotate,
	} {
		if v := d[key]; v != nil {
			*to = v
		}
	}
	return in
}

func (f *File) newPage(ref Ref, d Dict, in inherited) (Page, error) {
	in = in.with(d)
	p := Page{Ref: ref, Dict: d, Resources: in.resources}
	var err error
	if p.MediaBox, err = f.box(in.mediaBox, defaultBox); err != nil {
		return p, err
	}
	if p.CropBox, err = f.box(in.cropBox, p.MediaBox); err != nil {
		return p, err
	}
	crop := [4]float64{max(p.CropBox[0], p.MediaBox[0]), max(p.CropBox[1], p.MediaBox[1]),
		min(p.CropBox[2], p.MediaBox[2]), min(p.CropBox[3], p.MediaBox[3])}
	if crop[0] < crop[2] && crop[1] < crop[3] {
		p.CropBox = crop
	} else {
		p.CropBox = p.MediaBox
	}
	turn, err := f.Number(in.rotate)
	if KindOf(err) == KindRead {
		return p, err
	}
	if q := int(math.Mod(turn, 360)); q%90 == 0 {
		p.Rotate = (q + 360) % 360
	}
	return p, nil
}

// box reads a rectangle and orders its corners; fallback if it is none or empty.
func (f *File) box(o Object, fallback [4]float64) ([4]float64, error) {
	a, err := f.Array(o)
	if KindOf(err) == KindRead {
		return fallback, err
	}
	if err != nil || len(a) < 4 {
		return fallback, nil
	}
	var b [4]float64
	for i := range b {
		if b[i], err = f.Number(a[i]); err != nil {
			if KindOf(err) == KindRead {
				return fallback, err
			}
			return fallback, nil
		}
	}
	b = [4]float64{min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])}
	if b[0] == b[2] || b[1] == b[3] {
		return fallback, nil
	}
	return b, nil
}

// pageNode is a node of the page tree: an inner one if kids is not nil.
type pageNode struct {
	ref   Ref
	dict  Dict
	kids  Array
	count int64 // what an inner node claims
}

// pageNode reads a node; dict is nil if there is none.
func (f *File) pageNode(o Object, w *work) (pageNode, error) {
	var n pageNode
	n.ref, _ = o.(Ref)
	o, err := f.resolve(o, w)
	if err != nil {
		return n, err
	}
	d, ok := o.(Dict)
	if !ok {
		return n, w.spend(0)
	}
	n.dict = d
	kids, err := f.resolve(d["Kids"], w)
	if err != nil {
		return n, err
	}
	if n.kids, ok = kids.(Array); !ok && d["Type"] == Name("Pages") {
		n.kids = Array{}
	}
	if n.kids != nil {
		count, err := f.resolve(d["Count"], w)
		if err != nil {
			return n, err
		}
		if v, ok := wholeNumber(count); ok {
			n.count = v
		}
	}
	return n, w.spend(0)
}

func (f *File) pageRoot(w *work) (pageNode, error) {
	_, catalog, err := f.Catalog()
	if err != nil {
		return pageNode{}, err
	}
	root, err := f.pageNode(catalog["Pages"], w)
	if err == nil && root.dict == nil {
		err = fail(KindDamaged, -1, "the page tree is no dictionary")
	}
	return root, err
}

// flat tells whether all kids of a node seem to be pages: as many as it claims, none absent, the outer ones looked at.
func (f *File) flat(n pageNode, w *work) (bool, error) {
	if len(n.kids) == 0 || n.count != int64(len(n.kids)) {
		return false, nil
	}
	for _, o := range n.kids {
		ref, ok := o.(Ref)
		if e := f.lookup(ref.Number); !ok || e.kind() != entryInUse && e.kind() != entryCompressed {
			return false, nil
		}
	}
	for _, o := range []Object{n.kids[0], n.kids[len(n.kids)-1]} {
		if kid, err := f.pageNode(o, w); err != nil || kid.dict == nil || kid.kids != nil {
			return false, err
		}
	}
	return true, nil
}

// plausible tells whether a node's Count is the sum of what its kids claim.
func (f *File) plausible(n pageNode, w *work) (bool, error) {
	var sum int64
	for _, o := range n.kids {
		kid, err := f.pageNode(o, w)
		switch {
		case err != nil:
			return false, err
		case kid.dict == nil:
		case kid.kids == nil:
			sum++
		case kid.count < 0 || kid.count > maxObjectNum:
			return false, nil
		default:
			sum += kid.count
		}
	}
	return sum == n.count, nil
}

// PageCount returns the number of pages. A node's Count is taken where its kids seem to be that many pages; all other
// nodes are counted.
func (f *File) PageCount() (int, error) {
	w := newWork(f.size)
	root, err := f.pageRoot(w)
	if err != nil {
		return 0, err
	}
	return f.countPages(root, nil, w)
}

func (f *File) countPages(n pageNode, path []Ref, w *work) (int, error) {
	if n.kids == nil {
		return 1, nil
	}
	if len(path) >= maxTreeDepth {
		return 0, fail(KindTooComplex, -1, "page tree deeper than %d", maxTreeDepth)
	}
	if ok, err := f.flat(n, w); ok || err != nil {
		return len(n.kids), err
	}
	sum, path := 0, append(path, n.ref)
	for _, o := range n.kids {
		kid, err := f.kid(o, path, w)
		if err != nil {
			return 0, err
		}
		if kid.dict == nil {
			continue
		}
		size, err := f.countPages(kid, path, w)
		if err != nil {
			return 0, err
		}
		sum += size
	}
	return sum, nil
}

// kid reads a kid of the node at the end of path; dict is nil if there is none, or if it is a node of the path.
func (f *File) kid(o Object, path []Ref, w *work) (pageNode, error) {
	if ref, ok := o.(Ref); ok && slices.Contains(path, ref) {
		return pageNode{}, w.spend(0)
	}
	return f.pageNode(o, w)
}

// Page returns page n, the first being 1. It goes down the tree by the Counts where they agree with the kids, else
// it goes through the pages in order.
func (f *File) Page(n int) (Page, error) {
	if n < 1 {
		return Page{}, fail(KindNoPages, -1, "page %d", n)
	}
	if p, ok, err := f.pageByCount(n); ok || KindOf(err) == KindRead {
		return p, err
	}
	i := 0
	for p, err := range f.Pages() {
		if err != nil {
			return Page{}, err
		}
		if i++; i == n {
			return p, nil
		}
	}
	return Page{}, fail(KindNoPages, -1, "page %d of %d", n, i)
}

func (f *File) pageByCount(n int) (Page, bool, error) {
	w := newWork(f.size)
	node, err := f.pageRoot(w)
	if err != nil {
		return Page{}, false, err
	}
	left := int64(n)
	var in inherited
	for range maxTreeDepth {
		if node.kids == nil {
			p, err := f.newPage(node.ref, node.dict, in)
			return p, left == 1 && err == nil, err
		}
		if left > node.count {
			return Page{}, false, nil
		}
		in = in.with(node.dict)
		if node, err = f.kidWith(node, &left, w); err != nil || node.dict == nil {
			return Page{}, false, err
		}
	}
	return Page{}, false, nil
}

// kidWith returns the kid that the page is under and leaves in left its number there; dict is nil if the node's Count
// can't be trusted.
func (f *File) kidWith(node pageNode, left *int64, w *work) (pageNode, error) {
	if ok, err := f.flat(node, w); err != nil {
		return pageNode{}, err
	} else if ok {
		kid, err := f.pageNode(node.kids[*left-1], w)
		*left = 1
		if kid.kids != nil {
			return pageNode{}, err
		}
		return kid, err
	}
	if ok, err := f.plausible(node, w); !ok {
		return pageNode{}, err
	}
	for _, o := range node.kids {
		kid, err := f.pageNode(o, w)
		if err != nil {
			return kid, err
		}
		size := kid.count
		if kid.kids == nil {
			size = 1
		}
		if kid.dict == nil {
			continue
		}
		if *left <= size {
			return kid, nil
		}
		*left -= size
	}
	return pageNode{}, nil
}

// Pages goes through all pages in order. An error ends it.
func (f *File) Pages() iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		w := newWork(f.size)
		root, err := f.pageRoot(w)
		if err == nil {
			_, err = f.walkPages(root, inherited{}, nil, w, yield)
		}
		if err != nil {
			yield(Page{}, err)
		}
	}
}

// walkPages yields the pages under a node. path holds the nodes above it, against cycles.
func (f *File) walkPages(n pageNode, in inherited, path []Ref, w *work, yield func(Page, error) bool) (bool, error) {
	if n.kids == nil {
		p, err := f.newPage(n.ref, n.dict, in)
		if err != nil {
			return false, err
		}
		return yield(p, nil), nil
	}
	if len(path) >= maxTreeDepth {
		return false, fail(KindTooComplex, -1, "page tree deeper than %d", maxTreeDepth)
	}
	in, path = in.with(n.dict), append(path, n.ref)
	for _, o := range n.kids {
		kid, err := f.kid(o, path, w)
		if err != nil {
			return false, err
		}
		if kid.dict == nil {
			continue
		}
		if more, err := f.walkPages(kid, in, path, w, yield); !more || err != nil {
			return more, err
		}
	}
	return true, nil
}
