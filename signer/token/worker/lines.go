package worker

import (
	"bytes"
	"errors"
	"io"
)

// maxLine bounds one line: hundreds of certificates fit.
const maxLine = 16 << 20

var errLineTooLong = errors.New("line is too long")

// lineReader splits a stream into lines and keeps nothing of a line that it has
// handed out: a PIN may have been in it, and bufio would keep it.
type lineReader struct {
	source io.Reader
	buffer []byte
	filled int
}

func newLineReader(source io.Reader) *lineReader {
	return &lineReader{source: source, buffer: make([]byte, 4096)}
}

// next is the next line without its end, a slice that belongs to the caller. A
// last line without an end is dropped: it was cut off.
func (l *lineReader) next() ([]byte, error) {
	scanned := 0
	for {
		if i := bytes.IndexByte(l.buffer[scanned:l.filled], '\n'); i >= 0 {
			end := scanned + i
			line := bytes.Clone(l.buffer[:end])
			rest := copy(l.buffer, l.buffer[end+1:l.filled])
			clear(l.buffer[rest:l.filled])
			l.filled = rest
			return line, nil
		}
		scanned = l.filled
		if l.filled == len(l.buffer) {
			if len(l.buffer) >= maxLine {
				return nil, errLineTooLong
			}
			larger := make([]byte, 2*len(l.buffer))
			copy(larger, l.buffer)
			clear(l.buffer)
			l.buffer = larger
		}
		n, err := l.source.Read(l.buffer[l.filled:])
		l.filled += n
		if n == 0 && err != nil {
			clear(l.buffer)
			return nil, err
		}
	}
}
