package validation

import "sokyso/signer/pdf"

// alike tells whether two values mean the same: one as it was signed, one as it is. Writers that save a document again
// turn direct objects into indirect ones and the other way round, which changes nothing. The same reference on both
// sides is alike: if its object was changed, that is judged by the part it plays.
func (s *changeSet) alike(was, now pdf.Object) bool {
	left := maxAlike
	return s.compareValues(was, now, 0, &left)
}

// sameValue tells whether two entries lead to the same value, also where both name one object: that may have changed.
// What can't be read is not the same.
func (s *changeSet) sameValue(was, now pdf.Object) bool {
	a, err := s.old.Resolve(was)
	if err != nil {
		return false
	}
	b, err := s.new.Resolve(now)
	return err == nil && s.alike(a, b)
}

// Bounds on one comparison.
const (
	maxAlike      = 100_000 // values
	maxAlikeDepth = 40      // nesting, through references
)

func (s *changeSet) compareValues(was, now pdf.Object, depth int, left *int) bool {
	s.history.values++
	if *left--; *left < 0 || depth > maxAlikeDepth || s.history.values > maxValues {
		return false
	}
	a, aRef := was.(pdf.Ref)
	b, bRef := now.(pdf.Ref)
	if aRef && bRef && a == b {
		return true
	}
	if aRef || bRef {
		var err error
		if aRef {
			if was, err = s.before(a); err != nil {
				return false
			}
		}
		if bRef {
			if now, err = s.now(b); err != nil {
				return false
			}
		}
		return s.compareValues(was, now, depth+1, left)
	}
	switch was := was.(type) {
	case pdf.Dict:
		now, ok := now.(pdf.Dict)
		return ok && s.compareDicts(was, now, depth, left)
	case pdf.Array:
		now, ok := now.(pdf.Array)
		if !ok || len(was) != len(now) {
			return false
		}
		for i := range was {
			if !s.compareValues(was[i], now[i], depth+1, left) {
				return false
			}
		}
		return true
	case *pdf.Stream:
		now, ok := now.(*pdf.Stream)
		return ok && s.sameData(was, now) && s.compareDicts(was.Dict, now.Dict, depth, left)
	}
	return equal(was, now)
}

func (s *changeSet) compareDicts(was, now pdf.Dict, depth int, left *int) bool {
	for _, k := range keys(was, now) {
		// A key whose value is a reference to nothing is the same as none.
		if !s.compareValues(was[k], now[k], depth+1, left) {
			return false
		}
	}
	return true
}

// maxSameData bounds the streams that are unpacked to be compared, in bytes. Larger ones are the same only if they are
// packed in the same way.
const maxSameData = 32 << 20

// sameData compares what two streams decode to. Their dictionaries are compared beside it, so that one with another
// filter is another stream.
func (s *changeSet) sameData(was, now *pdf.Stream) bool {
	if was.Offset() == now.Offset() {
		return true
	}
	if x, err := s.old.RawData(was); err == nil {
		if y, err := s.new.RawData(now); err == nil && string(x) == string(y) {
			return true
		}
	}
	x, err := s.old.DataUpTo(was, maxSameData)
	if err != nil {
		return false
	}
	y, err := s.new.DataUpTo(now, maxSameData)
	return err == nil && string(x) == string(y)
}

// contains tells whether now has all that was, where dictionaries may have gained entries at any depth: resources may
// be added to a form, but those that it has are used by appearances that were signed. What is gone into is reported to
// visit, if it is an object of its own.
func (s *changeSet) contains(was, now pdf.Object, depth int, visit func(pdf.Ref)) bool {
	if depth > maxFieldDepth {
		return false
	}
	if ref, ok := was.(pdf.Ref); ok {
		visit(ref)
	}
	a, err := s.old.Resolve(was)
	if err != nil {
		return false
	}
	b, err := s.new.Resolve(now)
	if err != nil {
		return false
	}
	x, ok := a.(pdf.Dict)
	if !ok || x["Type"] != nil { // a font or the like is one thing
		return a == nil || s.alike(a, b)
	}
	y, ok := b.(pdf.Dict)
	if !ok {
		return false
	}
	for k, v := range x {
		if !s.contains(v, y[k], depth+1, visit) {
			return false
		}
	}
	return true
}
