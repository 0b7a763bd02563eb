package validation_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// attack is a signed document that somebody altered, or an honest twin that differs by one change that is permitted.
type attack struct {
	name string // what it does
	file []byte
	want string // verdict on the first signature and later changes
}

const (
	passes     = "TOTAL-PASSED permitted"
	suspicious = "INDETERMINATE suspicious"
	forbidden  = "TOTAL-FAILED forbidden"
	unreadable = "an error"
)

func checkAttacks(t *testing.T, w *world, list []attack) {
	t.Helper()
	for _, a := range list {
		opt := offline
		opt.Roots = w.roots
		r, err := validation.Validate(t.Context(), bytes.NewReader(a.file), int64(len(a.file)), opt)
		if err != nil || len(r.Signatures) == 0 {
			if a.want != unreadable || err == nil {
				t.Errorf("%s: %v, want %s", a.name, err, a.want)
			}
			continue
		}
		got := verdict(r)
		if !strings.HasPrefix(got, a.want) {
			t.Errorf("%s: %s, want %s: %v", a.name, got, a.want, r.Signatures[0].Details)
		}
	}
}

// paper is the document that is attacked: a page with a text, an image, a filled and an empty text field, a check box,
// an empty signature field over nothing, and a signature in object 12.
func paper() map[int]string {
	o := letter()
	o[1] = "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /Metadata 13 0 R >>"
	o[3] = "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots 16 0 R /Resources << /Font << /F1 7 0 R >> /XObject << /Im 8 0 R >> >> >>"
	o[5] = stream("", "BT /F1 24 Tf 72 720 Td (Tra luong 5 trieu) Tj ET BT /F1 12 Tf 72 500 Td (Ho ten: ...........................) Tj ET q 60 0 0 60 400 600 cm /Im Do Q")
	o[8] = stream("/Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray", "\x80")
	o[11] = "<< /Fields [10 0 R 12 0 R 14 0 R 15 0 R 17 0 R] /DR << /Font << /F1 7 0 R >> >> /DA (/F1 12 Tf 0 g) /SigFlags 3 >>"
	o[14] = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (HoTen) /F 4 /Rect [120 495 300 515] /P 3 0 R >>"
	o[15] = "<< /Type /Annot /Subtype /Widget /FT /Btn /T (DongY) /F 4 /V /Off /AS /Off /Rect [72 450 84 462] /P 3 0 R /AP << /N << /Yes 18 0 R /Off 19 0 R >> >> >>"
	o[16] = "[10 0 R 12 0 R 14 0 R 15 0 R 17 0 R]"
	o[17] = "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Trong) /F 4 /Rect [300 100 400 150] /P 3 0 R >>"
	o[18] = form(12, 12, "0 0 m 12 12 l S")
	o[19] = form(12, 12, "")
	o[22] = "<< /Type /Pages /Kids [] /Count 0 >>" // nobody refers to it
	return o
}

// form is an appearance.
func form(width, height int, content string) string {
	return stream(fmt.Sprintf("/Type /XObject /Subtype /Form /BBox [0 0 %d %d] /Resources << /Font << /F1 7 0 R >> >>", width, height), content)
}

// filled is the empty text field with a value and an appearance, which is object 200.
func filled(value string) string {
	return "<< /Type /Annot /Subtype /Widget /FT /Tx /T (HoTen) /F 4 /Rect [120 495 300 515] /P 3 0 R /V (" + value + ") /AP << /N 200 0 R >> >>"
}

func says(text string) string { return form(180, 20, "BT /F1 12 Tf 2 5 Td ("+text+") Tj ET") }

// fieldAt adds an annotation or field that is object 200 to the page, and to the form.
func fieldAt(object string, more map[int]string) map[int]string {
	o := map[int]string{
		11:  strings.Replace(paper()[11], "17 0 R]", "17 0 R 200 0 R]", 1),
		16:  "[10 0 R 12 0 R 14 0 R 15 0 R 17 0 R 200 0 R]",
		200: object,
	}
	for n, s := range more {
		o[n] = s
	}
	return o
}

// annotation adds one to the page only.
func annotation(object string, more map[int]string) map[int]string {
	o := fieldAt(object, more)
	delete(o, 11)
	return o
}

// TestSignatureForgery: universal signature forgery (Mladenov et al., "1 Trillion Dollar Refund", 2019) breaks the
// signature so that a viewer finds nothing to check, and shows it as signed all the same.
func TestSignatureForgery(t *testing.T) {
	w := newWorld(t)
	signed := signObjects(t, w.person(t, authority.Subject{}), paper(), "", nil)
	start := bytes.Index(signed, []byte("/Contents <"))
	end := start + bytes.IndexByte(signed[start:], '>') + 1
	at := bytes.Index(signed, []byte("/ByteRange ["))
	over := at + bytes.IndexByte(signed[at:], ']') + 1
	// in puts a text where the entry is, and fills up with spaces so that every offset stays.
	in := func(from, to int, s string) []byte {
		b := bytes.Clone(signed)
		copy(b[from:to], s+strings.Repeat(" ", to-from-len(s)))
		return b
	}
	var list []attack
	for _, s := range []string{"", "/Contents", "/Contents null", "/Contents <00>", "/Contents <>", "/Contents ()", "/Contents 5", "/Contents 77 0 R", "/Contents [<00>]", "/Contentz <00>"} {
		list = append(list, attack{"Contents is: " + s, in(start, end, s), "TOTAL-FAILED"})
	}
	n := fmt.Sprint(len(signed))
	for _, s := range []string{
		"", "/ByteRange", "/ByteRange null", "/ByteRange []", "/ByteRange [0 0 0 0]", "/ByteRange [0 1 2 3]", "/ByteRange [0 " + n + "]",
		"/ByteRange [0 " + n + " " + n + " 0]", "/ByteRange [0 -1 5 -9]", "/ByteRange [0 100 50 " + n + "]", "/ByteRange 77 0 R", "/ByteRange (0 1)", "/ByteRange [0 0.5 1 2]",
	} {
		list = append(list, attack{"ByteRange is: " + s, in(at, over, s), "TOTAL-FAILED"})
	}
	for _, key := range []string{"/SubFilter /ETSI.CAdES.detached", "/Type /Sig", "/Filter /Adobe.PPKLite"} {
		i := bytes.Index(signed, []byte(key))
		list = append(list, attack{"without " + key, in(i, i+len(key), ""), "TOTAL-FAILED"})
	}
	checkAttacks(t, w, list)
	if r := w.validate(t, signed, offline); verdict(r) != "TOTAL-PASSED none" {
		t.Errorf("untouched: %s %v", verdict(r), r.Signatures[0].Details)
	}
}

// TestIncrementalSaving: incremental saving attacks (2019) append another content, with more or less of what an update
// needs, so that viewers show it and validators do not see it.
func TestIncrementalSaving(t *testing.T) {
	w := newWorld(t)
	signed := signObjects(t, w.person(t, authority.Subject{}), paper(), "", nil)
	page := map[int]string{5: stream("", forgedText)}
	full := update(t, signed, page)
	tail := string(full[len(signed):])
	cut := func(from, to string) []byte {
		i, j := strings.Index(tail, from), len(tail)
		if to != "" {
			j = strings.LastIndex(tail, to)
		}
		return append(bytes.Clone(signed), tail[:i]+tail[j:]...)
	}
	signature := string(signed[bytes.Index(signed, []byte("20 0 obj")):bytes.Index(signed, []byte("\nendobj\n21 0 obj"))])
	checkAttacks(t, w, []attack{
		{"the content is replaced by a whole update", full, forbidden},
		{"an update without cross-reference and trailer", cut("xref", ""), unreadable},
		{"an update without cross-reference", cut("xref", "trailer"), "INDETERMINATE suspicious"},
		{"an update with a trailer and nothing to find it by", cut("startxref", ""), "INDETERMINATE suspicious"},
		{"an update with the signature in it once more", update(t, signed, map[int]string{5: page[5], 20: strings.TrimPrefix(signature, "20 0 obj\n")}), "TOTAL-FAILED"},
		{"an object that the update does not list", inUpdate(t, signed, update(t, signed, map[int]string{5: page[5], 200: "(x)"}), "5 1\n", "300 1\n"), suspicious},
		{"the update in a comment", append(bytes.Clone(signed), "%"+strings.ReplaceAll(tail, "\n", "\r")...), "TOTAL-FAILED"},
		{"the twin: what nobody refers to is added", update(t, signed, map[int]string{200: "(x)"}), passes},
		{"the twin: the content is written again as it was", update(t, signed, map[int]string{5: paper()[5]}), passes},
	})
}

// TestSignatureWrapping: signature wrapping (2019) makes the gap of ByteRange larger than Contents and puts objects
// there.
func TestSignatureWrapping(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	signed := signObjects(t, who, paper(), "", nil)
	der := w.validate(t, signed, offline).Signatures[0].CMS
	start := bytes.Index(signed, []byte("/Contents <")) + len("/Contents ")
	end := start + bytes.IndexByte(signed[start:], '>') + 1
	br := w.validate(t, signed, offline).Signatures[0].ByteRange
	// wrap closes Contents after the CMS and uses the room behind it.
	wrap := func(s string) []byte {
		b := bytes.Clone(signed)
		i := start + 1 + 2*len(der)
		copy(b[i:end], ">"+s+strings.Repeat(" ", end-i-1-len(s)))
		return b
	}
	again := fmt.Sprintf(" /ByteRange [0 %d %d %d]", br[1], br[2], br[3])
	inside := wrap(again + " >> endobj 5 0 obj " + stream("", forgedText) + " endobj 23 0 obj <<")
	activated := update(t, inside, map[int]string{200: "(x)"})
	object := bytes.Index(inside, []byte("5 0 obj <<"))
	activated = inUpdate(t, inside, activated, "200 1\n", fmt.Sprintf("5 1\n%010d 00000 n \n200 1\n", object))
	checkAttacks(t, w, []attack{
		{"the room behind the CMS holds spaces", wrap(""), "TOTAL-FAILED"},
		{"it holds a second ByteRange", wrap(again), "TOTAL-FAILED"},
		{"it holds another content", inside, "TOTAL-FAILED"},
		{"and an update leads to it", activated, "TOTAL-FAILED"},
	})
}

// TestShadowDocuments: shadow attacks (Mainka et al., 2021) prepare a document so that a harmless update shows another
// one.
func TestShadowDocuments(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	hidden := paper()
	hidden[3] = strings.Replace(hidden[3], "/Contents 5 0 R", "/Contents [23 0 R 5 0 R 24 0 R]", 1)
	hidden[3] = strings.Replace(hidden[3], "/Im 8 0 R", "/Im 8 0 R /Over 25 0 R", 1)
	hidden[23], hidden[24] = stream("", forgedText), stream("", "/Over Do")
	hidden[25] = form(595, 842, "1 1 1 rg 0 0 595 842 re f 0 g BT /F1 24 Tf 72 720 Td (Tra luong 5 trieu) Tj ET")
	hide := signObjects(t, who, hidden, "", nil)

	// A second set of objects lies in the signed file; the update only points at it.
	prepared := paper()
	prepared[23] = "null\nendobj\n5 0 obj\n" + stream("", forgedText)
	both := signObjects(t, who, prepared, "", nil)
	other := bytes.LastIndex(both, []byte("\n5 0 obj")) + 1
	activated := inUpdate(t, both, update(t, both, map[int]string{200: "(x)"}), "200 1\n", fmt.Sprintf("5 1\n%010d 00000 n \n200 1\n", other))
	pages := paper()
	pages[2] = "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 595 842] >>"
	pages[4] = "<< /Type /Page /Parent 2 0 R /Contents 6 0 R /Resources << /Font << /F1 7 0 R >> >> >>"
	pages[6] = stream("", forgedText)
	two := signObjects(t, who, pages, "", nil)
	signed := signObjects(t, who, paper(), "", nil)

	covering := paper()
	covering[14] = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (HoTen) /F 4 /Rect [60 700 400 760] /P 3 0 R >>"
	overlaid := signObjects(t, who, covering, "", nil)
	over := "<< /Type /Annot /Subtype /Widget /FT /Tx /T (HoTen) /F 4 /Rect [60 700 400 760] /P 3 0 R /V (Tra luong 9 trieu) /AP << /N 200 0 R >> >>"
	checkAttacks(t, w, []attack{
		{"hide: the covering image is freed", update(t, hide, map[int]string{25: ""}), forbidden},
		{"hide: the covering image becomes another kind of object", update(t, hide, map[int]string{25: "<< /Type /Metadata >>"}), forbidden},
		{"hide: the page no longer refers to it", update(t, hide, map[int]string{3: strings.Replace(hidden[3], "/Over 25 0 R", "", 1)}), forbidden},
		{"hide: the content that draws it is emptied", update(t, hide, map[int]string{24: stream("", "")}), forbidden},
		{"replace: a font is defined anew", update(t, signed, map[int]string{7: "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1 1] /FontMatrix [1 0 0 1 0 0] /CharProcs << >> /Encoding << >> >>"}), forbidden},
		{"replace: a text field that was filled in", update(t, signed, map[int]string{10: strings.Replace(paper()[10], "(5)", "(9)", 1)}), suspicious},
		{"replace: an empty text field over the text gets a background", update(t, overlaid, map[int]string{14: over, 200: form(340, 60, "1 g 0 0 340 60 re f 0 g BT /F1 24 Tf 12 20 Td (Tra luong 9 trieu) Tj ET")}), suspicious},
		{"replace: the same with an image", update(t, overlaid, map[int]string{14: over, 200: form(340, 60, "q 340 0 0 60 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \xff EI Q")}), suspicious},
		{"replace: an image is exchanged", update(t, signed, map[int]string{8: stream("/Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray", "\x00")}), forbidden},
		{"hide and replace: the cross-reference leads to the other content", activated, forbidden},
		{"hide and replace: the page tree is the other one", update(t, signed, map[int]string{1: strings.Replace(paper()[1], "/Pages 2 0 R", "/Pages 22 0 R", 1), 22: "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] /Rotate 180 >>"}), forbidden},
		{"hide and replace: it leads to neither, the twin", update(t, both, map[int]string{200: "(x)"}), passes},
		{"pages swapped", update(t, two, map[int]string{2: strings.Replace(pages[2], "3 0 R 4 0 R", "4 0 R 3 0 R", 1)}), forbidden},
		{"contents of two pages swapped", update(t, two, map[int]string{3: strings.Replace(pages[3], "5 0 R", "6 0 R", 1)}), forbidden},
		{"a page hidden", update(t, two, map[int]string{2: "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>"}), forbidden},
		{"the page tree copied, the twin", update(t, two, map[int]string{2: pages[2], 3: pages[3], 4: pages[4]}), passes},
	})
}

// TestFilling: what an empty field may become after an ordinary signature, and what makes it a sneaky one.
func TestFilling(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	objects := paper()
	// The appearance of a field that is drawn by the page too.
	objects[14] = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (HoTen) /F 4 /Rect [120 495 300 515] /P 3 0 R /AP << /N 27 0 R >> >>"
	objects[27] = form(180, 20, "")
	signed := signObjects(t, who, objects, "", nil)
	objects = paper()
	objects[14] = strings.Replace(filled(""), "200 0 R", "27 0 R", 1)
	objects[27] = form(180, 20, "")
	objects[3] = strings.Replace(objects[3], "/Im 8 0 R", "/Im 8 0 R /Fm 27 0 R", 1)
	shared := signObjects(t, who, objects, "", nil)
	objects = paper()
	objects[14] = strings.Replace(filled(""), "200 0 R", "21 0 R", 1) // the signature's own
	alike := signObjects(t, who, objects, "", nil)
	objects = paper()
	objects[14] = strings.Replace(paper()[14], "/F 4", "/F 2", 1)
	invisible := signObjects(t, who, objects, "", nil)
	objects = paper()
	objects[1] = strings.Replace(objects[1], "/Metadata", "/Perms 28 0 R /Metadata", 1)
	objects[14] = strings.Replace(objects[14], "/F 4", "/F 4 /Kids 27 0 R", 1)
	objects[27], objects[28] = "/None", "/None"
	named := signObjects(t, who, objects, "", nil)
	plain := signObjects(t, who, paper(), "", nil)
	checked := strings.NewReplacer("/V /Off", "/V /Yes", "/AS /Off", "/AS /Yes").Replace(paper()[15])
	checkAttacks(t, w, []attack{
		{"filled in", update(t, plain, map[int]string{14: filled("Le Minh"), 200: says("Le Minh")}), passes},
		{"filled in, in two lines", update(t, plain, map[int]string{14: filled("Le Minh"), 200: form(180, 20, "BT /F1 8 Tf 2 12 Td (Le) Tj 0 -9 Td [(Mi) -20 (nh)] TJ ET")}), passes},
		{"filled in and made read-only", update(t, plain, map[int]string{14: strings.Replace(filled("Le Minh"), "/F 4", "/F 4 /Ff 1", 1), 200: says("Le Minh")}), passes},
		{"filled in without an appearance", update(t, plain, map[int]string{14: strings.Replace(filled("Le Minh"), "/AP << /N 200 0 R >>", "", 1)}), passes},
		{"its appearance written over", update(t, signed, map[int]string{14: strings.Replace(filled("Le Minh"), "200 0 R", "27 0 R", 1), 27: says("Le Minh")}), passes},
		{"a box ticked", update(t, plain, map[int]string{15: checked}), passes},
		{"a box ticked, with an appearance of its own", update(t, plain, map[int]string{15: strings.Replace(checked, "18 0 R", "200 0 R", 1), 200: form(12, 12, "BT /F1 12 Tf (4) Tj ET")}), passes},

		{"it shows something else than its value", update(t, plain, map[int]string{14: filled("Le Minh"), 200: says("Tran An")}), suspicious},
		{"it shows something and has no value", update(t, plain, map[int]string{14: filled(""), 200: says("Tran An")}), suspicious},
		{"its appearance is written over, its value is not", update(t, signed, map[int]string{27: says("Tran An")}), suspicious},
		{"it shows an image", update(t, plain, map[int]string{14: filled("Le Minh"), 200: stream("/Type /XObject /Subtype /Form /BBox [0 0 180 20] /Resources << /XObject << /Im 8 0 R >> >>", "/Im Do")}), suspicious},
		{"it is moved", update(t, plain, map[int]string{14: strings.Replace(filled("Le Minh"), "[120 495 300 515]", "[60 700 400 760]", 1), 200: says("Le Minh")}), suspicious},
		{"its appearance is drawn by the page too", update(t, shared, map[int]string{14: strings.Replace(filled("Le Minh"), "200 0 R", "27 0 R", 1), 27: says("Le Minh")}), forbidden},
		{"its appearance is that of the signature too", update(t, alike, map[int]string{14: strings.Replace(filled("Le Minh"), "200 0 R", "21 0 R", 1), 21: says("Le Minh")}), forbidden},
		{"it was invisible", update(t, invisible, map[int]string{14: filled("Le Minh"), 200: says("Le Minh")}), suspicious},
		{"it becomes a signature field", update(t, plain, map[int]string{14: strings.Replace(paper()[14], "/Tx", "/Sig", 1)}), suspicious},
		{"it runs a program", update(t, plain, map[int]string{14: strings.Replace(filled("Le Minh"), "/F 4", "/F 4 /AA << /K << /S /JavaScript /JS (x) >> >>", 1), 200: says("Le Minh")}), suspicious},
		{"a ticked text", update(t, plain, map[int]string{15: strings.Replace(checked, "18 0 R", "200 0 R", 1), 200: form(12, 12, "BT /F1 12 Tf (9 trieu) Tj ET")}), suspicious},
		{"its kids are null", update(t, plain, map[int]string{14: strings.Replace(paper()[14], "/F 4", "/F 4 /Kids [null]", 1)}), suspicious},
		{"the list of fields becomes a name", update(t, plain, map[int]string{11: "<< /Fields /None /SigFlags 3 >>"}), forbidden},
		{"the form becomes a name", update(t, plain, map[int]string{11: "/None"}), forbidden},
		{"its kids and the permissions are a name, the twin", update(t, named, map[int]string{200: "(x)"}), passes},
		{"a name that its kids are becomes a list", update(t, named, map[int]string{27: "[29 0 R]"}), suspicious},
		{"a name that the permissions are becomes a dictionary", update(t, named, map[int]string{28: "<< /DocMDP 20 0 R >>"}), suspicious},
		{"it is listed twice", update(t, plain, map[int]string{11: strings.Replace(paper()[11], "14 0 R", "14 0 R 14 0 R", 1)}), suspicious},
		{"a copy of it", update(t, plain, fieldAt(strings.Replace(filled("Le Minh"), "HoTen", "Khac", 1), map[int]string{201: says("Le Minh")})), forbidden},
		{"resources are added to the form", update(t, plain, map[int]string{11: strings.Replace(paper()[11], "/F1 7 0 R", "/F1 7 0 R /Helv 200 0 R", 1), 200: "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}), passes},
		{"resources of the form are exchanged", update(t, plain, map[int]string{11: strings.Replace(paper()[11], "/F1 7 0 R", "/F1 200 0 R", 1), 200: "<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>"}), suspicious},
	})
}

// TestCertificationAttacks: certification attacks (Rohlmann et al., 2021) by evil annotations and sneaky signatures.
func TestCertificationAttacks(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	certify := func(p int) []byte {
		o := paper()
		o[1] = strings.Replace(o[1], "/Metadata", "/Perms << /DocMDP 20 0 R >> /Metadata", 1)
		return signObjects(t, who, o, docMDP(p), nil)
	}
	one, two, three := certify(1), certify(2), certify(3)
	approved := signObjects(t, who, paper(), "", nil)
	annot := func(kind, rest string) string {
		return "<< /Type /Annot /Subtype /" + kind + " /F 4 /Rect [60 700 400 760] /Contents (Tra luong 9 trieu) " + rest + " >>"
	}
	white := form(340, 60, "1 g 0 0 340 60 re f")
	marked := stream("/Type /XObject /Subtype /Form /BBox [0 0 340 60] /Resources << /ExtGState << /M << /BM /Multiply >> >> >>", "/M gs 1 1 0 rg 0 0 340 60 re f")
	// beside is a signature field in the margin, above one over the text.
	field := func(rect string) string {
		return "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Moi) /F 4 /P 3 0 R /AP << /N 201 0 R >> /Rect " + rect + " /V 202 0 R >>"
	}
	dictionary := "<< /Type /Sig /SubFilter /ETSI.CAdES.detached /ByteRange [0 1 2 3] /Contents <00> >>"
	above := fieldAt(field("[60 700 400 760]"), map[int]string{201: white, 202: dictionary})
	stamp := "<< /Type /DocTimeStamp /SubFilter /ETSI.CAdES.detached /ByteRange [0 1 2 3] /Contents <00> >>"
	var list []attack
	for p, file := range map[int][]byte{1: one, 2: two, 3: three} {
		for _, kind := range []string{"FreeText", "Stamp", "Redact", "Square", "Ink", "Line", "Watermark", "Screen", "3D", "RichMedia", "Widget"} {
			list = append(list, attack{fmt.Sprintf("P=%d, /%s over the text", p, kind), update(t, file, annotation(annot(kind, "/AP << /N 201 0 R >>"), map[int]string{201: white})), atMost(p)})
		}
		list = append(list,
			attack{fmt.Sprintf("P=%d, a signature field over the text", p), update(t, file, above), atMost(p)},
			attack{fmt.Sprintf("P=%d, the same, unsigned", p), update(t, file, fieldAt(strings.Replace(field("[60 700 400 760]"), "/V 202 0 R", "", 1), map[int]string{201: white})), atMost(p)},
			attack{fmt.Sprintf("P=%d, what is called a time-stamp over the text", p), update(t, file, fieldAt(field("[60 700 400 760]"), map[int]string{201: white, 202: stamp})), atMost(p)},
			attack{fmt.Sprintf("P=%d, the certification taken out of the catalog", p), update(t, file, map[int]string{1: paper()[1]}), forbidden},
		)
	}
	list = append(list,
		attack{"P=3, a note", update(t, three, annotation(strings.Replace(annot("Text", ""), "[60 700 400 760]", "[500 700 520 720]", 1), nil)), passes},
		attack{"P=3, a mark that shines through", update(t, three, annotation(annot("Highlight", "/QuadPoints [60 760 400 760 60 700 400 700] /AP << /N 201 0 R >>"), map[int]string{201: marked})), passes},
		attack{"P=3, a mark that hides the text", update(t, three, annotation(annot("Highlight", "/AP << /N 201 0 R >>"), map[int]string{201: white})), suspicious},
		attack{"P=3, a thick line through the text", update(t, three, annotation(annot("StrikeOut", "/AP << /N 201 0 R >>"), map[int]string{201: form(340, 60, "1 G 60 w 0 30 m 340 30 l S")})), suspicious},
		attack{"P=3, a thin line through the text", update(t, three, annotation(annot("StrikeOut", "/AP << /N 201 0 R >>"), map[int]string{201: form(340, 60, "1 w 0 30 m 340 30 l S")})), passes},
		attack{"P=3, a mark that writes", update(t, three, annotation(annot("Underline", "/AP << /N 201 0 R >>"), map[int]string{201: form(340, 60, "BT /F1 9 Tf (9) Tj ET")})), suspicious},
		attack{"P=3, a note that runs a program", update(t, three, annotation(annot("Text", "/A << /S /JavaScript /JS (x) >>"), nil)), suspicious},
		attack{"P=3, an annotation removed", update(t, three, map[int]string{16: "[12 0 R 14 0 R 15 0 R 17 0 R]"}), forbidden},
		attack{"P=2, a note", update(t, two, annotation(annot("Text", ""), nil)), suspicious},
		attack{"P=2, a field with a value filled in", update(t, two, map[int]string{10: strings.Replace(paper()[10], "(5)", "(9)", 1)}), passes},
		attack{"P=2, a field filled in", update(t, two, map[int]string{14: filled("Le Minh"), 200: says("Le Minh")}), passes},
		attack{"P=1, a field filled in", update(t, one, map[int]string{14: filled("Le Minh"), 200: says("Le Minh")}), forbidden},
		attack{"approved, a note", update(t, approved, annotation(annot("Text", ""), nil)), suspicious},
		attack{"approved, a signature field over the text", update(t, approved, above), suspicious},
		attack{"approved, one over the image", update(t, approved, fieldAt(field("[395 595 465 665]"), map[int]string{201: form(60, 60, "0 0 60 60 re f"), 202: dictionary})), suspicious},
	)
	checkAttacks(t, w, list)
}

// atMost is what becomes of a certified document at the least.
func atMost(p int) string {
	if p == 1 {
		return forbidden
	}
	return suspicious
}

// TestLaterAppearance: a second signature may show itself anywhere but on what the first signer saw.
func TestLaterAppearance(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	signed := signObjects(t, who, paper(), "", nil)
	visible := func(rect [4]float64) []byte {
		return w.sign(t, signed, who, signer.Options{Visible: &signer.Visible{Page: 1, Rect: rect, Lines: []string{"Đã ký số"}}})
	}
	inField := w.sign(t, signed, who, signer.Options{Field: "Trong", Visible: &signer.Visible{Lines: []string{"Đã ký số"}}})
	checkAttacks(t, w, []attack{
		{"beside the text", visible([4]float64{300, 200, 200, 60}), passes},
		{"a text that can be seen through, over the text", visible([4]float64{60, 690, 300, 60}), passes},
		{"in the field that was there", inField, passes},
	})
}

// TestSignatureFieldAltered: nothing of a signed field may change, nor what it shows.
func TestSignatureFieldAltered(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	signed := signObjects(t, who, paper(), "", nil)
	field := "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Duyet) /V 20 0 R /Rect [100 100 200 150] /P 3 0 R /AP << /N 21 0 R >> >>"
	checkAttacks(t, w, []attack{
		{"its appearance is written over", update(t, signed, map[int]string{21: form(100, 50, "BT /F1 10 Tf 5 5 Td (Hieu truong) Tj ET")}), forbidden},
		{"its appearance is another object", update(t, signed, map[int]string{12: strings.Replace(field, "21 0 R", "200 0 R", 1), 200: form(100, 50, "")}), forbidden},
		{"it is larger", update(t, signed, map[int]string{12: strings.Replace(field, "[100 100 200 150]", "[0 0 595 842]", 1)}), forbidden},
		{"it has another name", update(t, signed, map[int]string{12: strings.Replace(field, "Duyet", "Khac", 1)}), "TOTAL-FAILED"},
		{"its signature names another signer", update(t, signed, map[int]string{20: "<< /Type /Sig /Name (Khac) >>"}), "TOTAL-FAILED"},
		{"it is hidden", update(t, signed, map[int]string{12: strings.Replace(field, "/P 3 0 R", "/P 3 0 R /F 2", 1)}), forbidden},
		{"written again, with its appearance dictionary an object", update(t, signed, map[int]string{12: strings.Replace(field, "<< /N 21 0 R >>", "200 0 R", 1), 200: "<< /N 21 0 R >>"}), passes},
	})
}

// TestKeyTwice: of two keys that are the same, some readers take the first and some the last.
func TestKeyTwice(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	signed := signObjects(t, who, paper(), "", nil)
	trailer := update(t, signed, map[int]string{200: "(x)"})
	checkAttacks(t, w, []attack{
		{"the catalog has two page trees", update(t, signed, map[int]string{1: strings.Replace(paper()[1], "/Pages", "/Pages 22 0 R /Pages", 1)}), suspicious},
		{"the page has two contents", update(t, signed, map[int]string{3: strings.Replace(paper()[3], "/Contents", "/Contents 200 0 R /Contents", 1), 200: stream("", forgedText)}), suspicious},
		{"one of them null", update(t, signed, map[int]string{3: strings.Replace(paper()[3], "/Contents 5 0 R", "/Contents 5 0 R /Contents null", 1)}), "TOTAL-FAILED"},
		{"the other way round", update(t, signed, map[int]string{3: strings.Replace(paper()[3], "/Contents", "/Contents null /Contents", 1)}), suspicious},
		{"with the key written in another way", update(t, signed, map[int]string{3: strings.Replace(paper()[3], "/Contents", "/Content#73 200 0 R /Contents", 1), 200: stream("", forgedText)}), suspicious},
		{"deeper within the page", update(t, signed, map[int]string{3: strings.Replace(paper()[3], "/F1", "/F1 8 0 R /F1", 1)}), suspicious},
		{"the trailer has two catalogs", inUpdate(t, signed, trailer, "/Root 1 0 R", "/Root 22 0 R /Root 1 0 R"), suspicious},
		{"a stream has two lengths", update(t, signed, map[int]string{5: strings.Replace(paper()[5], "/Length", "/Length 1 /Length", 1)}), suspicious},
		{"written again with each key once, the twin", update(t, signed, map[int]string{1: paper()[1], 3: paper()[3], 5: paper()[5]}), passes},
	})
	// A second key in the signature dictionary, with which it was signed.
	for _, extra := range []string{"/SubFilter /adbe.pkcs7.detached", "/Contents <00>", "/ByteRange [0 1 2 3]", "/Type /Sig"} {
		r := w.validate(t, signObjects(t, who, paper(), extra, nil), offline)
		if r.Signatures[0].Indication != validation.TotalFailed {
			t.Errorf("%s twice: %s", extra, verdict(r))
		}
	}
}
