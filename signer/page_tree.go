package signer

import (
	"fmt"
	"slices"

	"sokyso/signer/pdf"
)

// What a page tree in use never has: nodes above a page, and nodes visited, as hostile ones lead to one node many times.
const (
	maxPageDepth = 500
	maxPageNodes = 1 << 20
)

// objectPage makes a page an object that stands directly in the page tree, and with it all others that do. The
// standard wants objects (ISO 32000-2 §7.7.3.2); some readers show direct ones, others an empty page, and an annotation
// has nothing to name as its page. Once they are objects all readers show the same.
func (d *draft) objectPage(page pdf.Page, number int) (pdf.Page, error) {
	if d.signed {
		return page, &pdf.Error{Kind: pdf.KindDamaged, Offset: -1, Reason: "a page is no object of its own, and the document is signed, so that it can't be made one"}
	}
	if d.pages == nil {
		_, catalog, err := d.catalog()
		if err != nil {
			return page, err
		}
		root, v, err := d.lastRef(catalog["Pages"])
		if err != nil {
			return page, fmt.Errorf("read page tree: %w", err)
		}
		tree, ok := v.(pdf.Dict)
		if !ok || root == (pdf.Ref{}) {
			return page, &pdf.Error{Kind: pdf.KindDamaged, Offset: -1, Reason: "the page tree is no object of its own"}
		}
		nodes := maxPageNodes
		if err := d.objectKids(root, tree, nil, &nodes); err != nil {
			return page, fmt.Errorf("read page tree: %w", err)
		}
	}
	if number > len(d.pages) {
		return page, &pdf.Error{Kind: pdf.KindDamaged, Offset: -1, Reason: "the page tree reads in two ways"}
	}
	page.Ref = d.pages[number-1]
	page.Dict = d.pending(page.Ref, page.Dict)
	return page, nil
}

// objectKids makes objects of the direct kids of a node and of those below it, and lists the pages, in the order of
// pdf.File.Pages. path holds the nodes above it, against cycles; nodes is how many may still be visited.
func (d *draft) objectKids(ref pdf.Ref, node pdf.Dict, path []pdf.Ref, nodes *int) error {
	listRef, v, err := d.lastRef(node["Kids"])
	if err != nil {
		return err
	}
	kids, ok := v.(pdf.Array)
	if !ok {
		if node["Type"] != pdf.Name("Pages") {
			d.pages = append(d.pages, ref)
		}
		return nil
	}
	if *nodes -= len(kids); *nodes < 0 || len(path) >= maxPageDepth {
		return &pdf.Error{Kind: pdf.KindTooComplex, Offset: -1, Reason: "page tree too deep or too large"}
	}
	path = append(path, ref)
	changed := false
	for i, o := range kids {
		kidRef, isRef := o.(pdf.Ref)
		if isRef && slices.Contains(path, kidRef) {
			continue
		}
		if isRef {
			if _, o, err = d.lastRef(o); err != nil {
				return err
			}
		}
		kid, ok := o.(pdf.Dict)
		if !ok {
			continue
		}
		if !isRef {
			kid["Parent"] = ref
			kidRef = d.u.Add(kid)
			kids[i], changed = kidRef, true
		}
		if err := d.objectKids(kidRef, kid, path, nodes); err != nil {
			return err
		}
	}
	switch {
	case !changed:
	case listRef != (pdf.Ref{}):
		d.u.Set(listRef, kids)
	default:
		node["Kids"] = kids
		d.u.Set(ref, node)
	}
	return nil
}
