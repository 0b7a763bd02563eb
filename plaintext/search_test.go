package plaintext_test

import (
	"testing"

	"sokyso/plaintext"
)

func TestPlainTexts(t *testing.T) {
	for text, want := range map[string]string{
		" Quyết định ĐẦU tư ": "quyet dinh dau tu",
		"Hòa, Hoà":            "hoa, hoa", // letters with their marks apart
		"07/QĐ-MNHS":          "07/qd-mnhs",
		"":                    "",
	} {
		if got := plaintext.Of(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestContainsAllWordsInAnyText(t *testing.T) {
	texts := []string{"Kế hoạch năm học", "Nguyễn Văn Nghĩa"}
	for query, want := range map[string]bool{"nghia": true, "ke nghia": true, "NGHĨA kế hoạch": true, "hoach thang": false, "": true} {
		if got := plaintext.Contains(plaintext.Of(query), texts...); got != want {
			t.Errorf("%q: %v", query, got)
		}
	}
}
