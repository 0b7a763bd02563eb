package reading

import (
	"cmp"
	"slices"
	"strings"

	"sokyso/signer/preview"
)

// page is the text of a page, upright, from top to bottom.
type page struct {
	number        int
	width, height float64
	// quarters is how often the page was turned counter-clockwise to have its text upright.
	quarters int
	lines    []line
	words    []preview.Word
	known    *vocabulary
}

// line is words side by side.
type line struct {
	parts []part // by columns, from the left
}

// part is words of a line without a wide gap: what stands in one column.
type part struct {
	Box
	words []preview.Word
	text  string
	size  float64
	base  float64 // height of the line that it stands on
	bold  bool
}

// layOut sorts a page's words into lines. Of words that stand another way than most, such as a stamp on the margin,
// nothing is read.
func layOut(p preview.Words, known *vocabulary) page {
	turn := mainTurn(p.Words)
	quarters := (4 - turn/90) & 3
	out := page{known: known, number: p.Page.Number, width: p.Page.Width, height: p.Page.Height, quarters: quarters}
	if quarters&1 == 1 {
		out.width, out.height = out.height, out.width
	}
	for _, w := range p.Words {
		if w.Turn != turn {
			continue
		}
		b := wordBox(w).turned(p.Page.Width, p.Page.Height, quarters)
		switch quarters { // after one turn the distance from the left is the height
		case 2:
			w.Base = p.Page.Height - w.Base
		case 3:
			w.Base = p.Page.Width - w.Base
		}
		w.Left, w.Bottom, w.Right, w.Top = b.Left, b.Bottom, b.Right, b.Top
		out.words = append(out.words, w)
	}
	out.lines = linesOf(out.words)
	return out
}

// shown is a box of the upright page on the page as it is shown.
func (p page) shown(b Box) Box { return b.turned(p.width, p.height, 4-p.quarters) }

func mainTurn(words []preview.Word) int {
	counts := map[int]int{}
	for _, w := range words {
		counts[w.Turn] += len(w.Text)
	}
	best := 0
	for _, turn := range []int{90, 180, 270} {
		if counts[turn] > counts[best] {
			best = turn
		}
	}
	return best
}

func wordBox(w preview.Word) Box { return Box{w.Left, w.Bottom, w.Right, w.Top} }

// columnGap is how wide a gap parts columns, in sizes of the font. Spaces of justified lines stay below it.
const columnGap = 1.6

// linesOf chains words side by side to parts, and puts parts of one height into a line.
func linesOf(words []preview.Word) []line {
	parts := partsOf(words)
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.base, a.base) })
	var lines []line
	for _, p := range parts {
		if n := len(lines); n > 0 && lines[n-1].parts[0].base-p.base < 0.3*max(p.size, 4) {
			lines[n-1].parts = append(lines[n-1].parts, p)
			continue
		}
		lines = append(lines, line{[]part{p}})
	}
	for _, l := range lines {
		slices.SortStableFunc(l.parts, func(a, b part) int { return cmp.Compare(a.Left, b.Left) })
	}
	return lines
}

// partsOf chains each word to the nearest one at its right that stands on the same height, if no column's gap is
// between them.
func partsOf(words []preview.Word) []part {
	sorted := slices.Clone(words)
	slices.SortStableFunc(sorted, func(a, b preview.Word) int { return cmp.Compare(a.Left, b.Left) })
	chains := [][]preview.Word{}
	for _, w := range sorted {
		best, nearest := -1, 0.0
		for i, chain := range chains {
			last := chain[len(chain)-1]
			size := max(last.Size, w.Size, 4)
			gap := w.Left - last.Right
			if abs(last.Base-w.Base) > 0.25*size || gap > columnGap*size || gap < -0.5*size {
				continue
			}
			if best < 0 || gap < nearest {
				best, nearest = i, gap
			}
		}
		if best < 0 {
			chains = append(chains, []preview.Word{w})
			continue
		}
		chains[best] = append(chains[best], w)
	}
	parts := make([]part, len(chains))
	for i, chain := range chains {
		parts[i] = partOf(chain)
	}
	return parts
}

func abs(v float64) float64 { return max(v, -v) }

func partOf(words []preview.Word) part {
	p := part{words: words, base: words[0].Base}
	texts := make([]string, len(words))
	letters, bold := 0, 0
	for i, w := range words {
		texts[i] = w.Text
		p.Box = p.Box.Union(wordBox(w))
		p.size = max(p.size, w.Size)
		letters += len(w.Text)
		if w.Bold {
			bold += len(w.Text)
		}
	}
	p.text = strings.Join(texts, " ")
	p.bold = 2*bold > letters
	return p
}

// text is the line's, columns parted by a space.
func (l line) text() string {
	texts := make([]string, len(l.parts))
	for i, p := range l.parts {
		texts[i] = p.text
	}
	return strings.Join(texts, " ")
}

func (l line) box() Box {
	var b Box
	for _, p := range l.parts {
		b = b.Union(p.Box)
	}
	return b
}

// words of the line that make up bytes from to to of its text.
func (l line) span(from, to int) Box {
	var b Box
	at := 0
	for _, p := range l.parts {
		for _, w := range p.words {
			if at < to && at+len(w.Text) > from {
				b = b.Union(wordBox(w))
			}
			at += len(w.Text) + 1
		}
	}
	return b
}

// rule says that the text is a drawn line, not words.
func rule(text string) bool {
	return strings.Trim(text, "_-–—=.… *") == ""
}
