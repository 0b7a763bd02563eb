package paper

// Table goes on over as many pages as it needs, with its header on each. A row of at
// most half a page stays whole.
type Table struct {
	Widths []float64 // in any unit: the table is as wide as the text
	Header []string  // nil = none
	Rows   [][]string
	Align  string  // a letter for each column: L, C or R; "" = all L
	Size   float64 // of the type in points; 0 = 11
	Total  bool    // the last row is a sum, in bold
}

// grid is a table while it is laid out.
type grid struct {
	*sheet
	widths []float64
	header [][]string // nil = none
	align  string
	size   float64
}

// mostHeader bounds the lines of a header: it stands on each page.
const mostHeader = 5

func (t Table) lay(s *sheet) {
	g := grid{sheet: s, widths: t.columns(s.text), align: t.Align, size: t.Size}
	if g.size == 0 {
		g.size = sizeTable
	}
	if len(t.Header) > 0 {
		g.header = g.cells(t.Header, "B")
		for i, lines := range g.header {
			g.header[i] = lines[:min(len(lines), mostHeader)]
		}
		first := 0
		if len(t.Rows) > 0 {
			first = min(deepest(g.cells(t.Rows[0], "")), 4)
		}
		s.room(g.height(deepest(g.header)) + g.height(first))
		g.row(g.header, "B", true)
	}
	for i, row := range t.Rows {
		style := ""
		if t.Total && i == len(t.Rows)-1 {
			style = "B"
		}
		g.rowOf(row, style)
	}
	s.y += gapBlock
}

func (t Table) columns(text float64) []float64 {
	sum := 0.0
	for _, w := range t.Widths {
		sum += w
	}
	widths := make([]float64, len(t.Widths))
	for i, w := range t.Widths {
		widths[i] = w / sum * text
	}
	return widths
}

func (g grid) height(lines int) float64 { return float64(lines)*height(g.size) + 2*gapCell }

// cells breaks the texts of a row into lines.
func (g grid) cells(texts []string, style string) [][]string {
	g.font(style, g.size)
	cells := make([][]string, len(g.widths))
	for i, width := range g.widths {
		if i < len(texts) {
			cells[i] = g.wrap(texts[i], width-2*gapCell)
		}
	}
	return cells
}

func deepest(cells [][]string) int {
	most := 1
	for _, lines := range cells {
		most = max(most, len(lines))
	}
	return most
}

// rowOf sets a row: on the next page where it does not fit on this one, in parts
// where it fits on none.
func (g grid) rowOf(texts []string, style string) {
	cells := g.cells(texts, style)
	for fresh := false; ; fresh = true {
		fit := int((g.bottom() - g.y - 2*gapCell) / height(g.size))
		depth := deepest(cells)
		if depth <= fit {
			g.row(cells, style, false)
			return
		}
		if fresh || g.height(depth) > (g.bottom()-marginTop)/2 && fit >= 3 {
			part := make([][]string, len(cells))
			for i, lines := range cells {
				n := min(max(fit, 1), len(lines))
				part[i], cells[i] = lines[:n], lines[n:]
			}
			g.row(part, style, false)
		}
		g.page()
		if g.header != nil {
			g.row(g.header, "B", true)
		}
	}
}

func (g grid) row(cells [][]string, style string, header bool) {
	g.font(style, g.size)
	x, tall := marginLeft, g.height(deepest(cells))
	for i, lines := range cells {
		align, top := "L", g.y+gapCell
		if i < len(g.align) {
			align = g.align[i : i+1]
		}
		if header {
			align = "C"
			top = g.y + (tall-float64(len(lines))*height(g.size))/2
		}
		g.pdf.Rect(x, g.y, g.widths[i], tall, "D")
		for n, line := range lines {
			g.line(line, x+gapCell, g.widths[i]-2*gapCell, top+float64(n)*height(g.size), align, g.size)
		}
		x += g.widths[i]
	}
	g.y += tall
}
