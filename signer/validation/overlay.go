package validation

import (
	"context"
	"fmt"
	"math"

	"sokyso/signer/pdf"
)

// overlay is a widget or annotation that came to show something after the signature was made.
type overlay struct {
	ref    pdf.Ref
	dict   pdf.Dict
	before pdf.Dict // as it was signed; nil if it is new
	reason string   // what to say if it hides something

	field   *inherited // of a field that was filled in
	comment bool
}

// maxOverlays bounds the fields filled in and annotations added that are looked at.
const maxOverlays = 5000

// compareOverlays looks whether what was added hides letters or images of the signed page: that is what attacks by
// annotations, signatures and form fields come down to. A stamp beside the text, or one that can be seen through, hides
// nothing; nor does one on the lines and dots that are made for writing on.
func (s *changeSet) compareOverlays(ctx context.Context) error {
	if len(s.overlaid) == 0 {
		return nil
	}
	pages, err := s.annotated(ctx)
	if err != nil {
		return err
	}
	for i, o := range s.overlaid {
		if i >= maxOverlays {
			s.suspicious(o.ref, ChangeHides, "more was added than can be looked at")
			return nil
		}
		hidden, err := s.hides(ctx, o, pages[o.ref])
		if err != nil {
			return err
		}
		if hidden {
			s.suspicious(o.ref, ChangeHides, o.reason)
		}
		switch {
		case o.field != nil:
			err = s.compareShown(ctx, o)
		case o.comment:
			err = s.compareComment(ctx, o.ref, o.dict)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// annotated answers on which pages the overlays are now: what P says need not be true.
func (s *changeSet) annotated(ctx context.Context) (map[pdf.Ref][]pdf.Page, error) {
	wanted := map[pdf.Ref]bool{}
	for _, o := range s.overlaid {
		wanted[o.ref] = true
	}
	on := map[pdf.Ref][]pdf.Page{}
	for page, err := range s.new.Pages() {
		if err != nil {
			return nil, fmt.Errorf("read pages: %w", err)
		}
		if err := s.history.spend(ctx, 1); err != nil {
			return nil, err
		}
		list, err := s.new.Array(page.Dict["Annots"])
		if err != nil {
			continue
		}
		for _, o := range list {
			if ref, ok := o.(pdf.Ref); ok && wanted[ref] {
				on[ref] = append(on[ref], page)
			}
		}
	}
	return on, nil
}

// hides tells whether the overlay covers something that the page showed when it was signed.
func (s *changeSet) hides(ctx context.Context, o overlay, pages []pdf.Page) (bool, error) {
	form := normal(s.new, o.dict)
	if form == nil || len(pages) == 0 {
		return false, nil
	}
	above := s.canvas(s.new, wholePlane)
	above.fine = true
	rect := above.box(o.dict["Rect"])
	if rect == wholePlane || rect[0] >= rect[2] || rect[1] >= rect[3] {
		return false, nil
	}
	if err := above.appearance(ctx, form, rect); err != nil {
		return false, err
	}
	if above.tooMuch {
		return true, nil
	}
	was := s.canvas(s.old, wholePlane)
	was.fine = true
	if form := normal(s.old, o.before); form != nil {
		if err := was.appearance(ctx, form, was.box(o.before["Rect"])); err != nil {
			return false, err
		}
	}
	if len(above.paints) == 0 && !above.shaded {
		return false, nil
	}
	for _, page := range pages {
		signed, err := s.old.Dict(page.Ref)
		if err != nil {
			return true, nil
		}
		below := s.canvas(s.old, rect)
		if err := below.page(ctx, signed, s.resourcesOf(signed)); err != nil {
			return false, err
		}
		if err := below.annotations(ctx, signed, o.ref); err != nil {
			return false, err
		}
		if below.tooMuch || covered(above, was, below, rect) {
			return true, nil
		}
	}
	return false, nil
}

// annotations draws what the annotations of a page show, but for one, and for the pictures of signatures: the school's
// seal covers a third of the signature that it confirms (Decree 30/2020/NĐ-CP Annex I), and what a picture says of its
// signature stands in the certificate too.
func (c *canvas) annotations(ctx context.Context, page pdf.Dict, but pdf.Ref) error {
	list, err := c.file.Array(page["Annots"])
	if err != nil {
		c.tooMuch = true
		return ctx.Err()
	}
	for _, o := range list {
		if o == but {
			continue
		}
		d, err := c.file.Dict(o)
		if err != nil || flags(d["F"])&flagsOfHiding != 0 || c.ofSignature(d) {
			continue
		}
		form, rect := normal(c.file, d), c.box(d["Rect"])
		if form == nil || d["Subtype"] == pdf.Name("Popup") || rect == wholePlane {
			continue
		}
		if err := c.appearance(ctx, form, rect); err != nil {
			return err
		}
	}
	return nil
}

// ofSignature tells whether the widget is that of a signature field that is signed.
func (c *canvas) ofSignature(widget pdf.Dict) bool {
	signed := false
	for range maxFieldDepth {
		signed = signed || widget["V"] != nil
		if kind, err := c.file.Name(widget["FT"]); err != nil || kind != "" {
			return kind == "Sig" && signed
		}
		parent, err := c.file.Dict(widget["Parent"])
		if err != nil || parent == nil {
			return false
		}
		widget = parent
	}
	return false
}

// resourcesOf finds the resources of a signed page, which may be inherited.
func (s *changeSet) resourcesOf(page pdf.Dict) pdf.Object {
	for range maxFieldDepth {
		if page["Resources"] != nil {
			return page["Resources"]
		}
		parent, err := s.old.Dict(page["Parent"])
		if err != nil || parent == nil {
			return nil
		}
		page = parent
	}
	return nil
}

// covered tells whether a letter below is covered from above that was not covered before, or a good part of an image.
func covered(above, was, below *canvas, rect [4]float64) bool {
	for _, l := range below.letters {
		if filler(l) {
			continue
		}
		if above.shaded || above.coversLetter(&l) && !was.coversLetter(&l) {
			return true
		}
	}
	if !below.images {
		return false
	}
	// An image is looked at in a grid of points.
	const grid = 24
	hidden := 0
	for i := range grid {
		for j := range grid {
			at := point{rect[0] + (rect[2]-rect[0])*(float64(i)+0.5)/grid, rect[1] + (rect[3]-rect[1])*(float64(j)+0.5)/grid}
			if below.imageAt(at) && (above.shaded || above.coversPoint(at, false)) && !was.coversPoint(at, false) {
				hidden++
			}
		}
	}
	return hidden > grid*grid/2
}

// coversPoint tells whether little of what is at the point can still be seen. Layers that each let it through hide it
// together.
func (c *canvas) coversPoint(at point, thin bool) bool {
	return c.covers(at, func(p *paint) bool { return thin || !p.thin() })
}

func (c *canvas) covers(at point, which func(*paint) bool) bool {
	through := 1.0
	for i := range c.paints {
		p := &c.paints[i]
		if which(p) && p.covers(at) {
			if through *= 1 - p.opacity; through <= 1-visibleOpacity {
				return true
			}
		}
	}
	return false
}

// coversLetter takes thin lines for an area when they lie side by side. The ink of an image that can be seen through,
// as that of a seal, is stroke by stroke too: a letter that one of them crosses can still be read, one that lies within
// an area of ink can not.
func (c *canvas) coversLetter(l *letter) bool {
	at := l.at
	if c.covers(at, func(p *paint) bool { return !p.thin() && p.mask == nil }) {
		return true
	}
	if c.coversPoint(at, false) {
		around := 0
		for i := range 8 {
			sin, cos := math.Sincos(float64(i) * math.Pi / 4)
			if c.coversPoint(point{at.x + l.size*0.35*cos, at.y + l.size*0.35*sin}, false) {
				around++
			}
		}
		if around >= 6 {
			return true
		}
	}
	if !c.fine {
		return false
	}
	for _, d := range []point{{0, 0}, {0, minimalLine}, {0, -minimalLine}, {minimalLine, 0}, {-minimalLine, 0}} {
		if !c.coversPoint(point{at.x + d.x, at.y + d.y}, true) {
			return false
		}
	}
	return true
}

// imageAt tells whether an image shows at the point.
func (c *canvas) imageAt(at point) bool {
	for i := range c.paints {
		if c.paints[i].kind == paintImage && c.paints[i].opacity >= visibleOpacity && c.paints[i].covers(at) {
			return true
		}
	}
	return false
}

// commentKinds are the annotations with which a text is commented on (ISO 32000-2 table 171). The others can show a
// text or a picture of their own anywhere on the page, so that a certification that allows comments is no leave for
// them: readers show no difference between such a one and the page.
var commentKinds = map[pdf.Name]bool{
	"Text": true, "Popup": true, "Highlight": true, "Underline": true, "Squiggly": true, "StrikeOut": true,
	"Caret": true, "FileAttachment": true,
}

// addedAnnotation judges an annotation that is no widget of a signature field.
func (s *changeSet) addedAnnotation(ref pdf.Ref, d pdf.Dict) {
	kind, _ := s.new.Name(d["Subtype"])
	switch {
	case !s.limits.Annotations:
		s.suspicious(ref, ChangeAnnotation, "an annotation was added that is not of a signature field")
	case !commentKinds[kind]:
		s.suspicious(ref, ChangeAnnotation, "an annotation /"+string(kind)+" was added, which can hide or replace what the page shows")
	case d["A"] != nil || d["AA"] != nil:
		s.suspicious(ref, ChangeAction, "an annotation was added that runs an action")
	default:
		s.overlaid = append(s.overlaid, overlay{ref: ref, dict: d, comment: true, reason: "a comment was added that hides what the page shows"})
	}
}

// compareComment looks whether a comment shows more than a mark or an icon.
func (s *changeSet) compareComment(ctx context.Context, ref pdf.Ref, d pdf.Dict) error {
	form := normal(s.new, d)
	if form == nil || d["Subtype"] == pdf.Name("Popup") {
		return nil
	}
	c := s.canvas(s.new, wholePlane)
	if err := c.appearance(ctx, form, [4]float64{0, 0, 1, 1}); err != nil {
		return err
	}
	if c.tooMuch || c.images || len(c.shown) > 0 {
		s.suspicious(ref, ChangeAnnotation, "a comment was added that shows text or a picture on the page")
	}
	return nil
}
