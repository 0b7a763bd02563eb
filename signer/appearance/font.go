package appearance

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf16"

	"github.com/go-fonts/liberation/liberationserifbold"
	"github.com/go-fonts/liberation/liberationserifregular"
	"github.com/tdewolff/font"

	"sokyso/signer/pdf"
)

// GlyphError names a character that the font can't show.
type GlyphError struct {
	Rune rune
	Text string // the line it stands in
}

func (e *GlyphError) Error() string {
	return fmt.Sprintf("the font has no glyph for %q (U+%04X) in %q", e.Rune, e.Rune, e.Text)
}

// face is one of the two embedded fonts, parsed once.
type face struct {
	name string
	bold bool
	sfnt *font.SFNT
}

var regular = sync.OnceValues(func() (*face, error) {
	return parseFace("LiberationSerif", false, liberationserifregular.TTF)
})

var bold = sync.OnceValues(func() (*face, error) {
	return parseFace("LiberationSerif-Bold", true, liberationserifbold.TTF)
})

func parseFace(name string, isBold bool, ttf []byte) (*face, error) {
	sfnt, err := font.ParseSFNT(ttf, 0)
	if err != nil {
		return nil, fmt.Errorf("parse font %s: %w", name, err)
	}
	return &face{name: name, bold: isBold, sfnt: sfnt}, nil
}

// em converts font units to thousandths of the text size (ISO 32000-2 §9.2.4).
func (f *face) em(units int) float64 {
	return float64(units) * 1000 / float64(f.sfnt.Head.UnitsPerEm)
}

// ascent and descent are those of hhea, in ems; both positive.
func (f *face) ascent() float64  { return f.em(int(f.sfnt.Hhea.Ascender)) / 1000 }
func (f *face) descent() float64 { return -f.em(int(f.sfnt.Hhea.Descender)) / 1000 }

// glyph answers the glyph of r, 0 when the font has none.
func (f *face) glyph(r rune) uint16 { return f.sfnt.GlyphIndex(r) }

// width of the text in ems.
func (f *face) width(text string) float64 {
	units := 0
	for _, r := range text {
		units += int(f.sfnt.GlyphAdvance(f.glyph(r)))
	}
	return f.em(units) / 1000
}

// subset collects the glyphs of one face that a box uses.
type subset struct {
	face  *face
	runes map[uint16]rune
}

// always are characters that every subset has: those of a time, which is all that differs between the signatures of
// one person, so that a batch needs one font only.
const always = " 0123456789:-+/.,TZ"

func newSubset(f *face) *subset {
	s := &subset{face: f, runes: map[uint16]rune{}}
	s.use(always)
	return s
}

func (s *subset) use(text string) {
	for _, r := range text {
		s.runes[s.face.glyph(r)] = r
	}
}

// sealed is a subset whose glyph numbers are fixed: number i of the embedded font is glyphs[i] of the face.
type sealed struct {
	*subset
	glyphs []uint16
}

func (s *subset) seal() sealed {
	glyphs := []uint16{0}
	for g := range s.runes {
		glyphs = append(glyphs, g)
	}
	slices.Sort(glyphs)
	return sealed{subset: s, glyphs: slices.Compact(glyphs)}
}

// hex is the text as a hexadecimal string of glyph numbers.
func (s sealed) hex(text string) string {
	var b strings.Builder
	b.WriteByte('<')
	for _, r := range text {
		i, _ := slices.BinarySearch(s.glyphs, s.face.glyph(r))
		fmt.Fprintf(&b, "%04X", i)
	}
	b.WriteByte('>')
	return b.String()
}

// add embeds the subset as a Type 0 font, with a list of its glyphs if that is wanted.
func (s sealed) add(u *pdf.Update, listed bool) (pdf.Ref, error) {
	program, err := programs.get(s)
	if err != nil {
		return pdf.Ref{}, err
	}
	f := s.face
	head, hhea := f.sfnt.Head, f.sfnt.Hhea
	name := pdf.Name(program.tag + "+" + f.name)
	em := func(units int16) pdf.Integer { return pdf.Integer(f.em(int(units))) }
	weight := pdf.Integer(80)
	if f.bold {
		weight = 140
	}
	widths := make(pdf.Array, len(s.glyphs))
	for i, g := range s.glyphs {
		widths[i] = pdf.Integer(f.em(int(f.sfnt.GlyphAdvance(g))) + 0.5)
	}
	file := u.Add(&pdf.Stream{Data: program.data, Dict: pdf.Dict{"Filter": pdf.Name("FlateDecode"), "Length1": pdf.Integer(program.length)}})
	descriptor := pdf.Dict{
		"Type": pdf.Name("FontDescriptor"), "FontName": name, "FontFamily": pdf.String("Liberation Serif"),
		"Flags":    pdf.Integer(1<<1 | 1<<2), // serif, symbolic: glyphs are chosen by number, not by a Latin encoding
		"FontBBox": pdf.Array{em(head.XMin), em(head.YMin), em(head.XMax), em(head.YMax)},
		"Ascent":   em(hhea.Ascender), "Descent": em(hhea.Descender), "CapHeight": pdf.Integer(662),
		"ItalicAngle": pdf.Integer(0), "StemV": weight, "FontFile2": file,
	}
	if listed {
		descriptor["CIDSet"] = u.Add(compressed(pdf.Dict{}, allGlyphs(program.glyphs)))
	}
	cid := u.Add(pdf.Dict{
		"Type": pdf.Name("Font"), "Subtype": pdf.Name("CIDFontType2"), "BaseFont": name,
		"CIDSystemInfo":  pdf.Dict{"Registry": pdf.String("Adobe"), "Ordering": pdf.String("Identity"), "Supplement": pdf.Integer(0)},
		"FontDescriptor": u.Add(descriptor), "CIDToGIDMap": pdf.Name("Identity"),
		"DW": pdf.Integer(1000), "W": pdf.Array{pdf.Integer(0), widths},
	})
	return u.Add(pdf.Dict{
		"Type": pdf.Name("Font"), "Subtype": pdf.Name("Type0"), "BaseFont": name, "Encoding": pdf.Name("Identity-H"),
		"DescendantFonts": pdf.Array{cid}, "ToUnicode": u.Add(compressed(pdf.Dict{}, s.toUnicode())),
	}), nil
}

// allGlyphs is a CIDSet (ISO 32000-2 table 122) of the first glyphs.
func allGlyphs(count int) []byte {
	set := make([]byte, (count+7)/8)
	for i := range count {
		set[i/8] |= 0x80 >> (i % 8)
	}
	return set
}

// program is the font file with the subset's glyphs, the same bytes at each call.
func (s sealed) program() ([]byte, error) { return s.face.file(s.glyphs, nil) }

// file is a font file with these glyphs, in this order, and further tables.
func (f *face) file(glyphs []uint16, more map[string][]byte) ([]byte, error) {
	// Subset writes to tables of the font it was called on; each call gets its own copy of them.
	source := *f.sfnt
	maxp, head, hhea := *source.Maxp, *source.Head, *source.Hhea
	source.Maxp, source.Head, source.Hhea = &maxp, &head, &hhea
	out, err := source.Subset(slices.Clone(glyphs), font.SubsetOptions{Tables: font.KeepPDFTables})
	if err != nil {
		return nil, fmt.Errorf("subset font %s: %w", f.name, err)
	}
	maps.Copy(out.Tables, more)
	return writeSFNT(out.Tables), nil
}

// tag is the six letters before the name of a subset font (ISO 32000-2 §9.9.2), drawn from its bytes.
func tag(program []byte) string {
	sum := sha256.Sum256(program)
	v := binary.BigEndian.Uint64(sum[:])
	var b [6]byte
	for i := range b {
		b[i] = 'A' + byte(v%26)
		v /= 26
	}
	return string(b[:])
}

// toUnicode is the CMap from glyph numbers to text (ISO 32000-2 §9.10.3).
func (s sealed) toUnicode() []byte {
	var b strings.Builder
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n" +
		"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	for chunk := range slices.Chunk(s.mapped(), 100) { // at most 100 in one operator
		fmt.Fprintf(&b, "%d beginbfchar\n", len(chunk))
		for _, i := range chunk {
			fmt.Fprintf(&b, "<%04X> <", i)
			for _, unit := range utf16.Encode([]rune{s.runes[s.glyphs[i]]}) {
				fmt.Fprintf(&b, "%04X", unit)
			}
			b.WriteString(">\n")
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return []byte(b.String())
}

// mapped lists the glyph numbers that stand for a character.
func (s sealed) mapped() []int {
	var out []int
	for i, g := range s.glyphs {
		if _, ok := s.runes[g]; ok {
			out = append(out, i)
		}
	}
	return out
}

// writeSFNT writes an OpenType file with these tables. The library's own writer stamps the time of writing into the
// head table, so two equal signatures would differ.
func writeSFNT(tables map[string][]byte) []byte {
	tags := make([]string, 0, len(tables))
	for tag := range tables {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	n := len(tags)
	selector := 0
	for 2<<selector <= n {
		selector++
	}
	out := make([]byte, 0, 64<<10)
	out = binary.BigEndian.AppendUint32(out, 0x00010000)
	out = binary.BigEndian.AppendUint16(out, uint16(n))
	out = binary.BigEndian.AppendUint16(out, uint16(16<<selector))
	out = binary.BigEndian.AppendUint16(out, uint16(selector))
	out = binary.BigEndian.AppendUint16(out, uint16(16*n-16<<selector))
	out = append(out, make([]byte, 16*n)...)
	adjustment := -1
	for i, tag := range tags {
		start := len(out)
		out = append(out, tables[tag]...)
		length := len(out) - start
		if tag == "head" && length >= 36 {
			adjustment = start + 8
			clear(out[adjustment : adjustment+4])
			clear(out[start+28 : start+36]) // modified: not known
		}
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
		record := out[12+16*i:]
		copy(record, tag)
		binary.BigEndian.PutUint32(record[4:], checksum(out[start:]))
		binary.BigEndian.PutUint32(record[8:], uint32(start))
		binary.BigEndian.PutUint32(record[12:], uint32(length))
	}
	if adjustment >= 0 {
		binary.BigEndian.PutUint32(out[adjustment:], 0xB1B0AFBA-checksum(out))
	}
	return out
}

// checksum of an OpenType table whose length is a multiple of four.
func checksum(b []byte) uint32 {
	var sum uint32
	for ; len(b) >= 4; b = b[4:] {
		sum += binary.BigEndian.Uint32(b)
	}
	return sum
}
