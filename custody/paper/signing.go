package paper

// Signing is the room for a signature at the right end of the paper.
type Signing struct {
	Role string // bold; its lines are broken at line feeds
	Hint string // italic, below
	Name string // below the room; "" = a dotted line to write on
}

// signingSpace is the room for a signature, in mm.
const signingSpace = 22.0

func (g Signing) lay(s *sheet) {
	s.room(g.need(s))
	s.y = g.set(s, marginLeft+s.text/2, s.text/2, s.y, g.upper(s, s.text/2))
}

// set puts it at x, its name that far below y, and returns where it ends.
func (g Signing) set(s *sheet, x, width, y, upper float64) float64 {
	below := s.lines(g.Role, 3, "B", sizeText, x, width, y+gapBlock, "C")
	if g.Hint != "" {
		s.lines(g.Hint, 2, "I", sizeText, x, width, below, "C")
	}
	return s.lines(g.name(), 2, "B", sizeText, x, width, y+upper, "C")
}

func (g Signing) name() string {
	if g.Name == "" {
		return "………………………………"
	}
	return g.Name
}

func (g Signing) need(s *sheet) float64 { return g.upper(s, s.text/2) + g.lower(s, s.text/2) }

// upper is what stands above the name, with the room for the signature, in mm.
func (g Signing) upper(s *sheet, width float64) float64 {
	s.font("B", sizeText)
	count := min(3, len(s.wrap(g.Role, width)))
	if g.Hint != "" {
		s.font("I", sizeText)
		count += min(2, len(s.wrap(g.Hint, width)))
	}
	return gapBlock + float64(count)*height(sizeText) + signingSpace
}

// lower is the name.
func (g Signing) lower(s *sheet, width float64) float64 {
	s.font("B", sizeText)
	return float64(min(2, len(s.wrap(g.name(), width)))) * height(sizeText)
}

// Signings are rooms for signatures side by side.
type Signings []Signing

func (g Signings) lay(s *sheet) {
	s.room(g.need(s))
	width, end := s.text/float64(len(g)), s.y
	upper, _ := g.parts(s)
	for i, signing := range g { // their names in one line
		end = max(end, signing.set(s, marginLeft+float64(i)*width, width, s.y, upper))
	}
	s.y = end + gapBlock
}

func (g Signings) parts(s *sheet) (upper, lower float64) {
	for _, signing := range g {
		width := s.text / float64(len(g))
		upper, lower = max(upper, signing.upper(s, width)), max(lower, signing.lower(s, width))
	}
	return upper, lower
}

func (g Signings) need(s *sheet) float64 {
	upper, lower := g.parts(s)
	return upper + lower
}

// Foot is the end of a paper: who gets it on the left (box 9b), who signs it on the
// right (box 7).
type Foot struct {
	Word       string   // "Nơi nhận:"
	Recipients []string // each a line
	Signing    Signing
}

// Sizes of the list of recipients in points (Annex I, section II.9).
const (
	sizeFootWord = 12.0
	sizeFootLine = 11.0
	mostFootLine = 3 // lines of one recipient
)

func (f Foot) lay(s *sheet) {
	s.room(f.need(s))
	width := s.text / 2
	y := s.lines(f.Word, 1, "BI", sizeFootWord, marginLeft, width-5, s.y+gapBlock, "L")
	for _, recipient := range f.Recipients {
		y = s.lines(recipient, mostFootLine, "", sizeFootLine, marginLeft, width-5, y, "L")
	}
	s.y = max(y, f.Signing.set(s, marginLeft+width, width, s.y, f.Signing.upper(s, width)))
}

func (f Foot) need(s *sheet) float64 {
	s.font("", sizeFootLine)
	left := gapBlock + height(sizeFootWord)
	for _, recipient := range f.Recipients {
		left += float64(min(mostFootLine, len(s.wrap(recipient, s.text/2-5)))) * height(sizeFootLine)
	}
	return max(left, f.Signing.need(s))
}

// Copies say who gets a paper whose signatures stand above.
type Copies struct {
	Word       string
	Recipients []string
}

func (c Copies) lay(s *sheet) {
	s.room(height(sizeFootWord) + 2*height(sizeFootLine))
	s.y = s.lines(c.Word, 1, "BI", sizeFootWord, marginLeft, s.text/2, s.y+gapBlock, "L")
	for _, recipient := range c.Recipients {
		s.room(mostFootLine * height(sizeFootLine))
		s.y = s.lines(recipient, mostFootLine, "", sizeFootLine, marginLeft, s.text/2, s.y, "L")
	}
}
