package validation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sokyso/signer/pdf"
)

// changeSet compares a signed revision with the file as it is now. What is compared is what a reader shows: the
// objects that later revisions redefine, each in the part it plays in the signed revision. New objects do no harm by
// themselves; they are seen when something that was signed comes to refer to them.
type changeSet struct {
	old, new *pdf.File
	history  *history
	revision int

	changed map[pdf.Ref]bool // defined, redefined or freed later
	fresh   map[pdf.Ref]bool // of these, absent in the signed revision
	handled map[pdf.Ref]bool // of these, compared and judged by the part they play
	graph   *graph           // the signed revision's objects, as far as they concern changed ones
	limits  *Restrictions    // of the signature that is judged

	widgets map[pdf.Ref]bool // widgets of signature fields now
	fields  map[pdf.Ref]bool // form fields visited, against cycles

	touched pdf.Ref // a field that was added, signed or filled in; document time-stamps do not count

	verdict string
	details []Detail
}

// laterChanges judges what was done to the file after the revision that a signature covers.
func laterChanges(ctx context.Context, h *history, revision int, limits *Restrictions) (string, []Detail, error) {
	if revision >= h.last {
		return ChangesNone, nil, nil
	}
	s := &changeSet{
		old: h.at(revision), new: h.file, history: h, revision: revision, limits: limits,
		changed: map[pdf.Ref]bool{}, fresh: map[pdf.Ref]bool{}, handled: map[pdf.Ref]bool{},
		widgets: map[pdf.Ref]bool{}, fields: map[pdf.Ref]bool{},
		verdict: ChangesPermitted,
	}
	for n := revision + 1; n <= h.last; n++ {
		if err := h.spend(ctx, len(h.changed(n))); err != nil {
			return "", nil, err
		}
		for _, ref := range h.changed(n) {
			s.changed[ref] = true
		}
	}
	for ref := range s.changed {
		o, err := s.before(ref)
		if err != nil {
			return "", nil, fmt.Errorf("compare %s: %w", show(ref), err)
		}
		if o == nil {
			s.fresh[ref] = true
		}
	}
	if err := s.compare(ctx); err != nil {
		return "", nil, err
	}
	// Validation material and document time-stamps may follow even then (ISO 32000-2 §12.8.2.2.2).
	if limits.NoChanges && s.touched != (pdf.Ref{}) {
		s.forbidden(s.touched, "the signature allows no changes")
	}
	slices.SortFunc(s.details, func(a, b Detail) int {
		return strings.Compare(a.Code+a.Params["object"]+a.Params["reason"], b.Code+b.Params["object"]+b.Params["reason"])
	})
	if len(s.details) > maxFindings {
		s.details = s.details[:maxFindings]
	}
	return s.verdict, s.details, nil
}

// maxFindings is how many changes are listed for one signature.
const maxFindings = 16

// before and now read an object as it was signed and as it is.
func (s *changeSet) before(ref pdf.Ref) (pdf.Object, error) { return s.history.object(ref, s.revision) }
func (s *changeSet) now(ref pdf.Ref) (pdf.Object, error) {
	return s.history.object(ref, s.history.last)
}

func show(ref pdf.Ref) string { return fmt.Sprintf("%d %d", ref.Number, ref.Generation) }

func (s *changeSet) suspicious(ref pdf.Ref, reason string) {
	if s.verdict == ChangesPermitted {
		s.verdict = ChangesSuspicious
	}
	s.details = append(s.details, detail(DetailChangesSuspicious, "object", show(ref), "reason", reason))
}

func (s *changeSet) forbidden(ref pdf.Ref, reason string) {
	s.verdict = ChangesForbidden
	s.details = append(s.details, detail(DetailChangesForbidden, "object", show(ref), "reason", reason))
}

func (s *changeSet) compare(ctx context.Context) error {
	oldRoot, _, err := s.old.Catalog()
	if err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	newRoot, catalog, err := s.new.Catalog()
	if err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	if s.graph, err = s.history.graph(ctx, s.revision); err != nil {
		return err
	}
	if s.new.Trailer()["Encrypt"] != nil && s.old.Trailer()["Encrypt"] == nil {
		s.forbidden(newRoot, "encryption was added")
	}
	if oldRoot != newRoot {
		s.forbidden(newRoot, "the catalog was replaced")
	}
	if err := s.compareCatalog(oldRoot, catalog); err != nil {
		return err
	}
	if err := s.comparePages(); err != nil {
		return err
	}
	s.handleInfo()
	if err := s.compareRest(); err != nil {
		return err
	}
	return s.comparePlaces(ctx)
}

// comparePlaces looks for what makes readers disagree about which objects there are: they follow the cross-reference as
// long as it holds, and search the file for objects as soon as one is not there. Then they find what no
// cross-reference lists.
func (s *changeSet) comparePlaces(ctx context.Context) error {
	for _, ref := range s.graph.unreadable {
		s.suspicious(ref, "the signed version has an object that can't be read")
	}
	p, found, err := s.new.Misplaced(ctx, s.revision+1)
	if err != nil {
		return fmt.Errorf("check offsets: %w", err)
	}
	if found {
		s.suspicious(p.Ref, "an object that was added later is not where its cross-reference says")
	}
	unlisted, err := s.history.unlisted(ctx, s.revision)
	if err != nil {
		return fmt.Errorf("look for objects: %w", err)
	}
	for _, p := range unlisted {
		s.suspicious(p.Ref, "an object was added later that no cross-reference lists")
	}
	return nil
}

// harmlessCatalogKeys may be added, changed or removed: they hold validation material, metadata and version
// information, and nothing that a reader shows as the document.
var harmlessCatalogKeys = map[pdf.Name]bool{"DSS": true, "Extensions": true, "Metadata": true, "Version": true, "Type": true, "PieceInfo": true}

// activeCatalogKeys can change what is shown or run programs.
var activeCatalogKeys = map[pdf.Name]bool{"Pages": true, "OpenAction": true, "AA": true, "Names": true, "OCProperties": true, "Dests": true}

func (s *changeSet) compareCatalog(root pdf.Ref, now pdf.Dict) error {
	was, err := s.old.Dict(root)
	if err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	s.handled[root] = true
	for _, k := range keys(was, now) {
		if k == "AcroForm" || harmlessCatalogKeys[k] || equal(was[k], now[k]) {
			continue
		}
		switch {
		case k == "Perms":
			s.forbidden(root, "the permissions in the catalog were changed")
		case activeCatalogKeys[k]:
			s.forbidden(root, "/"+string(k)+" of the catalog was changed")
		default:
			s.suspicious(root, "/"+string(k)+" of the catalog was changed")
		}
	}
	return s.compareForm(was["AcroForm"], now["AcroForm"])
}

// handle marks the object that was compared in this part; references to references with it.
func (s *changeSet) handle(was pdf.Object, part role) {
	for range 32 {
		ref, ok := was.(pdf.Ref)
		if !ok {
			return
		}
		if s.graph.only(ref, part) {
			s.handled[ref] = true
		}
		var err error
		if was, err = s.before(ref); err != nil {
			return
		}
	}
}

// handleInfo lets the document information dictionary change: the signature does not vouch for a title or a
// modification date, and no reader shows them as content.
func (s *changeSet) handleInfo() {
	if ref, ok := s.old.Trailer()["Info"].(pdf.Ref); ok && s.graph.only(ref, roleInfo) {
		s.handled[ref] = true
	}
}

// compareRest judges what no rule has spoken for: any other object that was signed and is different now.
func (s *changeSet) compareRest() error {
	for ref := range s.changed {
		s.otherGeneration(ref)
		if s.fresh[ref] {
			if s.graph.reached(ref) {
				s.suspicious(ref, "the signed version refers to an object that was only added later")
			}
			continue
		}
		if s.handled[ref] || !s.graph.reached(ref) {
			continue
		}
		was, err := s.before(ref)
		if err != nil {
			return fmt.Errorf("compare %s: %w", show(ref), err)
		}
		now, err := s.now(ref)
		if err != nil {
			s.forbidden(ref, "an object can no longer be read")
			continue
		}
		if s.same(was, now) {
			continue
		}
		switch was := was.(type) {
		case *pdf.Stream:
			s.forbidden(ref, "a content, image or font stream was changed")
		case pdf.Dict:
			if t, _ := was["Type"].(pdf.Name); t == "Page" || t == "Pages" || t == "Sig" || t == "Font" || was["ByteRange"] != nil || s.graph.pages[ref] {
				s.forbidden(ref, "an object of type /"+string(t)+" was changed")
				continue
			}
			s.suspicious(ref, "an object was changed")
		default:
			s.suspicious(ref, "an object was changed")
		}
	}
	return nil
}

// otherGeneration looks whether the object took the number of one that the signed version refers to. Many readers do
// not look at generations and show the new object in its place.
func (s *changeSet) otherGeneration(ref pdf.Ref) {
	if !s.fresh[ref] {
		return
	}
	for _, old := range s.graph.generations[ref.Number] {
		if old == ref {
			continue
		}
		if was, err := s.before(old); was != nil || err != nil {
			s.forbidden(old, "an object was redefined under another generation")
		} else {
			s.suspicious(old, "the signed version refers to another generation of an object that was only added later")
		}
	}
}

// same compares two versions of an object; streams by their decoded data.
func (s *changeSet) same(was, now pdf.Object) bool {
	a, ok := was.(*pdf.Stream)
	if !ok {
		return equal(was, now)
	}
	b, ok := now.(*pdf.Stream)
	if !ok || !equal(a.Dict, b.Dict) {
		return false
	}
	if a.Offset() == b.Offset() {
		return true
	}
	x, err := s.old.Data(a)
	if err != nil {
		return false
	}
	y, err := s.new.Data(b)
	return err == nil && string(x) == string(y)
}

// equal compares objects; references are equal when they refer to the same object, whose versions are compared for
// themselves.
func equal(a, b pdf.Object) bool {
	switch a := a.(type) {
	case pdf.Dict:
		b, ok := b.(pdf.Dict)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			w, ok := b[k]
			if !ok || !equal(v, w) {
				return false
			}
		}
		return true
	case pdf.Array:
		b, ok := b.(pdf.Array)
		return ok && slices.EqualFunc(a, b, equal)
	case pdf.String:
		b, ok := b.(pdf.String)
		return ok && string(a) == string(b)
	case *pdf.Stream, *pdf.Reserved:
		return false
	}
	switch b.(type) {
	case pdf.Dict, pdf.Array, pdf.String, *pdf.Stream, *pdf.Reserved:
		return false
	}
	return number(a) == number(b)
}

// number makes 1 and 1.0 the same.
func number(o pdf.Object) pdf.Object {
	if i, ok := o.(pdf.Integer); ok {
		return pdf.Real(i)
	}
	return o
}

// grows tells whether now has all that was, where dictionaries may have gained entries.
func grows(was, now pdf.Object) bool {
	a, ok := was.(pdf.Dict)
	if !ok {
		return was == nil || equal(was, now)
	}
	b, ok := now.(pdf.Dict)
	if !ok {
		return false
	}
	for k, v := range a {
		if !grows(v, b[k]) {
			return false
		}
	}
	return true
}

// keys of both dictionaries, sorted.
func keys(a, b pdf.Dict) []pdf.Name {
	var out []pdf.Name
	for k := range a {
		out = append(out, k)
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}
