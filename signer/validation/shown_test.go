package validation_test

import (
	"maps"
	"strconv"
	"strings"
	"testing"

	"sokyso/signer/authority"
)

// TestFieldShown: ways to show something else through a form field that leave its value alone, or most of it.
func TestFieldShown(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	objects := paper()
	objects[10] = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (SoTien) /V (50) /F 4 /Rect [10 10 90 30] /P 3 0 R /AP << /N 27 0 R >> >>"
	objects[27] = form(80, 20, "BT /F1 12 Tf 2 5 Td (50) Tj ET")
	amount := objects[10]
	valued := signObjects(t, who, objects, "", nil)
	objects = paper()
	objects[14] = "<< /Type /Annot /Subtype /Widget /FT /Ch /Ff 131072 /Opt [(Dong y) (Khong dong y)] /T (HoTen) /F 4 /Rect [120 495 300 515] /P 3 0 R >>"
	choice := objects[14]
	choosing := signObjects(t, who, objects, "", nil)
	objects = paper()
	objects[14] = strings.Replace(filled("Le Minh"), "/N 200 0 R", "/N << /A 27 0 R /B 28 0 R >>", 1)
	objects[14] = strings.Replace(objects[14], "/F 4", "/F 4 /AS /A", 1)
	objects[27], objects[28] = says("Le Minh"), says("Tran An")
	states := objects[14]
	stated := signObjects(t, who, objects, "", nil)
	objects = paper()
	objects[15] = strings.Replace(objects[15], "[72 450 84 462]", "[60 700 400 760]", 1)
	objects[18] = form(12, 12, "1 g 0 0 12 12 re f")
	tick := strings.NewReplacer("/V /Off", "/V /Yes", "/AS /Off", "/AS /Yes").Replace(objects[15])
	covering := signObjects(t, who, objects, "", nil)
	plain := signObjects(t, who, paper(), "", nil)
	chosen := strings.Replace(choice, "/F 4", "/F 4 /V (Dong y) /AP << /N 200 0 R >>", 1)
	fontless := func(font, text string) string {
		return stream("/Type /XObject /Subtype /Form /BBox [0 0 180 20] /Resources << /Font << /F1 "+font+" >> >>", "BT /F1 12 Tf 2 5 Td "+text+" Tj ET")
	}
	checkAttacks(t, w, []attack{
		{"a filled field is hidden", update(t, valued, map[int]string{10: strings.Replace(amount, "/F 4", "/F 2", 1)}), suspicious},
		{"a filled field shows nothing any more", update(t, valued, map[int]string{27: form(80, 20, "")}), suspicious},
		{"a filled field shows a part of its value", update(t, valued, map[int]string{27: form(80, 20, "BT /F1 12 Tf 2 5 Td (5) Tj ET")}), suspicious},
		{"a filled field loses its appearance", update(t, valued, map[int]string{10: strings.Replace(amount, "/AP << /N 27 0 R >>", "", 1)}), suspicious},
		{"a filled field written again, the twin", update(t, valued, map[int]string{10: amount, 27: form(80, 20, "BT /F1 12 Tf 2 5 Td (50) Tj ET")}), passes},
		{"filled in, it shows the end of its value", update(t, plain, map[int]string{14: filled("Khong dong y"), 200: says("dong y")}), suspicious},
		{"filled in, the rest of what it shows is cut off", update(t, plain, map[int]string{14: filled("Khong dong y"), 200: form(180, 20, "BT /F1 12 Tf -500 5 Td (Khong ) Tj 502 0 Td (dong y) Tj ET")}), suspicious},
		{"chosen, the twin", update(t, choosing, map[int]string{14: chosen, 200: says("Dong y")}), passes},
		{"chosen, it shows another choice", update(t, choosing, map[int]string{14: chosen, 200: says("Khong dong y")}), suspicious},
		{"chosen, it shows what nobody can choose", update(t, choosing, map[int]string{14: chosen, 200: says("9 trieu")}), suspicious},
		{"filled in a font of which nothing is known", update(t, plain, map[int]string{14: filled("Le Minh"), 200: fontless("201 0 R", "<00010002>"), 201: "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [202 0 R] >>", 202: "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X >>"}), suspicious},
		{"a text field shows its other state", update(t, stated, map[int]string{14: strings.Replace(states, "/AS /A", "/AS /B", 1)}), suspicious},
		{"a box is ticked that hides the text", update(t, covering, map[int]string{15: tick}), suspicious},
	})
}

// TestHiding: ways to cover what a page shows.
func TestHiding(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	objects := paper()
	objects[10] = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (SoTien) /V (50) /F 4 /Rect [10 10 90 30] /P 3 0 R /AP << /N 27 0 R >> >>"
	objects[27] = form(80, 20, "BT /F1 12 Tf 2 5 Td (50) Tj ET")
	signed := signObjects(t, who, objects, "", nil)
	dictionary := "<< /Type /Sig /SubFilter /ETSI.CAdES.detached /ByteRange [0 1 2 3] /Contents <00> >>"
	cover := func(rect, appearance string, more map[int]string) []byte {
		o := map[int]string{201: appearance, 202: dictionary}
		for n, s := range more {
			o[n] = s
		}
		return update(t, signed, fieldAt("<< /Type /Annot /Subtype /Widget /FT /Sig /T (Moi) /F 4 /P 3 0 R /AP << /N 201 0 R >> /Rect "+rect+" /V 202 0 R >>", o))
	}
	const text = "[60 700 400 760]"
	var lines strings.Builder
	for y := 1; y < 60; y += 2 {
		lines.WriteString("0 " + strconv.Itoa(y) + " m 340 " + strconv.Itoa(y) + " l S ")
	}
	kinds := "/Type /XObject /Subtype /Form /BBox [0 0 340 60] /Resources << /ExtGState << /G << /ca 0.49 >> /M << /BM /Multiply >> >> /Font << /F1 203 0 R >> >>"
	// what is wanted is that the changes say that something is hidden
	for _, a := range []struct {
		name   string
		file   []byte
		hidden bool
	}{
		{"a white field over the text", cover(text, form(340, 60, "1 g 0 0 340 60 re f"), nil), true},
		{"a white field over a filled field", cover("[5 5 95 35]", form(90, 30, "1 g 0 0 90 30 re f"), nil), true},
		{"many lines that are thin", cover(text, form(340, 60, "1 G 2.5 w "+lines.String()), nil), true},
		{"one over the other, each to be seen through", cover(text, stream(kinds, "/G gs 1 g "+strings.Repeat("0 0 340 60 re f ", 8)), nil), true},
		{"black that mixes", cover(text, stream(kinds, "/M gs 0 g 0 0 340 60 re f"), nil), true},
		{"a letter that is a white area", cover(text, stream(kinds, "BT /F1 1 Tf (a) Tj ET"), map[int]string{203: "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 340 60] /FontMatrix [1 0 0 1 0 0] /CharProcs << /a 204 0 R >> /Encoding << /Differences [97 /a] >> /FirstChar 97 /LastChar 97 /Widths [340] >>", 204: stream("", "340 0 d0 1 g 0 0 340 60 re f")}), true},
		{"one layer to be seen through, the twin", cover(text, stream(kinds, "/G gs 1 g 0 0 340 60 re f"), nil), false},
		{"one thin line, the twin", cover(text, form(340, 60, "1 w 0 26 m 340 26 l S"), nil), false},
		{"yellow that mixes, the twin", cover(text, stream(kinds, "/M gs 1 1 0 rg 0 0 340 60 re f"), nil), false},
	} {
		hidden := false
		for _, d := range w.validate(t, a.file, offline).Signatures[0].Details {
			hidden = hidden || d.Params["kind"] == "hides"
		}
		if hidden != a.hidden {
			t.Errorf("%s: hidden is %v: %v", a.name, hidden, w.validate(t, a.file, offline).Signatures[0].Details)
		}
	}
}

// TestStructureGrows: what is added to the structure tree may not speak for what was there.
func TestStructureGrows(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	objects := paper()
	objects[1] = strings.Replace(objects[1], "/Metadata", "/StructTreeRoot 30 0 R /MarkInfo << /Marked true >> /Metadata", 1)
	objects[30] = "<< /Type /StructTreeRoot /K [31 0 R] /ParentTree 32 0 R /ParentTreeNextKey 1 >>"
	objects[31] = "<< /Type /StructElem /S /P /P 30 0 R /Pg 3 0 R /K 0 >>"
	objects[32] = "<< /Nums [0 [31 0 R]] >>"
	signed := signObjects(t, who, objects, "", nil)
	root := func(k, more string) string {
		return "<< /Type /StructTreeRoot /K [" + k + "] /ParentTree 32 0 R /ParentTreeNextKey 2 " + more + " >>"
	}
	const widget = "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Moi) /F 4 /Rect [0 0 0 0] /P 3 0 R /StructParent 1 >>"
	twin := fieldAt(widget, map[int]string{
		30: root("31 0 R 201 0 R", ""), 32: "<< /Nums [0 [31 0 R] 1 201 0 R] >>",
		201: "<< /Type /StructElem /S /Form /P 30 0 R /K << /Type /OBJR /Obj 200 0 R /Pg 3 0 R >> >>",
	})
	spoken := maps.Clone(twin)
	spoken[201] = strings.Replace(twin[201], "/S /Form", "/S /Form /ActualText (9 trieu)", 1)
	checkAttacks(t, w, []attack{
		{"an element for a new field, the twin", update(t, signed, twin), passes},
		{"an element that says another text for what was there", update(t, signed, map[int]string{30: root("201 0 R 31 0 R", ""), 201: "<< /Type /StructElem /S /P /P 30 0 R /Pg 3 0 R /K 0 /ActualText (9 trieu) >>"}), suspicious},
		{"an element that says a text of its own", update(t, signed, map[int]string{30: root("31 0 R 201 0 R", ""), 201: "<< /Type /StructElem /S /P /P 30 0 R /Alt (9 trieu) >>"}), suspicious},
		{"an element for a new field that says another text", update(t, signed, spoken), suspicious},
		{"the elements play other roles", update(t, signed, map[int]string{30: root("31 0 R", "/RoleMap << /P /Artifact >>")}), suspicious},
		{"the parent of what was there is another", update(t, signed, map[int]string{32: "<< /Nums [0 [201 0 R] 0 [31 0 R]] >>", 201: "<< /Type /StructElem /S /P /P 30 0 R /Pg 3 0 R /K 0 >>"}), suspicious},
	})
}
