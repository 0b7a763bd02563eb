package validation

import (
	"strconv"
	"strings"
	"unicode/utf16"

	"sokyso/signer/pdf"
)

// font is what is needed of a font to say which characters a string shows and how far they reach.
type font struct {
	composite bool
	drawn     bool              // Type 3: its letters are any drawing
	codes     map[uint32]string // ToUnicode
	simple    bool              // codes are Latin text
	names     map[uint32]string // of Differences
	first     int
	widths    []float64 // in text space units, from first on
	wide      float64   // of the others
	byCode    map[uint32]float64
}

// fontOf reads a font of the resources; nil is one of which nothing is known.
func (c *canvas) fontOf(resources pdf.Dict, name pdf.Object) *font {
	list, err := c.file.Dict(resources["Font"])
	if err != nil {
		return nil
	}
	key, _ := name.(pdf.Name)
	ref, isRef := list[key].(pdf.Ref)
	if f, ok := c.fonts[ref]; ok && isRef {
		return f
	}
	d, err := c.file.Dict(list[key])
	if err != nil || d == nil {
		return nil
	}
	f := c.readFont(d)
	if isRef {
		c.fonts[ref] = f
	}
	return f
}

func (c *canvas) readFont(d pdf.Dict) *font {
	f := &font{wide: 0.5}
	if o, err := c.file.Resolve(d["ToUnicode"]); err == nil {
		if s, ok := o.(*pdf.Stream); ok {
			if data, err := c.file.DataUpTo(s, 1<<20); err == nil {
				f.codes = readToUnicode(data)
			}
		}
	}
	kind, _ := c.file.Name(d["Subtype"])
	if f.drawn = kind == "Type3"; f.drawn {
		f.codes = nil // whatever they are said to be
	}
	if kind == "Type0" {
		f.composite, f.wide = true, 1
		if list, err := c.file.Array(d["DescendantFonts"]); err == nil && len(list) > 0 {
			if below, err := c.file.Dict(list[0]); err == nil {
				c.readWidths(f, below)
			}
		}
		return f
	}
	first, _ := c.file.Integer(d["FirstChar"])
	f.first = int(min(max(first, 0), 255))
	if list, err := c.file.Array(d["Widths"]); err == nil && len(list) <= 256 {
		for _, o := range list {
			w, _ := c.file.Number(o)
			f.widths = append(f.widths, w/1000)
		}
	}
	encoding, err := c.file.Resolve(d["Encoding"])
	f.simple = err == nil && !f.drawn && (encoding != nil || d["FontDescriptor"] == nil)
	if e, ok := encoding.(pdf.Dict); ok {
		if list, err := c.file.Array(e["Differences"]); err == nil && len(list) > 0 {
			f.names = map[uint32]string{}
			code := uint32(0)
			for _, o := range list {
				switch o := o.(type) {
				case pdf.Integer:
					code = uint32(o)
				case pdf.Name:
					f.names[code] = glyphText(string(o))
					code++
				}
			}
		}
	}
	return f
}

// readWidths reads DW and W of a CIDFont (ISO 32000-2 §9.7.4.3), whose codes are taken for those of the strings.
func (c *canvas) readWidths(f *font, d pdf.Dict) {
	if d["DW"] != nil {
		if w, err := c.file.Number(d["DW"]); err == nil {
			f.wide = w / 1000
		}
	}
	list, err := c.file.Array(d["W"])
	if err != nil || len(list) > 1<<16 {
		return
	}
	f.byCode = map[uint32]float64{}
	for i := 0; i+1 < len(list); {
		start, err := c.file.Integer(list[i])
		if err != nil {
			return
		}
		if each, err := c.file.Array(list[i+1]); err == nil {
			for j, o := range each {
				w, _ := c.file.Number(o)
				f.byCode[uint32(start)+uint32(j)] = w / 1000
			}
			i += 2
			continue
		}
		end, err := c.file.Integer(list[i+1])
		if err != nil || i+2 >= len(list) || end-start > 1<<16 {
			return
		}
		w, _ := c.file.Number(list[i+2])
		for code := start; code <= end; code++ {
			f.byCode[uint32(code)] = w / 1000
		}
		i += 3
	}
}

// glyphText is the character of a glyph name as far as the name alone tells; "" otherwise.
func glyphText(name string) string {
	if len(name) == 1 {
		return name
	}
	if t, ok := glyphNames[name]; ok {
		return t
	}
	for _, prefix := range []string{"uni", "u"} {
		if digits, ok := strings.CutPrefix(name, prefix); ok && len(digits) >= 4 && len(digits) <= 6 {
			if n, err := strconv.ParseUint(digits, 16, 21); err == nil {
				return string(rune(n))
			}
		}
	}
	return ""
}

// glyphNames are those of ASCII that are no letters.
var glyphNames = func() map[string]string {
	names := map[string]string{"quoteright": "\u2019", "quoteleft": "\u2018", "bullet": "\u2022", "endash": "\u2013", "emdash": "\u2014", "ellipsis": "\u2026"}
	for i, name := range strings.Fields("space exclam quotedbl numbersign dollar percent ampersand quotesingle parenleft parenright " +
		"asterisk plus comma hyphen period slash zero one two three four five six seven eight nine colon semicolon less equal greater question at") {
		names[name] = string(rune(' ' + i))
	}
	for i, name := range strings.Fields("bracketleft backslash bracketright asciicircum underscore grave") {
		names[name] = string(rune('[' + i))
	}
	for i, name := range strings.Fields("braceleft bar braceright asciitilde") {
		names[name] = string(rune('{' + i))
	}
	return names
}()

// each hands over the characters of a string: what it says, whether that is known, its width in text space units, and
// whether it is the space of one byte that word spacing goes by.
func (f *font) each(s pdf.String, yield func(text string, known bool, width float64, space bool)) {
	if f == nil {
		for _, b := range s {
			yield("", false, 0.5, b == ' ')
		}
		return
	}
	if f.composite {
		for i := 0; i+1 < len(s); i += 2 {
			code := uint32(s[i])<<8 | uint32(s[i+1])
			width, ok := f.byCode[code]
			if !ok {
				width = f.wide
			}
			t, known := f.codes[code]
			yield(t, known, width, false)
		}
		return
	}
	for _, b := range s {
		code := uint32(b)
		width := f.wide
		if i := int(b) - f.first; i >= 0 && i < len(f.widths) {
			width = f.widths[i]
		}
		t, known := f.codes[code]
		if !known && f.simple {
			if t, known = f.names[code]; known {
				known = t != ""
			} else {
				t, known = pdf.String{b}.Text(), true
			}
		}
		yield(t, known, width, b == ' ')
	}
}

// readToUnicode reads the bfchar and bfrange sections of a CMap (ISO 32000-2 §9.10.3).
func readToUnicode(data []byte) map[uint32]string {
	out := map[uint32]string{}
	r := contentReader{b: data}
	var pending []pdf.Object
	for len(out) < 1<<16 {
		o, word, ok := r.token(0)
		switch {
		case !ok:
			return out
		case word == "beginbfchar" || word == "beginbfrange":
			pending = nil
		case word == "endbfchar":
			for i := 0; i+1 < len(pending); i += 2 {
				out[codeOf(pending[i])] = utf16Of(pending[i+1])
			}
			pending = nil
		case word == "endbfrange":
			for i := 0; i+2 < len(pending); i += 3 {
				first, last := codeOf(pending[i]), codeOf(pending[i+1])
				if last < first || last-first > 1<<16 {
					continue
				}
				list, isList := pending[i+2].(pdf.Array)
				start := []rune(utf16Of(pending[i+2]))
				for n := uint32(0); n <= last-first; n++ {
					if isList {
						if int(n) < len(list) {
							out[first+n] = utf16Of(list[n])
						}
					} else if len(start) > 0 {
						out[first+n] = string(start[:len(start)-1]) + string(start[len(start)-1]+rune(n))
					}
				}
			}
			pending = nil
		case word == "" && len(pending) < 4096:
			pending = append(pending, o)
		}
	}
	return out
}

func codeOf(o pdf.Object) uint32 {
	s, _ := o.(pdf.String)
	var n uint32
	for _, b := range s {
		n = n<<8 | uint32(b)
	}
	return n
}

func utf16Of(o pdf.Object) string {
	s, _ := o.(pdf.String)
	units := make([]uint16, 0, len(s)/2)
	for ; len(s) >= 2; s = s[2:] {
		units = append(units, uint16(s[0])<<8|uint16(s[1]))
	}
	return string(utf16.Decode(units))
}

// filler are the characters of which lines are made for writing on; nobody misses them under what is written.
func filler(l letter) bool {
	return l.known && strings.Trim(l.text, " .…_-–—‐‑·•\u00a0\t\r\n") == ""
}
