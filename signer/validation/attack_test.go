package validation_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// verdict says what became of the first signature, in one line.
func verdict(r *validation.Report) string {
	s := r.Signatures[0]
	return string(s.Indication) + " " + s.LaterChanges
}

// inUpdate replaces text in what was appended to a file.
func inUpdate(t *testing.T, file, updated []byte, pairs ...string) []byte {
	t.Helper()
	tail := string(updated[len(file):])
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(tail, pairs[i]) {
			t.Fatalf("%q is not in the update", pairs[i])
		}
		tail = strings.Replace(tail, pairs[i], pairs[i+1], 1)
	}
	return append(bytes.Clone(file), tail...)
}

const forgedText = "BT /F1 24 Tf 72 720 Td (Tra luong 9 trieu) Tj ET"

// TestOtherGeneration: readers that ignore generations show object 5 1 where the page refers to object 5 0.
func TestOtherGeneration(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	signed := w.sign(t, build(letter()), who, signer.Options{Field: "Duyet"})
	forged := func(n, dangling string) []byte {
		return inUpdate(t, signed, update(t, signed, map[int]string{5: stream("", forgedText)}),
			"5 0 obj", n+" 1 obj", "5 1\n", n+" 1\n", " 00000 n", dangling)
	}
	// An honest writer frees the object first; readers then meet the new one all the same.
	freed := update(t, signed, map[int]string{5: ""})
	freed = inUpdate(t, freed, update(t, freed, map[int]string{5: stream("", forgedText)}),
		"5 0 obj", "5 1 obj", " 00000 n", " 00001 n")
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"redefined":                   {forged("5", " 00001 n"), "TOTAL-FAILED forbidden"},
		"freed, then used again":      {freed, "TOTAL-FAILED forbidden"},
		"of a reference to nothing":   {forged("98", " 00001 n"), "INDETERMINATE suspicious"},
		"of a number nobody uses":     {forged("60", " 00001 n"), "TOTAL-PASSED permitted"},
		"an unused object, as it was": {update(t, signed, map[int]string{200: "(x)"}), "TOTAL-PASSED permitted"},
	} {
		if r := w.validate(t, test.file, offline); verdict(r) != test.want {
			t.Errorf("%s: %s, want %s: %v", name, verdict(r), test.want, r.Signatures[0].Details)
		}
	}
}

// overlay is an appearance that hides the page and shows another text.
func overlay() string {
	return stream("/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F1 7 0 R >> >>",
		"1 1 1 rg 0 0 595 842 re f 0 g "+forgedText)
}

// TestSharedSignature: a field whose value is the signature that is there already is not signed.
func TestSharedSignature(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	objects := letter()
	objects[11], objects[16] = "<< /Fields [10 0 R 12 0 R 14 0 R] >>", "[10 0 R 12 0 R 14 0 R]"
	empty := "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Trong) /Rect [0 0 595 842] /P 3 0 R "
	objects[14] = empty + ">>"
	signed := w.sign(t, build(objects), who, signer.Options{Field: "Duyet"})
	added := func(v string) map[int]string {
		return map[int]string{
			200: strings.Replace(empty, "Trong", "Moi", 1) + v + " /AP << /N 201 0 R >> >>", 201: overlay(),
			11: "<< /Fields [10 0 R 12 0 R 14 0 R 200 0 R] /SigFlags 3 >>", 16: "[10 0 R 12 0 R 14 0 R 200 0 R]",
		}
	}
	for name, test := range map[string]map[int]string{
		"new field":                      added("/V 100 0 R"),
		"new field, through an object":   {200: added("/V 202 0 R")[200], 202: "100 0 R", 11: added("")[11], 16: added("")[16], 201: overlay()},
		"new field, nothing":             added("/V 77 0 R"),
		"new field, no signature":        {200: added("/V 202 0 R")[200], 202: "<< /Type /Sig >>", 11: added("")[11], 16: added("")[16], 201: overlay()},
		"empty field":                    {14: empty + "/V 100 0 R /AP << /N 201 0 R >> >>", 201: overlay()},
		"new field with a kid":           {200: "<< /FT /Sig /T (Moi) /V 100 0 R /Kids [202 0 R] >>", 202: "<< /Type /Annot /Subtype /Widget /Parent 200 0 R /Rect [0 0 595 842] /P 3 0 R /AP << /N 201 0 R >> >>", 201: overlay(), 11: added("")[11], 16: "[10 0 R 12 0 R 14 0 R 202 0 R]"},
		"new field of the same name":     {200: strings.Replace(added("/V 100 0 R")[200], "Moi", "Duyet", 1), 201: overlay(), 11: added("")[11], 16: added("")[16]},
		"new field that is not indirect": {11: "<< /Fields [10 0 R 12 0 R 14 0 R << /FT /Sig /T (Moi) /V 100 0 R >>] /SigFlags 3 >>"},
	} {
		if r := w.validate(t, update(t, signed, test), offline); verdict(r) != "TOTAL-FAILED forbidden" && (name != "new field that is not indirect" || verdict(r) != "TOTAL-FAILED suspicious") {
			t.Errorf("%s: %s", name, verdict(r))
		}
	}
	// The honest twins: the empty field is signed, then a new one.
	twice := w.sign(t, signed, who, signer.Options{Field: "Trong", Visible: &signer.Visible{Lines: []string{"Đã ký"}}})
	thrice := w.sign(t, twice, who, signer.Options{Visible: &signer.Visible{Page: 1, Rect: [4]float64{300, 300, 99, 20}, Lines: []string{"x"}}})
	for _, s := range w.validate(t, thrice, offline).Signatures {
		if s.Indication != validation.TotalPassed {
			t.Errorf("signed three times: %+v", s)
		}
	}
}

// TestHiddenWidget: a signature field whose widget stood on no page when the file was signed is put on one.
func TestHiddenWidget(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	objects := letter()
	objects[11] = "<< /Fields [10 0 R 12 0 R 14 0 R] >>"
	objects[14] = "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Trong) /Rect [0 0 595 842] /F 4 /AP << /N 15 0 R >> >>"
	objects[15] = overlay()
	signed := w.sign(t, build(objects), who, signer.Options{Field: "Duyet"})
	forged := update(t, signed, map[int]string{16: "[10 0 R 12 0 R 14 0 R]"})
	if r := w.validate(t, forged, offline); verdict(r) != "INDETERMINATE suspicious" {
		t.Errorf("%s: %v", verdict(r), r.Signatures[0].Details)
	}
	// Signing the field puts its widget on the page.
	twice := w.sign(t, signed, who, signer.Options{Field: "Trong"})
	if r := w.validate(t, twice, offline); verdict(r) != "TOTAL-PASSED permitted" {
		t.Errorf("signed: %s: %v", verdict(r), r.Signatures[0].Details)
	}
}

// TestAliases: what is shown also hangs under a key that may change, or under one that is called like it.
func TestAliases(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	forged := stream("", forgedText)
	private := func(s string) string {
		return "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /Metadata 13 0 R /PieceInfo << /App << /Private " + s + " >> >> >>"
	}
	shown := func(s string) string {
		return "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots 16 0 R /Resources << /Font << /F1 7 0 R >> /XObject << " + s + " >> >> >>"
	}
	form := func(d string) string {
		return stream("/Type /XObject /Subtype /Form /BBox [0 0 595 842] "+d, "BT ET")
	}
	for name, test := range map[string]struct {
		original, later map[int]string
		want            string
	}{
		"contents under a private key": {map[int]string{1: private("<< /Contents 5 0 R >>")}, map[int]string{5: forged}, "TOTAL-FAILED forbidden"},
		"contents as metadata":         {map[int]string{1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /Metadata 5 0 R >>"}, map[int]string{5: forged}, "TOTAL-FAILED forbidden"},
		"contents as validation data":  {map[int]string{1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /DSS << /Certs [5 0 R] >> >>"}, map[int]string{5: forged}, "TOTAL-FAILED forbidden"},
		"an image called Metadata": {map[int]string{3: shown("/Metadata 13 0 R"), 13: form("/Type /Metadata")},
			map[int]string{13: form("/Changed true")}, "TOTAL-FAILED forbidden"},
		"an image called Kids, as a field": {map[int]string{3: shown("/Kids 14 0 R"), 14: form("/FT /Sig /T (K)"), 11: "<< /Fields [10 0 R 12 0 R 14 0 R] >>"},
			map[int]string{14: strings.Replace(form("/FT /Sig /T (K)"), "BT ET", "0 g q", 1)}, "TOTAL-FAILED forbidden"},
		"the page tree as a field": {map[int]string{2: "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] /FT /Sig /T (P) >>", 11: "<< /Fields [10 0 R 12 0 R 2 0 R] >>"},
			map[int]string{2: "<< /Type /Pages /Kids [3 0 R 210 0 R] /Count 1 /MediaBox [0 0 595 842] /FT /Sig /T (P) >>", 210: "<< /Type /Page /Parent 2 0 R >>"}, "TOTAL-FAILED forbidden"},
		"an inner node of the page tree as a field": {map[int]string{
			2:  "<< /Type /Pages /Kids [4 0 R] /Count 1 /MediaBox [0 0 595 842] >>",
			4:  "<< /Type /Pages /Parent 2 0 R /Kids [3 0 R] /Count 1 /FT /Sig /T (P) >>",
			11: "<< /Fields [10 0 R 12 0 R 4 0 R] >>",
		}, map[int]string{4: "<< /Type /Pages /Parent 2 0 R /Kids [3 0 R 210 0 R] /Count 1 /FT /Sig /T (P) >>", 210: "<< /Type /Page /Parent 4 0 R >>"}, "TOTAL-FAILED forbidden"},

		"private data": {map[int]string{1: private("14 0 R"), 14: "<< /Contents 15 0 R /Private 17 0 R >>", 15: stream("", "x"), 17: "(x)"},
			map[int]string{15: stream("", "y"), 14: "<< /Contents 15 0 R >>"}, "TOTAL-PASSED permitted"},
		"validation data of three levels": {map[int]string{1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /DSS 14 0 R >>", 14: "<< /VRI 15 0 R >>", 15: "<< /A << /Cert [17 0 R] >> >>", 17: stream("", "x")},
			map[int]string{14: "<< /VRI 15 0 R /Certs [17 0 R] >>", 15: "<< >>", 17: stream("", "y")}, "TOTAL-PASSED permitted"},
	} {
		objects := letter()
		for n, o := range test.original {
			objects[n] = o
		}
		signed := w.sign(t, build(objects), who, signer.Options{Field: "Duyet"})
		if r := w.validate(t, update(t, signed, test.later), offline); verdict(r) != test.want {
			t.Errorf("%s: %s, want %s: %v", name, verdict(r), test.want, r.Signatures[0].Details)
		}
	}
}

// TestSignedTwice signs documents of several makes a second time, and finds both signatures as they should be.
func TestSignedTwice(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	for name, changes := range map[string]map[int]string{
		"plain":                      {},
		"page without a type":        {3: strings.Replace(letter()[3], "/Type /Page ", "", 1), 16: letter()[16]},
		"annotations within a page":  {3: strings.Replace(letter()[3], "16 0 R", "[10 0 R 12 0 R]", 1)},
		"page in a destination":      {1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /Dests 14 0 R >>", 14: "<< /Trang1 [3 0 R /Fit] >>"},
		"form fields in a structure": {1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /StructTreeRoot 14 0 R >>", 14: "<< /Type /StructTreeRoot /K [15 0 R] >>", 15: "<< /S /Form /P 14 0 R /Pg 3 0 R /K << /Type /OBJR /Pg 3 0 R /Obj 12 0 R >> >>"},
		"widget of its own":          {12: "<< /FT /Sig /T (Duyet) /Kids [14 0 R] >>", 14: "<< /Type /Annot /Subtype /Widget /Parent 12 0 R /Rect [1 1 99 50] /P 3 0 R >>", 16: "[10 0 R 14 0 R]"},
	} {
		objects := letter()
		for n, o := range changes {
			objects[n] = o
		}
		file := w.sign(t, build(objects), who, signer.Options{})
		file = w.sign(t, file, who, signer.Options{Field: "Duyet"})
		file = w.sign(t, file, who, signer.Options{Visible: &signer.Visible{Page: 1, Rect: [4]float64{300, 300, 99, 20}, Lines: []string{"x"}}})
		r := w.validate(t, file, offline)
		for _, s := range r.Signatures {
			if s.Indication != validation.TotalPassed {
				t.Errorf("%s: %s %s %v", name, s.Field, s.Indication, s.Details)
			}
		}
		if len(r.Signatures) != 3 {
			t.Errorf("%s: %d signatures", name, len(r.Signatures))
		}
	}
}

// TestUnlistedObject: an update carries an object that it does not list, for readers that search the file.
func TestUnlistedObject(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	forgedPage := map[int]string{5: stream("", forgedText), 200: "(x)"}
	unlisted := func(file []byte) []byte {
		b := update(t, file, forgedPage)
		i := bytes.LastIndex(b, []byte("xref\n5 1\n")) + len("xref\n")
		return append(b[:i:i], b[i+len("5 1\n0000000000 00000 n \n"):]...)
	}
	signed := w.sign(t, build(letter()), who, signer.Options{Field: "Duyet"})
	// An offset of the update is wrong, so that readers search.
	astray := update(t, signed, map[int]string{200: "(x)"})
	i := bytes.LastIndex(astray, []byte("200 1\n")) + len("200 1\n")
	astray = append(fmt.Appendf(astray[:i:i], "%010d", len(signed)+2), astray[i+10:]...)

	// The signed revision has an object that can't be read.
	objects := letter()
	objects[7] = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >"
	unreadable := w.sign(t, build(objects), who, signer.Options{Field: "Duyet"})

	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"unlisted":              {unlisted(signed), "INDETERMINATE suspicious"},
		"listed, but elsewhere": {astray, "INDETERMINATE suspicious"},
		"unreadable":            {update(t, unreadable, map[int]string{200: "(x)"}), "INDETERMINATE suspicious"},
		"listed":                {update(t, signed, map[int]string{200: "(5 0 x)"}), "TOTAL-PASSED permitted"},
	} {
		if r := w.validate(t, test.file, offline); verdict(r) != test.want {
			t.Errorf("%s: %s, want %s: %v", name, verdict(r), test.want, r.Signatures[0].Details)
		}
	}
}

// TestWrongOffset: what is not where the cross-reference says is signed only with a new cross-reference, and once it
// is signed, no more.
func TestWrongOffset(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	shift := func(in []byte, n int) []byte {
		at := bytes.Index(in, fmt.Appendf(nil, "\n%d 0 obj", n)) + 1
		return bytes.Replace(in, fmt.Appendf(nil, "%010d 00000 n", at), fmt.Appendf(nil, "%010d 00000 n", at+3), 1)
	}
	in := build(letter())
	for _, n := range []int{5, 9, 13} {
		wrong := shift(in, n)
		signed := w.sign(t, wrong, who, signer.Options{})
		if !bytes.HasPrefix(signed, wrong) {
			t.Errorf("object %d: the input was changed", n)
		}
		if r := w.validate(t, signed, offline); verdict(r) != "TOTAL-PASSED none" {
			t.Errorf("object %d: %s %v", n, verdict(r), r.Signatures[0].Details)
		}
	}
	signed := shift(w.sign(t, in, who, signer.Options{}), 9)
	_, err := signer.Sign(t.Context(), bytes.NewReader(signed), who.key, who.chain, signer.Options{})
	if e, ok := errors.AsType[*signer.Error](err); !ok || e.Code != signer.CodeDamagedPDF {
		t.Errorf("signed before: %v", err)
	}
}

// TestRectangle: an unsigned field may be added only if no reader shows it.
func TestRectangle(t *testing.T) {
	w := newWorld(t)
	signed := w.sign(t, build(letter()), w.person(t, authority.Subject{}), signer.Options{Field: "Duyet"})
	for rect, want := range map[string]string{
		"[0 0 0 0]": "permitted", "[5 5.0 5.0 5]": "permitted", "[0 0 202 0 R 0]": "permitted", "203 0 R": "permitted", "[9 0 9 842]": "permitted",
		"[0 0 595 842 5]": "suspicious", "[0 0 595]": "suspicious", "204 0 R": "suspicious", "[0 0 202 0 R 842]": "suspicious",
		"[0 0 /A 0]": "suspicious", "(x)": "suspicious", "[205 0 R 0 205 0 R 842]": "suspicious", "77 0 R": "suspicious",
	} {
		r := w.validate(t, update(t, signed, map[int]string{
			200: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Moi) /P 3 0 R /Rect " + rect + " /AP << /N 201 0 R >> >>", 201: overlay(),
			202: "595", 203: "[0 0 0 0]", 204: "[0 0 595.0 842 5]", 205: "null",
			11: "<< /Fields [10 0 R 12 0 R 200 0 R] /SigFlags 3 >>", 16: "[10 0 R 12 0 R 200 0 R]",
		}), offline)
		if got := r.Signatures[0].LaterChanges; got != want {
			t.Errorf("%s: %s, want %s", rect, got, want)
		}
	}
}

// TestManyBrokenSignatures: signatures that sign nothing cost no comparison each.
func TestManyBrokenSignatures(t *testing.T) {
	w := newWorld(t)
	objects := letter()
	var list strings.Builder
	for n := 1000; n < 51_000; n++ {
		objects[n] = "<< /A 1 >>"
		fmt.Fprintf(&list, "%d 0 R ", n)
	}
	objects[2] = "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] /X [" + list.String() + "] >>"
	file := build(objects)
	fields := "10 0 R 12 0 R"
	const signatures = 60
	for i := range signatures {
		n := 60_000 + 2*i
		fields += fmt.Sprintf(" %d 0 R", n)
		b := update(t, file, map[int]string{
			11: "<< /Fields [" + fields + "] >>",
			n:  fmt.Sprintf("<< /FT /Sig /T (S%d) /V %d 0 R >>", i, n+1),
			n + 1: "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange [0 1111111111 2222222222 3333333333] /Contents <" +
				strings.Repeat("00", 20) + "> >>",
		})
		start := bytes.LastIndex(b, []byte("/Contents <")) + len("/Contents ")
		end := start + 42
		for _, r := range [][2]string{
			{"1111111111", fmt.Sprintf("%010d", start)}, {"2222222222", fmt.Sprintf("%010d", end)}, {"3333333333", fmt.Sprintf("%010d", len(b)-end)},
		} {
			b = bytes.Replace(b, []byte(r[0]), []byte(r[1]), 1)
		}
		file = b
	}
	start := time.Now()
	r := w.validate(t, file, offline)
	if len(r.Signatures) != signatures {
		t.Fatalf("%d signatures", len(r.Signatures))
	}
	for i, s := range r.Signatures {
		if s.Indication != validation.TotalFailed || s.Covers == "" || (s.LaterChanges == validation.ChangesNone) != (i == signatures-1) {
			t.Errorf("%s: %s, covers %q, %s", s.Field, s.Indication, s.Covers, s.LaterChanges)
		}
	}
	// 60 comparisons of 50,000 objects take seconds.
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v", took)
	}
}
