package pdf

import (
	"bytes"
	"reflect"
	"slices"
)

// openByScan makes the cross-reference anew from the objects that stand in the file, when its own can't be used for
// the reason in cause. Of several versions of an object the last one in the file holds, as with other readers.
func (f *File) openByScan(cause error) error {
	f.sections, f.revisions, f.base, f.crypt = nil, nil, f.header, nil
	if err := f.encryptionByScan(); err != nil {
		return err
	}
	return f.openBy(newScan(f), cause)
}

func (f *File) openBy(s *scan, cause error) error {
	f.sections, f.revisions, f.base = nil, nil, f.header
	if err := s.run(); err != nil {
		return err
	}
	if s.ended < s.lastObject || s.lastObject < 0 {
		return fail(KindTruncated, f.size, "the file ends before its last object or its trailer does")
	}
	x := s.section()
	f.setScanned(x)
	f.rebuilt = cause.Error()
	err := f.check()
	if err != nil && repairable(err) && s.catalog != (Ref{}) && x.trailer["Root"] != s.catalog {
		x.trailer["Root"] = s.catalog
		err = f.check()
	}
	if length, ok := f.linearized(); ok && length > f.size && err != nil && repairable(err) {
		return fail(KindTruncated, f.size, "a linearized file of %d bytes", length)
	}
	return err
}

func (f *File) setScanned(x *section) {
	f.sections = []*section{x}
	f.revisions = []*revision{{
		Revision: Revision{StartXRef: 0, End: f.size, Kind: XRefRebuilt}, sections: f.sections,
	}}
}

// encryptionByScan finds the key of an encrypted file, so that the scan that follows can decode object streams. A file
// without the word is gone through once more at the speed of a search.
func (f *File) encryptionByScan() error {
	if at, err := f.find(f.header, "/Encrypt"); err != nil || at < 0 {
		return err
	}
	s := newScan(f)
	s.sealed = true
	if err := s.run(); err != nil {
		return err
	}
	f.setScanned(s.section())
	return f.openEncryption()
}

// scan goes once through the file, from object to object.
type scan struct {
	f          *File
	list       []numbered
	trailer    Dict // the last with a Root
	encrypt    Object
	first      Dict         // the first trailer with Encrypt
	keysDiffer bool         // another has another Encrypt or ID
	plain      bool         // a trailer is without Encrypt
	roots      map[Ref]bool // the Root of each trailer
	catalog    Ref          // the last object of type Catalog
	catalogs   int          // how many there are
	lastObject int64        // offset of the last object header; -1 without one
	ended      int64        // offset of the last trailer, startxref, %%EOF or cross-reference stream
	budget     int64        // bytes that may be parsed in vain
	inflate    int64        // bytes of object streams that may be decoded
	noEnd      bool         // no endstream or endobj from here on
	sealed     bool         // object streams can't be decoded yet
}

func newScan(f *File) *scan {
	return &scan{f: f, roots: map[Ref]bool{}, budget: 64<<20 + 4*f.size, inflate: 256<<20 + 16*f.size}
}

// section returns what was found.
func (s *scan) section() *section {
	slices.Reverse(s.list) // the last holds
	x := &section{kind: XRefRebuilt, end: s.f.size, trailer: s.trailer}
	if x.trailer == nil {
		x.trailer = Dict{}
	}
	if s.encrypt != nil {
		x.trailer["Encrypt"] = s.encrypt
	}
	x.set(s.list)
	return x
}

func (s *scan) run() error {
	s.lastObject, s.ended = -1, -1
	l := s.f.lexer(s.f.header)
	defer l.release()
	for fresh := true; ; { // fresh: a token may begin here
		c := l.peek()
		at := l.offset()
		switch {
		case c < 0:
			return l.err
		case !fresh:
		case isDigit(c):
			if ref, ok := l.headerHere(); ok {
				if err := s.object(l, ref, at); err != nil {
					return err
				}
				continue
			}
		case c == 't' && l.prefix("trailer"):
			s.readTrailer(l)
			continue
		case c == 's' && l.prefix("startxref"), c == '%' && l.prefix("%%EOF"):
			s.ended = at
			continue
		}
		fresh = class[c] != regular
		l.pos++
	}
}

// headerHere consumes "12 0 obj" if it stands next.
func (l *lexer) headerHere() (Ref, bool) {
	b := l.need(48)
	if !bytes.Contains(b, []byte("obj")) {
		return Ref{}, false // without the cost of an error: data that is all numbers has one at each
	}
	m := newBytesLexer(b)
	ref, err := m.objectHeader()
	if err != nil || bytes.IndexByte(m.buf[:m.pos], '%') >= 0 {
		return Ref{}, false
	}
	l.pos += m.pos
	return ref, true
}

// object takes the object whose header at the offset was just read, and leaves the lexer after it.
func (s *scan) object(l *lexer, ref Ref, at int64) error {
	body := l.offset()
	s.lastObject = at
	l.start, l.nodes = body, 0
	o, err := s.f.body(l, true)
	if err != nil {
		if l.err != nil {
			return l.err
		}
		if s.budget -= l.offset() - body; s.budget < 0 {
			return fail(KindTooComplex, at, "too much damage to scan")
		}
		l.seek(body)
		return nil
	}
	if ref.Number == 0 {
		return nil
	}
	if err := s.add(ref.Number, inUseEntry(at, ref.Generation)); err != nil {
		return err
	}
	switch v := o.(type) {
	case Dict:
		if v["Type"] == Name("Catalog") {
			s.catalog = ref
			s.catalogs++
		}
	case *Stream:
		return s.stream(l, ref, v, at)
	}
	return nil
}

func (s *scan) add(number uint32, e entry) error {
	if len(s.list) >= maxEntries(s.f.size) {
		return fail(KindTooComplex, -1, "more objects than a file of its size has")
	}
	s.list = append(s.list, numbered{number, e})
	return nil
}

// stream skips the data, which may look like objects, and takes what object and cross-reference streams tell.
func (s *scan) stream(l *lexer, ref Ref, v *Stream, at int64) error {
	if err := s.skipData(l, v); err != nil {
		return err
	}
	switch v.Dict["Type"] {
	case Name("XRef"):
		s.ended = at
		s.take(v.Dict)
	case Name("ObjStm"):
		return s.objectStream(ref, v, at)
	}
	return nil
}

// skipData leaves the lexer where the stream's data ends, or at its beginning if no end can be found.
func (s *scan) skipData(l *lexer, v *Stream) error {
	if n, ok := v.Dict["Length"].(Integer); ok && n >= 0 && int64(n) <= s.f.size-v.offset {
		l.seek(v.offset + int64(n))
		l.skipSpace()
		if l.prefix("endstream") {
			return l.err
		}
		l.seek(v.offset)
	}
	if s.noEnd {
		return nil
	}
	if !l.skipTo("endstream", "endobj") {
		s.noEnd = true
		l.seek(v.offset)
	}
	return l.err
}

// objectStream takes the objects that an object stream holds. One that can't be decoded is left out.
func (s *scan) objectStream(ref Ref, v *Stream, at int64) error {
	if s.sealed {
		return nil
	}
	if _, err := s.f.unseal(ref, v); err != nil {
		return err
	}
	if s.inflate < 0 {
		return fail(KindTooComplex, at, "object streams decode to too much")
	}
	objects, err := s.f.parseObjectStream(v, at)
	if err != nil {
		s.inflate -= maxObjectStream / 16
		if KindOf(err) == KindRead {
			return err
		}
		return nil
	}
	s.inflate -= int64(len(objects.data))
	for i, n := range slices.Backward(objects.numbers) { // of two in one stream the first holds
		if n == 0 {
			continue
		}
		if err := s.add(n, compressedEntry(ref.Number, int64(i))); err != nil {
			return err
		}
		s.findCatalog(objects, i)
	}
	return nil
}

// findCatalog looks whether an object of an object stream is the catalog.
func (s *scan) findCatalog(objects *objectStream, i int) {
	at := objects.first + int(objects.offsets[i])
	if at >= len(objects.data) {
		return
	}
	// Most objects are no catalogs: look before parsing.
	if head := objects.data[at:min(at+4096, len(objects.data))]; !bytes.Contains(head, []byte("/Catalog")) {
		return
	}
	o, err := newBytesLexer(objects.data[at:]).object(0)
	if d, ok := o.(Dict); ok && err == nil && d["Type"] == Name("Catalog") {
		s.catalog = Ref{Number: objects.numbers[i]}
		s.catalogs++
	}
}

func (s *scan) readTrailer(l *lexer) {
	at := l.offset()
	l.skipSpace()
	l.start, l.nodes = l.offset(), 0
	o, err := l.object(0)
	d, ok := o.(Dict)
	if err != nil || !ok {
		s.budget -= l.offset() - at
		l.seek(at)
		return
	}
	s.ended = at
	s.take(d)
}

// take notes what a trailer says. Encryption stays, even if a later trailer forgot it: the objects remain encrypted.
func (s *scan) take(d Dict) {
	switch {
	case d["Encrypt"] == nil:
		s.plain = true
	case s.first == nil:
		s.first = d
	default:
		s.keysDiffer = s.keysDiffer || !reflect.DeepEqual(d["Encrypt"], s.first["Encrypt"]) || !reflect.DeepEqual(d["ID"], s.first["ID"])
	}
	if d["Encrypt"] != nil {
		s.encrypt = d["Encrypt"]
	}
	if d["Root"] != nil {
		s.trailer = d
	}
	if root, ok := d["Root"].(Ref); ok {
		s.roots[root] = true
	}
}
