package appearance

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"sokyso/signer/pdf"
)

// MaxText bounds the text of one box, in characters.
const MaxText = 10_000

// leading is the distance between two baselines in text sizes; that of Times New Roman at single spacing.
const leading = 1.15

// paragraph is a Line made ready: normalised, split into words, with its face.
type paragraph struct {
	words []string
	size  float64
	face  *face
	sub   *subset
}

// row is one line of text as it is set.
type row struct {
	text string
	size float64
	*paragraph
}

// drawText sets the lines into the area, in the colour that fill sets, and answers the font resources.
func drawText(u *pdf.Update, content *bytes.Buffer, area rect, lines []Line, fill string, archive Archive) (pdf.Dict, error) {
	paragraphs, err := prepare(lines)
	if err != nil {
		return nil, err
	}
	rows, err := layout(paragraphs, area)
	if err != nil {
		return nil, err
	}
	fonts := pdf.Dict{}
	subsets := map[*subset]sealed{}
	names := map[*subset]string{}
	for _, r := range rows {
		r.sub.use(r.text)
	}
	for _, r := range rows { // in the order of use, so that object numbers do not depend on a map's order
		if _, done := subsets[r.sub]; done {
			continue
		}
		s := r.sub.seal()
		ref, err := s.add(u, archive.AllGlyphs)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("F%d", len(names))
		subsets[r.sub], names[r.sub] = s, name
		fonts[pdf.Name(name)] = ref
	}
	// The block stands in the middle of the area's height.
	y := area.y + (area.h+height(rows))/2
	content.WriteString("BT " + fill + "\n")
	x0, y0 := 0.0, 0.0
	for _, r := range rows {
		y -= r.size * r.face.ascent()
		fmt.Fprintf(content, "/%s %s Tf %s %s Td %s Tj\n", names[r.sub], number(r.size), number(area.x-x0), number(y-y0), subsets[r.sub].hex(r.text))
		// Td moves from the start of the line before; the rounded values are summed, so that errors do not add up.
		x0, y0 = x0+round(area.x-x0), y0+round(y-y0)
		y -= r.size * (leading - r.face.ascent())
	}
	content.WriteString("ET\n")
	return fonts, nil
}

func round(v float64) float64 { return math.Round(v*1000) / 1000 }

// prepare normalises the text and looks each character up.
func prepare(lines []Line) ([]*paragraph, error) {
	byFace := map[*face]*subset{}
	var out []*paragraph
	total := 0
	for _, line := range lines {
		load := regular
		if line.Bold {
			load = bold
		}
		f, err := load()
		if err != nil {
			return nil, err
		}
		if byFace[f] == nil {
			byFace[f] = newSubset(f)
		}
		size := line.Size
		if size == 0 {
			size = DefaultSize
		}
		if !(size >= MinSize && size <= 1000) {
			return nil, fmt.Errorf("draw text: size %g pt is not between %g and 1000", size, MinSize)
		}
		// A line break within a Line starts a new paragraph; other white space is a space.
		for text := range strings.SplitSeq(norm.NFC.String(line.Text), "\n") {
			words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) && r != '\u00a0' })
			for _, w := range words {
				for _, r := range w {
					if total++; total > MaxText {
						return nil, fmt.Errorf("draw text: more than %d characters", MaxText)
					}
					if f.glyph(r) == 0 {
						return nil, &GlyphError{Rune: r, Text: line.Text}
					}
				}
			}
			out = append(out, &paragraph{words: words, size: size, face: f, sub: byFace[f]})
		}
	}
	return out, nil
}

// layout wraps the paragraphs at the area's width and makes the text smaller until all of it fits.
func layout(paragraphs []*paragraph, area rect) ([]row, error) {
	if area.w <= 0 || area.h <= 0 {
		return nil, fmt.Errorf("draw text in %gx%g pt: %w", area.w, area.h, ErrTooSmall)
	}
	fits := func(k float64) ([]row, bool) {
		var rows []row
		for _, p := range paragraphs {
			r, ok := p.wrap(math.Max(p.size*k, MinSize), area.w)
			if !ok {
				return nil, false
			}
			rows = append(rows, r...)
		}
		return rows, height(rows) <= area.h
	}
	if rows, ok := fits(1); ok {
		return rows, nil
	}
	largest := 0.0
	for _, p := range paragraphs {
		largest = math.Max(largest, p.size)
	}
	low, high := MinSize/largest, 1.0
	best, ok := fits(low)
	if !ok {
		return nil, fmt.Errorf("draw text in %.1fx%.1f pt: %w", area.w, area.h, ErrTooSmall)
	}
	for range 12 {
		middle := (low + high) / 2
		if rows, ok := fits(middle); ok {
			best, low = rows, middle
		} else {
			high = middle
		}
	}
	return best, nil
}

// wrap breaks the paragraph into rows of at most width points; false when one word is wider than that.
func (p *paragraph) wrap(size, width float64) ([]row, bool) {
	space := p.face.width(" ") * size
	var rows []row
	var words []string
	used := 0.0
	flush := func() {
		rows = append(rows, row{text: strings.Join(words, " "), size: size, paragraph: p})
		words, used = nil, 0
	}
	for _, word := range p.words {
		w := p.face.width(word) * size
		if w > width {
			return nil, false
		}
		if len(words) > 0 && used+space+w > width {
			flush()
		}
		if len(words) > 0 {
			used += space
		}
		words = append(words, word)
		used += w
	}
	flush() // also an empty paragraph: it is an empty row
	return rows, true
}

// height of the rows as a block: the last row's descent instead of its leading.
func height(rows []row) float64 {
	h := 0.0
	for i, r := range rows {
		if i == len(rows)-1 {
			h += r.size * (r.face.ascent() + r.face.descent())
		} else {
			h += r.size * leading
		}
	}
	return h
}
