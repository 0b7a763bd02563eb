package reading

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// oneSpelling lets the two customs of placing tone marks (HÒA and HOÀ, THỎA and THOẢ, ỦY and UỶ) read alike, in
// capitals.
func oneSpelling(text string) string {
	decomposed := []rune(norm.NFD.String(strings.ToUpper(text)))
	var out []rune
	for i := 0; i < len(decomposed); i++ {
		r := decomposed[i]
		// A tone on the first of two vowels (OA, OE, UY) moves to the second.
		if tone(r) && i > 0 && i+1 < len(decomposed) && glide(decomposed[i-1], decomposed[i+1]) {
			out = append(out, decomposed[i+1], r)
			i++
			continue
		}
		out = append(out, r)
	}
	return norm.NFC.String(string(out))
}

func tone(r rune) bool {
	switch r {
	case '\u0300', '\u0301', '\u0303', '\u0309', '\u0323':
		return true
	}
	return false
}

func glide(first, second rune) bool {
	return first == 'O' && (second == 'A' || second == 'E') || first == 'U' && second == 'Y'
}

// upper says that the text has letters, and no small ones. Tools that lose a font's table of characters leave wrong
// ones in place of letters with marks ("TRƯÞNG", "VIàT"): a few small ones among those do not count.
func upper(text string) bool {
	capitals, odd := 0, 0
	for _, r := range text {
		switch {
		case r < 0x80 && unicode.IsLower(r):
			return false
		case unicode.IsUpper(r):
			capitals++
		case r >= 0x80 && !unicode.IsPunct(r) && !unicode.Is(unicode.Mn, r):
			odd++
		}
	}
	return capitals > 0 && 2*odd <= capitals
}

// begins says whether the text begins with the words of a title in capitals, whole words, however tones are placed. A
// wrong character, as upper tells of, is let pass where the title has a letter with marks.
func begins(text, title string) bool {
	have, want := strings.Fields(oneSpelling(text)), strings.Fields(oneSpelling(title))
	if len(have) < len(want) {
		return false
	}
	for i, w := range want {
		if !alike(strings.Trim(have[i], ".,;:"), w) {
			return false
		}
	}
	return true
}

// alike compares two words letter by letter; any letter beyond ASCII in have stands for one beyond ASCII in want.
func alike(have, want string) bool {
	h, w := []rune(have), []rune(want)
	if len(h) != len(w) {
		return false
	}
	for i := range w {
		if h[i] != w[i] && (w[i] < 0x80 || h[i] < 0x80) {
			return false
		}
	}
	return true
}

// fieldsFolded are the words of a text as Find compares them.
func fieldsFolded(text string) []string {
	fields := strings.Fields(text)
	for i, field := range fields {
		fields[i] = foldWord(field)
	}
	return fields
}

// foldWord lets case, the way of placing tones and marks of punctuation around a word make no difference.
func foldWord(word string) string {
	return strings.Trim(oneSpelling(word), `.,;:()"'“”`)
}
