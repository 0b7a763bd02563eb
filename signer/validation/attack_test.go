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
