package pdf

import (
	"io"
	"math"
	"sync"
)

// windowSize is how much of the file a lexer holds; the first read of an object takes less, as most are small.
const (
	windowSize = 16 << 10
	firstRead  = 2 << 10
)

var windows = sync.Pool{New: func() any { return new([windowSize]byte) }}

// lexer reads tokens and objects from a window over the file, or from memory.
type lexer struct {
	r       io.ReaderAt       // nil: buf is all there is
	window  *[windowSize]byte // backs buf when r is set
	buf     []byte
	base    int64 // file offset of buf[0]
	pos     int   // next byte in buf
	end     int64 // file offset where the input ends
	start   int64 // where the current object began, for maxObjectBytes
	nodes   int
	seen    *highest // told of every reference read; may be nil
	twice   Name     // the first key that a dictionary had twice
	differs Name     // the first that it had twice with two values
	err     error    // sticky read error
}

func newLexer(r io.ReaderAt, offset, end int64) *lexer {
	w := windows.Get().(*[windowSize]byte)
	return &lexer{r: r, window: w, buf: w[:0], base: offset, start: offset, end: end}
}

func newBytesLexer(b []byte) *lexer { return &lexer{buf: b, end: int64(len(b))} }

// release gives the window back. The lexer must not be used afterwards.
func (l *lexer) release() {
	if l.window != nil {
		windows.Put(l.window)
		l.window, l.buf, l.r = nil, nil, nil
	}
}

func (l *lexer) offset() int64 { return l.base + int64(l.pos) }

// seek moves to a file offset.
func (l *lexer) seek(offset int64) {
	if offset >= l.base && offset <= l.base+int64(len(l.buf)) {
		l.pos = int(offset - l.base)
		return
	}
	if l.r == nil {
		l.pos = len(l.buf)
		return
	}
	l.base, l.pos, l.buf = offset, 0, l.window[:0]
}

// need makes n bytes available at buf[pos:] if the input has them, and returns what there is (up to n, n <= windowSize).
func (l *lexer) need(n int) []byte {
	if len(l.buf)-l.pos < n && l.r != nil && l.err == nil {
		l.fill(n)
	}
	return l.buf[l.pos:min(l.pos+n, len(l.buf))]
}

func (l *lexer) fill(n int) {
	want := windowSize
	if len(l.buf) == 0 && n <= firstRead {
		want = firstRead
	}
	kept := copy(l.window[:], l.buf[l.pos:])
	l.base += int64(l.pos)
	l.pos = 0
	l.buf = l.window[:kept]
	at := l.base + int64(kept)
	room := min(int64(want-kept), l.end-at)
	if room <= 0 {
		return
	}
	got, err := l.r.ReadAt(l.window[kept:kept+int(room)], at)
	l.buf = l.window[:kept+got]
	if int64(got) < room {
		if err == nil {
			err = io.ErrNoProgress
		}
		l.err = readFailed(at+int64(got), err)
	}
}

// peek returns the next byte, -1 at the end.
func (l *lexer) peek() int {
	if l.pos < len(l.buf) {
		return int(l.buf[l.pos])
	}
	if b := l.need(1); len(b) == 1 {
		return int(b[0])
	}
	return -1
}

// next consumes the next byte, -1 at the end.
func (l *lexer) next() int {
	c := l.peek()
	if c >= 0 {
		l.pos++
	}
	return c
}

const (
	regular = iota
	space
	delimiter
)

var class = func() (t [256]byte) {
	for _, c := range "\x00\t\n\f\r " {
		t[c] = space
	}
	for _, c := range "()<>[]{}/%" {
		t[c] = delimiter
	}
	return
}()

func isSpace(c int) bool   { return c >= 0 && class[c] == space }
func isRegular(c int) bool { return c >= 0 && class[c] == regular }
func isDigit(c int) bool   { return c >= '0' && c <= '9' }

// skipSpace skips white space and comments.
func (l *lexer) skipSpace() {
	for {
		c := l.peek()
		switch {
		case isSpace(c):
			l.pos++
		case c == '%':
			for c >= 0 && c != '\n' && c != '\r' {
				l.pos++
				c = l.peek()
			}
		default:
			return
		}
	}
}

// skipStray is skipSpace within an object, where a closing parenthesis that closes nothing is passed over too, as readers
// do: some writers do not escape those in a string's text.
func (l *lexer) skipStray() {
	for l.skipSpace(); l.peek() == ')'; l.skipSpace() {
		l.pos++
	}
}

// keyword consumes word if it stands next as a whole token.
func (l *lexer) keyword(word string) bool {
	b := l.need(len(word) + 1)
	if len(b) < len(word) || string(b[:len(word)]) != word {
		return false
	}
	if len(b) > len(word) && class[b[len(word)]] == regular {
		return false
	}
	l.pos += len(word)
	return true
}

// prefix consumes word if it stands next, whatever follows.
func (l *lexer) prefix(word string) bool {
	if b := l.need(len(word)); string(b) != word {
		return false
	}
	l.pos += len(word)
	return true
}

// unsigned consumes an unsigned decimal number; ok is false (and nothing is consumed) if none stands next.
func (l *lexer) unsigned() (n int64, ok bool) {
	for c := l.peek(); isDigit(c); c = l.peek() {
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64 / 100 // out of any range that matters, without overflow
		}
		n = n*10 + int64(c-'0')
		l.pos++
		ok = true
	}
	return n, ok
}

func (l *lexer) damaged(format string, args ...any) error {
	if l.err != nil {
		return l.err
	}
	return fail(KindDamaged, l.offset(), format, args...)
}

// ended is the error for input that stops inside an object.
func (l *lexer) ended() error {
	if l.err != nil {
		return l.err
	}
	return fail(KindTruncated, l.offset(), "ends inside an object")
}

func (l *lexer) tooBig() error {
	if l.offset()-l.start > maxObjectBytes {
		return fail(KindTooComplex, l.start, "object of more than %d bytes", maxObjectBytes)
	}
	return nil
}
