package pdf

import (
	"bufio"
	"compress/flate"
	"encoding/ascii85"
	"errors"
	"io"
	"math"
	"sync/atomic"
)

// decoder returns a reader of the stream's decoded data (ISO 32000-2 §7.4), of which the caller wants limit bytes at
// most.
func (f *File) decoder(s *Stream, limit int64) (io.Reader, error) {
	r, _, err := f.plain(s)
	if err != nil {
		return nil, err
	}
	names, params, err := f.filters(s)
	if err != nil {
		return nil, err
	}
	r = &stage{r: r, left: math.MaxInt64, offset: s.Offset(), all: &f.unpacking}
	for i, name := range names {
		if name == "Crypt" && s.crypt != nil {
			continue // undone before
		}
		if r, err = f.filter(r, name, params[i], s.Offset()); err != nil {
			return nil, err
		}
		r = &stage{r: r, left: stageFactor * limit, offset: s.Offset(), all: &f.unpacking}
	}
	return r, nil
}

// filters returns the stream's filter names with their parameters (nil if none).
func (f *File) filters(s *Stream) ([]Name, []Dict, error) {
	resolve := f.Resolve
	if s.inner { // its parameters must not need an object stream either
		resolve = func(o Object) (Object, error) {
			if ref, ok := o.(Ref); ok && f.lookup(ref.Number).kind() != entryInUse {
				return nil, nil
			}
			return f.Resolve(o)
		}
	}
	filter, err := resolve(first(s.Dict, "Filter", "F"))
	if err != nil {
		return nil, nil, err
	}
	parameter, err := resolve(first(s.Dict, "DecodeParms", "DP"))
	if err != nil {
		return nil, nil, err
	}
	list, ok := filter.(Array)
	if !ok {
		if filter == nil {
			return nil, nil, nil
		}
		list = Array{filter}
		if _, ok := parameter.(Array); !ok {
			parameter = Array{parameter}
		}
	}
	if len(list) > maxFilters {
		return nil, nil, fail(KindTooComplex, s.Offset(), "more than %d filters", maxFilters)
	}
	of, _ := parameter.(Array)
	names, params := make([]Name, len(list)), make([]Dict, len(list))
	for i, o := range list {
		if o, err = resolve(o); err != nil {
			return nil, nil, err
		}
		names[i], ok = o.(Name)
		if !ok {
			return nil, nil, fail(KindDamaged, s.Offset(), "filter is no name")
		}
		if i < len(of) {
			if o, err = resolve(of[i]); err != nil {
				return nil, nil, err
			}
			params[i], _ = o.(Dict)
		}
	}
	return names, params, nil
}

// first returns the value under the key or, as found in old files, its abbreviation. A file specification under F
// is no filter.
func first(d Dict, key, short Name) Object {
	if v, ok := d[key]; ok {
		return v
	}
	switch v := d[short].(type) {
	case Name, Array, Dict:
		if short == "F" {
			if _, ok := v.(Dict); ok {
				return nil
			}
		}
		return v
	}
	return nil
}

func (f *File) filter(r io.Reader, name Name, params Dict, offset int64) (io.Reader, error) {
	switch name {
	case "FlateDecode", "Fl":
		return f.predict(newFlate(r, offset), params, offset)
	case "LZWDecode", "LZW":
		early, err := f.parameter(params, "EarlyChange", 1)
		if err != nil {
			return nil, err
		}
		return f.predict(&lzwReader{r: bufio.NewReader(r), early: early != 0, offset: offset}, params, offset)
	case "ASCII85Decode", "A85":
		return newASCII85(r, offset), nil
	case "ASCIIHexDecode", "AHx":
		return &hexReader{r: bufio.NewReader(r), offset: offset}, nil
	case "RunLengthDecode", "RL":
		return &runLengthReader{r: bufio.NewReader(r), offset: offset}, nil
	case "Crypt":
		if n := params["Name"]; n == nil || n == Name("Identity") {
			return r, nil
		}
	}
	return nil, fail(KindUnsupported, offset, "filter %s", name)
}

func (f *File) parameter(params Dict, key Name, fallback int) (int, error) {
	o, ok := params[key]
	if !ok {
		return fallback, nil
	}
	n, err := f.Integer(o)
	if err != nil {
		return 0, err
	}
	return int(max(-1, min(n, 1<<30))), nil
}

// sourceReader turns failures of the underlying reader into *Error, so that they are told from damaged data. An early
// end is one of them.
type sourceReader struct {
	r      *io.SectionReader
	offset int64 // of the data in the file
	read   int64
}

func (s *sourceReader) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	s.read += int64(n)
	if err != nil && (err != io.EOF || s.read < s.r.Size()) {
		err = readFailed(s.offset+s.read, err)
	}
	return n, err
}

// stage bounds what one filter produces.
type stage struct {
	r      io.Reader
	left   int64
	offset int64
	all    *unpacking
}

func (s *stage) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if !s.all.take(int64(n)) {
		return 0, fail(KindTooComplex, s.offset, "the file's streams unpack to far more than its size")
	}
	if s.left -= int64(n); s.left < 0 {
		return 0, fail(KindTooComplex, s.offset, "a filter produces far more than is wanted of the stream")
	}
	return n, err
}

// unpacking counts what all streams of a file unpack to.
type unpacking struct {
	limited atomic.Bool
	left    atomic.Int64
}

func (u *unpacking) take(n int64) bool { return !u.limited.Load() || u.left.Add(-n) >= 0 }

// LimitUnpacking bounds the bytes that all streams of the file together, object streams among them, unpack to from now
// on; beyond it everything that needs another is KindTooComplex. It is for who goes through a file that others made.
// Less than 0 is no bound.
func (f *File) LimitUnpacking(bytes int64) {
	f.unpacking.left.Store(bytes)
	f.unpacking.limited.Store(bytes >= 0)
}

// flateReader reads zlib data. The checksum is not looked at and a missing end is the end, as every reader does:
// writers get both wrong.
type flateReader struct {
	in      *bufio.Reader
	inflate io.ReadCloser
	offset  int64
}

func newFlate(r io.Reader, offset int64) io.Reader {
	return &flateReader{in: bufio.NewReader(r), offset: offset}
}

func (z *flateReader) Read(b []byte) (int, error) {
	if z.inflate == nil {
		// Two bytes of zlib header (RFC 1950); some writers put an end of line before them.
		h, err := z.in.Peek(2)
		for len(h) == 2 && (h[0] == '\r' || h[0] == '\n') {
			if _, err := z.in.Discard(1); err != nil {
				return 0, err
			}
			h, err = z.in.Peek(2)
		}
		if len(h) < 2 {
			return 0, err
		}
		if h[0]&0x0f == 8 && (uint(h[0])<<8|uint(h[1]))%31 == 0 {
			if _, err := z.in.Discard(2); err != nil {
				return 0, err
			}
		} else {
			return 0, fail(KindDamaged, z.offset, "FlateDecode: no zlib header")
		}
		z.inflate = flate.NewReader(z.in)
	}
	n, err := z.inflate.Read(b)
	return n, decoded(err, "FlateDecode", z.offset)
}

// decoded turns a decoder's error into ours: missing data ends the stream, wrong data is damage.
func decoded(err error, filter string, offset int64) error {
	var ours *Error
	switch {
	case err == nil, err == io.EOF, errors.As(err, &ours):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return io.EOF
	}
	return fail(KindDamaged, offset, "%s: %v", filter, err)
}

// newASCII85 reads up to ~>; z and white space as in ISO 32000-2 §7.4.3.
func newASCII85(r io.Reader, offset int64) io.Reader {
	return &ascii85Reader{r: ascii85.NewDecoder(&untilTilde{r: bufio.NewReader(r)}), offset: offset}
}

type ascii85Reader struct {
	r      io.Reader
	offset int64
}

func (a *ascii85Reader) Read(b []byte) (int, error) {
	n, err := a.r.Read(b)
	return n, decoded(err, "ASCII85Decode", a.offset)
}

type untilTilde struct {
	r    *bufio.Reader
	done bool
}

func (t *untilTilde) Read(b []byte) (int, error) {
	for n := range b {
		if t.done {
			return n, eofIfNone(n)
		}
		c, err := t.r.ReadByte()
		if err != nil {
			t.done = err == io.EOF
			if n > 0 && t.done {
				return n, nil
			}
			return n, err
		}
		switch {
		case c == '~':
			t.done = true
			return n, eofIfNone(n)
		case c == 0 || c == '\f': // white space in PDF, not to encoding/ascii85
			c = ' '
		}
		b[n] = c
	}
	return len(b), nil
}

func eofIfNone(n int) error {
	if n == 0 {
		return io.EOF
	}
	return nil
}

type hexReader struct {
	r      *bufio.Reader
	done   bool
	offset int64
}

func (h *hexReader) Read(b []byte) (int, error) {
	for n := range b {
		if h.done {
			return n, eofIfNone(n)
		}
		high := -1
		for {
			c, err := h.r.ReadByte()
			if err != nil && err != io.EOF {
				return n, err
			}
			if err == io.EOF || c == '>' {
				h.done = true
				if high < 0 {
					return n, eofIfNone(n)
				}
				b[n] = byte(high << 4)
				return n + 1, nil
			}
			v := unhex(int(c))
			if v < 0 {
				if isSpace(int(c)) {
					continue
				}
				return n, fail(KindDamaged, h.offset, "ASCIIHexDecode: %q", rune(c))
			}
			if high >= 0 {
				b[n] = byte(high<<4 | v)
				break
			}
			high = v
		}
	}
	return len(b), nil
}

type runLengthReader struct {
	r       *bufio.Reader
	literal int // bytes still to copy
	repeat  int // times still to repeat value
	value   byte
	done    bool
	offset  int64
}

func (r *runLengthReader) Read(b []byte) (int, error) {
	for n := range b {
		for r.literal == 0 && r.repeat == 0 {
			if r.done {
				return n, eofIfNone(n)
			}
			c, err := r.r.ReadByte()
			switch {
			case err == io.EOF || err == nil && c == 128:
				r.done = true
			case err != nil:
				return n, err
			case c < 128:
				r.literal = int(c) + 1
			default:
				if r.value, err = r.r.ReadByte(); err != nil {
					if err != io.EOF {
						return n, err
					}
					r.done = true
					continue
				}
				r.repeat = 257 - int(c)
			}
		}
		if r.repeat > 0 {
			b[n] = r.value
			r.repeat--
			continue
		}
		c, err := r.r.ReadByte()
		if err != nil {
			r.done, r.literal = true, 0
			if err == io.EOF {
				return n, eofIfNone(n)
			}
			return n, err
		}
		b[n] = c
		r.literal--
	}
	return len(b), nil
}
