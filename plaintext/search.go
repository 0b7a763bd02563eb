// Package plaintext makes texts comparable as people type them into a search: in small
// letters, without the marks of Vietnamese, đ as d.
//
// It knows letters and nothing of what the texts are about.
package plaintext

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Of is a text as people type it into a search: small letters without marks, đ as d.
func Of(text string) string {
	var out strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(strings.TrimSpace(text))) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r == 'đ':
			out.WriteByte('d')
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// Contains says whether all words of a query, made by Of, stand in one of the texts.
func Contains(query string, texts ...string) bool {
	all := Of(strings.Join(texts, "\n"))
	for _, word := range strings.Fields(query) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}
