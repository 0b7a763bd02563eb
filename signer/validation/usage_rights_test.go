package validation_test

import (
	"strings"
	"testing"

	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// TestUsageRights: a form with usage rights of a viewer (ISO 32000-2 §12.8.2.3) has a signature in Perms that nobody
// signs the document with. It is none of the document's signatures, may go with a later change, and hides nothing.
func TestUsageRights(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	rights := "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange [0 1 2 3] /Contents <00> " +
		"/Reference [<< /Type /SigRef /TransformMethod /UR3 /TransformParams << /Type /TransformParams /V /2.2 /Form [/FillIn] >> >>] >>"
	for _, key := range []string{"UR3", "UR"} {
		o := paper()
		o[1] = strings.Replace(o[1], "/Metadata", "/Perms << /"+key+" 30 0 R >> /Metadata", 1)
		o[30] = rights
		unsigned := build(o)
		if r := w.validate(t, unsigned, offline); len(r.Signatures) != 0 {
			t.Errorf("%s alone: %d signatures", key, len(r.Signatures))
		}
		signed := signObjects(t, who, o, "", nil)
		gone := strings.Replace(o[1], "/Perms << /"+key+" 30 0 R >> ", "", 1)
		checkAttacks(t, w, []attack{
			{key + " stays", update(t, signed, map[int]string{14: filled("Le Minh"), 200: says("Le Minh")}), passes},
			{key + " goes", update(t, signed, map[int]string{1: gone}), passes},
			{key + " goes, and the content changes", update(t, signed, map[int]string{1: gone, 5: stream("", forgedText)}), forbidden},
			{key + " becomes a certification that is none", update(t, signed, map[int]string{1: strings.Replace(o[1], "/"+key+" 30", "/DocMDP 30", 1)}), forbidden},
			{key + " leads to the content, which changes", update(t, signed, map[int]string{1: strings.Replace(o[1], "30 0 R", "5 0 R", 1), 5: stream("", forgedText)}), forbidden},
		})
		if r := w.validate(t, signed, offline); len(r.Signatures) != 1 || verdict(r) != "TOTAL-PASSED none" {
			t.Errorf("%s: %s %v", key, verdict(r), r.Signatures[0].Details)
		}
	}
	// A field that shows the usage rights' signature as its own is not signed.
	o := paper()
	o[1] = strings.Replace(o[1], "/Metadata", "/Perms << /UR3 30 0 R >> /Metadata", 1)
	o[30] = rights
	o[17] = strings.Replace(o[17], "/T (Trong)", "/T (Trong) /V 30 0 R", 1)
	for _, s := range w.validate(t, signObjects(t, who, o, "", nil), offline).Signatures {
		if s.Field == "Trong" && s.Indication != validation.TotalFailed {
			t.Errorf("in a field: %s %v", s.Indication, s.Details)
		}
	}
}
