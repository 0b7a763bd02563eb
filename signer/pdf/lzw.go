package pdf

import (
	"bufio"
	"io"
)

// lzwReader decodes LZWDecode (ISO 32000-2 §7.4.4): codes of 9 to 12 bits, high bit first, 256 clears the table,
// 257 ends. compress/lzw can't: PDF widens the codes one code early unless EarlyChange is 0.
type lzwReader struct {
	r      *bufio.Reader
	early  bool
	offset int64

	bits   uint32
	nbits  uint
	width  uint
	next   int // next free code
	last   int // previous code, -1 after a clear
	prefix [4096]uint16
	suffix [4096]byte
	length [4096]uint16
	out    []byte
	buf    [4096]byte
	done   bool
}

const (
	lzwClear = 256
	lzwEnd   = 257
)

func (l *lzwReader) Read(b []byte) (int, error) {
	if l.width == 0 {
		l.clear()
	}
	for len(l.out) == 0 {
		if l.done {
			return 0, io.EOF
		}
		if err := l.step(); err != nil {
			return 0, err
		}
	}
	n := copy(b, l.out)
	l.out = l.out[n:]
	return n, nil
}

func (l *lzwReader) clear() {
	l.width, l.next, l.last = 9, 258, -1
}

// step reads one code and leaves what it stands for in out.
func (l *lzwReader) step() error {
	for l.nbits < l.width {
		c, err := l.r.ReadByte()
		if err == io.EOF {
			l.done = true
			return nil
		}
		if err != nil {
			return err
		}
		l.bits = l.bits<<8 | uint32(c)
		l.nbits += 8
	}
	l.nbits -= l.width
	code := int(l.bits >> l.nbits & (1<<l.width - 1))
	switch {
	case code == lzwClear:
		l.clear()
		return nil
	case code == lzwEnd:
		l.done = true
		return nil
	case code > l.next || code == l.next && l.last < 0:
		return fail(KindDamaged, l.offset, "LZWDecode: code %d of %d", code, l.next)
	}
	if l.last >= 0 && l.next < len(l.prefix) {
		l.prefix[l.next] = uint16(l.last)
		l.length[l.next] = l.lengthOf(l.last) + 1
		if code == l.next { // the sequence just being made: it ends as it begins
			l.suffix[l.next] = l.head(l.last)
		} else {
			l.suffix[l.next] = l.head(code)
		}
		l.next++
	} else if code == l.next {
		return fail(KindDamaged, l.offset, "LZWDecode: code %d in a full table", code)
	}
	l.last = code
	l.expand(code)
	early := 0
	if l.early {
		early = 1
	}
	if l.next+early >= 1<<l.width && l.width < 12 {
		l.width++
	}
	return nil
}

func (l *lzwReader) lengthOf(code int) uint16 {
	if code < 256 {
		return 1
	}
	return l.length[code]
}

func (l *lzwReader) head(code int) byte {
	for code >= 258 {
		code = int(l.prefix[code])
	}
	return byte(code)
}

func (l *lzwReader) expand(code int) {
	n := int(l.lengthOf(code))
	l.out = l.buf[:n]
	for i := n - 1; code >= 258; i-- {
		l.out[i] = l.suffix[code]
		code = int(l.prefix[code])
	}
	l.out[0] = byte(code)
}
