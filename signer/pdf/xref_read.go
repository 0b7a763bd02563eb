package pdf

import (
	"bufio"
	"io"
	"math"
	"slices"
)

// readChain reads the cross-reference section at offset and those that its Prev entries lead to, newest first.
// offset counts from f.base.
func (f *File) readChain(offset int64) error {
	seen := map[int64]bool{}
	total := 0
	for {
		if seen[offset] {
			return fail(KindDamaged, offset, "Prev entries form a cycle")
		}
		seen[offset] = true
		if len(f.sections) >= maxSections {
			return fail(KindTooComplex, offset, "more than %d cross-reference sections", maxSections)
		}
		s, err := f.readSection(offset)
		if err != nil {
			return err
		}
		if total += len(s.entries); total > maxEntries(f.size) {
			return tooManyEntries(s.offset)
		}
		f.sections = append(f.sections, s)
		prev, ok := wholeNumber(s.trailer["Prev"])
		// Some writers put Prev 0 where there is none.
		if !ok || prev == 0 {
			return nil
		}
		offset = prev
	}
}

func tooManyEntries(at int64) error {
	return fail(KindTooComplex, at, "more cross-reference entries than a file of its size has")
}

// wholeNumber reads an offset that a writer may have written as a real.
func wholeNumber(o Object) (int64, bool) {
	switch v := o.(type) {
	case Integer:
		return int64(v), true
	case Real:
		if v == Real(math.Trunc(float64(v))) && v >= 0 && v < maxOffset {
			return int64(v), true
		}
	}
	return 0, false
}

// readSection reads one section. A hybrid's stream is merged into it.
func (f *File) readSection(offset int64) (*section, error) {
	at := offset + f.base
	if offset < 0 || at >= f.size {
		return nil, fail(KindDamaged, at, "cross-reference outside the file")
	}
	l := f.lexer(at)
	defer l.release()
	l.skipSpace()
	if !l.keyword("xref") {
		if !isDigit(l.peek()) {
			return nil, l.damaged("no cross-reference where one should be")
		}
		return f.readXRefStream(l.offset())
	}
	s := &section{kind: XRefTable, offset: l.offset() - int64(len("xref"))}
	if err := f.readTable(l, s); err != nil {
		return nil, err
	}
	if stm, ok := wholeNumber(s.trailer["XRefStm"]); ok {
		if stm < 0 || stm+f.base >= f.size {
			return nil, fail(KindDamaged, s.offset, "XRefStm outside the file")
		}
		hidden, err := f.readXRefStream(stm + f.base)
		if err != nil {
			return nil, err
		}
		s.kind = XRefHybrid
		s.addHidden(hidden)
	}
	return s, nil
}

// readTable reads the subsections and the trailer (ISO 32000-2 §7.5.4, §7.5.5).
func (f *File) readTable(l *lexer, s *section) error {
	for {
		l.skipSpace()
		if l.prefix("trailer") {
			break
		}
		first, ok1 := l.unsigned()
		l.skipSpace()
		count, ok2 := l.unsigned()
		if !ok1 || !ok2 {
			return l.damaged("cross-reference subsection expected")
		}
		if first > maxObjectNum || count > maxObjectNum+1 {
			return l.damaged("cross-reference subsection %d %d", first, count)
		}
		if err := f.readRows(l, s, uint32(first), int(count)); err != nil {
			return err
		}
	}
	s.normalize()
	l.skipSpace()
	l.start, l.nodes, l.twice, l.differs = l.offset(), 0, "", ""
	o, err := l.object(0)
	if err != nil {
		return err
	}
	s.twice, s.differs = l.twice, l.differs
	d, ok := o.(Dict)
	if !ok {
		return l.damaged("trailer without a dictionary")
	}
	s.trailer, s.end = d, l.offset()
	return nil
}

func (f *File) readRows(l *lexer, s *section, first uint32, count int) error {
	r := run{first: first, at: uint32(len(s.entries))}
	l.skipSpace()
	// Room for what is announced, but for no more rows than the rest of the file can hold.
	s.entries = slices.Grow(s.entries, min(count, int((f.size-l.offset())/19)))
	for i := 0; i < count; i++ {
		at := l.offset()
		offset, generation, kind, ok := l.row()
		if !ok {
			if l.err != nil {
				return l.err
			}
			l.seek(at)
			l.skipSpace()
			if b := l.need(7); string(b) == "trailer" {
				break // fewer rows than announced
			}
			return l.damaged("cross-reference row expected")
		}
		if len(s.entries) >= maxEntries(f.size) {
			return tooManyEntries(at)
		}
		// A first subsection that starts at 1 but holds the head of the free list was meant to start at 0.
		if i == 0 && first == 1 && len(s.runs) == 0 && kind == 'f' && generation == math.MaxUint16 {
			r.first, s.flawed = 0, true
		}
		e := entryNone
		switch {
		case kind == 'f', offset == 0:
			e = freeEntry(uint16(min(generation, math.MaxUint16)))
		case offset+f.base <= maxOffset && generation <= math.MaxUint16:
			e = inUseEntry(offset+f.base, uint16(generation))
		}
		s.entries = append(s.entries, e)
		r.count++
	}
	if r.count > 0 {
		s.runs = append(s.runs, r)
	}
	return nil
}

// row reads "0000000016 00000 n" and its end of line: by place if it has the standard's 20 bytes, else by tokens.
func (l *lexer) row() (offset, generation int64, kind byte, ok bool) {
	if b := l.need(20); len(b) == 20 && b[10] == ' ' && b[16] == ' ' && isSpace(int(b[18])) && isSpace(int(b[19])) {
		ok = true
		for _, c := range b[:10] {
			ok = ok && isDigit(int(c))
			offset = offset*10 + int64(c-'0')
		}
		for _, c := range b[11:16] {
			ok = ok && isDigit(int(c))
			generation = generation*10 + int64(c-'0')
		}
		kind = b[17]
		if ok && (kind == 'n' || kind == 'f') {
			l.pos += 20
			return offset, generation, kind, true
		}
	}
	l.skipSpace()
	offset, ok1 := l.unsigned()
	l.skipSpace()
	generation, ok2 := l.unsigned()
	l.skipSpace()
	c := l.next()
	l.skipSpace()
	return offset, generation, byte(c), ok1 && ok2 && (c == 'n' || c == 'f')
}

// readXRefStream reads the cross-reference stream at a file offset (ISO 32000-2 §7.5.8).
func (f *File) readXRefStream(at int64) (*section, error) {
	_, o, _, err := f.indirectAt(at, true)
	if err != nil {
		return nil, err
	}
	stream, ok := o.(*Stream)
	if !ok || stream.Dict["Type"] != Name("XRef") {
		return nil, fail(KindDamaged, at, "no cross-reference stream where one should be")
	}
	raw, err := f.rawData(stream)
	if err != nil {
		return nil, err
	}
	s := &section{kind: XRefStream, offset: at, end: stream.offset + raw.Size(), trailer: stream.Dict}
	width, err := fieldWidths(stream, at)
	if err != nil {
		return nil, err
	}
	index, err := subsections(stream, at)
	if err != nil {
		return nil, err
	}
	data, err := f.decoder(stream, MaxData)
	if err != nil {
		return nil, err
	}
	f.garbled = true // until all rows were read
	in := bufio.NewReader(data)
	row := make([]byte, width[0]+width[1]+width[2])
	for _, r := range index {
		r.at = uint32(len(s.entries))
		announced := r.count
		r.count = 0
		for r.count < announced {
			if _, err := io.ReadFull(in, row); err == io.EOF || err == io.ErrUnexpectedEOF {
				if stream.Dict["Index"] != nil {
					return nil, fail(KindDamaged, at, "cross-reference stream with fewer rows than its Index says")
				}
				break // a Size that is too large is forgiven
			} else if err != nil {
				return nil, err
			}
			if len(s.entries) >= maxEntries(f.size) {
				return nil, tooManyEntries(at)
			}
			s.entries = append(s.entries, f.streamEntry(row, width))
			r.count++
		}
		if r.count > 0 {
			s.runs = append(s.runs, r)
		}
	}
	f.garbled = false
	s.normalize()
	return s, nil
}

func (f *File) streamEntry(row []byte, width [3]int) entry {
	kind, row := uint64(1), row
	if width[0] > 0 {
		kind, row = bigEndian(row[:width[0]]), row[width[0]:]
	}
	second, third := bigEndian(row[:width[1]]), bigEndian(row[width[1]:])
	switch kind {
	case 0:
		return freeEntry(uint16(min(third, math.MaxUint16)))
	case 1:
		if second == 0 {
			return freeEntry(0)
		}
		if second <= uint64(maxOffset-f.base) && third <= math.MaxUint16 {
			return inUseEntry(int64(second)+f.base, uint16(third))
		}
	case 2:
		if second <= maxObjectNum && third <= maxIndexInStm {
			return compressedEntry(uint32(second), int64(third))
		}
	}
	return entryNone // other types are null (ISO 32000-2 §7.5.8.3)
}

func bigEndian(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// fieldWidths reads W: three widths of 0 to 8 bytes.
func fieldWidths(s *Stream, at int64) (w [3]int, err error) {
	a, ok := s.Dict["W"].(Array)
	if !ok || len(a) < 3 {
		return w, fail(KindDamaged, at, "cross-reference stream without W")
	}
	for i := range w {
		n, ok := a[i].(Integer)
		if !ok || n < 0 || n > 8 {
			return w, fail(KindDamaged, at, "cross-reference stream with wrong W")
		}
		w[i] = int(n)
	}
	if w[1] == 0 {
		return w, fail(KindDamaged, at, "cross-reference stream with wrong W")
	}
	return w, nil
}

// subsections reads Index, by default one run from 0 to Size.
func subsections(s *Stream, at int64) ([]run, error) {
	bad := fail(KindDamaged, at, "cross-reference stream with wrong Index or Size")
	a, ok := s.Dict["Index"].(Array)
	if !ok {
		size, ok := s.Dict["Size"].(Integer)
		if !ok || size < 0 || size > maxObjectNum+1 {
			return nil, bad
		}
		a = Array{Integer(0), size}
	}
	runs := make([]run, 0, len(a)/2)
	for i := 0; i+1 < len(a); i += 2 {
		first, ok1 := a[i].(Integer)
		count, ok2 := a[i+1].(Integer)
		if !ok1 || !ok2 || first < 0 || first > maxObjectNum || count < 0 || count > maxObjectNum+1-first {
			return nil, bad
		}
		runs = append(runs, run{first: uint32(first), count: uint32(count)})
	}
	return runs, nil
}
