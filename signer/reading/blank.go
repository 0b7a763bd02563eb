package reading

import "strings"

// Blank is free room in a line of text, left open to be filled in later: for the number, or the day of issue.
type Blank struct {
	Page int `json:"page,omitempty"` // 1 is the first; 0 = there is none
	// Box is the room; what is written there stands on Base, in letters of Size points.
	Box  Box     `json:"box,omitzero"`
	Base float64 `json:"base,omitempty"`
	Size float64 `json:"size,omitempty"`
}

// Given says that there is such a blank.
func (b Blank) Given() bool { return b.Page > 0 }

// Room is how many digits of the line's size there is room for.
func (b Blank) Room() int { return int(b.Box.Width() / (digitWidth * b.Size)) }

// Blanks are those of a document's head (boxes 3 and 4).
type Blanks struct {
	Number Blank `json:"number,omitzero"`
	Day    Blank `json:"day,omitzero"`
	Month  Blank `json:"month,omitzero"`
	Year   Blank `json:"year,omitzero"`
}

// Widths of characters of Times New Roman, in sizes of the font.
const (
	digitWidth = 0.5
	yearWidth  = 4 * digitWidth
)

// blank is the room between two bytes of the line's text. On a page that is read on its side there is none: fields
// stand upright on the page as it is shown.
func (p *page) blank(l line, from, to int) Blank {
	left, at := l.edge(from)
	right, _ := l.edge(to)
	if p.quarters != 0 || right <= left || at == nil {
		return Blank{}
	}
	return Blank{Page: p.number, Box: Box{left, at.Bottom, right, at.Top}, Base: at.base, Size: at.size}
}

// edge is where a byte of the line's text begins, with the part that it is in; at the end of a word, or between two
// words, where the word before ends.
func (l line) edge(at int) (float64, *part) {
	offset, x := 0, 0.0
	var in *part
	for i := range l.parts {
		p := &l.parts[i]
		for _, w := range p.words {
			if in != nil && at < offset {
				return x, in
			}
			if at <= offset {
				return w.Left, p
			}
			in, x = p, w.Right
			if at < offset+len(w.Text) {
				cut := at - offset
				before, whole := textWidth(w.Text[:cut]), textWidth(w.Text)
				return w.Left + (w.Right-w.Left)*before/whole, p
			}
			offset += len(w.Text) + 1
		}
	}
	return x, in
}

// textWidth is about how wide a text is, in sizes of the font: good enough to tell a row of dots from a symbol.
func textWidth(text string) float64 {
	width := 0.0
	for _, r := range text {
		switch {
		case strings.ContainsRune(".,:;/-", r):
			width += 0.27
		case r == '…':
			width++
		case r >= 'A' && r <= 'Z' || r == 'Đ':
			width += 0.68
		default:
			width += 0.47
		}
	}
	return width
}

// numberBlank is the room between "Số:" and the slash before the symbol, which begins at a byte of the line's text.
func (p *page) numberBlank(l line, symbolAt int) Blank {
	text := l.text()
	from := len("Số")
	if i := strings.IndexByte(text[:symbolAt], ':'); i >= 0 {
		from = i + 1
	}
	return p.blank(l, from, strings.LastIndexByte(text[:symbolAt], '/'))
}

// dateBlanks are the rooms in "ngày … tháng … năm …", as found by dateForm.
func (p *page) dateBlanks(l line, m []int) (day, month, year Blank) {
	text := l.text()
	lower := strings.ToLower(text)
	if len(lower) != len(text) {
		return
	}
	dayAt := strings.Index(lower[m[0]:], "ngày")
	monthAt := strings.Index(lower[m[0]:], "tháng")
	yearAt := strings.Index(lower[m[0]:], "năm")
	if dayAt < 0 || monthAt < dayAt || yearAt < monthAt {
		return
	}
	dayAt, monthAt, yearAt = dayAt+m[0], monthAt+m[0], yearAt+m[0]
	if m[4] < 0 {
		day = p.blank(l, dayAt+len("ngày"), monthAt)
	}
	if m[6] < 0 {
		month = p.blank(l, monthAt+len("tháng"), yearAt)
	}
	if m[8] >= 0 {
		return
	}
	// After "năm" there are dots or nothing: room for four digits at least.
	end := yearAt + len("năm")
	for end < len(text) && strings.ContainsRune(" ._", rune(text[end])) || strings.HasPrefix(text[min(end, len(text)):], "…") {
		if text[end] < 0x80 {
			end++
		} else {
			end += len("…")
		}
	}
	left, at := l.edge(yearAt + len("năm"))
	if p.quarters != 0 || at == nil {
		return
	}
	right, _ := l.edge(end)
	right = min(max(right, left+(yearWidth+0.3)*at.size), p.width)
	return day, month, Blank{Page: p.number, Box: Box{left, at.Bottom, right, at.Top}, Base: at.base, Size: at.size}
}
