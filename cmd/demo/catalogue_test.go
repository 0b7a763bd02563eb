package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func sentences(t *testing.T, file string) map[string]string {
	t.Helper()
	raw, err := locales.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]string
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return all
}

func TestBothLanguagesAreComplete(t *testing.T) {
	placeholder := regexp.MustCompile(`\{\{\.(\w+)\}\}`)
	vietnamese, english := sentences(t, "locales/vi.json"), sentences(t, "locales/en.json")
	for key, text := range vietnamese {
		other, ok := english[key]
		if !ok {
			t.Errorf("English lacks %s", key)
			continue
		}
		mine, theirs := placeholder.FindAllString(text, -1), placeholder.FindAllString(other, -1)
		slices.Sort(mine)
		slices.Sort(theirs)
		if !slices.Equal(mine, theirs) {
			t.Errorf("%s: Vietnamese fills in %v, English %v", key, mine, theirs)
		}
	}
	for key := range english {
		if _, ok := vietnamese[key]; !ok {
			t.Errorf("Vietnamese lacks %s", key)
		}
	}
}

// TestEverySentenceIsThere reads the sources for keys: a string literal with the
// shape of a key must be in the catalogue, and each key must be used.
func TestEverySentenceIsThere(t *testing.T) {
	known := sentences(t, "locales/vi.json")
	used := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	shape := regexp.MustCompile(`^(build|step|check|summary|column|address|service)\.[a-z_]+$`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			used[text] = true
			if shape.MatchString(text) && known[text] == "" {
				t.Errorf("%s says %s, which no catalogue has", file, text)
			}
			return true
		})
	}
	for key := range known {
		if !used[key] {
			t.Errorf("no source says %s", key)
		}
	}
}
