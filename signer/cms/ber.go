package cms

import (
	"encoding/binary"

	"golang.org/x/crypto/cryptobyte/asn1"
)

// Bounds on what is read. A signature with chain, time-stamp and embedded CRLs
// of a big authority stays well below.
const (
	maxSize  = 8 << 20 // bytes of one SignedData
	maxDepth = 32      // nested elements: a CMS with a time-stamp inside has 25
	maxNest  = 4       // strings in pieces, whose pieces come in pieces
)

// constructed is the bit of the identifier octet that says "made of elements".
const constructed = 0x20

// element is one BER value as it stands in the input.
type element struct {
	tag        asn1.Tag // identifier octet, with class and constructed bit
	raw        []byte   // header, contents, and end-of-contents if there is one
	content    []byte   // contents without end-of-contents
	indefinite bool
}

// is tells whether e has the given tag in the primitive or constructed form: BER
// allows strings to come in pieces.
func (e element) is(tag asn1.Tag) bool { return e.tag&^constructed == tag&^constructed }

// readElement takes the first BER element off b (X.690 §8.1). Tag numbers above
// 30 do not occur in CMS and are refused.
func readElement(b []byte, depth int) (element, []byte, error) {
	if depth > maxDepth {
		return element{}, nil, malformed("nested deeper than %d", maxDepth)
	}
	if len(b) < 2 {
		return element{}, nil, malformed("element cut off")
	}
	tag := asn1.Tag(b[0])
	if tag&0x1f == 0x1f {
		return element{}, nil, malformed("tag number above 30")
	}
	length, header, err := readLength(b)
	if err != nil {
		return element{}, nil, err
	}
	if length >= 0 {
		if length > len(b)-header {
			return element{}, nil, malformed("element of %d bytes in %d", length, len(b)-header)
		}
		end := header + length
		return element{tag: tag, raw: b[:end:end], content: b[header:end:end]}, b[end:], nil
	}
	if tag&constructed == 0 {
		return element{}, nil, malformed("indefinite length of a primitive element")
	}
	rest := b[header:]
	for {
		if len(rest) < 2 {
			return element{}, nil, malformed("no end of contents")
		}
		if rest[0] == 0 && rest[1] == 0 {
			end := len(b) - len(rest)
			return element{tag: tag, raw: b[: end+2 : end+2], content: b[header:end:end], indefinite: true}, rest[2:], nil
		}
		if _, rest, err = readElement(rest, depth+1); err != nil {
			return element{}, nil, err
		}
	}
}

// readLength returns the length octets' value, -1 for the indefinite form, and
// the size of the header.
func readLength(b []byte) (length, header int, err error) {
	first := b[1]
	switch {
	case first < 0x80:
		return int(first), 2, nil
	case first == 0x80:
		return -1, 2, nil
	}
	n := int(first & 0x7f)
	if len(b) < 2+n {
		return 0, 0, malformed("length cut off")
	}
	octets := b[2 : 2+n]
	for len(octets) > 0 && octets[0] == 0 { // BER allows leading zeros
		octets = octets[1:]
	}
	if len(octets) > 4 {
		return 0, 0, malformed("length of %d octets", len(octets))
	}
	var wide [4]byte
	copy(wide[4-len(octets):], octets)
	value := binary.BigEndian.Uint32(wide[:])
	if value > maxSize {
		return 0, 0, malformed("element of %d bytes", value)
	}
	return int(value), 2 + n, nil
}

// sequence reads the elements of a constructed value one by one.
type sequence struct {
	rest  []byte
	depth int
}

func (e element) children(depth int) *sequence { return &sequence{e.content, depth + 1} }

func (s *sequence) empty() bool { return len(s.rest) == 0 }

// peek tells whether the next element has this tag, in either form.
func (s *sequence) peek(tag asn1.Tag) bool {
	return len(s.rest) > 0 && asn1.Tag(s.rest[0])&^constructed == tag&^constructed
}

func (s *sequence) next() (element, error) {
	e, rest, err := readElement(s.rest, s.depth)
	if err != nil {
		return element{}, err
	}
	s.rest = rest
	return e, nil
}

// want takes the next element, which must have exactly this tag.
func (s *sequence) want(tag asn1.Tag, what string) (element, error) {
	if s.empty() {
		return element{}, malformed("no %s", what)
	}
	e, err := s.next()
	if err != nil {
		return element{}, err
	}
	if e.tag != tag {
		return element{}, malformed("%s has tag %#02x", what, byte(e.tag))
	}
	return e, nil
}

// octets returns the value of a string element, joining the pieces of a
// constructed one (X.690 §8.7.3).
func (e element) octets(depth int) ([]byte, error) { return e.pieces(depth, 0) }

func (e element) pieces(depth, nested int) ([]byte, error) {
	if e.tag&constructed == 0 {
		return e.content, nil
	}
	if nested == maxNest {
		return nil, malformed("string in pieces nested deeper than %d", maxNest)
	}
	joined := []byte{}
	for list := e.children(depth); !list.empty(); {
		piece, err := list.next()
		if err != nil {
			return nil, err
		}
		if !piece.is(asn1.OCTET_STRING) {
			return nil, malformed("tag %#02x inside an octet string", byte(piece.tag))
		}
		value, err := piece.pieces(list.depth, nested+1)
		if err != nil {
			return nil, err
		}
		joined = append(joined, value...)
	}
	return joined, nil
}

// hasIndefinite tells whether an indefinite length occurs anywhere in e.
func (e element) hasIndefinite(depth int) (bool, error) {
	if e.indefinite {
		return true, nil
	}
	if e.tag&constructed == 0 {
		return false, nil
	}
	for children := e.children(depth); !children.empty(); {
		child, err := children.next()
		if err != nil {
			return false, err
		}
		if found, err := child.hasIndefinite(children.depth); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// appendDER appends e with definite, shortest lengths and octet strings in one
// piece. It is DER but for the order of SET OF, which is kept as it stands.
func (e element) appendDER(out []byte, depth int) ([]byte, error) {
	if e.tag&constructed == 0 {
		return appendElement(out, e.tag, e.content), nil
	}
	if e.is(asn1.OCTET_STRING) {
		value, err := e.octets(depth)
		if err != nil {
			return nil, err
		}
		return appendElement(out, asn1.OCTET_STRING, value), nil
	}
	var content []byte
	for children := e.children(depth); !children.empty(); {
		child, err := children.next()
		if err != nil {
			return nil, err
		}
		if content, err = child.appendDER(content, children.depth); err != nil {
			return nil, err
		}
	}
	return appendElement(out, e.tag, content), nil
}

func (e element) der(depth int) ([]byte, error) { return e.appendDER(nil, depth) }

func appendElement(out []byte, tag asn1.Tag, content []byte) []byte {
	out = append(out, byte(tag))
	switch n := len(content); {
	case n < 0x80:
		out = append(out, byte(n))
	case n <= 0xff:
		out = append(out, 0x81, byte(n))
	case n <= 0xffff:
		out = append(out, 0x82, byte(n>>8), byte(n))
	case n <= 0xffffff:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		out = append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, content...)
}

// Trim cuts the decoded Contents string of a signature dictionary at the end of
// its CMS, where its own length says; the rest of the reserved room is zeros
// (ISO 32000-2 §12.8.3.3). With bytes other than zero there the CMS is returned
// together with ErrPadding, so that a validator can go on and report it.
func Trim(contents []byte) (der []byte, err error) {
	e, rest, err := readElement(contents, 0)
	if err != nil {
		return nil, err
	}
	for _, b := range rest {
		if b != 0 {
			return e.raw, ErrPadding
		}
	}
	return e.raw, nil
}
