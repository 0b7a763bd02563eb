package pdf

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Password opens an encrypted file, as its user or its owner password. It does not show itself where it is printed,
// logged or encoded.
type Password string

const hiddenPassword = "[password]"

// Format implements fmt.Formatter.
func (Password) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, hiddenPassword) }

// MarshalText implements encoding.TextMarshaler.
func (Password) MarshalText() ([]byte, error) { return []byte(hiddenPassword), nil }

// The bytes of a password that count.
const (
	maxLegacyPassword  = 32  // ISO 32000-2 §7.6.4.3.2, algorithm 2
	maxUnicodePassword = 127 // ISO 32000-2 §7.6.4.3.3, algorithm 2.A
)

// legacy returns the bytes that a writer may have made of the password for revisions 2 to 4: PDFDocEncoding, as the
// standard says, or UTF-8, as programs do that take the bytes of the terminal.
func (p Password) legacy() [][]byte {
	var forms [][]byte
	if b, ok := pdfDocBytes(string(p)); ok {
		forms = append(forms, b)
	}
	return distinct(append(forms, []byte(norm.NFC.String(string(p))), []byte(p)), maxLegacyPassword)
}

// unicode returns the bytes that a writer may have made of the password for revisions 5 and 6: prepared as the standard
// says, or as it was typed.
func (p Password) unicode() [][]byte {
	return distinct([][]byte{[]byte(saslPrep(string(p))), []byte(p)}, maxUnicodePassword)
}

// distinct cuts the forms to the length and leaves out those that were there before.
func distinct(forms [][]byte, length int) [][]byte {
	var out [][]byte
next:
	for _, b := range forms {
		b = b[:min(len(b), length)]
		for _, o := range out {
			if bytes.Equal(o, b) {
				continue next
			}
		}
		out = append(out, b)
	}
	return out
}

// saslPrep maps and normalizes as SASLprep does (RFC 4013 §2.1, §2.2). What that prohibits is let through: such a
// password does not open the file then.
func saslPrep(s string) string {
	return norm.NFKC.String(strings.Map(func(r rune) rune {
		switch {
		case mappedToSpace(r):
			return ' '
		case mappedToNothing(r):
			return -1
		}
		return r
	}, s))
}

// mappedToSpace: RFC 3454, table C.1.2.
func mappedToSpace(r rune) bool {
	switch r {
	case 0xa0, 0x1680, 0x202f, 0x205f, 0x3000:
		return true
	}
	return r >= 0x2000 && r <= 0x200b
}

// mappedToNothing: RFC 3454, table B.1; the zero width space is in both tables and becomes a space.
func mappedToNothing(r rune) bool {
	switch r {
	case 0xad, 0x34f, 0x1806, 0x200c, 0x200d, 0x2060, 0xfeff:
		return true
	}
	return r >= 0x180b && r <= 0x180d || r >= 0xfe00 && r <= 0xfe0f
}

var pdfDocCodes = func() map[rune]byte {
	codes := make(map[rune]byte, 256)
	for c := 255; c >= 0; c-- {
		codes[pdfDocRune(byte(c))] = byte(c)
	}
	delete(codes, '\uFFFD') // what stands for codes that have no character
	return codes
}()

// pdfDocBytes encodes in PDFDocEncoding; ok is false if that lacks a character.
func pdfDocBytes(s string) (b []byte, ok bool) {
	for _, r := range norm.NFC.String(s) {
		c, known := pdfDocCodes[r]
		if !known {
			return nil, false
		}
		b = append(b, c)
	}
	return b, true
}
