package paper

import "strconv"

// Bars is a simple chart: an upright bar for each label, as tall as its value, with
// the value above. It is drawn of lines and text, no picture.
type Bars struct {
	Title  string // italic, below
	Labels []string
	Values []int
}

const (
	barsHeight = 38.0 // mm, of the tallest bar
	sizeBars   = 10.0
	mostBars   = 24
)

func (b Bars) lay(s *sheet) {
	s.room(b.need(s))
	count := min(len(b.Labels), len(b.Values), mostBars)
	most := 1
	for _, value := range b.Values[:count] {
		most = max(most, value)
	}
	base := s.y + height(sizeBars) + barsHeight
	if count > 0 {
		step := s.text / float64(count)
		width := min(step*0.6, 14)
		s.font("", sizeBars)
		s.pdf.SetFillColor(90, 120, 150)
		for i, value := range b.Values[:count] {
			middle := marginLeft + step*(float64(i)+0.5)
			tall := barsHeight * float64(max(value, 0)) / float64(most)
			if tall > 0 {
				s.pdf.Rect(middle-width/2, base-tall, width, tall, "F")
			}
			s.line(strconv.Itoa(value), middle-step/2, step, base-tall-height(sizeBars), "C", sizeBars)
			label, rest := s.cut(clean(b.Labels[i]), step)
			if rest != "" {
				label += "…"
			}
			s.line(label, middle-step/2, step, base+0.5, "C", sizeBars)
		}
		s.pdf.SetFillColor(0, 0, 0)
	}
	s.pdf.Line(marginLeft, base, marginLeft+s.text, base)
	s.y = base + height(sizeBars) + 1
	if b.Title != "" {
		s.y = s.lines(b.Title, 2, "I", sizeTable, marginLeft, s.text, s.y, "C")
	}
	s.y += gapBlock
}

func (b Bars) need(s *sheet) float64 {
	return barsHeight + 2*height(sizeBars) + 2*height(sizeTable) + gapBlock + 1
}
