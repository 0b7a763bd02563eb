package pdf

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func parse(s string) (Object, error) { return newBytesLexer([]byte(s)).object(0) }

func TestParse(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Object
	}{
		{"null", nil},
		{" true", true},
		{"%a comment\rfalse", false},
		{"12", Integer(12)},
		{"-0012", Integer(-12)},
		{"+7", Integer(7)},
		{"9223372036854775807", Integer(math.MaxInt64)},
		{"3.5", Real(3.5)},
		{"4.", Real(4)},
		{"-.002", Real(-.002)},
		{"--5", Integer(-5)},
		{"1.2.3", Real(1.2)},
		{"12-34", Integer(12)},
		{"-", Integer(0)},
		{"99999999999999999999.5", Real(1e20)},
		{"1 0 R", Ref{1, 0}},
		{"1 0\nR ", Ref{1, 0}},
		{"1 0 Rx", Integer(1)},
		{"1 0 obj", Integer(1)},
		{"4294967296 0 R", Integer(4294967296)},
		{"1 65536 R", Integer(1)},
		{"-1 0 R", Integer(-1)},
		{"[1 0 R 2 3 4 R 5]", Array{Ref{1, 0}, Integer(2), Ref{3, 4}, Integer(5)}},
		{"[]", Array{}},
		{"[null(a)/b<00>]", Array{nil, String("a"), Name("b"), String{0}}},
		{"[nonsense 1]", Array{nil, Integer(1)}},
		{"/", Name("")},
		{"/A#20B#2f#", Name("A B/#")},
		{"/Lime#20Green", Name("Lime Green")},
		{"/#zz", Name("#zz")},
		{"/\xc4\xa9", Name("\xc4\xa9")},
		{"()", String{}},
		{"(a(b)c)", String("a(b)c")},
		{`(\n\r\t\b\f\(\)\\\x)`, String("\n\r\t\b\f()\\x")},
		{`(\1012\53\8)`, String("A2+8")},
		{`(\777)`, String{0xff}},
		{"(a\\\r\nb\\\nc\\\rd)", String("abcd")},
		{"(a\r\nb\rc\nd)", String("a\nb\nc\nd")},
		{"<>", String{}},
		{"<4E6 f7>", String("No\x70")},
		{"<4>", String{0x40}},
		{"<<>>", Dict{}},
		{"<</A 1/B[2]/C<</D(x)>>>>", Dict{"A": Integer(1), "B": Array{Integer(2)}, "C": Dict{"D": String("x")}}},
		{"<</A null/B 1>>", Dict{"B": Integer(1)}},
		{"<</A 1/A 2>>", Dict{"A": Integer(2)}},
		{"<</A 1/A null>>", Dict{}},
		{"<</A>>", Dict{}},
		{"<</A 1 2/B 3>>", Dict{"A": Integer(1), "B": Integer(3)}},
		{"<</A/B>>", Dict{"A": Name("B")}},
		// Readers pass over what is no digit, and parentheses that close nothing.
		{"<4G1\x00x>", String{0x41}},
		{"<</A(b)) 1 )/B[2)]/C )3) >>", Dict{"A": String("b"), "B": Array{Integer(2)}, "C": Integer(3)}},
	} {
		got, err := parse(c.in)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %#v, %v; want %#v", c.in, got, err, c.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for in, want := range map[string]Kind{
		"":                                     KindTruncated,
		"%only a comment":                      KindTruncated,
		"(open":                                KindTruncated,
		"(open\\":                              KindTruncated,
		"<41":                                  KindTruncated,
		"[1 2":                                 KindTruncated,
		"<</A 1":                               KindTruncated,
		"<</A":                                 KindTruncated,
		")":                                    KindTruncated,
		"]":                                    KindDamaged,
		"}":                                    KindDamaged,
		">>":                                   KindDamaged,
		"<</A 1>":                              KindDamaged,
		"<</A 1 endobj":                        KindDamaged,
		"[1 0 R endobj":                        KindDamaged,
		strings.Repeat("[", 200):               KindTooComplex,
		strings.Repeat("<</A", 200):            KindTooComplex,
		"[" + strings.Repeat("1 ", maxNodes+1): KindTooComplex,
		"(" + strings.Repeat("x", maxObjectBytes+4096) + ")":  KindTooComplex,
		"<" + strings.Repeat("41", maxObjectBytes/2+4096):     KindTooComplex,
		"/" + strings.Repeat("x", maxObjectBytes+4096):        KindTooComplex,
		"[" + strings.Repeat(" ", maxObjectBytes+4096) + "1]": KindTooComplex,
	} {
		o, err := parse(in)
		if KindOf(err) != want {
			t.Errorf("%.40q: %v, %v; want %v", in, o, err, want)
		}
	}
}

// shortReader refuses to be read beyond its end.
type shortReader struct{ b []byte }

func (s shortReader) ReadAt(p []byte, at int64) (int, error) {
	n := copy(p, s.b[at:])
	if n < len(p) {
		return n, fmt.Errorf("read beyond the end")
	}
	return n, nil
}

// TestWindow parses objects that begin at every distance from the edges of the window.
func TestWindow(t *testing.T) {
	const object = "<</Contents<00112233>/ByteRange[0 1 2 3]/Parent 12 0 R/Name(Tr\\(MN\\))/Filter/Adobe.PPKLite>>"
	want, err := parse(object)
	if err != nil {
		t.Fatal(err)
	}
	for _, edge := range []int{firstRead, windowSize} {
		for shift := range len(object) + 2 {
			pad := edge - shift
			in := []byte(strings.Repeat(" ", pad) + object + " endobj")
			l := newLexer(shortReader{in}, 0, int64(len(in)))
			got, err := l.object(0)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("edge %d shift %d: %v, %v", edge, shift, got, err)
			}
			l.skipSpace()
			if !l.keyword("endobj") || l.peek() != -1 || l.err != nil {
				t.Fatalf("edge %d shift %d: no endobj, %v", edge, shift, l.err)
			}
			l.release()
		}
	}
}

// anyObject generates direct objects as a reader returns them.
func anyObject(depth int) *rapid.Generator[Object] {
	list := []*rapid.Generator[Object]{
		rapid.Map(rapid.Bool(), func(v bool) Object { return v }),
		rapid.Map(rapid.Int64(), func(v int64) Object { return Integer(v) }),
		rapid.Map(rapid.Float64Range(-1e15, 1e15), func(v float64) Object { return Real(v) }),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(v []byte) Object { return String(append([]byte{}, v...)) }),
		rapid.Map(rapid.StringMatching(`[ -~]*`), func(v string) Object { return String(v) }),
		rapid.Map(rapid.String(), func(v string) Object { return TextString(v) }),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(v []byte) Object { return Name(v) }),
		rapid.Map(rapid.Uint32(), func(v uint32) Object { return Ref{v, uint16(v >> 3)} }),
	}
	if depth > 0 {
		inner := rapid.Deferred(func() *rapid.Generator[Object] { return anyObject(depth - 1) })
		key := rapid.Map(rapid.SliceOf(rapid.Byte()), func(v []byte) Name { return Name(v) })
		list = append(list,
			rapid.Map(rapid.SliceOf(rapid.OneOf(inner, rapid.Just(Object(nil)))), func(v []Object) Object {
				return append(Array{}, v...)
			}),
			rapid.Map(rapid.MapOf(key, inner), func(v map[Name]Object) Object {
				d := Dict{}
				for k, o := range v {
					d[k] = o
				}
				return d
			}))
	}
	return rapid.OneOf(list...)
}

func TestWriteThenParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := anyObject(3).Draw(t, "object")
		var w writer
		if err := w.object(o, 0); err != nil {
			t.Fatal(err)
		}
		l := newBytesLexer(w.b)
		got, err := l.object(0)
		if err != nil || !reflect.DeepEqual(got, o) {
			t.Fatalf("%q: %#v, %v; want %#v", w.b, got, err, o)
		}
		if l.peek() != -1 {
			t.Fatalf("%q: something is left", w.b)
		}
		var again writer
		if err := again.object(got, 0); err != nil || !bytes.Equal(again.b, w.b) {
			t.Fatalf("%q, then %q", w.b, again.b)
		}
	})
}

func TestWrite(t *testing.T) {
	for want, o := range map[string]Object{
		"null":           nil,
		"-3":             Integer(-3),
		"0.5":            Real(.5),
		"100.0":          Real(100),
		"0.000000001":    Real(1e-9),
		`(a\(b\)\\)`:     String(`a(b)\`),
		"<0a>":           String("\n"),
		"<feff01290128>": TextString("ĩĨ"),
		"/A#20#28#2F#23": Name("A (/#"),
		"<</Type /X/A [1 2 0 R]/B <</C (d)>>>>": Dict{
			"B": Dict{"C": String("d")}, "Type": Name("X"), "A": Array{Integer(1), Ref{2, 0}}, "N": nil},
	} {
		var w writer
		if err := w.object(o, 0); err != nil || string(w.b) != want {
			t.Errorf("%q, %v; want %q", w.b, err, want)
		}
	}
}

func TestText(t *testing.T) {
	for _, s := range []string{"", "Nguyễn Văn Nghĩa (Hiệu trưởng)", "ĩĨ", "Trường Mầm non Hoa Sen", "a\\b", "😀"} {
		if got := TextString(s).Text(); got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	}
	for in, want := range map[string]string{
		"plain":                      "plain",
		"\xef\xbb\xbfH\xe1\xbb\xa3p": "Hợp",
		"\xff\xfea\x00":              "a",
		"\xfe\xff\x00a\x00":          "a",
		"\x80\xa0\x18":               "•€˘",
		"\xe9":                       "é",
		"\xfe\xff\x00\x1b\x00v\x00i\x00\x1b\x00c": "c",
		"\xef\xbb\xbf\x1bvi\x1bd\x1be":            "d\x1be",
	} {
		if got := String(in).Text(); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
