package paper

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/liberation/liberationserifbold"
	"github.com/go-fonts/liberation/liberationserifbolditalic"
	"github.com/go-fonts/liberation/liberationserifitalic"
	"github.com/go-fonts/liberation/liberationserifregular"
)

// Measures of the page in mm (Decree 30/2020/NĐ-CP, Annex I, section I.2-3).
const (
	pageWidth, pageHeight = 210.0, 297.0
	marginTop             = 20.0
	marginBottom          = 20.0
	marginLeft            = 30.0
	marginRight           = 15.0
	textWidth             = pageWidth - marginLeft - marginRight
)

// Sizes of type in points (Annex I, section VI).
const (
	sizeHead   = 12.0
	sizeMotto  = 13.0
	sizeTitle  = 14.0
	sizeText   = 13.0
	sizeTable  = 11.0
	sizeNumber = 13.0
	pointMM    = 25.4 / 72
	leading    = 1.2 // of a line, in sizes
)

// Paper is one or several papers in one file, each on pages of its own.
type Paper struct {
	Language string    // "vi", "en"
	Name     string    // of the file, for readers
	At       time.Time // when it is made
	Sheets   []Sheet
}

// Sheet is one paper.
type Sheet struct {
	Head   Head
	Title  string // in the middle, bold
	About  string // below, bold: what it is about
	Blocks []Block
}

// Head is the top of a paper: box 2 on the left, box 1 on the right.
type Head struct {
	Superior string // "" = none
	Issuer   string // "" = a dotted line to write on
	Nation   string // national heading
	Motto    string
	Place    string // place and date, "" = none
}

// Block is a part of a paper below its title: Heading, Text, Notice, Facts, Table or
// Signing.
type Block interface{ lay(*sheet) }

// sheet is a paper while it is laid out.
type sheet struct {
	pdf *fpdf.Fpdf
	y   float64 // mm from the top, of what comes next
	own int     // pages of this sheet before the present one
}

// Write writes the PDF.
func (p *Paper) Write(w io.Writer) error {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(p.At.UTC())
	pdf.SetModificationDate(p.At.UTC())
	pdf.SetProducer("sokyso", true)
	pdf.SetTitle(clean(p.Name), true)
	pdf.SetLang(p.Language)
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetMargins(marginLeft, marginTop, marginRight)
	pdf.SetCellMargin(0)
	for style, ttf := range map[string][]byte{"": liberationserifregular.TTF, "B": liberationserifbold.TTF,
		"I": liberationserifitalic.TTF, "BI": liberationserifbolditalic.TTF} {
		pdf.AddUTF8FontFromBytes("serif", style, ttf)
	}
	pdf.SetLineWidth(0.2)
	for i := range p.Sheets {
		s := &sheet{pdf: pdf}
		s.page()
		s.head(&p.Sheets[i])
		blocks := p.Sheets[i].Blocks
		for j, block := range blocks {
			// A signature never stands alone on a page: the words before it come along.
			if text, ok := block.(Text); ok && j+1 < len(blocks) {
				if signing, ok := blocks[j+1].(Signing); ok {
					s.room(text.need(s) + signing.need(s))
				}
			}
			block.lay(s)
		}
	}
	if err := pdf.Output(w); err != nil {
		return fmt.Errorf("write paper: %w", err)
	}
	return nil
}

// page begins the next page. Pages are numbered from the second on, at the top in
// the middle (Annex I, section II.11).
func (s *sheet) page() {
	s.pdf.AddPage()
	s.own++
	s.y = marginTop
	if s.own > 1 {
		s.font("", sizeNumber)
		s.line(strconv.Itoa(s.own), 0, pageWidth, 10, "C", sizeNumber)
	}
}

func (s *sheet) font(style string, size float64) { s.pdf.SetFont("serif", style, size) }

func height(size float64) float64 { return size * pointMM * leading }

// room begins a new page unless that much is left of this one.
func (s *sheet) room(need float64) bool {
	if s.y+need <= pageHeight-marginBottom {
		return false
	}
	s.page()
	return true
}

// line sets one line at x, y within a width.
func (s *sheet) line(text string, x, width, y float64, align string, size float64) {
	s.pdf.SetXY(x, y)
	s.pdf.CellFormat(width, height(size), text, "", 0, align+"M", false, 0, "")
}

// lines sets text in at most so many lines from y on and returns where they end. What
// is cut off is shown as an ellipsis.
func (s *sheet) lines(text string, most int, style string, size, x, width, y float64, align string) float64 {
	s.font(style, size)
	all := s.wrap(text, width)
	if len(all) > most {
		head, _ := s.cut(all[most-1], width-s.pdf.GetStringWidth("…"))
		all = append(all[:most-1], head+"…")
	}
	for _, line := range all {
		s.line(line, x, width, y, align, size)
		y += height(size)
	}
	return y
}

// head sets the top of the paper and its title.
func (s *sheet) head(p *Sheet) {
	const left = textWidth * 0.44
	right := marginLeft + left
	y := s.y
	if p.Head.Superior != "" {
		y = s.lines(p.Head.Superior, 3, "", sizeHead, marginLeft, left, y, "C")
	}
	issuer := p.Head.Issuer
	if issuer == "" {
		issuer = "…………………………"
	}
	y = s.lines(issuer, 3, "B", sizeHead, marginLeft, left, y, "C")
	s.rule(marginLeft+left/2, left*0.4, y+0.8) // a third to a half of the line above
	leftEnd := y + 3

	y = s.lines(p.Head.Nation, 2, "B", sizeHead, right, textWidth-left, s.y, "C")
	s.font("B", sizeMotto)
	motto := min(s.pdf.GetStringWidth(clean(p.Head.Motto)), textWidth-left)
	y = s.lines(p.Head.Motto, 2, "B", sizeMotto, right, textWidth-left, y, "C")
	s.rule(right+(textWidth-left)/2, motto, y+0.8) // as long as the motto
	y += 3
	if p.Head.Place != "" {
		y = s.lines(p.Head.Place, 2, "I", sizeMotto, right, textWidth-left, y, "C")
	}
	s.y = max(leftEnd, y) + 5
	s.y = s.lines(p.Title, 4, "B", sizeTitle, marginLeft, textWidth, s.y, "C")
	if p.About != "" {
		s.y = s.lines(p.About, 8, "B", sizeText, marginLeft, textWidth, s.y, "C")
	}
	s.y += 4
}

func (s *sheet) rule(middle, width, y float64) { s.pdf.Line(middle-width/2, y, middle+width/2, y) }
