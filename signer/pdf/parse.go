package pdf

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// object reads one direct object or reference.
func (l *lexer) object(depth int) (Object, error) {
	if depth > maxDepth {
		return nil, fail(KindTooComplex, l.offset(), "nested more than %d deep", maxDepth)
	}
	if l.nodes++; l.nodes > maxNodes {
		return nil, fail(KindTooComplex, l.offset(), "more than %d values in one object", maxNodes)
	}
	l.skipStray()
	if err := l.tooBig(); err != nil {
		return nil, err
	}
	switch c := l.peek(); {
	case c < 0:
		return nil, l.ended()
	case c == '/':
		return l.name()
	case c == '(':
		return l.literal()
	case c == '[':
		return l.array(depth)
	case c == '<':
		if b := l.need(2); len(b) == 2 && b[1] == '<' {
			return l.dict(depth)
		}
		return l.hex()
	case isDigit(c), c == '+', c == '-', c == '.':
		return l.number()
	case isRegular(c):
		return l.word()
	default:
		return nil, l.damaged("unexpected %q", rune(c))
	}
}

// word reads true, false or null. Other words count as null where a value is wanted, as readers do, unless they
// show that the object was left open.
func (l *lexer) word() (Object, error) {
	at := l.offset()
	var w [16]byte
	n := 0
	for c := l.peek(); isRegular(c); c = l.peek() {
		if n < len(w) {
			w[n] = byte(c)
			n++
		}
		l.pos++
		if err := l.tooBig(); err != nil {
			return nil, err
		}
	}
	switch string(w[:n]) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "obj", "endobj", "stream", "endstream", "xref", "trailer", "startxref":
		l.seek(at)
		return nil, l.damaged("%s inside an object", w[:n])
	}
	return nil, l.err
}

func (l *lexer) name() (Object, error) {
	l.pos++ // the slash
	b := make([]byte, 0, 32)
	for c := l.peek(); isRegular(c); c = l.peek() {
		l.pos++
		if c == '#' {
			if h := l.need(2); len(h) == 2 {
				if hi, lo := unhex(int(h[0])), unhex(int(h[1])); hi >= 0 && lo >= 0 {
					c = hi<<4 | lo
					l.pos += 2
				}
			}
		}
		b = append(b, byte(c))
		if len(b)&1023 == 0 {
			if err := l.tooBig(); err != nil {
				return nil, err
			}
		}
	}
	if known, ok := knownNames[string(b)]; ok {
		return known, l.err
	}
	return Name(b), l.err
}

// knownNames are those that most objects of a document are made of, as values that need no memory each.
var knownNames = func() map[string]Object {
	names := map[string]Object{}
	for name := range strings.FieldsSeq(`
		AP AcroForm Annot Annots ArtBox BBox BaseFont ByteRange Catalog Contents Count CreationDate CropBox DA DR
		DecodeParms ETSI.CAdES.detached Encoding Extends F FT Fields Ff Filter First FirstChar FlateDecode Font
		FontDescriptor FontFile2 Form Group ID Index Info K Kids Lang LastChar Length Length1 Lock M MarkInfo
		MediaBox Metadata ModDate N Name Names Next ObjStm Off Outlines P Page PageMode Pages Parent Prev ProcSet
		Producer Rect Reason Resources Root Rotate S Sig SigFlags Size StructElem StructParent StructParents
		StructTreeRoot SubFilter Subtype T Title ToUnicode TrueType Type Type0 Type1 V Version W Widget Widths
		XObject XRef`) {
		names[name] = Name(name)
	}
	return names
}()

func unhex(c int) int {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return -1
}

func (l *lexer) hex() (Object, error) {
	l.pos++ // <
	s := String{}
	high := -1
	for {
		if high < 0 {
			s = l.hexPairs(s)
		}
		if err := l.tooBig(); err != nil {
			return nil, err
		}
		c := l.next()
		switch {
		case c < 0:
			return nil, l.ended()
		case c == '>':
			if high >= 0 {
				s = append(s, byte(high<<4))
			}
			return s, nil
		}
		if v := unhex(c); v < 0 {
			continue // white space; readers pass over what is neither that nor a digit
		} else if high < 0 {
			high = v
		} else {
			s = append(s, byte(high<<4|v))
			high = -1
		}
	}
}

// hexPairs takes pairs of digits that stand next, nothing between them, as almost all hexadecimal strings are
// written: a signature's has tens of thousands.
func (l *lexer) hexPairs(s String) String {
	l.need(2)
	b := l.buf[l.pos:] // all that is at hand
	if end := bytes.IndexByte(b, '>'); end >= 0 {
		b = b[:end]
	}
	s = slices.Grow(s, len(b)/2)
	start := len(s)
	out := s[start : start+len(b)/2]
	n := 0
	for ; n < len(out); n++ {
		high, low := nibbles[b[2*n]], nibbles[b[2*n+1]]
		if high|low > 0xf {
			break
		}
		out[n] = high<<4 | low
	}
	l.pos += 2 * n
	return s[:start+n]
}

// nibbles are the values of hexadecimal digits; 0xff for all other bytes.
var nibbles = func() (t [256]byte) {
	for c := range t {
		t[c] = byte(unhex(c)) // -1 becomes 0xff
	}
	return
}()

// literal reads a string in parentheses (ISO 32000-2 §7.3.4.2).
func (l *lexer) literal() (Object, error) {
	l.pos++ // (
	s := String{}
	for open := 1; ; {
		c := l.next()
		switch c {
		case -1:
			return nil, l.ended()
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				return s, nil
			}
		case '\r':
			if l.peek() == '\n' {
				l.pos++
			}
			c = '\n'
		case '\\':
			if c = l.escape(); c < 0 {
				continue
			}
		}
		s = append(s, byte(c))
		if len(s)&1023 == 0 {
			if err := l.tooBig(); err != nil {
				return nil, err
			}
		}
	}
}

// escape reads what follows a backslash: the byte meant, or -1 for a continued line.
func (l *lexer) escape() int {
	c := l.next()
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case '\r':
		if l.peek() == '\n' {
			l.pos++
		}
		return -1
	case '\n':
		return -1
	}
	if c < '0' || c > '7' {
		return c // the backslash is ignored
	}
	v := c - '0'
	for range 2 {
		d := l.peek()
		if d < '0' || d > '7' {
			break
		}
		v = v<<3 | (d - '0')
		l.pos++
	}
	return v & 0xff
}

func (l *lexer) array(depth int) (Object, error) {
	l.pos++ // [
	a := Array{}
	for {
		l.skipStray()
		switch l.peek() {
		case -1:
			return nil, l.ended()
		case ']':
			l.pos++
			return a, nil
		}
		v, err := l.object(depth + 1)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
}

// entries calls each for the pairs of the dictionary that stands next. each must consume the value.
func (l *lexer) entries(each func(key Name) error) error {
	if !l.prefix("<<") {
		return l.damaged("no dictionary")
	}
	for {
		l.skipStray()
		switch c := l.peek(); c {
		case -1:
			return l.ended()
		case '>':
			if !l.prefix(">>") {
				return l.damaged("single > in a dictionary")
			}
			return nil
		case '/':
			key, err := l.name()
			if err != nil {
				return err
			}
			l.skipStray()
			if err := each(key.(Name)); err != nil {
				return err
			}
		default: // a value too many is passed over, as readers do
			if _, err := l.object(maxDepth / 2); err != nil {
				return err
			}
		}
		if err := l.tooBig(); err != nil {
			return err
		}
	}
}

func (l *lexer) dict(depth int) (Object, error) {
	d := Dict{}
	var absent map[Name]bool // keys with null
	err := l.entries(func(key Name) error {
		before, repeated := d[key]
		if repeated = repeated || absent[key]; repeated && l.twice == "" {
			l.twice = key
		}
		if string(l.need(2)) == ">>" {
			if before != nil && l.differs == "" && !viewerKeys[key] {
				l.differs = key
			}
			delete(d, key)
			return nil // a key without a value, at the end
		}
		v, err := l.object(depth + 1)
		if err != nil {
			return err
		}
		if repeated && l.differs == "" && !viewerKeys[key] && !reflect.DeepEqual(before, v) {
			l.differs = key
		}
		if v == nil {
			delete(d, key)
			if absent == nil {
				absent = map[Name]bool{}
			}
			absent[key] = true
		} else {
			d[key] = v
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// maxDigits is what the smallest float64 needs when it is written without an exponent.
const maxDigits = 1200

// number reads an integer, a real, or a reference.
func (l *lexer) number() (Object, error) {
	digits, plain := make([]byte, 0, 24), true
	for c := l.peek(); isDigit(c) || c == '+' || c == '-' || c == '.'; c = l.peek() {
		if len(digits) < maxDigits {
			digits = append(digits, byte(c))
		}
		plain = plain && isDigit(c)
		l.pos++
		if err := l.tooBig(); err != nil {
			return nil, err
		}
	}
	if l.err != nil {
		return nil, l.err
	}
	text := string(digits)
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return looseReal(text), nil
	}
	if plain && v <= math.MaxUint32 && isSpace(l.peek()) {
		if ref, ok := l.reference(uint32(v)); ok {
			return ref, nil
		}
	}
	return Integer(v), l.err
}

// reference reads the rest of "12 0 R" after the number, or nothing.
func (l *lexer) reference(number uint32) (Ref, bool) {
	at := l.offset()
	l.skipSpace()
	if isDigit(l.peek()) {
		if gen, ok := l.unsigned(); ok && gen <= math.MaxUint16 && isSpace(l.peek()) {
			l.skipSpace()
			if l.keyword("R") {
				l.seen.tell(number)
				return Ref{number, uint16(gen)}, true
			}
		}
	}
	l.seek(at)
	return Ref{}, false
}

// looseReal reads the reals that are found in files: 4. -.002 --5 1.2.3 12-34. What can't be understood is 0.
func looseReal(text string) Object {
	b := []byte(text)
	negative := false
	for len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = negative || b[0] == '-'
		b = b[1:]
	}
	dots, end := 0, 0
	for end < len(b) && b[end] != '-' && b[end] != '+' {
		if b[end] == '.' {
			if dots++; dots > 1 {
				break
			}
		}
		end++
	}
	v, err := strconv.ParseFloat(string(b[:end]), 64)
	if err != nil || math.IsInf(v, 0) {
		v = 0
	}
	if negative && v != 0 {
		v = -v
	}
	if dots == 0 && v < math.MaxInt64/2 {
		return Integer(v)
	}
	return Real(v)
}
