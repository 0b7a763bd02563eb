package validation_test

import (
	"fmt"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// TestLaterChanges appends revisions to a signed file. The field of the signature is object 12; what it is after
// signing has to be repeated where the test redefines it.
func TestLaterChanges(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	signed := w.sign(t, build(letter()), who, signer.Options{Field: "Duyet", Roots: w.roots})
	form := func(fields string) string { return "<< /Fields [10 0 R 12 0 R " + fields + "] /SigFlags 3 >>" }
	page := func(s string) string {
		return "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots 16 0 R /Resources << /Font << /F1 7 0 R /F2 98 0 R >> >> " + s + " >>"
	}
	const (
		passed, maybe, failed = validation.TotalPassed, validation.Indeterminate, validation.TotalFailed
		none, permitted       = validation.ChangesNone, validation.ChangesPermitted
		suspicious, forbidden = validation.ChangesSuspicious, validation.ChangesForbidden
	)
	emptyField := "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Dong dau) /Rect [0 0 0 0] /P 3 0 R >>"
	for _, test := range []struct {
		name       string
		objects    map[int]string
		changes    string
		indication validation.Indication
	}{
		{"an unused object", map[int]string{200: "(x)"}, permitted, passed},
		{"an empty signature field", map[int]string{200: emptyField, 11: form("200 0 R"), 16: "[10 0 R 12 0 R 200 0 R]"}, permitted, passed},
		{"validation material", map[int]string{1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /Metadata 13 0 R /DSS << /Certs [201 0 R] >> >>", 201: stream("", "x")}, permitted, passed},
		{"metadata", map[int]string{13: stream("/Type /Metadata /Subtype /XML", "<y/>")}, permitted, passed},
		{"title", map[int]string{9: "<< /Title (Khac) >>"}, permitted, passed},
		{"version and extensions", map[int]string{1: "<< /Type /Catalog /Version /2.0 /Extensions << /ESIC << /BaseVersion /1.7 /ExtensionLevel 5 >> >> /Pages 2 0 R /AcroForm 11 0 R /Metadata 13 0 R >>"}, permitted, passed},
		{"the same again", map[int]string{5: letter()[5], 3: letter()[3], 7: letter()[7]}, permitted, passed},

		{"page content", map[int]string{5: stream("", "BT /F1 24 Tf 72 720 Td (Tra luong 9 trieu) Tj ET")}, forbidden, failed},
		{"page content replaced", map[int]string{3: strings.Replace(page(""), "5 0 R", "202 0 R", 1), 202: stream("", "BT ET")}, forbidden, failed},
		{"page content added", map[int]string{3: strings.Replace(page(""), "5 0 R", "[5 0 R 202 0 R]", 1), 202: stream("", "BT ET")}, forbidden, failed},
		{"page cropped", map[int]string{3: page("/CropBox [0 0 100 100]")}, forbidden, failed},
		{"page turned", map[int]string{3: page("/Rotate 180")}, forbidden, failed},
		{"page removed", map[int]string{2: "<< /Type /Pages /Kids [210 0 R] /Count 1 /MediaBox [0 0 595 842] >>", 210: "<< /Type /Page /Parent 2 0 R >>"}, forbidden, failed},
		{"page added", map[int]string{2: "<< /Type /Pages /Kids [3 0 R 210 0 R] /Count 2 /MediaBox [0 0 595 842] >>", 210: "<< /Type /Page /Parent 2 0 R >>"}, forbidden, failed},
		{"pages replaced", map[int]string{1: "<< /Type /Catalog /Pages 220 0 R /AcroForm 11 0 R >>", 220: "<< /Type /Pages /Kids [210 0 R] /Count 1 /MediaBox [0 0 595 842] >>", 210: "<< /Type /Page /Parent 220 0 R >>"}, forbidden, failed},
		{"font", map[int]string{7: "<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>"}, forbidden, failed},
		{"font freed", map[int]string{7: ""}, forbidden, failed},
		{"font that was missing", map[int]string{98: "<< /Type /Font /Subtype /Type3 >>"}, suspicious, maybe},
		{"action on opening", map[int]string{1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /Metadata 13 0 R /OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >> >>"}, forbidden, failed},
		{"permissions", map[int]string{1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /Metadata 13 0 R /Perms << /DocMDP 100 0 R >> >>"}, forbidden, failed},
		{"language", map[int]string{1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /Metadata 13 0 R /Lang (en) >>"}, suspicious, maybe},
		{"form removed", map[int]string{1: "<< /Type /Catalog /Pages 2 0 R /Metadata 13 0 R >>"}, forbidden, failed},

		{"field with another value", map[int]string{10: strings.Replace(letter()[10], "(5)", "(9)", 1)}, suspicious, maybe},
		{"field removed", map[int]string{11: "<< /Fields [12 0 R] /SigFlags 3 >>"}, forbidden, failed},
		{"text field added", map[int]string{200: "<< /Type /Annot /Subtype /Widget /FT /Tx /T (x) /Rect [0 0 9 9] >>", 11: form("200 0 R")}, suspicious, maybe},
		{"signature field that shows something", map[int]string{200: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (x) /Rect [0 0 595 842] /AP << /N 201 0 R >> >>", 201: stream("/Type /XObject /Subtype /Form /BBox [0 0 1 1]", "0 0 1 1 re f"), 11: form("200 0 R"), 16: "[10 0 R 12 0 R 200 0 R]"}, suspicious, maybe},
		{"field with an action", map[int]string{200: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (x) /Rect [0 0 0 0] /AA << /K << >> >> >>", 11: form("200 0 R")}, suspicious, maybe},
		{"annotation", map[int]string{200: "<< /Type /Annot /Subtype /FreeText /Rect [0 0 500 500] /Contents (9) >>", 16: "[10 0 R 12 0 R 200 0 R]"}, suspicious, maybe},
		{"annotation removed", map[int]string{16: "[12 0 R]"}, forbidden, failed},
		{"annotation in front", map[int]string{200: "<< /Type /Annot /Subtype /Square /Rect [0 0 500 500] >>", 16: "[200 0 R 10 0 R 12 0 R]"}, suspicious, maybe},
		{"signed field moved", map[int]string{12: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Duyet) /Rect [0 0 595 842] /P 3 0 R /V 100 0 R >>"}, forbidden, failed},
		{"signed field emptied", map[int]string{12: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Duyet) /Rect [100 100 200 150] /P 3 0 R >>"}, forbidden, failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			report := w.validate(t, update(t, signed, test.objects), offline)
			if len(report.Signatures) != 1 {
				t.Fatalf("%d signatures", len(report.Signatures))
			}
			s := report.Signatures[0]
			if s.LaterChanges != test.changes || s.Indication != test.indication || s.Covers != validation.CoversRevision {
				t.Errorf("%s, %s %s, covers %s: %v", s.LaterChanges, s.Indication, s.SubIndication, s.Covers, s.Details)
			}
		})
	}
	if s := w.validate(t, signed, offline).Signatures[0]; s.LaterChanges != none || s.Indication != passed {
		t.Errorf("without changes: %s %s", s.LaterChanges, s.Indication)
	}
}

// TestLaterSignatureIsBroken: changes that a broken signature made are vouched for by nobody.
func TestLaterSignatureIsBroken(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	one := w.sign(t, build(letter()), who, signer.Options{Field: "Duyet"})
	two := w.sign(t, one, who, signer.Options{Reason: "abcdef", Visible: &signer.Visible{Page: 1, Rect: [4]float64{1, 1, 99, 20}, Lines: []string{"x"}}})
	i := strings.LastIndex(string(two), "abcdef")
	two[i] = 'A'
	r := w.validate(t, two, offline)
	if got := fmt.Sprint(r.Signatures[0].Indication, r.Signatures[0].LaterChanges, r.Signatures[1].SubIndication); got != "INDETERMINATEsuspiciousHASH_FAILURE" {
		t.Errorf("%s: %+v", got, r)
	}
}

// TestNoChanges: after a signature with P=1 validation material and document time-stamps may follow, nothing else.
func TestNoChanges(t *testing.T) {
	w := newWorld(t)
	objects := letter()
	objects[12] = strings.Replace(objects[12], ">>", "/Lock << /Type /SigFieldLock /Action /Include /Fields [] /P 1 >> >>", 1)
	signed := w.sign(t, build(objects), w.person(t, authority.Subject{}), signer.Options{Field: "Duyet"})
	catalog := map[int]string{1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R /Metadata 13 0 R /DSS << >> >>"}
	field := map[int]string{200: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) /Rect [0 0 0 0] /P 3 0 R >>", 11: "<< /Fields [10 0 R 12 0 R 200 0 R] /SigFlags 3 >>"}
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"validation material": {update(t, signed, catalog), validation.ChangesPermitted},
		"time-stamp":          {stampDocument(t, w, signed), validation.ChangesPermitted},
		"signature field":     {update(t, signed, field), validation.ChangesForbidden},
	} {
		if s := w.validate(t, test.file, offline).Signatures[0]; s.LaterChanges != test.want {
			t.Errorf("%s: %s %v", name, s.LaterChanges, s.Details)
		}
	}
}

// TestCertification: a certification decides what may follow.
func TestCertification(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	objects := letter()
	objects[12] = strings.Replace(objects[12], ">>", "/Lock << /Type /SigFieldLock /Action /Include /Fields [(SoTien)] /P 2 >> >>", 1)
	signed := w.sign(t, build(objects), who, signer.Options{Field: "Duyet"})
	if s := w.validate(t, signed, offline).Signatures[0]; s.Indication != validation.TotalPassed {
		t.Fatalf("%+v", s)
	}
	filled := update(t, signed, map[int]string{10: strings.Replace(letter()[10], "(5)", "(9)", 1)})
	if s := w.validate(t, filled, offline).Signatures[0]; s.Indication != validation.TotalFailed || s.LaterChanges != validation.ChangesForbidden {
		t.Errorf("a locked field was filled in: %+v", s)
	}
}
