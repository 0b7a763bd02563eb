package validation

import (
	"strconv"

	"sokyso/signer/pdf"
)

// contentReader takes a content stream apart into operators and their operands (ISO 32000-2 §7.8.2). It forgives what
// readers forgive, and ends with the data.
type contentReader struct {
	b   []byte
	pos int
}

// maxOperands bounds what is kept before one operator; no operator has more but for colours and paths' arrays.
const maxOperands = 64

// next answers the next operator with what stands before it; "" at the end.
func (r *contentReader) next(operands []pdf.Object) (string, []pdf.Object) {
	operands = operands[:0]
	for {
		o, word, ok := r.token(0)
		switch {
		case !ok:
			return "", nil
		case word == "BI":
			r.skipInlineImage()
			return word, operands
		case word != "":
			return word, operands
		case len(operands) < maxOperands:
			operands = append(operands, o)
		}
	}
}

func (r *contentReader) space() {
	for r.pos < len(r.b) {
		switch c := r.b[r.pos]; {
		case c == '%':
			for r.pos < len(r.b) && r.b[r.pos] != '\n' && r.b[r.pos] != '\r' {
				r.pos++
			}
		case c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0:
			r.pos++
		default:
			return
		}
	}
}

func delimiter(c byte) bool {
	switch c {
	case ' ', '\n', '\r', '\t', '\f', 0, '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	}
	return false
}

// token reads an operand, or a word that is none.
func (r *contentReader) token(depth int) (o pdf.Object, word string, ok bool) {
	r.space()
	if r.pos >= len(r.b) || depth > 16 {
		return nil, "", false
	}
	switch c := r.b[r.pos]; c {
	case '/':
		return pdf.Name(r.name()), "", true
	case '(':
		return pdf.String(r.literal()), "", true
	case '<':
		if r.pos+1 < len(r.b) && r.b[r.pos+1] == '<' {
			return r.dict(depth), "", true
		}
		return pdf.String(r.hex()), "", true
	case '[':
		r.pos++
		list := pdf.Array{}
		for {
			r.space()
			if r.pos >= len(r.b) {
				return list, "", true
			}
			if r.b[r.pos] == ']' {
				r.pos++
				return list, "", true
			}
			o, word, ok := r.token(depth + 1)
			if !ok {
				return list, "", true
			}
			if word == "" {
				list = append(list, o)
			}
		}
	case ')', '>', ']', '{', '}':
		r.pos++
		return nil, "", true
	}
	start := r.pos
	for r.pos < len(r.b) && !delimiter(r.b[r.pos]) {
		r.pos++
	}
	text := string(r.b[start:r.pos])
	switch {
	case text == "true":
		return true, "", true
	case text == "false":
		return false, "", true
	case text == "null":
		return nil, "", true
	}
	if c := text[0]; c == '+' || c == '-' || c == '.' || c >= '0' && c <= '9' {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			n = 0
		}
		return pdf.Real(n), "", true
	}
	return nil, text, true
}

func (r *contentReader) name() string {
	var out []byte
	for r.pos++; r.pos < len(r.b) && !delimiter(r.b[r.pos]); r.pos++ {
		c := r.b[r.pos]
		if c == '#' && r.pos+2 < len(r.b) && hexDigits[r.b[r.pos+1]] != notHex && hexDigits[r.b[r.pos+2]] != notHex {
			c = hexDigits[r.b[r.pos+1]]<<4 | hexDigits[r.b[r.pos+2]]&0xf
			r.pos += 2
		}
		out = append(out, c)
	}
	return string(out)
}

func (r *contentReader) dict(depth int) pdf.Dict {
	d := pdf.Dict{}
	for r.pos += 2; ; {
		r.space()
		if r.pos >= len(r.b) {
			return d
		}
		if r.b[r.pos] == '>' {
			r.pos = min(r.pos+2, len(r.b))
			return d
		}
		key, _, ok := r.token(depth + 1)
		if !ok {
			return d
		}
		value, _, ok := r.token(depth + 1)
		if !ok {
			return d
		}
		if k, ok := key.(pdf.Name); ok {
			d[k] = value
		}
	}
}

func (r *contentReader) hex() []byte {
	var out []byte
	digits := 0
	for r.pos++; r.pos < len(r.b); r.pos++ {
		c := r.b[r.pos]
		if c == '>' {
			r.pos++
			break
		}
		v := hexDigits[c]
		if v == notHex {
			continue
		}
		if digits++; digits%2 == 1 {
			out = append(out, v<<4)
		} else {
			out[len(out)-1] |= v & 0xf
		}
	}
	return out
}

// literal reads a string in parentheses (ISO 32000-2 §7.3.4.2).
func (r *contentReader) literal() []byte {
	var out []byte
	depth := 1
	for r.pos++; r.pos < len(r.b); r.pos++ {
		c := r.b[r.pos]
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				r.pos++
				return out
			}
		case '\\':
			if r.pos++; r.pos >= len(r.b) {
				return out
			}
			c = r.b[r.pos]
			switch {
			case c >= '0' && c <= '7':
				n := 0
				for i := 0; i < 3 && r.pos < len(r.b) && r.b[r.pos] >= '0' && r.b[r.pos] <= '7'; i++ {
					n = n*8 + int(r.b[r.pos]-'0')
					r.pos++
				}
				r.pos--
				c = byte(n)
			case c == 'n':
				c = '\n'
			case c == 'r':
				c = '\r'
			case c == 't':
				c = '\t'
			case c == 'b':
				c = '\b'
			case c == 'f':
				c = '\f'
			case c == '\r':
				if r.pos+1 < len(r.b) && r.b[r.pos+1] == '\n' {
					r.pos++
				}
				continue
			case c == '\n':
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

// skipInlineImage passes over an inline image, whose data end with EI between white space.
func (r *contentReader) skipInlineImage() {
	for r.pos+2 < len(r.b) {
		if r.b[r.pos] == 'E' && r.b[r.pos+1] == 'I' && r.pos > 0 && delimiter(r.b[r.pos-1]) && delimiter(r.b[r.pos+2]) {
			r.pos += 2
			return
		}
		r.pos++
	}
	r.pos = len(r.b)
}
