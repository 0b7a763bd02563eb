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

	views *[2]map[pdf.Ref][]pageView // of the pages, as signed and now; nil until asked for

	widgets map[pdf.Ref]bool // widgets of signature fields now
	fields  map[pdf.Ref]bool // form fields visited, against cycles

	touched  pdf.Ref   // a field that was added, signed or filled in; document time-stamps do not count
	lasting  bool      // validation material or a document time-stamp was added
	stamps   []pdf.Ref // fields of these time-stamps
	overlaid []overlay

	appearances map[pdf.Ref]bool // what fields that were filled in showed
	kept        map[pdf.Ref]bool // what signed and untouched fields show

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
		appearances: map[pdf.Ref]bool{}, kept: map[pdf.Ref]bool{},
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
	if limits.NoChanges {
		if err := s.compareStrictly(); err != nil {
			return "", nil, err
		}
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

// maxNoted is how many changes are kept to choose from.
const maxNoted = 1024

// before and now read an object as it was signed and as it is.
func (s *changeSet) before(ref pdf.Ref) (pdf.Object, error) { return s.history.object(ref, s.revision) }
func (s *changeSet) now(ref pdf.Ref) (pdf.Object, error) {
	return s.history.object(ref, s.history.last)
}

func show(ref pdf.Ref) string { return fmt.Sprintf("%d %d", ref.Number, ref.Generation) }

func (s *changeSet) suspicious(ref pdf.Ref, kind, reason string) {
	if s.verdict == ChangesPermitted {
		s.verdict = ChangesSuspicious
	}
	if len(s.details) >= maxNoted {
		return
	}
	s.details = append(s.details, change(DetailChangesSuspicious, ref, kind, reason))
}

func (s *changeSet) forbidden(ref pdf.Ref, kind, reason string) {
	if s.verdict != ChangesForbidden && len(s.details) >= maxNoted {
		s.details = s.details[:maxNoted-1] // at least one shows the verdict
	}
	s.verdict = ChangesForbidden
	if len(s.details) >= maxNoted {
		return
	}
	s.details = append(s.details, change(DetailChangesForbidden, ref, kind, reason))
}

func change(code string, ref pdf.Ref, kind, reason string) Detail {
	if ref == (pdf.Ref{}) {
		return detail(code, "kind", kind, "reason", reason)
	}
	return detail(code, "kind", kind, "object", show(ref), "reason", reason)
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
		s.forbidden(newRoot, ChangeCatalog, "encryption was added")
	}
	if oldRoot != newRoot {
		s.forbidden(newRoot, ChangeCatalog, "the catalog was replaced")
	}
	if err := s.compareCatalog(oldRoot, catalog); err != nil {
		return err
	}
	if err := s.comparePages(); err != nil {
		return err
	}
	if err := s.compareStructure(); err != nil {
		return err
	}
	for ref := range s.appearances {
		if !s.kept[ref] && s.graph.only(ref, roleAppearance) {
			s.handled[ref] = true
		}
	}
	if err := s.compareOverlays(ctx); err != nil {
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
		s.suspicious(ref, ChangeAmbiguous, "the signed version has an object that can't be read")
	}
	p, found, err := s.new.Misplaced(ctx, s.revision+1)
	if err != nil {
		return fmt.Errorf("check offsets: %w", err)
	}
	if found {
		s.suspicious(p.Ref, ChangeAmbiguous, "an object that was added later is not where its cross-reference says")
	}
	unlisted, err := s.history.unlisted(ctx, s.revision)
	if err != nil {
		return fmt.Errorf("look for objects: %w", err)
	}
	for _, p := range unlisted {
		s.suspicious(p.Ref, ChangeAmbiguous, "an object was added later that no cross-reference lists")
	}
	return s.compareTwice(ctx)
}

// compareTwice looks for dictionaries that mean different things to different readers: the update that an honest
// writer made has each key once.
func (s *changeSet) compareTwice(ctx context.Context) error {
	for n := s.revision + 1; n <= s.history.last; n++ {
		key, err := s.new.TrailerTwice(n)
		if err != nil {
			return fmt.Errorf("read trailer: %w", err)
		}
		if key != "" {
			s.suspicious(pdf.Ref{}, ChangeAmbiguous, "the trailer of an update has the key /"+string(key)+" twice")
		}
	}
	for ref := range s.changed {
		if err := s.history.spend(ctx, 1); err != nil {
			return err
		}
		key, err := s.new.Twice(ref)
		if pdf.KindOf(err) == pdf.KindRead {
			return fmt.Errorf("read object %s: %w", show(ref), err)
		}
		if key != "" {
			s.suspicious(ref, ChangeAmbiguous, "an object that was added later has the key /"+string(key)+" twice")
		}
		// One of the two that some readers saw when it was signed is gone now.
		if key, err = s.old.Ambiguous(ref); pdf.KindOf(err) == pdf.KindRead {
			return fmt.Errorf("read object %s: %w", show(ref), err)
		}
		if key != "" {
			s.suspicious(ref, ChangeAmbiguous, "an object that was changed later had the key /"+string(key)+" twice when it was signed")
		}
	}
	return nil
}

// harmlessCatalogKeys may be added, changed or removed: they hold validation material, metadata and version
// information, and nothing that a reader shows as the document.
var harmlessCatalogKeys = map[pdf.Name]bool{"DSS": true, "Extensions": true, "Metadata": true, "Version": true, "Type": true, "PieceInfo": true, "MarkInfo": true}

// activeCatalogKeys can change what is shown or run programs.
var activeCatalogKeys = map[pdf.Name]bool{"Pages": true, "OpenAction": true, "AA": true, "Names": true, "OCProperties": true, "Dests": true}

func (s *changeSet) compareCatalog(root pdf.Ref, now pdf.Dict) error {
	was, err := s.old.Dict(root)
	if err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	s.handled[root] = true
	for _, k := range keys(was, now) {
		if k == "DSS" && now[k] != nil {
			s.lasting = true
		}
		if k == "AcroForm" || k == "Perms" || harmlessCatalogKeys[k] || s.alike(was[k], now[k]) {
			continue
		}
		switch {
		case activeCatalogKeys[k]:
			s.forbidden(root, ChangeCatalog, "/"+string(k)+" of the catalog was changed")
		default:
			s.suspicious(root, ChangeCatalog, "/"+string(k)+" of the catalog was changed")
		}
	}
	if err := s.comparePermissions(root, was["Perms"], now["Perms"]); err != nil {
		return err
	}
	return s.compareForm(was["AcroForm"], now["AcroForm"])
}

// comparePermissions compares the catalog's Perms: usage rights go when a document is changed by a program that does
// not have them, and somebody may certify later. A certification that is there stays.
func (s *changeSet) comparePermissions(root pdf.Ref, was, now pdf.Object) error {
	s.handle(was, rolePermissions)
	a, err := s.old.Dict(was)
	if pdf.IsKind(err, pdf.KindDamaged) && s.sameValue(was, now) {
		return nil // it was no dictionary, and readers pass over it
	}
	if err != nil {
		return fmt.Errorf("read permissions: %w", err)
	}
	b, err := s.new.Dict(now)
	if err != nil {
		return fmt.Errorf("read permissions: %w", err)
	}
	for _, k := range keys(a, b) {
		ref, _ := b[k].(pdf.Ref)
		switch {
		case k == "UR" || k == "UR3" || s.alike(a[k], b[k]):
		case k == "DocMDP" && a[k] == nil && s.fresh[ref]:
		default:
			s.forbidden(root, ChangePermissions, "the permissions in the catalog were changed")
		}
	}
	return nil
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
				s.suspicious(ref, ChangeObject, "the signed version refers to an object that was only added later")
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
			s.forbidden(ref, ChangeObject, "an object can no longer be read")
			continue
		}
		if s.alike(was, now) {
			continue
		}
		switch was := was.(type) {
		case *pdf.Stream:
			s.forbidden(ref, ChangePage, "a content, image or font stream was changed")
		case pdf.Dict:
			if t, _ := was["Type"].(pdf.Name); t == "Page" || t == "Pages" || t == "Sig" || t == "Font" || was["ByteRange"] != nil || s.graph.pages[ref] {
				s.forbidden(ref, ChangePage, "an object of type /"+string(t)+" was changed")
				continue
			}
			s.suspicious(ref, ChangeObject, "an object was changed")
		default:
			s.suspicious(ref, ChangeObject, "an object was changed")
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
			s.forbidden(old, ChangeAmbiguous, "an object was redefined under another generation")
		} else {
			s.suspicious(old, ChangeAmbiguous, "the signed version refers to another generation of an object that was only added later")
		}
	}
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
