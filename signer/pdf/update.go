package pdf

import (
	"crypto/rand"
	"math"
	"slices"
)

// Update is an incremental update (ISO 32000-2 §7.5.6): what is to be appended after the last byte of the file in
// view. It is not safe for concurrent use.
type Update struct {
	f       *File
	objects map[uint32]Object
	refs    []Ref // in the order they were added
	next    uint32
	id      String // second element of ID
	err     error  // first misuse, told by Bytes
}

// NewUpdate starts an update of f. New objects get numbers that no revision ever used.
func NewUpdate(f *File) *Update {
	u := &Update{f: f, objects: map[uint32]Object{}, next: f.highest() + 1, id: make(String, 16)}
	for _, s := range f.sections {
		// A Size far above all objects is an error of the writer, and would use up the numbers.
		if size, ok := s.trailer["Size"].(Integer); ok && size > 0 && size <= Integer(f.highest())+maxSizeGap {
			u.next = max(u.next, uint32(size))
		}
	}
	_, _ = rand.Read(u.id) // never fails (crypto/rand)
	return u
}

// Add takes a new object and returns its reference. Add(nil) followed by Set gives a reference in advance.
func (u *Update) Add(o Object) Ref {
	u.skipDangling()
	if u.next > maxObjectNum {
		u.misuse(fail(KindTooComplex, -1, "update: no object number left"))
		return Ref{}
	}
	ref := Ref{Number: u.next}
	u.next++
	u.put(ref, o)
	return ref
}

// skipDangling leaves out the numbers up to the highest reference seen: one to an object that never was must not come
// to mean ours.
func (u *Update) skipDangling() {
	if seen := u.f.seen.n.Load(); seen >= u.next && seen < u.next+danglingWindow {
		u.next = seen + 1
	}
}

// Set takes a new version of an object that the file has, or that was added. The generation stays.
func (u *Update) Set(ref Ref, o Object) {
	if _, ok := u.objects[ref.Number]; !ok {
		e := u.f.lookup(ref.Number)
		used := e.kind() == entryInUse || e.kind() == entryCompressed
		if ref.Number == 0 || !used || e.generation() != ref.Generation {
			u.misuse(fail(KindDamaged, -1, "update: the file has no object %d %d", ref.Number, ref.Generation))
			return
		}
	}
	u.put(ref, o)
}

func (u *Update) put(ref Ref, o Object) {
	if _, ok := u.objects[ref.Number]; !ok {
		u.refs = append(u.refs, ref)
	}
	u.objects[ref.Number] = o
}

func (u *Update) misuse(err error) {
	if u.err == nil {
		u.err = err
	}
}

// File returns the file being updated.
func (u *Update) File() *File { return u.f }

// Object returns the pending version of an object, else the file's. A pending one is the caller's own value: to
// change it, change it.
func (u *Update) Object(ref Ref) (Object, error) {
	if o, ok := u.objects[ref.Number]; ok {
		return o, nil
	}
	return u.f.Object(ref)
}

// Resolve follows references, through pending versions first.
func (u *Update) Resolve(o Object) (Object, error) {
	for range maxResolve {
		ref, ok := o.(Ref)
		if !ok {
			return o, nil
		}
		var err error
		if o, err = u.Object(ref); err != nil {
			return nil, err
		}
	}
	return nil, fail(KindTooComplex, -1, "update: reference leads to more than %d references", maxResolve)
}

// Bytes lays the update out and returns it; nil if nothing was added or set. Offsets of Reserved objects count from
// the start of the file, so Bytes()[r.Offset()-f.Size():] is where the place is.
//
// In an encrypted file strings and streams are encrypted as the file's own, each with a new initialization vector, so
// that no two calls return the same bytes; their layout is the same. Reserved places and the Contents of signatures
// are not encrypted.
//
// The cross-reference has the form of the file's last section: a table after a table, a stream after a stream. After
// a hybrid section it is a table: its Prev leads to the hybrid section and so to the XRefStm there. A file whose own
// cross-reference can't be used gets a complete one without Prev, so that readers need not scan it as we did: a
// table, or a stream if objects lie in object streams. One with a flawed section, which readers take differently
// once it is not the newest, gets a complete one too, with Prev.
func (u *Update) Bytes() ([]byte, error) {
	if u.err != nil {
		return nil, u.err
	}
	if len(u.refs) == 0 {
		return nil, nil
	}
	w := &writer{at: u.f.size, file: u.f}
	if err := u.startLine(w); err != nil {
		return nil, err
	}
	list := make([]numbered, 0, len(u.refs)+1)
	for _, ref := range u.refs {
		list = append(list, numbered{ref.Number, inUseEntry(w.offset(), ref.Generation)})
		if err := w.indirect(ref, u.objects[ref.Number]); err != nil {
			return nil, err
		}
	}
	trailer, err := u.trailer()
	if err != nil {
		return nil, err
	}
	newest := u.f.sections[0]
	stream := newest.kind == XRefStream
	if newest.kind != XRefRebuilt {
		trailer["Prev"] = Integer(newest.offset - u.f.base)
	}
	if newest.kind == XRefRebuilt || slices.ContainsFunc(u.f.sections, func(s *section) bool { return s.flawed }) {
		all := u.f.allEntries()
		stream = stream || slices.ContainsFunc(all, func(n numbered) bool { return n.entry.kind() == entryCompressed })
		list = append(append(list, all...), numbered{0, freeEntry(math.MaxUint16)})
	}
	start := w.offset()
	if stream {
		u.skipDangling()
		list = append(list, numbered{u.next, inUseEntry(start, 0)})
	}
	s := &section{}
	s.set(list) // the first of several entries for one number holds: ours
	if stream {
		err = u.writeXRefStream(w, s, trailer)
	} else {
		err = u.writeTable(w, s, trailer)
	}
	if err != nil {
		return nil, err
	}
	w.printf("startxref\n%d\n%%%%EOF\n", start-u.f.base)
	return w.b, nil
}

// allEntries returns the entries of all sections, those that hold before those that they replace.
func (f *File) allEntries() []numbered {
	var list []numbered
	for _, s := range f.sections {
		s.each(func(n uint32, e entry) bool {
			list = append(list, numbered{n, e})
			return true
		})
	}
	return list
}

// startLine makes sure that the first object begins on a line of its own.
func (u *Update) startLine(w *writer) error {
	var last [1]byte
	if err := u.f.readAt(last[:], u.f.size-1); err != nil {
		return err
	}
	if last[0] != '\n' && last[0] != '\r' {
		w.b = append(w.b, '\n')
	}
	return nil
}

// trailer returns what the new trailer keeps of the old one.
func (u *Update) trailer() (Dict, error) {
	old := u.f.Trailer()
	t := Dict{}
	for _, key := range []Name{"Root", "Info", "Encrypt"} {
		if v := old[key]; v != nil {
			t[key] = v
		}
	}
	t["Size"] = Integer(u.next)
	first, err := u.firstID(old)
	if err != nil {
		return nil, err
	}
	if first != nil {
		t["ID"] = Array{first, u.id}
	}
	return t, nil
}

// firstID is the first element of the new ID: that of the file, or a new one. Where the key was made with one, it is
// this one, and nil where the key was made with none: readers would not find the key with another.
func (u *Update) firstID(old Dict) (String, error) {
	id, err := u.f.Array(old["ID"])
	if KindOf(err) == KindRead {
		return nil, err
	}
	c := u.f.crypt
	bound := c != nil && c.revision < 5
	if bound && c.key.key != nil && (len(id) > 0 || len(c.key.id) > 0) {
		return c.key.id, nil
	}
	if bound && len(id) == 0 {
		return nil, nil
	}
	if len(id) > 0 {
		if s, err := u.f.String(id[0]); err == nil && len(s) > 0 {
			return s, nil
		} else if KindOf(err) == KindRead {
			return nil, err
		}
	}
	return u.id, nil
}

// writeTable writes rows of exactly 20 bytes (ISO 32000-2 §7.5.4).
func (u *Update) writeTable(w *writer, s *section, trailer Dict) error {
	w.printf("xref\n")
	for _, r := range s.runs {
		w.printf("%d %d\n", r.first, r.count)
		for _, e := range s.entries[r.at : r.at+r.count] {
			kind, offset := 'n', e.offset()-u.f.base
			if e.kind() != entryInUse {
				kind, offset = 'f', 0
			}
			if offset > 9_999_999_999 {
				return fail(KindTooComplex, -1, "update: offset %d does not fit a cross-reference table", offset)
			}
			w.printf("%010d %05d %c \n", offset, e.generation(), kind)
		}
	}
	w.printf("trailer\n")
	if err := w.dict(trailer, 0); err != nil {
		return err
	}
	w.printf("\n")
	return nil
}

// writeXRefStream writes the section as a stream (ISO 32000-2 §7.5.8), numbered u.next. It is not compressed: an
// update has few entries, and a reader in trouble can read it by eye.
func (u *Update) writeXRefStream(w *writer, s *section, trailer Dict) error {
	if u.next > maxObjectNum {
		return fail(KindTooComplex, -1, "update: no object number left")
	}
	var index Array
	for _, r := range s.runs {
		index = append(index, Integer(r.first), Integer(r.count))
	}
	row := func(e entry) (kind, second, third uint64) {
		switch e.kind() {
		case entryInUse:
			return 1, uint64(e.offset() - u.f.base), uint64(e.generation())
		case entryCompressed:
			return 2, uint64(e.stream()), uint64(e.index())
		}
		return 0, 0, uint64(e.generation())
	}
	width := [3]int{1, 1, 1}
	for _, e := range s.entries {
		_, second, third := row(e)
		width[1], width[2] = max(width[1], byteLength(second)), max(width[2], byteLength(third))
	}
	var data []byte
	for _, e := range s.entries {
		kind, second, third := row(e)
		data = appendBigEndian(data, kind, width[0])
		data = appendBigEndian(data, second, width[1])
		data = appendBigEndian(data, third, width[2])
	}
	d := trailer.Clone()
	d["Type"] = Name("XRef")
	d["Size"] = Integer(u.next + 1)
	d["W"] = Array{Integer(width[0]), Integer(width[1]), Integer(width[2])}
	d["Index"] = index
	return w.indirect(Ref{Number: u.next}, &Stream{Dict: d, Data: data})
}

func byteLength(v uint64) int {
	n := 1
	for ; v > 0xff; v >>= 8 {
		n++
	}
	return n
}

func appendBigEndian(b []byte, v uint64, width int) []byte {
	for i := width - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}
