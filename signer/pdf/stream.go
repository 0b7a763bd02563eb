package pdf

import (
	"bytes"
	"io"
)

// Data returns the stream's decoded data, up to MaxData bytes; more is KindTooComplex, a filter for images
// (DCTDecode and the like) KindUnsupported.
func (f *File) Data(s *Stream) ([]byte, error) { return f.DataUpTo(s, MaxData) }

// DataUpTo is Data with another limit, in bytes.
func (f *File) DataUpTo(s *Stream, limit int64) ([]byte, error) {
	r, err := f.decoder(s, limit)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fail(KindTooComplex, s.Offset(), "stream of more than %d bytes", limit)
	}
	return b, nil
}

// RawData returns the stream's bytes as its filters left them, up to MaxData: what stands in the file, but for the
// encryption.
func (f *File) RawData(s *Stream) ([]byte, error) {
	r, size, err := f.plain(s)
	if err != nil {
		return nil, err
	}
	if size > MaxData {
		return nil, fail(KindTooComplex, s.Offset(), "stream of more than %d bytes", MaxData)
	}
	b := make([]byte, size)
	n, err := io.ReadFull(r, b)
	if s.crypt != nil && (err == io.EOF || err == io.ErrUnexpectedEOF) {
		err = nil // without initialization vector and padding it is shorter
	}
	return b[:n], err
}

func (f *File) rawData(s *Stream) (*io.SectionReader, error) {
	if s.file == nil {
		return io.NewSectionReader(bytes.NewReader(s.Data), 0, int64(len(s.Data))), nil
	}
	n, err := s.file.streamLength(s)
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(s.file.r, s.offset, n), nil
}

// streamLength returns the number of raw bytes: Length if endstream follows them, else up to the next endstream.
func (f *File) streamLength(s *Stream) (int64, error) {
	if n, ok := f.declaredLength(s); ok && n >= 0 && n <= f.size-s.offset {
		l := f.lexer(s.offset + n)
		defer l.release()
		for isSpace(l.peek()) {
			l.pos++
		}
		if l.prefix("endstream") || l.keyword("endobj") {
			return n, nil
		}
		if l.err != nil {
			return 0, l.err
		}
	}
	// Not the next endstream wherever it is: in a stream that lacks it that would be another's.
	at, err := f.find(s.offset, "endstream", "endobj")
	if err != nil {
		return 0, err
	}
	if at < 0 {
		return 0, fail(KindTruncated, s.offset, "stream without an end")
	}
	// The end of line before endstream is not data.
	b := make([]byte, min(2, at-s.offset))
	if err := f.readAt(b, at-int64(len(b))); err != nil {
		return 0, err
	}
	if n := len(b); n > 0 && b[n-1] == '\n' {
		if at--; n > 1 && b[0] == '\r' {
			at--
		}
	} else if n > 0 && b[n-1] == '\r' {
		at--
	}
	return at - s.offset, nil
}

func (f *File) declaredLength(s *Stream) (int64, bool) {
	o := s.Dict["Length"]
	if ref, ok := o.(Ref); ok {
		if s.inner && f.lookup(ref.Number).kind() != entryInUse {
			return 0, false
		}
		var err error
		if o, err = f.Object(ref); err != nil {
			return 0, false
		}
	}
	n, ok := o.(Integer)
	return int64(n), ok
}

// find returns the file offset of the first occurrence of any of the words from offset on, -1 if there is none.
func (f *File) find(offset int64, words ...string) (int64, error) {
	l := f.lexer(offset)
	defer l.release()
	ok := l.skipTo(words...)
	if l.err != nil {
		return 0, l.err
	}
	if !ok {
		return -1, nil
	}
	return l.offset(), nil
}

// skipTo moves to the first occurrence of any of the words, or to the end.
func (l *lexer) skipTo(words ...string) bool {
	longest := 0
	for _, w := range words {
		longest = max(longest, len(w))
	}
	for {
		b := l.need(windowSize)
		first := -1
		for _, w := range words {
			if i := bytes.Index(b, []byte(w)); i >= 0 {
				first, b = i, b[:i] // the others count if they come before
			}
		}
		if first >= 0 {
			l.pos += first
			return true
		}
		if len(b) < windowSize {
			l.pos += len(b)
			return false
		}
		l.pos += len(b) - longest + 1
	}
}
