package pdf

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Reserved is an Object whose place in the output is kept free: Width bytes of fill, to be overwritten by the
// caller at Offset once everything is laid out, such as a signature's Contents (with its < >) or ByteRange.
type Reserved struct {
	Width  int
	fill   byte
	offset int64
}

// NewReserved returns a place of width bytes, filled with fill until it is overwritten.
func NewReserved(width int, fill byte) *Reserved {
	return &Reserved{Width: width, fill: fill, offset: -1}
}

// Offset returns the file offset of the place in the output (the input followed by the update): known after
// Update.Bytes, -1 before.
func (r *Reserved) Offset() int64 { return r.offset }

// writer serialises objects. at is the file offset of the first byte of b.
type writer struct {
	b     []byte
	at    int64
	file  *File        // that is updated; nil when a value is written by itself
	crypt *objectCrypt // of the object that is being written; nil if it is not encrypted
}

func (w *writer) offset() int64 { return w.at + int64(len(w.b)) }

func (w *writer) printf(format string, args ...any) { w.b = fmt.Appendf(w.b, format, args...) }

func (w *writer) object(o Object, depth int) error {
	if depth > maxDepth {
		return fail(KindTooComplex, -1, "write: nested more than %d deep", maxDepth)
	}
	switch v := o.(type) {
	case nil:
		w.b = append(w.b, "null"...)
	case bool:
		w.b = strconv.AppendBool(w.b, v)
	case Integer:
		w.b = strconv.AppendInt(w.b, int64(v), 10)
	case int:
		w.b = strconv.AppendInt(w.b, int64(v), 10)
	case Real:
		return w.real(float64(v))
	case String:
		return w.string(v)
	case Name:
		w.name(v)
	case Ref:
		w.printf("%d %d R", v.Number, v.Generation)
	case Array:
		return w.array(v, depth)
	case Dict:
		return w.dict(v, depth)
	case *Reserved:
		v.offset = w.offset()
		w.b = append(w.b, bytes.Repeat([]byte{v.fill}, v.Width)...)
	case *Stream:
		return fail(KindDamaged, -1, "write: a stream must be an object of its own")
	default:
		return fail(KindDamaged, -1, "write: %T is no PDF object", o)
	}
	return nil
}

// real writes without an exponent, which PDF does not know, and with a point, so that it is read as a real again.
func (w *writer) real(v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fail(KindDamaged, -1, "write: %v is no number", v)
	}
	if v == 0 {
		v = 0 // not -0.0, which is read back as 0
	}
	from := len(w.b)
	w.b = strconv.AppendFloat(w.b, v, 'f', -1, 64)
	if !slices.Contains(w.b[from:], '.') {
		w.b = append(w.b, ".0"...)
	}
	return nil
}

// string writes printable ASCII as a literal and everything else in hexadecimal: bytes that happen to be
// parentheses, backslashes or line ends then can't break it. Encrypted ones are always in hexadecimal, so that their
// length does not depend on chance.
func (w *writer) string(s String) error {
	if w.crypt != nil && w.crypt.c.strings != cryptIdentity {
		b, err := w.crypt.encryptString(s)
		if err != nil {
			return err
		}
		w.hex(b)
		return nil
	}
	for _, c := range s {
		if c < ' ' || c > '~' {
			w.hex(s)
			return nil
		}
	}
	w.b = append(w.b, '(')
	for _, c := range s {
		if c == '(' || c == ')' || c == '\\' {
			w.b = append(w.b, '\\')
		}
		w.b = append(w.b, c)
	}
	w.b = append(w.b, ')')
	return nil
}

func (w *writer) hex(b []byte) {
	w.b = append(w.b, '<')
	w.b = hex.AppendEncode(w.b, b)
	w.b = append(w.b, '>')
}

func (w *writer) name(n Name) {
	w.b = append(w.b, '/')
	for i := range len(n) {
		if c := n[i]; c <= ' ' || c > '~' || c == '#' || class[c] != regular {
			w.printf("#%02X", c)
		} else {
			w.b = append(w.b, c)
		}
	}
}

func (w *writer) array(a Array, depth int) error {
	w.b = append(w.b, '[')
	for i, o := range a {
		if i > 0 {
			w.b = append(w.b, ' ')
		}
		if err := w.object(o, depth+1); err != nil {
			return err
		}
	}
	w.b = append(w.b, ']')
	return nil
}

func (w *writer) dict(d Dict, depth int) error {
	w.b = append(w.b, "<<"...)
	crypt, plain := w.crypt, plainContents(d)
	for _, key := range sortedKeys(d) {
		if d[key] == nil {
			continue
		}
		w.name(key)
		w.b = append(w.b, ' ')
		if w.crypt = crypt; plain && key == "Contents" {
			w.crypt = nil
		}
		if err := w.object(d[key], depth+1); err != nil {
			return err
		}
	}
	w.crypt = crypt
	w.b = append(w.b, ">>"...)
	return nil
}

// sortedKeys returns the keys in order, Type first.
func sortedKeys(d Dict) []Name {
	keys := make([]Name, 0, len(d))
	for k := range d {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b Name) int {
		switch {
		case a == b:
			return 0
		case a == "Type":
			return -1
		case b == "Type":
			return 1
		case a < b:
			return -1
		}
		return 1
	})
	return keys
}

// indirect writes an object with its header and endobj.
func (w *writer) indirect(ref Ref, o Object) error {
	w.printf("%d %d obj\n", ref.Number, ref.Generation)
	s, ok := o.(*Stream)
	if w.file != nil && (!ok || s.Dict["Type"] != Name("XRef")) {
		w.crypt = w.file.crypt.object(ref)
		defer func() { w.crypt = nil }()
	}
	if !ok {
		if err := w.object(o, 0); err != nil {
			return err
		}
		w.b = append(w.b, "\nendobj\n"...)
		return nil
	}
	data := s.Data
	if s.file != nil && data == nil {
		var err error
		if data, err = s.file.RawData(s); err != nil {
			return err
		}
	}
	if w.crypt != nil {
		method, err := w.file.streamMethod(s)
		if err != nil {
			return err
		}
		if data, err = w.crypt.encryptStream(method, data); err != nil {
			return err
		}
	}
	d := s.Dict.Clone()
	d["Length"] = Integer(len(data))
	if err := w.dict(d, 0); err != nil {
		return err
	}
	w.b = append(w.b, "\nstream\n"...)
	w.b = append(w.b, data...)
	w.b = append(w.b, "\nendstream\nendobj\n"...)
	return nil
}
