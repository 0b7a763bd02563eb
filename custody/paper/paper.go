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
	Head      Head
	Title     string // in the middle, bold
	About     string // below, bold: what it is about
	Ruled     bool   // a line below them, as official papers have it (box 5b)
	Landscape bool   // registers and wide lists; the head goes on its long side
	Blocks    []Block
}

// Head is the top of a paper: box 2 on the left, box 1 on the right.
type Head struct {
	Superior string // "" = none
	Issuer   string // "" = a dotted line to write on
	Nation   string // national heading
	Motto    string
	Place    string // place and date, "" = none
	Number   string // number and symbol, in one line with the place (box 3), "" = none
	Subject  string // of an official letter, below its number (box 5b), "" = none
}

// Block is a part of a paper below its title: Heading, Text, Body, Ground, Addressees,
// Notice, Facts, Table, Bars, Signing, Signings or Foot.
type Block interface{ lay(*sheet) }

// measured is a block that can say how much room it needs, in mm.
type measured interface{ need(*sheet) float64 }

// closes says that a block is a paper's end, which never stands alone on a page.
func closes(b Block) bool {
	switch b.(type) {
	case Signing, Signings, Foot:
		return true
	}
	return false
}

// sheet is a paper while it is laid out.
type sheet struct {
	pdf *fpdf.Fpdf
	y   float64 // mm from the top, of what comes next
	own int     // pages of this sheet before the present one

	wide, tall float64 // the page in mm
	text       float64 // width between the margins
	landscape  bool
}

func newSheet(pdf *fpdf.Fpdf, landscape bool) *sheet {
	s := &sheet{pdf: pdf, wide: pageWidth, tall: pageHeight, landscape: landscape}
	if landscape {
		s.wide, s.tall = pageHeight, pageWidth
	}
	s.text = s.wide - marginLeft - marginRight
	return s
}

// bottom is where text ends.
func (s *sheet) bottom() float64 { return s.tall - marginBottom }

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
		s := newSheet(pdf, p.Sheets[i].Landscape)
		s.page()
		s.head(&p.Sheets[i])
		blocks := p.Sheets[i].Blocks
		for j, block := range blocks {
			// A signature never stands alone on a page: the words before it come along.
			if words, ok := block.(measured); ok && j+1 < len(blocks) && !closes(block) && closes(blocks[j+1]) {
				s.room(words.need(s) + blocks[j+1].(measured).need(s))
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
	orientation := "P"
	if s.landscape {
		orientation = "L"
	}
	s.pdf.AddPageFormat(orientation, s.pdf.GetPageSizeStr("A4"))
	s.own++
	s.y = marginTop
	if s.own > 1 {
		s.font("", sizeNumber)
		s.line(strconv.Itoa(s.own), 0, s.wide, 10, "C", sizeNumber)
	}
}

func (s *sheet) font(style string, size float64) { s.pdf.SetFont("serif", style, size) }

func height(size float64) float64 { return size * pointMM * leading }

// room begins a new page unless that much is left of this one.
func (s *sheet) room(need float64) bool {
	if s.y+need <= s.bottom() {
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
	left := s.text * 0.44
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

	y = s.lines(p.Head.Nation, 2, "B", sizeHead, right, s.text-left, s.y, "C")
	s.font("B", sizeMotto)
	motto := min(s.pdf.GetStringWidth(clean(p.Head.Motto)), s.text-left)
	y = s.lines(p.Head.Motto, 2, "B", sizeMotto, right, s.text-left, y, "C")
	s.rule(right+(s.text-left)/2, motto, y+0.8) // as long as the motto
	y += 3
	if p.Head.Number != "" {
		y = max(y, leftEnd) // number and date stand in one line
		leftEnd = s.lines(p.Head.Number, 2, "", sizeMotto, marginLeft, left, y, "C")
		if p.Head.Subject != "" {
			leftEnd = s.lines(p.Head.Subject, 4, "", sizeHead, marginLeft, left, leftEnd, "C")
		}
	}
	if p.Head.Place != "" {
		y = s.lines(p.Head.Place, 2, "I", sizeMotto, right, s.text-left, y, "C")
	}
	s.y = max(leftEnd, y) + 5
	if p.Title != "" {
		s.y = s.lines(p.Title, 4, "B", sizeTitle, marginLeft, s.text, s.y, "C")
	}
	if p.About != "" {
		s.y = s.lines(p.About, 8, "B", sizeText, marginLeft, s.text, s.y, "C")
	}
	if p.Ruled {
		s.rule(marginLeft+s.text/2, s.text*0.2, s.y+0.8)
		s.y += 2
	}
	s.y += 4
}

func (s *sheet) rule(middle, width, y float64) { s.pdf.Line(middle-width/2, y, middle+width/2, y) }
