package reading

import (
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	// numberForm is "Số: 07/TB-MNMT", also with the number left open: "Số:     /TB-MNMT", "Số: …/TB-MNMT".
	numberForm = pattern(`^S[ốỐ]\s*:?\s*([0-9]{1,6}[a-zA-Z]?)?[\s._…]*/\s*([\p{Lu}][\p{L}0-9&]*(?:\s?[-–/]\s?[\p{L}0-9&]+)*)`)
	// dateForm is "Minh Thuận, ngày 05 tháng 11 năm 2026", also with day and month left open.
	dateForm = pattern(`(?:([\p{Lu}][^,]{0,80}),\s*)?ng[àÀ]y\s*([0-9]{1,2})?[\s._…]*th[áÁ]ng\s*([0-9]{1,2})?[\s._…]*n[ăĂ]m\s*([0-9]{4})?`)
	// yearForm is a year that stands in a line of its own.
	yearForm = pattern(`^[0-9]{4}\b`)
	// subjectForm begins the summary of a letter.
	subjectForm = pattern(`^V\s*/\s*v:?\s*|^Về việc\s+`)
)

// headDepth is how far down a page its head is looked for, as a part of its height.
const headDepth = 0.5

// readHead reads the boxes 2 to 5 of the first page.
func (p *Proposal) readHead(page *page) {
	var head []line
	for _, l := range page.lines {
		if l.box().Top > page.height*(1-headDepth) {
			head = append(head, l)
		}
	}
	numberAt := -1
	for i, l := range head {
		if numberAt < 0 && p.readNumber(page, l) {
			numberAt = i
		}
		if p.Date.Text == "" && p.DateBlank.Text == "" {
			p.readDate(page, l)
			// The lines of the other column may stand between.
			for _, next := range head[i+1 : min(i+4, len(head))] {
				if p.DateBlank.Text != "" {
					p.readWrappedDate(page, l, next)
				}
			}
		}
	}
	p.readOrganization(page, head, numberAt)
	p.readTitle(page, head, numberAt)
	if p.Summary.Text == "" {
		p.readSubject(page, head, numberAt)
	}
	if p.Kind.Text == "" {
		p.Kind = Guess{Text: kindOfSymbol(p.Symbol.Text), Page: p.Symbol.Page, Box: p.Symbol.Box}
		if p.Kind.Text == "" {
			p.Kind = Guess{}
		}
	}
}

func (p *Proposal) readNumber(page *page, l line) bool {
	text := l.text()
	m := numberForm().FindStringSubmatchIndex(text)
	if m == nil {
		return false
	}
	symbol := strings.NewReplacer(" ", "", "–", "-").Replace(text[m[4]:m[5]])
	p.Symbol = page.guess(symbol, l.span(m[4], m[5]))
	if m[2] >= 0 {
		p.Number = page.guess(twoDigits(text[m[2]:m[3]]), l.span(m[2], m[3]))
		return true
	}
	p.NumberBlank = page.guess("…", blankBetween(l, "Số", m[4]))
	p.Blanks.Number = page.numberBlank(l, m[4])
	return true
}

// blankBetween is the free place for a number between the word that begins the line and the symbol.
func blankBetween(l line, first string, symbolAt int) Box {
	before := l.span(0, len(first))
	after := l.span(symbolAt, symbolAt+1)
	return Box{before.Right, min(before.Bottom, after.Bottom), max(after.Left, before.Right), max(before.Top, after.Top)}
}

func (p *Proposal) readDate(page *page, l line) {
	text := l.text()
	m := dateForm().FindStringSubmatchIndex(text)
	// "ngày" occurs in many sentences: the head's date has a place before it, or stands at the right.
	if m == nil || m[2] < 0 && l.span(m[0], m[1]).Left < page.width*0.4 {
		return
	}
	// A number may stand before the place in the same line: the place begins after the last gap.
	if m[2] >= 0 {
		place, from := text[m[2]:m[3]], m[2]
		at := 0
		for _, part := range l.parts {
			if at > from && at < m[3] {
				from, place = at, text[at:m[3]]
			}
			at += len(part.text) + 1
		}
		if i := strings.LastIndex(place, numberEnd(place)); numberEnd(place) != "" && i >= 0 {
			cut := i + len(numberEnd(place))
			from, place = from+cut, place[cut:]
		}
		p.Place = page.guess(strings.TrimSpace(place), l.span(from, m[3]))
	}
	box := l.span(m[0], m[1])
	if m[4] < 0 || m[6] < 0 || m[8] < 0 {
		p.DateBlank = page.guess("…", box)
		if m[6] >= 0 {
			p.MonthRead = text[m[6]:m[7]]
		}
		if m[8] >= 0 {
			p.YearRead = text[m[8]:m[9]]
		}
		p.Blanks.Day, p.Blanks.Month, p.Blanks.Year = page.dateBlanks(l, m)
		return
	}
	day, month, year := twoDigits(text[m[4]:m[5]]), twoDigits(text[m[6]:m[7]]), text[m[8]:m[9]]
	if day > "31" || month > "12" || day == "00" || month == "00" {
		return
	}
	p.Date = page.guess(year+"-"+month+"-"+day, l.span(m[4], m[9]))
}

// readWrappedDate reads a date whose end stands in the next line of its column.
func (p *Proposal) readWrappedDate(page *page, l, next line) {
	last := l.parts[len(l.parts)-1]
	for _, below := range next.parts {
		// Under a line with wide gaps the year stands in the middle.
		if x, _ := below.Center(); yearForm().MatchString(below.text) && x > p.DateBlank.Box.Left && x < p.DateBlank.Box.Right && last.Bottom-below.Top < last.size {
			p.Blanks.Year, p.YearRead = Blank{}, below.text[:4]
		}
		if !column(last, below) || last.Bottom-below.Top > last.size {
			continue
		}
		var whole Proposal
		joined := last
		joined.words = append(slices.Clone(last.words), below.words...)
		joined.text += " " + below.text
		if whole.readDate(page, line{[]part{joined}}); whole.Date.Text != "" {
			p.Date, p.DateBlank = whole.Date, Guess{}
			p.Blanks.Day, p.Blanks.Month, p.Blanks.Year = Blank{}, Blank{}, Blank{}
		}
	}
}

// numberEnd is a number and symbol that a place wrongly begins with.
func numberEnd(place string) string { return numberForm().FindString(place) }

// twoDigits is a number as Decree 30 writes it: one below 10 has a leading zero.
func twoDigits(number string) string {
	if len(number) == 1 || len(number) == 2 && number[1] > '9' {
		return "0" + number
	}
	return number
}

// readOrganization reads the names at the upper left: the superior body's, plain, over the organisation's, bold.
func (p *Proposal) readOrganization(page *page, head []line, numberAt int) {
	if numberAt < 0 {
		numberAt = min(len(head), 8)
	}
	var plain, bold []string
	var plainBox, boldBox Box
	for _, l := range head[:numberAt] {
		for _, part := range l.parts {
			x, _ := part.Center()
			if x > page.width*0.45 || rule(part.text) || !upper(part.text) || motto(part.text) {
				continue
			}
			if part.bold {
				bold, boldBox = append(bold, part.text), boldBox.Union(part.Box)
			} else if len(bold) == 0 {
				plain, plainBox = append(plain, part.text), plainBox.Union(part.Box)
			}
		}
	}
	if len(bold) == 0 && len(plain) > 1 {
		// All in one weight: the last line is the organisation's own.
		bold, plain = plain[len(plain)-1:], plain[:len(plain)-1]
	}
	if len(bold) > 0 && spoilt(bold[0]) && begins(bold[0], "TRƯỜNG") {
		_, rest, _ := strings.Cut(bold[0], " ")
		bold[0] = strings.TrimSpace("TRƯỜNG " + rest)
	}
	p.Superior = page.guess(strings.Join(plain, " "), plainBox)
	p.Organization = page.guess(strings.Join(bold, " "), boldBox)
}

// motto says that the text is of the national head (box 1).
func motto(text string) bool {
	return begins(text, "CỘNG HÒA XÃ HỘI") || begins(text, "ĐỘC LẬP")
}

// summaryEnd are the words that the text of a document begins with: the summary is over.
var summaryEnd = pattern(`^(?i:căn cứ|kính gửi|chương\s|điều\s|phần\s|thực hiện|theo |xét |\(kèm|\(ban hành|hôm nay|thời gian|i\.|1\.)`)

// readTitle reads the kind and, under it, the summary (box 5a).
func (p *Proposal) readTitle(page *page, head []line, numberAt int) {
	for i := max(numberAt, 0); i < len(head); i++ {
		for _, part := range head[i].parts {
			if !part.bold && len(head[i].parts) > 1 || !upper(firstWords(part.text, 2)) || motto(part.text) {
				continue
			}
			code, length := kindOfTitle(part.text)
			if code == "" {
				continue
			}
			p.Kind = page.guess(code, part.Box)
			p.readSummary(page, head[i+1:], part, strings.TrimSpace(part.text[min(length, len(part.text)):]))
			return
		}
	}
}

func firstWords(text string, n int) string {
	words := strings.Fields(text)
	return strings.Join(words[:min(n, len(words))], " ")
}

// readSummary reads the lines under the title that belong to it: near each other, and in its weight.
func (p *Proposal) readSummary(page *page, below []line, title part, sameLine string) {
	var words []string
	var box Box
	if sameLine != "" {
		words, box = append(words, sameLine), title.Box
	}
	bottom, bold := title.Bottom, true
	for i, l := range below {
		part := l.parts[0]
		if len(l.parts) > 1 || rule(part.text) {
			break
		}
		gap := bottom - part.Top
		if gap > 2*max(part.size, title.size) || summaryEnd().MatchString(part.text) || authority(part.text) {
			break
		}
		if i == 0 {
			bold = part.bold
		} else if part.bold != bold || !bold && gap > 0.9*part.size {
			break
		}
		if !bold && (i > 2 || !centred(part.Box, page.width) && part.Left > title.Left) {
			break
		}
		words, box, bottom = append(words, part.text), box.Union(part.Box), part.Bottom
	}
	p.Summary = page.guess(limited(strings.Join(words, " ")), box)
}

// authority says that the line names who decides, as stands under the summary of a decision: "HIỆU TRƯỞNG TRƯỜNG …".
func authority(text string) bool {
	return upper(text) && leaderTitle(text)
}

func centred(b Box, width float64) bool {
	x, _ := b.Center()
	return x > width*0.4 && x < width*0.62
}

// readSubject reads a letter's summary, "V/v …" under the number (box 5b).
func (p *Proposal) readSubject(page *page, head []line, numberAt int) {
	var words []string
	var box Box
	for i := max(numberAt, 0); i < len(head); i++ {
		part := head[i].parts[0]
		x, _ := part.Center()
		if len(words) == 0 {
			if m := subjectForm().FindString(part.text); m != "" {
				words, box = append(words, strings.TrimSpace(part.text[len(m):])), part.Box
			}
			continue
		}
		if x > page.width*0.5 || box.Bottom-part.Top > part.size || summaryEnd().MatchString(part.text) || rule(part.text) {
			break
		}
		words, box = append(words, part.text), box.Union(part.Box)
	}
	p.Summary = page.guess(limited(strings.Join(words, " ")), box)
}

// maxSummary bounds a summary, in characters: the register's column takes no more.
const maxSummary = 500

func limited(text string) string {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) <= maxSummary {
		return text
	}
	return string([]rune(text)[:maxSummary])
}
