package pdf

import "cmp"

// Twice answers a key that a dictionary within the object has twice, "" if none has. This package takes the value that
// stands last, others the first: such an object means different things to different readers. A null is a value here.
func (f *File) Twice(ref Ref) (Name, error) {
	twice, _, err := f.repeated(ref)
	return twice, err
}

// Ambiguous is Twice for keys that stand there with two values: with the same one twice all readers agree. Keys that
// only say how a viewer opens the document, or when it was made, do not count: TCPDF writes PageMode twice.
func (f *File) Ambiguous(ref Ref) (Name, error) {
	_, differs, err := f.repeated(ref)
	return differs, err
}

var viewerKeys = map[Name]bool{
	"PageMode": true, "PageLayout": true, "ViewerPreferences": true, "Lang": true,
	"CreationDate": true, "ModDate": true, "LastModified": true, "Producer": true, "Creator": true,
}

func (f *File) repeated(ref Ref) (twice, differs Name, err error) {
	e := f.lookup(ref.Number)
	if ref.Number == 0 || e.generation() != ref.Generation {
		return "", "", nil
	}
	switch e.kind() {
	case entryInUse:
		return f.repeatedAt(e.offset())
	case entryCompressed:
		s, _, err := f.objectStream(e.stream())
		if s == nil || err != nil {
			return "", "", err
		}
		for i, n := range s.numbers {
			if at := s.first + int(s.offsets[i]); n == ref.Number && at <= len(s.data) {
				l := newBytesLexer(s.data[at:])
				_, err := l.object(0)
				return l.twice, l.differs, err
			}
		}
	}
	return "", "", nil
}

func (f *File) repeatedAt(offset int64) (twice, differs Name, err error) {
	l := f.lexer(offset)
	defer l.release()
	if _, err := l.objectHeader(); err != nil {
		return "", "", err
	}
	l.start = l.offset()
	_, err = f.body(l, false)
	return l.twice, l.differs, err
}

// TrailerTwice answers a key that the trailer of a revision (0 is the first) has twice, as Twice does.
func (f *File) TrailerTwice(revision int) (Name, error) {
	twice, _, err := f.repeatedInTrailer(revision)
	return twice, err
}

// TrailerAmbiguous is TrailerTwice for keys that stand there with two values.
func (f *File) TrailerAmbiguous(revision int) (Name, error) {
	_, differs, err := f.repeatedInTrailer(revision)
	return differs, err
}

func (f *File) repeatedInTrailer(revision int) (twice, differs Name, err error) {
	for _, s := range f.revisions[revision].sections {
		a, b := s.twice, s.differs
		if s.kind == XRefStream {
			if a, b, err = f.repeatedAt(s.offset); err != nil {
				return "", "", err
			}
		}
		twice, differs = cmp.Or(twice, a), cmp.Or(differs, b)
	}
	return twice, differs, nil
}
