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
	s.y = s.lines(string(h), 3, "B", sizeText, marginLeft, s.text, s.y, "L") + 1
}

// Text is a paragraph.
type Text string

func (t Text) lay(s *sheet) {
	s.font("", sizeText)
	for _, line := range s.wrap(string(t), s.text) {
		s.room(height(sizeText))
		s.font("", sizeText) // a new page has set its number
		s.line(line, marginLeft, s.text, s.y, "L", sizeText)
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
	words := s.wrap(n.Word, s.text-2*pad)
	words = words[:min(len(words), 3)]
	s.font("", sizeText)
	texts := s.wrap(n.Text, s.text-2*pad)
	full := 2*pad + float64(len(words))*height(sizeTitle) + float64(len(texts))*height(sizeText)
	s.room(min(full, s.tall/3)) // a long one begins here, so that nobody can push it off the first page
	top := s.y
	s.y = s.lines(n.Word, 3, "B", sizeTitle, marginLeft+pad, s.text-2*pad, s.y+pad, "C")
	s.font("", sizeText)
	for _, line := range texts {
		if s.y+height(sizeText)+pad > s.bottom() {
			s.frame(top, s.y+pad)
			s.page()
			top = s.y
			s.y += pad
			s.font("", sizeText)
		}
		s.line(line, marginLeft+pad, s.text-2*pad, s.y, "C", sizeText)
		s.y += height(sizeText)
	}
	s.y += pad
	s.frame(top, s.y)
	s.y += gapBlock
}

func (s *sheet) frame(top, bottom float64) {
	s.pdf.SetLineWidth(0.4)
	s.pdf.Rect(marginLeft, top, s.text, bottom-top, "D")
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

// need is the height of the paragraph with what follows it, in mm.
func (t Text) need(s *sheet) float64 {
	s.font("", sizeText)
	return float64(len(s.wrap(string(t), s.text)))*height(sizeText) + gapBlock
}
