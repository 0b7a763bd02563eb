package preview

import (
	"fmt"
	"math"
	"strings"
	"unicode"

	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/responses"
	"golang.org/x/text/unicode/norm"
)

func (e *engine) words(number int) (response, error) {
	page, err := e.look(number)
	if err != nil {
		return response{}, err
	}
	damaged := func(err error) error { return fmt.Errorf("%w: page %d: %w", ErrDamaged, number, err) }
	frame, err := e.frame(number, page)
	if err != nil {
		return response{}, damaged(err)
	}
	text, err := e.instance.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: e.page(number)})
	if err != nil {
		return response{}, damaged(err)
	}
	defer e.instance.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text.TextPage})
	count, err := e.instance.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: text.TextPage})
	if err != nil {
		return response{}, damaged(err)
	}
	if count.Count > MaxCharacters {
		// A page of a thousand lines is none that a person signs by its text.
		return response{Page: page, Cut: true}, nil
	}
	read, err := e.instance.GetPageTextStructured(&requests.GetPageTextStructured{
		Page: e.page(number), Mode: requests.GetPageTextStructuredModeChars, CollectFontInformation: true,
	})
	if err != nil {
		return response{}, damaged(err)
	}
	words, starts := frame.words(read.Chars)
	for i, start := range starts {
		origin, err := e.instance.FPDFText_GetCharOrigin(&requests.FPDFText_GetCharOrigin{TextPage: text.TextPage, Index: start})
		if err != nil {
			return response{}, damaged(err)
		}
		words[i].setBase(frame.point(origin.X, origin.Y))
	}
	return response{Page: page, Words: words}, nil
}

// frame turns places in the page's own space into those on the page as it is shown.
type frame struct {
	left, bottom, right, top float64 // the visible part, in the page's own space
	quarters                 int     // of /Rotate, clockwise
}

func (e *engine) frame(number int, page Page) (frame, error) {
	box, err := e.instance.FPDF_GetPageBoundingBox(&requests.FPDF_GetPageBoundingBox{Page: e.page(number)})
	if err != nil {
		return frame{}, err
	}
	rotation, err := e.instance.FPDFPage_GetRotation(&requests.FPDFPage_GetRotation{Page: e.page(number)})
	if err != nil {
		return frame{}, err
	}
	r := box.Rect
	return frame{
		left: float64(r.Left), bottom: float64(min(r.Bottom, r.Top)), right: float64(r.Right), top: float64(max(r.Bottom, r.Top)),
		quarters: int(rotation.PageRotation) & 3,
	}, nil
}

// point is a point of the page's own space as it is shown.
func (f frame) point(x, y float64) (float64, float64) {
	switch f.quarters {
	case 1:
		return y - f.bottom, f.right - x
	case 2:
		return f.right - x, f.top - y
	case 3:
		return f.top - y, x - f.left
	}
	return x - f.left, y - f.bottom
}

// words joins characters that follow each other, look alike and leave no gap. It also tells at which character each
// begins.
func (f frame) words(chars []*responses.GetPageTextStructuredChar) (words []Word, starts []int) {
	var text strings.Builder
	var word Word
	end := func() {
		if text.Len() > 0 {
			word.Text = norm.NFC.String(text.String())
			words = append(words, word)
		}
		text.Reset()
	}
	for i, c := range chars {
		letters := visible(c)
		if letters == "" {
			end()
			continue
		}
		next := f.character(c)
		if text.Len() > 0 && !word.goesOn(next) {
			end()
		}
		if text.Len() == 0 {
			word = next
			starts = append(starts, i)
		} else {
			word.Left, word.Bottom = min(word.Left, next.Left), min(word.Bottom, next.Bottom)
			word.Right, word.Top = max(word.Right, next.Right), max(word.Top, next.Top)
		}
		text.WriteString(letters)
	}
	end()
	return words, starts
}

// visible is what a character shows, "" for white space. One that has ink and no meaning, as tools leave them that
// lose a font's table of characters, is U+FFFD.
func visible(c *responses.GetPageTextStructuredChar) string {
	p := c.PointPosition
	ink := p.Right-p.Left > 0.01 && p.Top-p.Bottom > 0.01
	shown := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == '\u00AD' || r == '\u200B':
			return -1
		case unicode.IsGraphic(r):
			return r
		case ink:
			return unicode.ReplacementChar
		}
		return -1
	}, c.Text)
	if shown == "" && ink && !unicode.IsSpace([]rune(c.Text + " ")[0]) {
		return string(unicode.ReplacementChar)
	}
	return shown
}

// setBase keeps the place of the line that the word stands on.
func (w *Word) setBase(x, y float64) {
	w.Base = round(y)
	if w.Turn == 90 || w.Turn == 270 {
		w.Base = round(x)
	}
}

// character is one character as a word.
func (f frame) character(c *responses.GetPageTextStructuredChar) Word {
	p := c.PointPosition
	x1, y1 := f.point(p.Left, p.Bottom)
	x2, y2 := f.point(p.Right, p.Top)
	w := Word{Left: round(min(x1, x2)), Right: round(max(x1, x2)), Bottom: round(min(y1, y2)), Top: round(max(y1, y2))}
	// PDFium counts a character's angle clockwise, in radians.
	quarters := int(math.Round(c.Angle/(math.Pi/2)))&3 + f.quarters
	w.Turn = (4 - quarters&3) & 3 * 90
	if font := c.FontInformation; font != nil {
		w.Size = round(font.RenderedSize)
		name := strings.ToLower(font.Name)
		// The weight that PDFium tells is made from the stems' width, which some tools set to nonsense.
		w.Bold = strings.Contains(name, "bold") || strings.Contains(name, "black") || font.Flags&forceBold != 0
		w.Italic = strings.Contains(name, "italic") || strings.Contains(name, "oblique")
	}
	return w
}

// forceBold is bit 19 of a font descriptor's flags (ISO 32000-2 table 121).
const forceBold = 1 << 18

// goesOn says whether a character continues the word: on its line, and no further on than half its size.
func (w Word) goesOn(next Word) bool {
	if w.Turn != next.Turn {
		return false
	}
	gap := 0.5 * max(w.Size, next.Size, 4)
	if w.Turn == 90 || w.Turn == 270 {
		return next.Left < w.Right && next.Right > w.Left && next.Bottom < w.Top+gap && next.Top > w.Bottom-gap
	}
	return next.Bottom < w.Top && next.Top > w.Bottom && next.Left < w.Right+gap && next.Right > w.Left-gap
}

// round keeps hundredths of a point: more is noise on the pipe.
func round(v float64) float64 { return math.Round(v*100) / 100 }
