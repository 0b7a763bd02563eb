package pdf

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"fmt"
	"slices"
	"strings"
)

// draft writes PDF files by hand, right or wrong, for the vectors, the fuzz corpus and the benchmarks. It shares no
// code with the package's own writer.
type draft struct {
	bytes.Buffer
	eol     string // "\n" unless set
	rowEnd  string // end of a table row; " \n" unless set
	base    int64  // offsets in the file count from here
	entries []draftEntry
	size    int   // highest object number + 1
	last    int64 // offset of the last cross-reference section, from base
}

// draftEntry is one cross-reference entry: kind n, f, or c for compressed (in stream b at index c).
type draftEntry struct {
	number int
	kind   byte
	b, c   int64
}

func newDraft(header string) *draft {
	d := &draft{eol: "\n", rowEnd: " \n"}
	d.line("%%PDF-%s", header)
	d.line("%%\xe2\xe3\xcf\xd3")
	return d
}

func (d *draft) at() int64 { return int64(d.Len()) - d.base }

func (d *draft) line(format string, args ...any) {
	fmt.Fprintf(d, format, args...)
	d.WriteString(d.eol)
}

func (d *draft) enter(e draftEntry) {
	d.entries = append(d.entries, e)
	d.size = max(d.size, e.number+1)
}

func (d *draft) free(number int, generation int64) {
	d.enter(draftEntry{number, 'f', 0, generation})
}

func (d *draft) obj(number, generation int, body string) {
	d.enter(draftEntry{number, 'n', d.at(), int64(generation)})
	d.line("%d %d obj", number, generation)
	d.line("%s", strings.ReplaceAll(body, "\n", d.eol))
	d.line("endobj")
}

func (d *draft) stream(number int, dict string, data []byte) {
	d.enter(draftEntry{number, 'n', d.at(), 0})
	d.line("%d 0 obj", number)
	d.line("<</Length %d%s>>", len(data), dict)
	d.WriteString("stream\r\n")
	d.Write(data)
	d.line("")
	d.line("endstream")
	d.line("endobj")
}

// objStream writes an object stream holding the bodies under the numbers.
func (d *draft) objStream(number int, extra string, numbers []int, bodies []string) {
	var head, body strings.Builder
	for i, n := range numbers {
		fmt.Fprintf(&head, "%d %d ", n, body.Len())
		body.WriteString(bodies[i] + " ")
		d.enter(draftEntry{n, 'c', int64(number), int64(i)})
	}
	data := deflate([]byte(head.String() + body.String()))
	d.stream(number, fmt.Sprintf("/Type/ObjStm/N %d/First %d/Filter/FlateDecode%s", len(numbers), head.Len(), extra), data)
}

func deflate(b []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// take returns the entries since the last section, sorted, and in runs of consecutive numbers.
func (d *draft) take() [][]draftEntry {
	list := d.entries
	d.entries = nil
	slices.SortStableFunc(list, func(a, b draftEntry) int { return cmp.Compare(a.number, b.number) })
	var runs [][]draftEntry
	for _, e := range list {
		if n := len(runs); n > 0 && runs[n-1][len(runs[n-1])-1].number == e.number-1 {
			runs[n-1] = append(runs[n-1], e)
		} else {
			runs = append(runs, []draftEntry{e})
		}
	}
	return runs
}

// table writes a section for the entries since the last one. Compressed ones are left out: hybrids have them in a
// stream.
func (d *draft) table(extra string) {
	start := d.at()
	d.line("xref")
	for _, r := range d.take() {
		d.line("%d %d", r[0].number, len(r))
		for _, e := range r {
			if e.kind == 'c' {
				e = draftEntry{e.number, 'f', 0, 0}
			}
			fmt.Fprintf(d, "%010d %05d %c%s", e.b, e.c, e.kind, d.rowEnd)
		}
	}
	d.line("trailer")
	d.line("<</Size %d%s>>", d.size, extra)
	d.last = start
}

// end writes startxref and %%EOF for the last section.
func (d *draft) end() {
	d.line("startxref")
	d.line("%d", d.last)
	d.line("%%%%EOF")
}

// xrefStream writes a section as stream number; encode gets the rows of four columns 1+4+2 and returns the data with
// the dictionary entries that describe it.
func (d *draft) xrefStream(number int, extra string, encode func(rows []byte) ([]byte, string)) {
	start := d.at()
	d.enter(draftEntry{number, 'n', start, 0})
	var rows []byte
	index := ""
	for _, r := range d.take() {
		index += fmt.Sprintf("%d %d ", r[0].number, len(r))
		for _, e := range r {
			kind := map[byte]byte{'f': 0, 'n': 1, 'c': 2}[e.kind]
			rows = append(rows, kind, byte(e.b>>24), byte(e.b>>16), byte(e.b>>8), byte(e.b), byte(e.c>>8), byte(e.c))
		}
	}
	data, described := encode(rows)
	size := d.size
	d.stream(number, fmt.Sprintf("/Type/XRef/W[1 4 2]/Index[%s]/Size %d%s%s", index, size, described, extra), data)
	d.entries = nil
	d.last = start
}

func plainRows(rows []byte) ([]byte, string) { return rows, "" }

func flateRows(rows []byte) ([]byte, string) { return deflate(rows), "/Filter/FlateDecode" }

// pngRows applies the PNG predictors 0 to 4 in turn.
func pngRows(rows []byte) ([]byte, string) {
	return deflate(pngEncode(rows, 7, 1)), "/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 7>>"
}

func pngEncode(data []byte, width, pixel int) []byte {
	var out []byte
	above := make([]byte, width)
	for i := 0; i*width < len(data); i++ {
		row := data[i*width : (i+1)*width]
		kind := i % 5
		out = append(out, byte(kind))
		for j, c := range row {
			var left, corner byte
			if j >= pixel {
				left, corner = row[j-pixel], above[j-pixel]
			}
			switch kind {
			case 1:
				c -= left
			case 2:
				c -= above[j]
			case 3:
				c -= byte((int(left) + int(above[j])) / 2)
			case 4:
				c -= paeth(int(left), int(above[j]), int(corner))
			}
			out = append(out, c)
		}
		above = row
	}
	return out
}

// The bodies of a document of one page, objects 1 to 5.
const (
	bodyCatalog = "<</Type/Catalog/Pages 2 0 R>>"
	bodyPages   = "<</Type/Pages/Kids[3 0 R]/Count 1>>"
	bodyPage    = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>>"
	bodyFont    = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
	pageContent = "BT /F1 24 Tf 72 720 Td (Thong bao) Tj ET"
)

// onePage writes the objects of a document of one page.
func (d *draft) onePage() *draft {
	d.free(0, 65535)
	d.obj(1, 0, bodyCatalog)
	d.obj(2, 0, bodyPages)
	d.obj(3, 0, bodyPage)
	d.stream(4, "", []byte(pageContent))
	d.obj(5, 0, bodyFont)
	return d
}

const (
	draftID   = "/ID[<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>]"
	draftRoot = "/Root 1 0 R" + draftID
)

// minimal returns a right file of one page.
func minimal() []byte {
	d := newDraft("1.4").onePage()
	d.table(draftRoot)
	d.end()
	return d.Bytes()
}

// many returns a right file of one page and n more small objects, of about 200 bytes each.
func many(n int) []byte {
	d := newDraft("1.4").onePage()
	filler := strings.Repeat("Truong Mam non Hoa Sen. ", 6)
	for i := range n {
		d.obj(6+i, 0, fmt.Sprintf("<</Type/Filler/Number %d/Text(%s)>>", i, filler))
	}
	d.table(draftRoot)
	d.end()
	return d.Bytes()
}
