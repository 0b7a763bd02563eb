package validation_test

import (
	"bytes"
	"strings"
	"testing"

	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// TestPreparedKeyTwice: who prepares a document in which a key has two values shows the signer one of two and the
// reader the other, without any later change. A key with the same value twice is an honest writer's slip.
func TestPreparedKeyTwice(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	prepared := func(n int, from, to string) []byte {
		o := paper()
		o[6] = stream("", forgedText)
		o[22] = "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] /Rotate 180 >>"
		o[23] = "<< /F1 7 0 R >>"
		o[24] = "<< /Font 23 0 R >>"
		if from != "" {
			if !strings.Contains(o[n], from) {
				t.Fatalf("%q is not in object %d", from, n)
			}
			o[n] = strings.Replace(o[n], from, to, 1)
		}
		return signObjects(t, who, o, "", nil)
	}
	trailer := func(to string) []byte {
		// The trailer is signed too, so that it is written before.
		return signTrailer(t, who, paper(), to)
	}
	for _, test := range []struct {
		name  string
		file  []byte
		doubt bool
	}{
		{"the catalog has two page trees", prepared(1, "/Pages 2 0 R", "/Pages 22 0 R /Pages 2 0 R"), true},
		{"the page has two contents", prepared(3, "/Contents 5 0 R", "/Contents 6 0 R /Contents 5 0 R"), true},
		{"the page has contents and none", prepared(3, "/Contents 5 0 R", "/Contents null /Contents 5 0 R"), true},
		{"the second key is written in another way", prepared(3, "/Contents 5 0 R", "/Content#73 6 0 R /Contents 5 0 R"), true},
		{"the content has two lengths", prepared(5, "/Length", "/Length 3 /Length"), true},
		{"a page tree has two lists of kids", prepared(2, "/Kids [3 0 R]", "/Kids [] /Kids [3 0 R]"), true},
		{"the resources have two fonts of one name", prepared(3, "/F1 7 0 R", "/F1 8 0 R /F1 7 0 R"), true},
		{"an image has two widths", prepared(8, "/Width 1", "/Width 2 /Width 1"), true},
		{"a field has two values", prepared(10, "/V (5)", "/V (9) /V (5)"), true},
		{"the form has two lists of fields", prepared(11, "/Fields", "/Fields [] /Fields"), true},
		{"an annotation has two appearances", prepared(15, "/N <<", "/N 19 0 R /N <<"), true},
		{"a field has two rectangles", prepared(10, "/Rect [10 10 90 30]", "/Rect [0 0 9 9] /Rect [10 10 90 30]"), true},
		{"the trailer has two catalogs", trailer("/Root 22 0 R /Root 1 0 R"), true},
		{"untouched", prepared(0, "", ""), false},
		{"the same contents twice", prepared(3, "/Contents 5 0 R", "/Contents 5 0 R /Contents 5 0 R"), false},
		{"the same rectangle twice", prepared(10, "/Rect [10 10 90 30]", "/Rect [10 10 90 30] /Rect [10  10 90 30]"), false},
		{"the same type twice", prepared(1, "/Type /Catalog", "/Type /Catalog /Type /Catalog"), false},
		{"the trailer has the catalog twice", trailer("/Root 1 0 R /Root 1 0 R"), false},
		{"the viewer may open it in two ways", prepared(1, "/Type /Catalog", "/Type /Catalog /PageMode /UseNone /PageMode /UseOutlines"), false},
		{"in what nobody shows", prepared(13, "/Type /Metadata", "/X 1 /X 2 /Type /Metadata"), false},
	} {
		s := w.validate(t, test.file, offline).Signatures[0]
		want := validation.TotalPassed
		if test.doubt {
			want = validation.Indeterminate
		}
		if s.Indication != want || has(s, validation.DetailAmbiguous) != test.doubt {
			t.Errorf("%s: %s %s %v", test.name, s.Indication, s.SubIndication, s.Details)
		}
	}
	// A later revision leaves one of the two.
	two := prepared(3, "/Contents 5 0 R", "/Contents 6 0 R /Contents 5 0 R")
	for _, page := range []string{paper()[3], strings.Replace(paper()[3], "5 0 R", "6 0 R", 1)} {
		s := w.validate(t, update(t, two, map[int]string{3: page}), offline).Signatures[0]
		if s.Indication == validation.TotalPassed || s.LaterChanges == validation.ChangesPermitted {
			t.Errorf("written again: %s %s %v", s.Indication, s.LaterChanges, s.Details)
		}
	}
	// Added later it is a change, and no word about the document that was signed.
	later := update(t, prepared(0, "", ""), map[int]string{3: strings.Replace(paper()[3], "/Contents", "/Contents 200 0 R /Contents", 1), 200: stream("", forgedText)})
	if s := w.validate(t, later, offline).Signatures[0]; s.Indication != validation.Indeterminate || has(s, validation.DetailAmbiguous) {
		t.Errorf("added later: %s %v", s.Indication, s.Details)
	}
}

// signTrailer signs a document whose trailer has these words for its catalog.
func signTrailer(t testing.TB, who identity, objects map[int]string, root string) []byte {
	t.Helper()
	return signChanged(t, who, objects, func(b []byte) []byte {
		return bytes.Replace(b, []byte("/Root 1 0 R"), []byte(root), 1)
	})
}
