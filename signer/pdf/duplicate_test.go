package pdf

import (
	"strings"
	"testing"
)

func TestAmbiguous(t *testing.T) {
	for body, want := range map[string][2]Name{ // twice, ambiguous
		"<</A 1/B 2>>":                        {"", ""},
		"<</A 1/A 1>>":                        {"A", ""},
		"<</A 1/A 2>>":                        {"A", "A"},
		"<</A [1 2 0 R (x)]/A [1 2 0 R(x)]>>": {"A", ""},
		"<</A [1 2 0 R]/A [1 3 0 R]>>":        {"A", "A"},
		"<</A null/A null>>":                  {"A", ""},
		"<</A null/A 1>>":                     {"A", "A"},
		"<</A 1/A null>>":                     {"A", "A"},
		"<</A 1/A>>":                          {"A", "A"},
		"<</A 1/B 1/B 1/A 2>>":                {"B", "A"},
		"<</A<</B 1/B 2>>>>":                  {"B", "B"},
		"[<</B 1/#42 2>>]":                    {"B", "B"},
		"<</Lang(a)/Lang(b)/A 1/A 2>>":        {"Lang", "A"},
		"<</Lang(a)/Lang(b)>>":                {"Lang", ""},
		"<</A 1/A 1/A 2>>":                    {"A", "A"},
	} {
		d := newDraft("1.5").onePage()
		d.obj(6, 0, body)
		d.objStream(8, "", []int{9}, []string{body})
		d.xrefStream(10, draftRoot, flateRows)
		d.end()
		f := open(t, d.Bytes())
		for _, ref := range []Ref{{6, 0}, {9, 0}} {
			twice, err := f.Twice(ref)
			differs, err2 := f.Ambiguous(ref)
			if err != nil || err2 != nil || twice != want[0] || differs != want[1] {
				t.Errorf("%s: %q %q %v %v, want %q", body, twice, differs, err, err2, want)
			}
		}
	}
}

// TestManyNulls: each key that is null is remembered, at no more than its own cost.
func TestManyNulls(t *testing.T) {
	var b strings.Builder
	b.WriteString("<<")
	for i := range 300_000 {
		b.WriteString("/")
		for n := i; ; n /= 26 {
			b.WriteByte('a' + byte(n%26))
			if n < 26 {
				break
			}
		}
		b.WriteString(" null")
	}
	b.WriteString(">>")
	l := newBytesLexer([]byte(b.String()))
	if _, err := l.object(0); err != nil || l.twice != "" {
		t.Fatal(l.twice, err)
	}
}
