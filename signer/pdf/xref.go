package pdf

import (
	"cmp"
	"slices"
	"sort"
	"sync/atomic"
)

// XRefKind is the form of a cross-reference section.
type XRefKind int

// The forms of a cross-reference section.
const (
	XRefTable   XRefKind = iota + 1 // keyword xref, rows of 20 bytes, trailer
	XRefStream                      // a stream of type XRef (PDF 1.5)
	XRefHybrid                      // a table whose trailer names a stream with XRefStm
	XRefRebuilt                     // none that can be used: objects were found by scanning the file
)

// String returns the kind in words.
func (k XRefKind) String() string {
	switch k {
	case XRefTable:
		return "table"
	case XRefStream:
		return "stream"
	case XRefHybrid:
		return "hybrid"
	case XRefRebuilt:
		return "rebuilt"
	}
	return "none"
}

// entry is one cross-reference entry in eight bytes, as a file may have hundreds of thousands:
// the type in bits 62-63; for an object in use the generation in bits 46-61 and the file offset in bits 0-45;
// for a compressed one the index in bits 32-61 and the object stream's number in bits 0-31;
// for a free one the next generation in bits 46-61.
type entry uint64

const (
	entryNone entry = iota << 62
	entryFree
	entryInUse
	entryCompressed

	entryType     = 3 << 62
	maxOffset     = 1<<46 - 1
	maxIndexInStm = 1<<30 - 1
)

func freeEntry(generation uint16) entry { return entryFree | entry(generation)<<46 }

func inUseEntry(offset int64, generation uint16) entry {
	return entryInUse | entry(generation)<<46 | entry(offset)
}

func compressedEntry(stream uint32, index int64) entry {
	return entryCompressed | entry(index)<<32 | entry(stream)
}

func (e entry) kind() entry   { return e & entryType }
func (e entry) offset() int64 { return int64(e & maxOffset) }
func (e entry) stream() uint32 {
	return uint32(e)
}
func (e entry) index() int { return int(e >> 32 & maxIndexInStm) }
func (e entry) generation() uint16 {
	if e.kind() == entryCompressed {
		return 0
	}
	return uint16(e >> 46)
}

// section is one cross-reference section as it stands in the file. Runs are sorted and do not overlap.
type section struct {
	kind    XRefKind
	offset  int64 // file offset of the keyword xref, or of the stream object
	end     int64 // file offset just past the trailer dictionary, or the stream's data
	trailer Dict
	runs    []run
	entries []entry
	twice   Name // a key that the trailer after a table has twice
	differs Name // and with two values
	flawed  bool // readers disagree about what it says, see Update.Bytes
}

// run is a subsection: count objects from first on, whose entries begin at entries[at].
type run struct {
	first, count uint32
	at           uint32
}

// lookup returns the section's entry for an object number, entryNone if it has none.
func (s *section) lookup(number uint32) entry {
	i := sort.Search(len(s.runs), func(i int) bool { return s.runs[i].first > number })
	if i == 0 {
		return entryNone
	}
	if r := s.runs[i-1]; number-r.first < r.count {
		return s.entries[r.at+number-r.first]
	}
	return entryNone
}

// each calls yield for every entry in ascending order of numbers.
func (s *section) each(yield func(number uint32, e entry) bool) {
	for _, r := range s.runs {
		for i := range r.count {
			if e := s.entries[r.at+i]; e != entryNone && !yield(r.first+i, e) {
				return
			}
		}
	}
}

// highest returns the highest object number that the section mentions.
func (s *section) highest() uint32 {
	if len(s.runs) == 0 {
		return 0
	}
	r := s.runs[len(s.runs)-1]
	return r.first + r.count - 1
}

// normalize sorts the runs. When runs overlap, the entry that stands first in the file holds.
func (s *section) normalize() {
	sorted := true
	for i := 1; i < len(s.runs); i++ {
		p := s.runs[i-1]
		if s.runs[i].first < p.first+p.count {
			sorted = false
		}
	}
	if sorted {
		return
	}
	list := make([]numbered, 0, len(s.entries))
	for _, r := range s.runs {
		for i := range r.count {
			list = append(list, numbered{r.first + i, s.entries[r.at+i]})
		}
	}
	s.set(list)
}

type numbered struct {
	number uint32
	entry  entry
}

// set replaces the entries. Of several for one number the first holds.
func (s *section) set(list []numbered) {
	slices.SortStableFunc(list, func(a, b numbered) int { return cmp.Compare(a.number, b.number) })
	s.runs, s.entries = nil, make([]entry, 0, len(list))
	for i, n := range list {
		if i > 0 && n.number == list[i-1].number {
			continue
		}
		last := len(s.runs) - 1
		if last < 0 || s.runs[last].first+s.runs[last].count != n.number {
			s.runs = append(s.runs, run{first: n.number, at: uint32(len(s.entries))})
			last++
		}
		s.runs[last].count++
		s.entries = append(s.entries, n.entry)
	}
}

// addHidden merges the entries of the stream that a hybrid's XRefStm names: they hold where the table has no
// object in use (ISO 32000-2 §7.5.8.4: hidden objects are free in the table).
func (s *section) addHidden(hidden *section) {
	list := make([]numbered, 0, len(s.entries)+len(hidden.entries))
	s.each(func(n uint32, e entry) bool {
		if e.kind() != entryFree || hidden.lookup(n) == entryNone {
			list = append(list, numbered{n, e})
		}
		return true
	})
	hidden.each(func(n uint32, e entry) bool {
		list = append(list, numbered{n, e})
		return true
	})
	s.set(list)
}

// highest keeps the highest number that it was told.
type highest struct{ n atomic.Uint32 }

func (h *highest) tell(n uint32) {
	if h == nil {
		return
	}
	for old := h.n.Load(); n > old && !h.n.CompareAndSwap(old, n); old = h.n.Load() {
	}
}
