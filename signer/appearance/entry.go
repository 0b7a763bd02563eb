package appearance

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"sokyso/signer/pdf"
)

// EntryFontName is the name of EntryFont in a form's default resources.
const EntryFontName = "SokysoSerif"

// first and last are the characters that EntryFont has: ASCII, enough for numbers and dates.
const (
	firstEntry = ' '
	lastEntry  = '~'
)

// entryProgram is EntryFont's file: glyphs in the order of ASCII, with the table of characters that a simple font needs.
var entryProgram = sync.OnceValues(func() (entryFile, error) {
	f, err := regular()
	if err != nil {
		return entryFile{}, err
	}
	glyphs := []uint16{0}
	for r := rune(firstEntry); r <= lastEntry; r++ {
		glyphs = append(glyphs, f.glyph(r))
	}
	file, err := f.file(glyphs, map[string][]byte{"cmap": entryMap()})
	if err != nil {
		return entryFile{}, err
	}
	return entryFile{program{tag: tag(file), length: len(file), data: deflate(file)}, sha256.Sum256(file)}, nil
})

type entryFile struct {
	program
	sum [32]byte // SHA-256 before compression
}

// entryMap is a cmap table (OpenType) with one subtable for Windows, format 4: glyph 1 is the first character.
func entryMap() []byte {
	var b []byte
	u16 := func(values ...uint16) {
		for _, v := range values {
			b = binary.BigEndian.AppendUint16(b, v)
		}
	}
	const segments = 2
	u16(0, 1, 3, 1, 0, 12)                        // version, one table, (3, 1), offset 12
	u16(4, 16+8*segments, 0, 2*segments, 4, 1, 0) // format, length, language, segments, search helpers
	u16(lastEntry, 0xFFFF, 0, firstEntry, 0xFFFF) // ends, pad, starts
	u16(0x10000-firstEntry+1, 1, 0, 0)            // deltas, offsets
	return b
}

// EntryFont embeds the characters of ASCII as a simple font: one that programs which fill in forms can use by a field's
// default appearance, where a Type 0 font would be lost on most.
func EntryFont(u *pdf.Update) (pdf.Ref, error) {
	own, err := entryProgram()
	if err != nil {
		return pdf.Ref{}, err
	}
	f, err := regular()
	if err != nil {
		return pdf.Ref{}, err
	}
	head, hhea := f.sfnt.Head, f.sfnt.Hhea
	em := func(units int16) pdf.Integer { return pdf.Integer(f.em(int(units))) }
	name := pdf.Name(own.tag + "+" + f.name)
	var widths pdf.Array
	for r := rune(firstEntry); r <= lastEntry; r++ {
		widths = append(widths, pdf.Integer(f.em(int(f.sfnt.GlyphAdvance(f.glyph(r))))+0.5))
	}
	file := u.Add(&pdf.Stream{Data: own.data, Dict: pdf.Dict{"Filter": pdf.Name("FlateDecode"), "Length1": pdf.Integer(own.length)}})
	return u.Add(pdf.Dict{
		"Type": pdf.Name("Font"), "Subtype": pdf.Name("TrueType"), "BaseFont": name, "Encoding": pdf.Name("WinAnsiEncoding"),
		"FirstChar": pdf.Integer(firstEntry), "LastChar": pdf.Integer(lastEntry), "Widths": widths,
		"FontDescriptor": u.Add(pdf.Dict{
			"Type": pdf.Name("FontDescriptor"), "FontName": name, "FontFamily": pdf.String("Liberation Serif"),
			"Flags":    pdf.Integer(1<<1 | 1<<5), // serif, of Latin letters
			"FontBBox": pdf.Array{em(head.XMin), em(head.YMin), em(head.XMax), em(head.YMax)},
			"Ascent":   em(hhea.Ascender), "Descent": em(hhea.Descender), "CapHeight": pdf.Integer(662),
			"ItalicAngle": pdf.Integer(0), "StemV": pdf.Integer(80), "FontFile2": file,
		}),
	}), nil
}

// IsEntryFont says whether a font of the file is EntryFont to the last byte: another of its name may show other digits
// than it tells.
func IsEntryFont(f *pdf.File, font pdf.Object) bool {
	own, err := entryProgram()
	if err != nil {
		return false
	}
	d, err := f.Dict(font)
	if err != nil || d["Subtype"] != pdf.Name("TrueType") || d["Encoding"] != pdf.Name("WinAnsiEncoding") || d["ToUnicode"] != nil {
		return false
	}
	descriptor, err := f.Dict(d["FontDescriptor"])
	if err != nil {
		return false
	}
	o, err := f.Resolve(descriptor["FontFile2"])
	if err != nil {
		return false
	}
	stream, ok := o.(*pdf.Stream)
	if !ok {
		return false
	}
	data, err := f.DataUpTo(stream, int64(own.length)+1)
	return err == nil && sha256.Sum256(data) == own.sum
}

// Text is a line of a form field. Width and Height are those of its widget in points as the reader sees them.
type Text struct {
	Width, Height float64
	Text          string // ASCII
	Size          float64
	Rotate        int     // the page's /Rotate
	Font          pdf.Ref // of EntryFont
	Archive       Archive
}

// EntryHeight is the height of a widget in which a line of a size stands on the baseline that Draw and other programs
// give it, and EntryDepth how far that is above the widget's lower edge; both in sizes of the text.
func EntryHeight() float64 { return entryAscent() + EntryDepth() }

// EntryDepth: see EntryHeight.
func EntryDepth() float64 {
	if f, err := regular(); err == nil {
		return f.descent()
	}
	return 0
}

func entryAscent() float64 {
	if f, err := regular(); err == nil {
		return f.ascent()
	}
	return 0
}

// DrawEntry adds the appearance of a text field with a text in it, centred, smaller where it is too wide. The text
// stands between the marks that ISO 32000-2 §12.7.4.3 has for it.
func DrawEntry(u *pdf.Update, t Text) (pdf.Ref, error) {
	if !(t.Width > 0 && t.Height > 0) || t.Width > 14400 || t.Height > 14400 {
		return pdf.Ref{}, fmt.Errorf("draw entry %gx%g pt: %w", t.Width, t.Height, ErrBox)
	}
	f, err := regular()
	if err != nil {
		return pdf.Ref{}, err
	}
	for _, r := range t.Text {
		if r < firstEntry || r > lastEntry {
			return pdf.Ref{}, &GlyphError{Rune: r, Text: t.Text}
		}
	}
	var content bytes.Buffer
	content.WriteString("/Tx BMC\n")
	resources := pdf.Dict{}
	if t.Text != "" {
		size := t.Size
		if size <= 0 {
			size = min(DefaultSize, t.Height/EntryHeight())
		}
		if wide := f.width(t.Text) * size; wide > t.Width {
			size *= t.Width / wide
		}
		if size < MinSize {
			return pdf.Ref{}, fmt.Errorf("draw entry in %.1fx%.1f pt: %w", t.Width, t.Height, ErrTooSmall)
		}
		x, y := (t.Width-f.width(t.Text)*size)/2, (t.Height-EntryHeight()*size)/2+EntryDepth()*size
		fill, _ := t.Archive.black(resources)
		fmt.Fprintf(&content, "q BT /%s %s Tf %s %s %s Td (%s) Tj ET Q\n", EntryFontName, number(size), fill, number(x), number(y), escaped(t.Text))
		resources["Font"] = pdf.Dict{EntryFontName: t.Font}
	}
	content.WriteString("EMC\n")
	dict := pdf.Dict{
		"Type": pdf.Name("XObject"), "Subtype": pdf.Name("Form"), "FormType": pdf.Integer(1),
		"BBox":      pdf.Array{pdf.Integer(0), pdf.Integer(0), pdf.Real(t.Width), pdf.Real(t.Height)},
		"Resources": resources,
	}
	if m := upright(t.Rotate, t.Width, t.Height); m != nil {
		dict["Matrix"] = m
	}
	return u.Add(compressed(dict, content.Bytes())), nil
}

// escaped is ASCII within the brackets of a literal string.
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`).Replace(text)
}
