package paper

// gaps in mm.
const (
	gapBlock = 2.5 // below a block
	gapCell  = 1.0 // between the text of a cell and its rule
)

// Heading is a line in bold. It stays with what follows.
type Heading string

func (h Heading) lay(s *sheet) {
	s.room(6 * height(sizeText))
	s.y = s.lines(string(h), 3, "B", sizeText, marginLeft, textWidth, s.y, "L") + 1
}

// Text is a paragraph.
type Text string

func (t Text) lay(s *sheet) {
	s.font("", sizeText)
	for _, line := range s.wrap(string(t), textWidth) {
		s.room(height(sizeText))
		s.font("", sizeText) // a new page has set its number
		s.line(line, marginLeft, textWidth, s.y, "L", sizeText)
		s.y += height(sizeText)
	}
	s.y += gapBlock
}

// Notice is the answer of a paper, in a frame.
type Notice struct {
	Word string // bold
	Text string
}

func (n Notice) lay(s *sheet) {
	const pad = 3.0
	s.font("B", sizeTitle)
	words := s.wrap(n.Word, textWidth-2*pad)
	words = words[:min(len(words), 3)]
	s.font("", sizeText)
	texts := s.wrap(n.Text, textWidth-2*pad)
	full := 2*pad + float64(len(words))*height(sizeTitle) + float64(len(texts))*height(sizeText)
	s.room(min(full, pageHeight/3)) // a long one begins here, so that nobody can push it off the first page
	top := s.y
	s.y = s.lines(n.Word, 3, "B", sizeTitle, marginLeft+pad, textWidth-2*pad, s.y+pad, "C")
	s.font("", sizeText)
	for _, line := range texts {
		if s.y+height(sizeText)+pad > pageHeight-marginBottom {
			s.frame(top, s.y+pad)
			s.page()
			top = s.y
			s.y += pad
			s.font("", sizeText)
		}
		s.line(line, marginLeft+pad, textWidth-2*pad, s.y, "C", sizeText)
		s.y += height(sizeText)
	}
	s.y += pad
	s.frame(top, s.y)
	s.y += gapBlock
}

func (s *sheet) frame(top, bottom float64) {
	s.pdf.SetLineWidth(0.4)
	s.pdf.Rect(marginLeft, top, textWidth, bottom-top, "D")
	s.pdf.SetLineWidth(0.2)
}

// Fact is a name and what it is.
type Fact struct{ Name, Value string }

// Facts is a table of two columns without a header. Facts without a value are left out.
type Facts []Fact

func (f Facts) lay(s *sheet) {
	table := Table{Widths: []float64{3, 7}}
	for _, fact := range f {
		if fact.Value != "" {
			table.Rows = append(table.Rows, []string{fact.Name, fact.Value})
		}
	}
	table.lay(s)
}

// Table goes on over as many pages as it needs, with its header on each. A row of at
// most half a page stays whole.
type Table struct {
	Widths []float64 // in any unit: the table is as wide as the text
	Header []string  // nil = none
	Rows   [][]string
}

func (t Table) lay(s *sheet) {
	widths := t.columns()
	if header := t.header(s, widths); header != nil {
		first := 0
		if len(t.Rows) > 0 {
			first = min(deepest(s.cells(t.Rows[0], widths, "")), 4)
		}
		s.room(rowHeight(deepest(header)) + rowHeight(first))
		s.row(header, widths, "B")
	}
	for _, row := range t.Rows {
		t.rowOf(s, row, widths)
	}
	s.y += gapBlock
}

func (t Table) columns() []float64 {
	sum := 0.0
	for _, w := range t.Widths {
		sum += w
	}
	widths := make([]float64, len(t.Widths))
	for i, w := range t.Widths {
		widths[i] = w / sum * textWidth
	}
	return widths
}

func rowHeight(lines int) float64 { return float64(lines)*height(sizeTable) + 2*gapCell }

// cells breaks the texts of a row into lines.
func (s *sheet) cells(texts []string, widths []float64, style string) [][]string {
	s.font(style, sizeTable)
	cells := make([][]string, len(widths))
	for i := range widths {
		if i < len(texts) {
			cells[i] = s.wrap(texts[i], widths[i]-2*gapCell)
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

// header is the table's header, of at most three lines: it stands on each page.
func (t Table) header(s *sheet, widths []float64) [][]string {
	if len(t.Header) == 0 {
		return nil
	}
	cells := s.cells(t.Header, widths, "B")
	for i, lines := range cells {
		cells[i] = lines[:min(len(lines), 3)]
	}
	return cells
}

// rowOf sets a row: on the next page where it does not fit on this one, in parts
// where it fits on none.
func (t Table) rowOf(s *sheet, texts []string, widths []float64) {
	cells := s.cells(texts, widths, "")
	for fresh := false; ; fresh = true {
		left := pageHeight - marginBottom - s.y
		fit := int((left - 2*gapCell) / height(sizeTable))
		depth := deepest(cells)
		if depth <= fit {
			s.row(cells, widths, "")
			return
		}
		if fresh || rowHeight(depth) > (pageHeight-marginBottom-marginTop)/2 && fit >= 3 {
			part := make([][]string, len(cells))
			for i, lines := range cells {
				n := min(max(fit, 1), len(lines))
				part[i], cells[i] = lines[:n], lines[n:]
			}
			s.row(part, widths, "")
		}
		s.page()
		if header := t.header(s, widths); header != nil {
			s.row(header, widths, "B")
		}
	}
}

func (s *sheet) row(cells [][]string, widths []float64, style string) {
	s.font(style, sizeTable)
	x, tall := marginLeft, rowHeight(deepest(cells))
	align := "L"
	if style == "B" {
		align = "C"
	}
	for i, lines := range cells {
		s.pdf.Rect(x, s.y, widths[i], tall, "D")
		for n, line := range lines {
			s.line(line, x+gapCell, widths[i]-2*gapCell, s.y+gapCell+float64(n)*height(sizeTable), align, sizeTable)
		}
		x += widths[i]
	}
	s.y += tall
}

// Signing is the room for a signature at the right end of the paper.
type Signing struct {
	Role string // bold
	Hint string // italic, below
	Name string // below the room; "" = a dotted line to write on
}

// Half the width is the signature's; signingSpace is the room for it, in mm.
const (
	signingWidth = textWidth / 2
	signingSpace = 22.0
)

func (g Signing) lay(s *sheet) {
	s.room(g.need(s))
	const half, space = signingWidth, signingSpace
	x := marginLeft + half
	y := s.lines(g.Role, 2, "B", sizeText, x, half, s.y+gapBlock, "C")
	y = s.lines(g.Hint, 2, "I", sizeText, x, half, y, "C") + space
	name := g.name()
	s.y = s.lines(name, 2, "B", sizeText, x, half, y, "C")
}

func (g Signing) name() string {
	if g.Name == "" {
		return "………………………………"
	}
	return g.Name
}

// need is the height of it all, in mm.
func (g Signing) need(s *sheet) float64 {
	count := 0
	for _, line := range [][2]string{{"B", g.Role}, {"I", g.Hint}, {"B", g.name()}} { // in order: setting a font writes
		s.font(line[0], sizeText)
		count += min(2, len(s.wrap(line[1], signingWidth)))
	}
	return float64(count)*height(sizeText) + signingSpace + gapBlock
}

// need is the height of the paragraph with what follows it, in mm.
func (t Text) need(s *sheet) float64 {
	s.font("", sizeText)
	return float64(len(s.wrap(string(t), textWidth)))*height(sizeText) + gapBlock
}
