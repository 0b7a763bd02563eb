package paper

import (
	"strings"
	"sync"
	"unicode"

	"github.com/go-fonts/liberation/liberationserifregular"
	"github.com/tdewolff/font"
	"golang.org/x/text/unicode/norm"
)

// maxText bounds one piece of text, in characters.
const maxText = 4000

// missing stands for a character that the font does not have.
const missing = '□'

// glyphs tells which characters the font has. Its faces have the same ones.
var glyphs = sync.OnceValues(func() (*font.SFNT, error) { return font.ParseSFNT(liberationserifregular.TTF, 0) })

// clean is text that is safe to lay out: composed (NFC), in one line unless it has
// line feeds, without what is not to be seen, and with every character in the font.
func clean(text string) string {
	sfnt, err := glyphs()
	var b strings.Builder
	count := 0
	for _, r := range norm.NFC.String(strings.ToValidUTF8(text[:min(len(text), 4*maxText)], string(missing))) {
		switch {
		case r == '\n':
		case r == '\t' || unicode.Is(unicode.Zs, r):
			r = ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp):
			continue
		case r > 0xFFFF || err != nil || sfnt.GlyphIndex(r) == 0:
			r = missing
		}
		if count++; count > maxText {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// wrap breaks clean text into lines of at most that width, between words where it can.
func (s *sheet) wrap(text string, width float64) []string {
	var lines []string
	for _, paragraph := range strings.Split(clean(text), "\n") {
		lines = append(lines, s.wrapLine(paragraph, width)...)
	}
	return lines
}

func (s *sheet) wrapLine(text string, width float64) []string {
	var lines []string
	line, used := "", 0.0
	space := s.pdf.GetStringWidth(" ")
	for _, word := range strings.Fields(text) {
		need := s.pdf.GetStringWidth(word)
		switch {
		case line == "":
		case used+space+need <= width:
			line, used = line+" "+word, used+space+need
			continue
		default:
			lines = append(lines, line)
			line, used = "", 0
		}
		for need > width { // a word longer than a line, as a digest is
			head, rest := s.part(word, width)
			lines = append(lines, head)
			word, need = rest, s.pdf.GetStringWidth(rest)
		}
		line, used = word, need
	}
	return append(lines, line)
}

// part is cut where a reader would: behind a stroke of an address, a number or a
// symbol, if that leaves a good part of the line full.
func (s *sheet) part(word string, width float64) (head, rest string) {
	head, rest = s.cut(word, width)
	if at := strings.LastIndexAny(head, "/-@._"); rest != "" && at+1 > len(head)*2/5 {
		return word[:at+1], word[at+1:]
	}
	return head, rest
}

// cut takes as many characters as fit off a word, one at least.
func (s *sheet) cut(word string, width float64) (head, rest string) {
	used := 0.0
	for i, r := range word {
		if used += s.pdf.GetStringWidth(string(r)); used > width && i > 0 {
			return word[:i], word[i:]
		}
	}
	return word, ""
}
