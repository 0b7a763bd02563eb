package httpapi

import (
	"testing"

	"sokyso/custody/notices"
)

// Pages are parsed when they are shown first: that all can be is found here.
func TestEveryPageParses(t *testing.T) {
	words, err := loadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	told, err := notices.LoadWords()
	if err != nil {
		t.Fatal(err)
	}
	set, err := loadTemplates(words, told)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pageNames()
	if err != nil || len(names) < 50 {
		t.Fatalf("%d pages, %v", len(names), err)
	}
	for _, lang := range languages {
		for _, name := range names {
			if _, err := set.page(lang, name); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := set.page("vi", "nothing"); err == nil {
		t.Error("a page that is not there")
	}
	if _, err := set.page("fr", "home"); err == nil {
		t.Error("a language that is not there")
	}
}
