package httpapi

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"

	"sokyso/plaintext"
)

// weakPasswords are common passwords, and the words and keyboard rows that they are made
// of, one a line, without marks.
//
//go:embed weak_passwords.txt
var weakPasswords string

// weakWords are those of the list, the longest first: "matkhau" goes before "mk".
var weakWords = func() []string {
	words := strings.Fields(weakPasswords)
	slices.SortStableFunc(words, func(a, b string) int { return len(b) - len(a) })
	return words
}()

// ownLetters is how many letters must be left of a password without what is guessed.
const ownLetters = 4

// leet undoes the signs that people write for letters.
var leet = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t")

// easyToGuess reports whether a password is little more than common words, what person
// and school are called, digits and signs. It is read without marks, since who tries
// writes "matkhau" and "mật khẩu" alike, and with signs for letters undone.
func easyToGuess(password string, about []string) bool {
	plain := joined(plaintext.Of(password))
	var names []string
	for _, name := range about {
		names = append(names, tails(name)...)
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	for _, form := range []string{plain, leet.Replace(plain)} {
		for _, word := range slices.Concat(names, weakWords) {
			form = strings.ReplaceAll(form, word, " ")
		}
		if lettersOf(form) < ownLetters {
			return true
		}
	}
	return false
}

// joined leaves out blanks, hyphens and points between words.
func joined(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' || r == '_' || r == '.' {
			return -1
		}
		return r
	}, text)
}

// tails are a name and what it ends with, words joined: "mamnonhoasen", "nonhoasen",
// "hoasen", "sen". What is shorter than three letters stands in too many other words.
func tails(name string) []string {
	words := strings.FieldsFunc(plaintext.Of(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	var all []string
	for i := range words {
		if tail := strings.Join(words[i:], ""); len(tail) >= 3 {
			all = append(all, tail)
		}
	}
	return all
}

// lettersOf counts letters, without those that go on with a row: "aaaa" and "abcd" have
// two each.
func lettersOf(form string) int {
	n, last, step := 0, rune(0), rune(0)
	for _, r := range form {
		row := r-last == step && step >= -1 && step <= 1
		if unicode.IsLetter(r) && !row {
			n++
		}
		last, step = r, r-last
	}
	return n
}
