package paper

import "strings"

// indent of the first line of a paragraph, in mm (Annex I, section II.6: 1 cm or 1.27 cm).
const indent = 10.0

// Body is a paragraph as official papers have it: its first line goes in, its lines
// are as long as the text is wide, and it stands apart from the next.
type Body string

// Ground is a paragraph that says what a paper rests on, in italics (box 6).
type Ground string

// gapBody is below a paragraph: at least 6 points.
const gapBody = 2.1

func (b Body) lay(s *sheet) { s.prose(string(b), "") }

func (b Body) need(s *sheet) float64 { return s.proseHeight(string(b), "") }

func (g Ground) lay(s *sheet) { s.prose(string(g), "I") }

func (s *sheet) prose(text, style string) {
	for _, paragraph := range s.paragraphs(text, style) {
		for i, words := range paragraph {
			s.room(height(sizeText))
			s.font(style, sizeText) // a new page has set its number
			x := marginLeft
			if i == 0 {
				x += indent
			}
			s.spread(words, x, marginLeft+s.text-x, s.y, i == len(paragraph)-1)
			s.y += height(sizeText)
		}
		s.y += gapBody
	}
}

// paragraphs are the lines of each, of words.
func (s *sheet) paragraphs(text, style string) [][][]string {
	s.font(style, sizeText)
	var paragraphs [][][]string
	for _, paragraph := range strings.Split(clean(text), "\n") {
		paragraph = strings.Join(strings.Fields(paragraph), " ")
		// The first line is shorter: what fits it is found first.
		first := s.wrapLine(paragraph, s.text-indent)[0]
		lines := [][]string{strings.Fields(first)}
		if rest := strings.TrimSpace(strings.TrimPrefix(paragraph, first)); rest != "" {
			for _, line := range s.wrapLine(rest, s.text) {
				lines = append(lines, strings.Fields(line))
			}
		}
		paragraphs = append(paragraphs, lines)
	}
	return paragraphs
}

func (s *sheet) proseHeight(text, style string) float64 {
	need := 0.0
	for _, paragraph := range s.paragraphs(text, style) {
		need += float64(len(paragraph))*height(sizeText) + gapBody
	}
	return need
}

// spread sets the words of a line over its whole width; the last line of a
// paragraph, and one with few words, is left as it falls.
func (s *sheet) spread(words []string, x, width, y float64, last bool) {
	used := 0.0
	for _, word := range words {
		used += s.pdf.GetStringWidth(word)
	}
	space := s.pdf.GetStringWidth(" ")
	gap := 0.0
	if len(words) > 1 {
		gap = (width - used) / float64(len(words)-1)
	}
	if last || len(words) < 2 || gap > 3*space {
		s.line(strings.Join(words, " "), x, width, y, "L", sizeText)
		return
	}
	for _, word := range words {
		w := s.pdf.GetStringWidth(word)
		s.line(word, x, w, y, "L", sizeText)
		x += w + gap
	}
}

// Addressees say to whom a paper goes (box 9a).
type Addressees struct {
	Word string // "Kính gửi:"
	To   []string
}

func (a Addressees) lay(s *sheet) {
	if len(a.To) == 1 {
		text, width := a.Word+" "+strings.TrimSuffix(a.To[0], "."), s.text-20
		s.font("", sizeText)
		for count := len(s.wrap(text, width)); count > 1 && width > 60 && len(s.wrap(text, width-4)) == count; {
			width -= 4 // lines of about one length
		}
		s.y = s.lines(text, 4, "", sizeText, marginLeft+(s.text-width)/2, width, s.y, "C") + gapBlock + 1
		return
	}
	s.font("", sizeText)
	left := s.pdf.GetStringWidth(clean(a.Word))
	s.line(a.Word, marginLeft+indent*2, left, s.y, "L", sizeText)
	x := marginLeft + indent*2 + left + 3
	for i, to := range a.To {
		end := ";"
		if i == len(a.To)-1 {
			end = "."
		}
		s.room(height(sizeText))
		if i == 0 {
			s.y += height(sizeText)
		}
		s.y = s.lines("- "+strings.TrimRight(to, ".; ")+end, 3, "", sizeText, x, marginLeft+s.text-x, s.y, "L")
	}
	s.y += gapBlock + 1
}
