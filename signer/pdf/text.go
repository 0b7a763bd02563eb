package pdf

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// TextString returns s as a text string in UTF-16BE with its byte order mark (ISO 32000-2 §7.9.2.2). The mark makes
// it a string that is always written in hexadecimal: the code units of ĩ and Ĩ (U+0129, U+0128) hold the bytes of
// parentheses, which break literal strings in some readers.
func TextString(s string) String {
	b := String{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return b
}

// Text decodes a text string: UTF-16 with a byte order mark, UTF-8 with one (PDF 2.0), else PDFDocEncoding. Language
// codes between escapes (ISO 32000-2 §7.9.2.2) are left out.
func (s String) Text() string {
	switch {
	case len(s) >= 2 && s[0] == 0xfe && s[1] == 0xff:
		return withoutLanguage(utf16Text(s[2:], 0, 1))
	case len(s) >= 2 && s[0] == 0xff && s[1] == 0xfe: // against the standard, but found
		return withoutLanguage(utf16Text(s[2:], 1, 0))
	case len(s) >= 3 && s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf:
		return withoutLanguage(strings.ToValidUTF8(string(s[3:]), string(utf8.RuneError)))
	}
	var b strings.Builder
	for _, c := range s {
		b.WriteRune(pdfDocRune(c))
	}
	return b.String()
}

func utf16Text(s String, high, low int) string {
	units := make([]uint16, 0, len(s)/2)
	for ; len(s) >= 2; s = s[2:] {
		units = append(units, uint16(s[high])<<8|uint16(s[low]))
	}
	return string(utf16.Decode(units))
}

func withoutLanguage(s string) string {
	for {
		before, rest, ok := strings.Cut(s, "\x1b")
		if !ok {
			return s
		}
		_, after, ok := strings.Cut(rest, "\x1b")
		if !ok {
			return s
		}
		s = before + after
	}
}

// pdfDocHigh holds PDFDocEncoding from 0x18 to 0x1f and from 0x80 to 0xa0, where it is not Latin-1 (ISO 32000-2
// Annex D.3).
var (
	pdfDocLow  = [8]rune{'˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'}
	pdfDocHigh = [33]rune{
		'•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘',
		'’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł', 'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', utf8.RuneError, '€',
	}
)

func pdfDocRune(c byte) rune {
	switch {
	case c >= 0x18 && c <= 0x1f:
		return pdfDocLow[c-0x18]
	case c >= 0x80 && c <= 0xa0:
		return pdfDocHigh[c-0x80]
	case c == 0x7f, c == 0xad:
		return utf8.RuneError
	}
	return rune(c)
}
