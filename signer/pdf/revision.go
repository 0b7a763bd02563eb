package pdf

import (
	"cmp"
	"maps"
	"slices"
)

// groupRevisions makes revisions of the sections. A linearized file starts with the section of its first page,
// whose Prev leads forward to the main one: the two are one revision (ISO 32000-2 Annex F).
func (f *File) groupRevisions() {
	f.revisions = nil
	n := len(f.sections)
	newer := f.size // where the section of the next revision begins
	for i := 0; i < n; i++ {
		r := &revision{sections: f.sections[i : i+1]}
		if i == n-2 && f.sections[i].offset < f.sections[i+1].offset {
			if _, ok := f.linearized(); ok {
				r.sections = f.sections[i:]
				i++
			}
		}
		r.StartXRef, r.Kind = r.sections[0].offset, r.sections[0].kind
		// The main section of a linearized file stands at its end.
		for _, s := range r.sections {
			r.End = max(r.End, f.revisionEnd(s, newer))
		}
		newer = r.sections[0].offset
		f.revisions = append(f.revisions, r)
	}
	slices.Reverse(f.revisions)
	// What an older revision ends with stays in view, whatever order the sections stand in.
	for i := 1; i < len(f.revisions); i++ {
		f.revisions[i].End = max(f.revisions[i].End, f.revisions[i-1].End)
	}
}

// linearized tells whether the first object is a linearization dictionary, and the file's length by that.
func (f *File) linearized() (length int64, ok bool) {
	l := f.lexer(f.header)
	defer l.release()
	l.skipSpace() // the header is a comment
	if _, err := l.objectHeader(); err != nil {
		return 0, false
	}
	o, err := l.object(0)
	d, ok := o.(Dict)
	if err != nil || !ok || d["Linearized"] == nil {
		return 0, false
	}
	n, _ := d["L"].(Integer)
	return int64(n), true
}

// revisionEnd finds the %%EOF that follows a section, within what some writers put between, but not beyond where the
// next revision's section begins.
func (f *File) revisionEnd(s *section, newer int64) int64 {
	limit := s.end + 4096
	if newer > s.end {
		limit = min(limit, newer)
	}
	l := f.lexer(s.end)
	defer l.release()
	for l.offset() < limit {
		switch c := l.peek(); {
		case c < 0:
			return s.end
		case c == '%' && l.prefix("%%EOF"):
			if l.peek() == '\r' {
				l.pos++
			}
			if l.peek() == '\n' {
				l.pos++
			}
			return l.offset()
		default:
			l.pos++
		}
	}
	return s.end
}

// Changed returns the objects that a revision defines, redefines or frees, sorted by number. An entry that only
// repeats what held before is no change. Objects in an object stream change with it. An object whose number the
// revision gives to another generation is reported beside that one: it is gone, but readers that do not look at
// generations show the new one in its place.
func (f *File) Changed(number int) []Ref {
	if number < 0 || number >= len(f.revisions) {
		return nil
	}
	var before *File
	if number > 0 {
		before = f.At(number - 1)
	}
	changed, numbers := map[Ref]bool{}, map[uint32]bool{}
	r := f.revisions[number]
	for i, s := range r.sections {
		s.each(func(n uint32, e entry) bool {
			if n == 0 || i > 0 && r.sections[0].lookup(n) != entryNone {
				return true // object 0 only heads the free list
			}
			was := entryNone
			if before != nil {
				was = before.lookup(n)
			}
			absent := was == entryNone || was.kind() == entryFree
			if e == was || e.kind() == entryFree && absent {
				return true
			}
			numbers[n] = true
			if e.kind() != entryFree {
				changed[Ref{n, e.generation()}] = true
			}
			if !absent {
				changed[Ref{n, was.generation()}] = true
			}
			return true
		})
	}
	if before != nil {
		before.changedWithin(changed, numbers)
	}
	return slices.SortedFunc(maps.Keys(changed), func(a, b Ref) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Generation, b.Generation))
	})
}

// changedWithin adds the objects whose object stream is among the changed ones: they are read from the new
// stream from then on.
func (f *File) changedWithin(changed map[Ref]bool, numbers map[uint32]bool) {
	for _, s := range f.sections {
		s.each(func(n uint32, e entry) bool {
			if e.kind() == entryCompressed && numbers[e.stream()] && !numbers[n] && f.lookup(n) == e {
				changed[Ref{Number: n}] = true
			}
			return true
		})
	}
}
