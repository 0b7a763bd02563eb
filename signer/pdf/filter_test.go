package pdf

import (
	"bytes"
	"encoding/ascii85"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func decode(t testing.TB, data []byte, dict string) ([]byte, error) {
	t.Helper()
	o, err := parse("<<" + dict + ">>")
	if err != nil {
		t.Fatal(err)
	}
	f := &File{source: &source{r: bytes.NewReader(nil)}}
	return f.Data(&Stream{Dict: o.(Dict), Data: data})
}

func TestFilters(t *testing.T) {
	text := []byte(strings.Repeat("Trường Mầm non Hoa Sen. ", 40))
	a85 := make([]byte, ascii85.MaxEncodedLen(len(text)))
	a85 = a85[:ascii85.Encode(a85, text)]
	z := deflate(text)
	for name, c := range map[string]struct {
		data []byte
		dict string
		want []byte
	}{
		"none":                {text, "", text},
		"flate":               {z, "/Filter/FlateDecode", text},
		"flate, abbreviated":  {z, "/Filter[/Fl]", text},
		"flate without check": {z[:len(z)-4], "/Filter/FlateDecode", text},
		"flate after CR LF":   {append([]byte("\r\n"), z...), "/Filter/FlateDecode", text},
		"two":                 {fmt.Appendf(nil, "%x", z), "/Filter[/ASCIIHexDecode/FlateDecode]", text},
		"hex":                 {[]byte("4 1\n42 4>zz"), "/Filter/ASCIIHexDecode", []byte("AB@")},
		"ascii85":             {append(a85, "~>junk"...), "/Filter/ASCII85Decode", text},
		"ascii85 with z":      {[]byte("z 5s\n#\x00~>"), "/Filter/ASCII85Decode", []byte("\x00\x00\x00\x00A;")},
		"run length":          {[]byte("\x02abc\xfed\x80zz"), "/Filter/RunLengthDecode", []byte("abcddd")},
		"run length cut":      {[]byte("\x05abc"), "/Filter/RunLengthDecode", []byte("abc")},
		// ISO 32000-2 §7.4.4.2, example 1.
		"lzw": {[]byte{0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01}, "/Filter/LZWDecode",
			[]byte("-----A---B")},
		"crypt":       {text, "/Filter/Crypt/DecodeParms<</Name/Identity>>", text},
		"tiff":        {[]byte{1, 2, 3, 10, 20, 30}, "/Filter/ASCIIHexDecode", nil},
		"predictor 1": {z, "/Filter/FlateDecode/DecodeParms<</Predictor 1/Columns 9>>", text},
	} {
		if name == "tiff" {
			c.data = deflate(c.data)
			c.dict = "/Filter/FlateDecode/DecodeParms<</Predictor 2/Columns 3>>"
			c.want = []byte{1, 3, 6, 10, 30, 60}
		}
		got, err := decode(t, c.data, c.dict)
		if err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s: %.60q, %v", name, got, err)
		}
	}
}

func TestFilterErrors(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		dict string
		want Kind
	}{
		"image":        {nil, "/Filter/DCTDecode", KindUnsupported},
		"unknown":      {nil, "/Filter/Nonsense", KindUnsupported},
		"crypt":        {nil, "/Filter/Crypt/DecodeParms<</Name/StdCF>>", KindUnsupported},
		"no name":      {nil, "/Filter[1]", KindDamaged},
		"no zlib":      {[]byte("plain text"), "/Filter/FlateDecode", KindDamaged},
		"wrong flate":  {append([]byte{0x78, 0x9c}, 0xff, 0xff, 0xff), "/Filter/FlateDecode", KindDamaged},
		"wrong hex":    {[]byte("4G"), "/Filter/ASCIIHexDecode", KindDamaged},
		"wrong 85":     {[]byte("vvvvv~>"), "/Filter/ASCII85Decode", KindDamaged},
		"wrong lzw":    {[]byte{0x80, 0x3f, 0xff, 0xff}, "/Filter/LZWDecode", KindDamaged},
		"predictor":    {deflate([]byte("\x09ab")), "/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 2>>", KindDamaged},
		"columns":      {deflate([]byte("ab")), "/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 99999999>>", KindDamaged},
		"nine filters": {nil, "/Filter[" + strings.Repeat("/AHx", maxFilters+1) + "]", KindTooComplex},
	} {
		if b, err := decode(t, c.data, c.dict); KindOf(err) != c.want {
			t.Errorf("%s: %q, %v; want %v", name, b, err, c.want)
		}
	}
}

// TestBombs: a stream that decodes to more than the limit, also by way of a filter that shrinks it again.
func TestBombs(t *testing.T) {
	zeros := deflate(make([]byte, MaxData+1))
	if _, err := decode(t, zeros, "/Filter/FlateDecode"); !IsKind(err, KindTooComplex) {
		t.Errorf("bomb: %v", err)
	}
	// Hexadecimal of white space only decodes to nothing.
	spaces := deflate(bytes.Repeat([]byte(" "), stageFactor<<20+1))
	f := &File{source: &source{r: bytes.NewReader(nil)}}
	_, err := f.DataUpTo(&Stream{Data: spaces, Dict: Dict{
		"Filter": Array{Name("FlateDecode"), Name("ASCIIHexDecode")}}}, 1<<20)
	if !IsKind(err, KindTooComplex) {
		t.Errorf("bomb of white space: %v", err)
	}
}

// TestLZW encodes with widening codes, as writers do, with both settings of EarlyChange.
func TestLZW(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.ByteRange(0, 3), 0, 12000).Draw(t, "data")
		for early := range 2 {
			f := &File{source: &source{r: bytes.NewReader(nil)}}
			got, err := f.Data(&Stream{Data: lzwTable(data, early), Dict: Dict{
				"Filter": Name("LZWDecode"), "DecodeParms": Dict{"EarlyChange": Integer(early)}}})
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("early %d: %d bytes of %d, %v", early, len(got), len(data), err)
			}
		}
	})
}

// lzwTable is a straightforward encoder with a table that grows to 12 bits.
func lzwTable(b []byte, early int) []byte {
	var out []byte
	var bits uint64
	var n, width uint = 0, 9
	emit := func(c int) {
		bits, n = bits<<width|uint64(c), n+width
		for ; n >= 8; n -= 8 {
			out = append(out, byte(bits>>(n-8)))
		}
	}
	table := map[string]int{}
	code := func(s string) int {
		if len(s) == 1 {
			return int(s[0])
		}
		return table[s]
	}
	emit(lzwClear)
	s := ""
	for _, c := range b {
		next := s + string([]byte{c})
		if _, ok := table[next]; ok || s == "" {
			s = next
			continue
		}
		emit(code(s))
		table[next] = 258 + len(table)
		// The decoder is one entry behind; it widens when its next code does not fit, EarlyChange one sooner.
		if have := 258 + len(table) - 1 + early; have >= 1<<width && width < 12 {
			width++
		}
		if 258+len(table) >= 4094 {
			emit(lzwClear)
			table, width = map[string]int{}, 9
		}
		s = string([]byte{c})
	}
	if s != "" {
		emit(code(s))
		if have := 258 + len(table) + early; have >= 1<<width && width < 12 {
			width++
		}
	}
	emit(lzwEnd)
	if n > 0 {
		out = append(out, byte(bits<<(8-n)))
	}
	return out
}

func TestPNGPredictors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 40).Draw(t, "columns")
		colors := rapid.IntRange(1, 4).Draw(t, "colors")
		rows := rapid.IntRange(0, 12).Draw(t, "rows")
		data := rapid.SliceOfN(rapid.Byte(), columns*colors*rows, columns*colors*rows).Draw(t, "data")
		f := &File{source: &source{r: bytes.NewReader(nil)}}
		got, err := f.Data(&Stream{Data: deflate(pngEncode(data, columns*colors, colors)), Dict: Dict{
			"Filter": Name("FlateDecode"), "DecodeParms": Dict{
				"Predictor": Integer(12), "Columns": Integer(columns), "Colors": Integer(colors)}}})
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%v", err)
		}
	})
}
