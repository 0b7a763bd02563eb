package validation_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// never fails the test if a signature of the file passes, but for what the expectation lets through.
func never(t *testing.T, w *world, what string, file []byte, may func(validation.Signature) bool) {
	t.Helper()
	opt := offline
	opt.Roots = w.roots
	r, err := validation.Validate(t.Context(), bytes.NewReader(file), int64(len(file)), opt)
	if err != nil {
		return
	}
	for _, s := range r.Signatures {
		if s.Indication == validation.TotalPassed && !may(s) {
			t.Errorf("%s: field %s: %s, later changes %s, %v", what, s.Field, s.Indication, s.LaterChanges, s.Details)
		}
	}
}

// TestAnyByte flips a bit of bytes all over a signed file; one of the bits makes capitals small.
func TestAnyByte(t *testing.T) {
	w := newWorld(t)
	signed := signObjects(t, w.person(t, authority.Subject{}), paper(), "", nil)
	start := bytes.Index(signed, []byte("/Contents <")) + len("/Contents ")
	end := start + bytes.IndexByte(signed[start:], '>') + 1
	zeros := start + len(bytes.TrimRight(signed[start:end-1], "0")) // the room behind the CMS
	none := func(validation.Signature) bool { return false }
	tried := 0
	for i := range signed {
		// Each byte of what is signed and of the CMS's ends; of the CMS's middle and the room behind it some.
		if i > start+200 && i < end-20 && i%61 != 0 && (i < zeros-20 || i > zeros+20) {
			continue
		}
		for _, b := range []byte{signed[i] ^ 1, signed[i] ^ 0x20} {
			tried++
			altered := bytes.Clone(signed)
			altered[i] = b
			never(t, w, fmt.Sprintf("byte %d (%q, now %q)", i, signed[i], b), altered, none)
		}
	}
	if tried < 2000 {
		t.Errorf("only %d files tried", tried)
	}
}

// TestAnyObjectAfterCertification appends objects of any kind, under any number, to a document that allows no changes.
func TestAnyObjectAfterCertification(t *testing.T) {
	w := newWorld(t)
	objects := paper()
	objects[1] = strings.Replace(objects[1], "/Metadata", "/Perms << /DocMDP 20 0 R >> /Metadata", 1)
	signed := signObjects(t, w.person(t, authority.Subject{}), objects, docMDP(1), nil)
	if r := w.validate(t, signed, offline); verdict(r) != "TOTAL-PASSED none" {
		t.Fatalf("untouched: %s", verdict(r))
	}
	values := []string{
		"null", "true", "5", "(x)", "/Name", "[]", "<< >>", "[3 0 R]", "<< /Type /Page /Parent 2 0 R >>", paper()[2], paper()[3], paper()[11], paper()[14],
		"<< /Type /Annot /Subtype /FreeText /Rect [0 0 595 842] >>", "<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>",
		"<< /Type /Sig /ByteRange [0 1 2 3] /Contents <00> >>", "<< /S /JavaScript /JS (x) >>", stream("", "q Q"), stream("/Type /Metadata /Subtype /XML", "<x/>"),
	}
	numbers := []int{200, 250}
	for n := range objects {
		numbers = append(numbers, n)
	}
	for _, n := range numbers {
		for _, v := range values {
			if v == objects[n] {
				continue // the same again
			}
			may := func(s validation.Signature) bool {
				// The information and the metadata may be others.
				return n == 9 || n == 13
			}
			never(t, w, fmt.Sprintf("object %d is %.40s", n, v), update(t, signed, map[int]string{n: v}), may)
		}
	}
}
