package sokyso_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sokyso/httpapi/look/picture"
)

const guideFolder = "docs/huong-dan"

// guides are the guides for people at school, by file name.
func guides(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(guideFolder + "/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d guides, %v", len(files), err)
	}
	texts := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = string(content)
	}
	return texts
}

// TestGuidesNameWhatThereIs: what a guide writes in bold is a word of the pages, letter for
// letter, as the catalogues have it; → leads from a menu to what is in it.
func TestGuidesNameWhatThereIs(t *testing.T) {
	exact := map[string]bool{}
	var patterns []*regexp.Regexp
	parameter := regexp.MustCompile(`\{\{[^}]*\}\}|\{\w+\}`)
	letter := regexp.MustCompile(`\pL`)
	for _, file := range []string{"httpapi/locales/vi.json", "signer/desk/locales/vi.json", "signer/agent/locales/vi.json"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var sentences map[string]string
		if err := json.Unmarshal(content, &sentences); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, text := range sentences {
			exact[text] = true
			parts := parameter.Split(text, -1)
			if len(parts) == 1 || len(letter.FindAllString(strings.Join(parts, ""), -1)) < 4 {
				continue // with few words of its own it would allow anything
			}
			for i := range parts {
				parts[i] = regexp.QuoteMeta(parts[i])
			}
			patterns = append(patterns, regexp.MustCompile(`^`+strings.Join(parts, `.+`)+`$`))
		}
	}
	known := func(word string) bool {
		if exact[word] {
			return true
		}
		for _, pattern := range patterns {
			if pattern.MatchString(word) {
				return true
			}
		}
		return false
	}
	bold := regexp.MustCompile(`\*\*([^*]+)\*\*`)
	for name, text := range guides(t) {
		for _, found := range bold.FindAllStringSubmatch(text, -1) {
			for word := range strings.SplitSeq(strings.Join(strings.Fields(found[1]), " "), " → ") {
				if !known(word) {
					t.Errorf("%s tells of %q, which no page says", name, word)
				}
			}
		}
		if count := strings.Count(text, "**"); count%2 != 0 {
			t.Errorf("%s: a bold word does not end", name)
		}
	}
}

// TestGuidesHaveTheirPictures: every picture that a guide shows is there, says in words what it
// shows and is small; none lies there unused; links lead somewhere.
func TestGuidesHaveTheirPictures(t *testing.T) {
	used := map[string]bool{}
	shown := regexp.MustCompile(`!\[([^\]]*)\]\(([^)]+)\)|<img ([^>]*)>`)
	attribute := regexp.MustCompile(`(\w+)="([^"]*)"`)
	link := regexp.MustCompile(`[^!]\[[^\]]+\]\(([^)#]+)(?:#[^)]*)?\)`)
	texts := guides(t)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	texts["../../README.md"] = string(readme)
	for name, text := range texts {
		folder := filepath.Dir(filepath.Join(guideFolder, name))
		for _, found := range shown.FindAllStringSubmatch(text, -1) {
			words, path := found[1], found[2]
			for _, a := range attribute.FindAllStringSubmatch(found[3], -1) {
				switch a[1] {
				case "alt":
					words = a[2]
				case "src":
					path = a[2]
				}
			}
			if len(strings.Fields(words)) < 3 {
				t.Errorf("%s: %s is described by %q", name, path, words)
			}
			path = filepath.Join(folder, path)
			used[path] = true
			if info, err := os.Stat(path); err != nil {
				t.Errorf("%s: %v", name, err)
			} else if info.Size() > picture.Max {
				t.Errorf("%s has %d KB", path, info.Size()>>10)
			}
		}
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(folder, found[1])); err != nil {
				t.Errorf("%s leads to %s: %v", name, found[1], err)
			}
		}
	}
	pictures, err := filepath.Glob(guideFolder + "/pictures/*")
	if err != nil || len(pictures) == 0 {
		t.Fatalf("%d pictures, %v", len(pictures), err)
	}
	for _, path := range pictures {
		if !used[path] {
			t.Errorf("no guide shows %s", path)
		}
	}
}
