package agent

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestSafeNames: Latin letters, digits and hyphens, and the same name however the
// letters were composed.
func TestSafeNames(t *testing.T) {
	for input, want := range map[string]string{
		"Thông báo về việc nghỉ Tết.pdf": "Thong-bao-ve-viec-nghi-Tet-signed.pdf",
		"Tho\u0302ng ba\u0301o.pdf":      "Thong-bao-signed.pdf",
		"Đề án đổi mới.PDF":              "De-an-doi-moi-signed.pdf",
		"07/KH-MNHS":                     "KH-MNHS-signed.pdf", // the folder goes
		"a  &  b (1).pdf":                "a-b-1-signed.pdf",
		"ke-hoach.signed.pdf":            "ke-hoach-signed.pdf",
		"ke-hoach.signed (2).pdf":        "ke-hoach-signed.pdf",
		"ke-hoach-signed-3.pdf":          "ke-hoach-signed.pdf",
		"\u202egpj.pdf":                  "gpj-signed.pdf",
		"公文.pdf":                         "tai-lieu-signed.pdf",
		"....pdf":                        "tai-lieu-signed.pdf",
	} {
		place, err := targetOf(Job{Input: input, SafeName: true})
		if got := filepath.Base(place.wanted); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", input, got, err, want)
		}
	}
}

// TestSafeNamesOfAnything: whatever the input is called, also with the highest
// number the name is one that such systems take.
func TestSafeNamesOfAnything(t *testing.T) {
	form := regexp.MustCompile(`^[A-Za-z0-9]+(-[A-Za-z0-9]+)*\.pdf$`)
	rapid.Check(t, func(t *rapid.T) {
		stem := strings.ReplaceAll(rapid.String().Draw(t, "stem"), "/", "")
		name := safeStem(stem) + safeEnd
		if longest := len(name) + safeNumber; longest > safeLength {
			t.Errorf("%q: %q may have %d characters", stem, name, longest)
		}
		if !form.MatchString(name) {
			t.Errorf("%q: %q", stem, name)
		}
	})
}
