package validation_test

import (
	"bytes"
	"strings"
	"testing"

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
		if r := w.validate(t, update(t, signed, test), offline); r.Signatures[0].Indication != validation.TotalFailed {
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
