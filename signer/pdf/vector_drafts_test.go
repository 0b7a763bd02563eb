package pdf

import (
	"bytes"
	"encoding/ascii85"
	"fmt"
	"slices"
	"strings"
)

// drafts returns the hand-made vectors by file name.
func drafts() map[string][]byte {
	v := map[string][]byte{}
	finish := func(name string, d *draft, extra string) {
		d.table(draftRoot + extra)
		d.end()
		v[name+".pdf"] = d.Bytes()
	}
	for _, add := range []func(func(string, *draft, string), map[string][]byte){
		syntaxDrafts, sectionDrafts, brokenDrafts, treeDrafts, refusedDrafts, encryptionDrafts,
	} {
		add(finish, v)
	}
	return v
}

func syntaxDrafts(finish func(string, *draft, string), v map[string][]byte) {
	finish("minimal", newDraft("1.4").onePage(), "")
	finish("pdf-1.0", newDraft("1.0").onePage(), "")
	finish("pdf-2.0", newDraft("2.0").onePage(), "")

	for name, eol := range map[string][2]string{"eol-cr": {"\r", " \r"}, "eol-crlf": {"\r\n", "\r\n"}} {
		d := &draft{eol: eol[0], rowEnd: eol[1]}
		d.line("%%PDF-1.4")
		d.line("%%\xe2\xe3\xcf\xd3")
		finish(name, d.onePage(), "")
	}

	junk := "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n"
	d := &draft{eol: "\n", rowEnd: " \n", base: int64(len(junk))}
	d.WriteString(junk + "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	finish("junk-before-offsets-from-header", d.onePage(), "")
	d = &draft{eol: "\n", rowEnd: " \n"}
	d.WriteString(junk + "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	finish("junk-before-offsets-from-start", d.onePage(), "")

	v["junk-after.pdf"] = append(minimal(), strings.Repeat("\x00<!-- page served in 3 ms -->\r\n", 200)...)
	v["no-eol-at-end.pdf"] = bytes.TrimRight(minimal(), "\n")
	v["no-eof.pdf"] = bytes.TrimSuffix(minimal(), []byte("%%EOF\n"))
	v["comment-in-trailer.pdf"] = bytes.Replace(minimal(), []byte("trailer\n<<"), []byte("trailer % the last\n<< % one\n"), 1)

	d = newDraft("1.4").onePage()
	d.rowEnd = "\n"
	finish("rows-of-19-bytes", d, "")

	d = newDraft("1.4").onePage()
	d.table(draftRoot)
	d.end()
	v["table-starts-at-1.pdf"] = bytes.Replace(d.Bytes(), []byte("xref\n0 6\n"), []byte("xref\n1 6\n"), 1)

	d = newDraft("1.3")
	d.free(0, 65535)
	d.obj(1, 0, "<</Type/Catalog/Pages 2 0 R/Version/1.7/Lang(vi\\(VN\\))>>")
	d.obj(2, 0, bodyPages)
	d.obj(3, 0, bodyPage)
	d.obj(4, 0, "<</Length 6 0 R>>\nstream\n"+pageContent+"\nendstream")
	d.obj(5, 0, bodyFont)
	d.obj(6, 0, fmt.Sprint(len(pageContent)))
	finish("version-in-catalog", d, "")

	d = newDraft("1.4")
	d.free(0, 65535)
	d.obj(1, 0, "<</Type/Catalog/Pages 2 3 R>>")
	d.obj(2, 3, bodyPages)
	d.obj(3, 0, strings.Replace(bodyPage, "2 0 R", "2 3 R", 1))
	d.stream(4, "", []byte(pageContent))
	d.obj(5, 0, bodyFont)
	finish("generation-3", d, "")
}

func sectionDrafts(finish func(string, *draft, string), v map[string][]byte) {
	stream := func(name string, encode func([]byte) ([]byte, string)) {
		d := newDraft("1.5").onePage()
		d.xrefStream(6, draftRoot, encode)
		d.end()
		v[name+".pdf"] = d.Bytes()
	}
	stream("xref-stream-plain", plainRows)
	stream("xref-stream-flate", flateRows)
	stream("xref-stream-png", pngRows)
	stream("xref-stream-lzw", func(rows []byte) ([]byte, string) { return lzwEncode(rows), "/Filter/LZWDecode" })
	stream("xref-stream-hex", func(rows []byte) ([]byte, string) {
		return fmt.Appendf(nil, "%X>", rows), "/Filter[/ASCIIHexDecode]"
	})
	stream("xref-stream-ascii85-flate", func(rows []byte) ([]byte, string) {
		z := deflate(rows)
		b := make([]byte, ascii85.MaxEncodedLen(len(z)))
		return append(b[:ascii85.Encode(b, z)], "~>"...), "/Filter[/ASCII85Decode/FlateDecode]/DecodeParms[null null]"
	})

	d := newDraft("1.5")
	d.free(0, 65535)
	d.objStream(10, "", []int{1, 2}, []string{bodyCatalog, bodyPages})
	d.objStream(11, "/Extends 10 0 R", []int{3, 5}, []string{bodyPage, bodyFont})
	d.stream(4, "", []byte(pageContent))
	d.xrefStream(12, draftRoot, pngRows)
	d.end()
	v["object-streams.pdf"] = d.Bytes()

	v["hybrid.pdf"] = hybridDraft()
	v["hybrid-as-word-writes.pdf"] = wordDraft()

	// Updates: a table after a stream, a stream after a table, three revisions that free and redefine.
	d = newDraft("1.5").onePage()
	d.xrefStream(6, draftRoot, flateRows)
	d.end()
	d.obj(7, 0, "(a table after a stream)")
	d.table(fmt.Sprintf("%s/Prev %d", draftRoot, d.last))
	d.end()
	v["prev-table-stream.pdf"] = d.Bytes()
	d = newDraft("1.5").onePage()
	d.table(draftRoot)
	d.end()
	d.obj(6, 0, "(a stream after a table)")
	d.xrefStream(7, fmt.Sprintf("%s/Prev %d", draftRoot, d.last), flateRows)
	d.end()
	v["prev-stream-table.pdf"] = d.Bytes()
	v["three-revisions.pdf"] = threeRevisions()

	finish("prev-0", newDraft("1.4").onePage(), "/Prev 0")
	d = newDraft("1.4").onePage()
	d.obj(9, 0, "(the highest)")
	d.free(7, 1)
	finish("gaps", d, "")
}

// hybridDraft has its hidden objects 7 and 8 in the section's own XRefStm; the catalog leads to them.
func hybridDraft() []byte {
	d := newDraft("1.4")
	d.free(0, 65535)
	d.obj(1, 0, "<</Type/Catalog/Pages 2 0 R/Hidden 8 0 R>>")
	d.obj(2, 0, bodyPages)
	d.obj(3, 0, bodyPage)
	d.stream(4, "", []byte(pageContent))
	d.obj(5, 0, bodyFont)
	d.objStream(6, "", []int{7, 8}, []string{"(hidden from old readers)", "<</A 7 0 R>>"})
	table := d.entries
	d.entries = nil
	for _, e := range table {
		if e.kind == 'c' {
			d.enter(e)
		}
	}
	at := d.at()
	d.xrefStream(9, draftRoot, flateRows)
	d.entries = append(table, draftEntry{9, 'n', at, 0})
	d.table(fmt.Sprintf("%s/XRefStm %d", draftRoot, at))
	d.end()
	return d.Bytes()
}

// wordDraft is built as Microsoft Word saves: a complete table, then a second section that is empty but for the
// XRefStm, which lists all objects.
func wordDraft() []byte {
	d := newDraft("1.7")
	d.free(0, 65535)
	d.obj(1, 0, "<</Type/Catalog/Pages 2 0 R/Hidden 8 0 R>>")
	d.obj(2, 0, bodyPages)
	d.obj(3, 0, bodyPage)
	d.stream(4, "", []byte(pageContent))
	d.obj(5, 0, bodyFont)
	d.objStream(6, "", []int{7, 8}, []string{"(hidden from old readers)", "<</A 7 0 R>>"})
	all := slices.Clone(d.entries)
	at := d.at()
	d.xrefStream(9, draftRoot, flateRows)
	d.entries = append(all, draftEntry{9, 'n', at, 0})
	d.table(draftRoot)
	d.end()
	d.table(fmt.Sprintf("%s/Prev %d/XRefStm %d", draftRoot, d.last, at))
	out := bytes.Replace(d.Bytes(), []byte("xref\ntrailer"), []byte("xref\n0 0\ntrailer"), 1)
	return fmt.Appendf(out, "startxref\n%d\n%%%%EOF", d.last)
}

func threeRevisions() []byte {
	d := newDraft("1.4").onePage()
	d.obj(6, 0, "(first)")
	d.obj(7, 0, "(freed in the third)")
	d.table(draftRoot)
	d.end()
	d.obj(6, 0, "(second)")
	d.obj(8, 0, "(new in the second)")
	d.table(fmt.Sprintf("%s/Prev %d", draftRoot, d.last))
	d.end()
	d.free(0, 65535)
	d.free(7, 1)
	d.obj(6, 0, "(third)")
	d.table(fmt.Sprintf("%s/Prev %d", draftRoot, d.last))
	d.end()
	return d.Bytes()
}

func brokenDrafts(finish func(string, *draft, string), v map[string][]byte) {
	wrong := func(name string, from, to string) {
		v[name+".pdf"] = bytes.Replace(minimal(), []byte(from), []byte(to), 1)
	}
	wrong("startxref-wrong", "startxref\n", "startxref\n9")
	wrong("startxref-absent", "startxref\n", "")
	wrong("trailer-without-root", "/Root 1 0 R", "")
	wrong("trailer-absent", "trailer\n<<", "")
	wrong("xref-word-absent", "xref\n0 6", "0 6")
	// As after a transfer that made CR LF of LF: every offset is wrong.
	v["offsets-wrong.pdf"] = bytes.ReplaceAll(minimal(), []byte("\n"), []byte("\r\n"))

	d := newDraft("1.4").onePage()
	d.obj(6, 0, "(not where the table says)")
	d.obj(7, 0, "<</Title 6 0 R>>")
	d.entries[6].b -= 20
	finish("one-offset-wrong", d, "/Info 7 0 R")

	d = newDraft("1.4").onePage()
	d.table(fmt.Sprintf("%s/Prev %d", draftRoot, d.at()))
	d.end()
	v["prev-cycle.pdf"] = d.Bytes()
	finish("prev-outside", newDraft("1.4").onePage(), "/Prev 99999")

	d = newDraft("1.5")
	d.free(0, 65535)
	d.objStream(10, "", []int{1, 2, 3, 5}, []string{bodyCatalog, bodyPages, bodyPage, bodyFont})
	d.stream(4, "", []byte(pageContent))
	d.xrefStream(12, draftRoot, flateRows)
	d.last = 17
	d.end()
	v["object-streams-startxref-wrong.pdf"] = d.Bytes()

	d = newDraft("1.4")
	d.free(0, 65535)
	d.obj(1, 0, bodyCatalog)
	d.obj(2, 0, bodyPages)
	d.obj(3, 0, bodyPage)
	d.obj(4, 0, "<</Length 7>>\nstream\n"+pageContent+"\nendstream")
	d.obj(5, 0, bodyFont)
	finish("stream-length-wrong", d, "")
}

func treeDrafts(finish func(string, *draft, string), _ map[string][]byte) {
	pages := func(root, first, second string) *draft {
		d := newDraft("1.4")
		d.free(0, 65535)
		d.obj(1, 0, bodyCatalog)
		d.obj(2, 0, root)
		d.obj(3, 0, bodyPage)
		d.stream(4, "", []byte(pageContent))
		d.obj(5, 0, bodyFont)
		d.obj(6, 0, first)
		d.obj(7, 0, second)
		return d
	}
	leaf := strings.Replace(bodyPage, "/MediaBox[0 0 595 842]", "", 1)
	tree := "<</Type/Pages/Count %d/Kids[%s]/MediaBox[0 0 842 595]/Rotate -90>>"
	finish("pages-inherited", pages(fmt.Sprintf(tree, 2, "3 0 R 6 0 R"),
		"<</Type/Pages/Parent 2 0 R/Count 1/Kids[7 0 R]/CropBox[800 500 10 10]>>", leaf), "")
	finish("pages-count-too-high", pages(fmt.Sprintf(tree, 17, "3 0 R 6 0 R 7 0 R"), leaf, leaf), "")
	finish("pages-count-too-low", pages(fmt.Sprintf(tree, 1, "3 0 R 6 0 R 7 0 R"), leaf, leaf), "")
	finish("pages-count-negative", pages(fmt.Sprintf(tree, -3, "3 0 R 6 0 R"), leaf, "null"), "")
	finish("pages-count-inner-wrong", pages(fmt.Sprintf(tree, 2, "3 0 R 6 0 R"),
		"<</Type/Pages/Parent 2 0 R/Count 5/Kids[7 0 R]>>", leaf), "")
	finish("pages-cycle", pages(fmt.Sprintf(tree, 9, "3 0 R 6 0 R"),
		"<</Type/Pages/Parent 2 0 R/Count 8/Kids[2 0 R 6 0 R 7 0 R]>>", leaf), "")

	finish("page-direct", pages(fmt.Sprintf(tree, 1, bodyPage), "null", "null"), "")
	finish("pages-direct-deep", pages(fmt.Sprintf(tree, 4, "3 0 R<</Type/Pages/Count 2/Rotate 90/Kids["+leaf+"7 0 R]>>6 0 R"),
		"<</Type/Pages/Parent 2 0 R/Count 1/Kids["+bodyPage+"]>>", leaf), "")

	form := func(name, catalog, sixth string) {
		d := newDraft("1.7")
		d.free(0, 65535)
		d.obj(1, 0, "<</Type/Catalog/Pages 2 0 R"+catalog+">>")
		d.obj(2, 0, bodyPages)
		d.obj(3, 0, bodyPage)
		d.stream(4, "", []byte(pageContent))
		d.obj(5, 0, bodyFont)
		d.obj(6, 0, sixth)
		finish(name, d, "")
	}
	form("fields-name", "/AcroForm<</Fields/None/DA(/Helv 12 Tf)>>", "null")
	form("fields-dictionary", "/AcroForm<</Fields 6 0 R>>", "<</T(remark)/FT/Tx>>")
	form("form-array", "/AcroForm[6 0 R]", "<</T(remark)/FT/Tx>>")

	d := newDraft("1.7")
	d.free(0, 65535)
	d.obj(1, 0, "<</Type/Catalog/Pages 2 0 R/AcroForm 6 0 R>>")
	d.obj(2, 0, bodyPages)
	d.obj(3, 0, strings.Replace(bodyPage, ">>>>", ">>>>/Annots[8 0 R 9 0 R 10 0 R 11 0 R]", 1))
	d.stream(4, "", []byte(pageContent))
	d.obj(5, 0, bodyFont)
	d.obj(6, 0, "<</Fields[7 0 R 10 0 R 12 0 R]/SigFlags 1>>")
	d.obj(7, 0, "<</T(school)/FT/Sig/Kids[8 0 R 9 0 R]>>")
	d.obj(8, 0, "<</T(principal)/Parent 7 0 R/Type/Annot/Subtype/Widget/Rect[0 0 0 0]/P 3 0 R>>")
	d.obj(9, 0, "<</T<FEFF0110>/Parent 7 0 R/Type/Annot/Subtype/Widget/Rect[0 0 0 0]/P 3 0 R>>")
	d.obj(10, 0, "<</T(remark)/FT/Tx/V(none)/DA(/Helv 12 Tf)/Kids[11 0 R]>>")
	d.obj(11, 0, "<</Parent 10 0 R/Type/Annot/Subtype/Widget/Rect[20 20 200 40]/P 3 0 R>>")
	d.obj(12, 0, "<</T(cycle)/Kids[13 0 R 12 0 R]>>")
	d.obj(13, 0, "<</T(inner)/FT/Tx/Parent 12 0 R/Kids[12 0 R]>>")
	finish("fields-nested", d, "")
}

func refusedDrafts(finish func(string, *draft, string), v map[string][]byte) {
	v["empty.pdf"] = []byte{}
	v["not-a-pdf.pdf"] = []byte("PK\x03\x04 a word processor's file under the wrong name\n")
	d := newDraft("1.4").onePage()
	d.Buffer = *bytes.NewBuffer(bytes.Replace(d.Bytes(), []byte("%PDF-1.4"), []byte("%Thong bao")[:8], 1))
	d.table(draftRoot)
	d.end()
	v["no-header.pdf"] = d.Bytes()
	v["header-only.pdf"] = []byte("%PDF-1.4\n")
	v["cut-in-stream.pdf"] = minimal()[:bytes.Index(minimal(), []byte("720 Td"))]
	v["cut-in-table.pdf"] = minimal()[:bytes.Index(minimal(), []byte("trailer"))-50]
	three := threeRevisions()
	v["cut-in-update.pdf"] = three[:bytes.Index(three, []byte("(third)"))]

	d = newDraft("1.4").onePage()
	d.entries = nil
	d.free(0, 65535)
	d.obj(1, 0, bodyCatalog)
	d.obj(2, 0, "<</Type/Pages/Kids[]/Count 0>>")
	finish("no-pages", d, "")

	d = newDraft("1.4")
	d.free(0, 65535)
	d.obj(1, 0, "<</Type/Catalog/Names "+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+"/Pages 2 0 R>>")
	d.obj(2, 0, bodyPages)
	d.obj(3, 0, bodyPage)
	finish("nested-5000-deep", d, "")

	// Rows enough for eight million entries, in a few kilobytes.
	d = newDraft("1.5").onePage()
	d.xrefStream(6, draftRoot, func([]byte) ([]byte, string) {
		return deflate(make([]byte, 56<<20)), "/Filter/FlateDecode"
	})
	d.end()
	v["xref-stream-bomb.pdf"] = bytes.Replace(d.Bytes(), []byte("/Index[0 7 ]"), []byte("/Index[0 8388608]"), 1)
}

// lzwEncode encodes with clear codes often enough that codes stay 9 bits wide.
func lzwEncode(b []byte) []byte {
	var out []byte
	var bits uint32
	var n uint
	code := func(c uint32) {
		bits, n = bits<<9|c, n+9
		for ; n >= 8; n -= 8 {
			out = append(out, byte(bits>>(n-8)))
		}
	}
	for i, c := range b {
		if i%200 == 0 {
			code(lzwClear)
		}
		code(uint32(c))
	}
	code(lzwEnd)
	if n > 0 {
		out = append(out, byte(bits<<(8-n)))
	}
	return out
}
