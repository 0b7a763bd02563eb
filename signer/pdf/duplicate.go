package pdf

// Twice answers a key that a dictionary within the object has twice, "" if none has. This package takes the value that
// stands last, others the first: such an object means different things to different readers. A null is a value here.
func (f *File) Twice(ref Ref) (Name, error) {
	e := f.lookup(ref.Number)
	if ref.Number == 0 || e.generation() != ref.Generation {
		return "", nil
	}
	switch e.kind() {
	case entryInUse:
		return f.twiceAt(e.offset())
	case entryCompressed:
		s, _, err := f.objectStream(e.stream())
		if s == nil || err != nil {
			return "", err
		}
		for i, n := range s.numbers {
			if at := s.first + int(s.offsets[i]); n == ref.Number && at <= len(s.data) {
				l := newBytesLexer(s.data[at:])
				_, err := l.object(0)
				return l.twice, err
			}
		}
	}
	return "", nil
}

func (f *File) twiceAt(offset int64) (Name, error) {
	l := f.lexer(offset)
	defer l.release()
	if _, err := l.objectHeader(); err != nil {
		return "", err
	}
	l.start = l.offset()
	_, err := f.body(l, false)
	return l.twice, err
}

// TrailerTwice answers a key that the trailer of a revision (0 is the first) has twice, as Twice does.
func (f *File) TrailerTwice(revision int) (Name, error) {
	for _, s := range f.revisions[revision].sections {
		if s.twice != "" {
			return s.twice, nil
		}
		if s.kind != XRefStream {
			continue
		}
		if key, err := f.twiceAt(s.offset); key != "" || err != nil {
			return key, err
		}
	}
	return "", nil
}
