package validation

import "sokyso/signer/pdf"

// pageView is what a reader takes for a page, with what the page inherits.
type pageView struct {
	media, crop [4]float64
	rotate      int
	resources   pdf.Object
}

// inheritable are the keys of a page that it may have from a node above it (ISO 32000-2 table 31).
var inheritable = map[pdf.Name]bool{"MediaBox": true, "CropBox": true, "Rotate": true, "Resources": true}

// respelled tells whether a key of a page says the same in another way: the one stream of its contents stands in an
// array, or what it inherited is written into the page, as some writers do with each page that they save. Some readers
// go down the page tree for what a page inherits, others up by Parent: it must be the same for both.
func (s *changeSet) respelled(ref pdf.Ref, k pdf.Name, was, now pdf.Dict) bool {
	if k == "Contents" {
		list, ok := now[k].(pdf.Array)
		if !ok || len(list) != 1 {
			return false
		}
		old, err := s.old.Stream(was[k])
		return err == nil && old != nil && s.alike(was[k], list[0])
	}
	if !inheritable[k] || was[k] != nil {
		return false
	}
	up := s.inheritedBy(was, k)
	switch {
	case up == nil && k == "Rotate":
		up = pdf.Integer(0)
	case up == nil && k == "CropBox":
		if up = was["MediaBox"]; up == nil {
			up = s.inheritedBy(was, "MediaBox")
		}
	}
	return up != nil && s.alike(up, now[k]) && s.viewedAlike(ref)
}

// inheritedBy is what the nodes above a page have under the key, going up by Parent.
func (s *changeSet) inheritedBy(page pdf.Dict, k pdf.Name) pdf.Object {
	for range maxFieldDepth {
		parent, err := s.old.Dict(page["Parent"])
		if err != nil || parent == nil {
			return nil
		}
		if parent[k] != nil {
			return parent[k]
		}
		page = parent
	}
	return nil
}

// viewedAlike tells whether the page, wherever it stands in the page tree, is seen as it was.
func (s *changeSet) viewedAlike(ref pdf.Ref) bool {
	if s.views == nil {
		s.views = &[2]map[pdf.Ref][]pageView{s.viewsOf(s.old), s.viewsOf(s.new)}
	}
	was, now := s.views[0][ref], s.views[1][ref]
	if len(was) == 0 || len(was) != len(now) {
		return false
	}
	for i, v := range was {
		w := now[i]
		if v.media != w.media || v.crop != w.crop || v.rotate != w.rotate || !s.alike(v.resources, w.resources) {
			return false
		}
	}
	return true
}

// viewsOf goes through the pages; those that can't be read are left out, and then nothing is alike.
func (s *changeSet) viewsOf(f *pdf.File) map[pdf.Ref][]pageView {
	out := map[pdf.Ref][]pageView{}
	for page, err := range f.Pages() {
		if s.history.values++; err != nil || s.history.values > maxValues {
			return nil
		}
		out[page.Ref] = append(out[page.Ref], pageView{page.MediaBox, page.CropBox, page.Rotate, page.Resources})
	}
	return out
}
