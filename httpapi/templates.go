package httpapi

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"sync"

	"sokyso/custody/notices"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pageSet parses a page when it is shown the first time, and keeps it: each holds a copy
// of the layout, in each language, and most installations show a few of them.
type pageSet struct {
	layouts map[string]*template.Template // by language; never executed themselves

	mu   sync.Mutex
	made map[string]*template.Template // by language and name
}

// loadTemplates parses the layouts. The functions that word things are bound to a
// language.
func loadTemplates(words *catalogue, told *notices.Words) (*pageSet, error) {
	set := &pageSet{layouts: map[string]*template.Template{}, made: map[string]*template.Template{}}
	for _, lang := range languages {
		layout, err := template.New("layout.html").Funcs(pageWords(words, told, lang)).Option("missingkey=error").
			ParseFS(templateFiles, "templates/layout.html", "templates/parts.html")
		if err != nil {
			return nil, fmt.Errorf("layout: %w", err)
		}
		set.layouts[lang] = layout
	}
	return set, nil
}

// page returns a page in a language.
func (p *pageSet) page(lang, name string) (*template.Template, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if made := p.made[lang+"/"+name]; made != nil {
		return made, nil
	}
	layout := p.layouts[lang]
	if layout == nil {
		return nil, fmt.Errorf("no page %q in %s", name, lang)
	}
	page, err := layout.Clone()
	if err == nil {
		page, err = page.ParseFS(templateFiles, "templates/"+name+".html")
	}
	if err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	p.made[lang+"/"+name] = page
	return page, nil
}

// pageNames lists all pages.
func pageNames() ([]string, error) {
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		if name := strings.TrimSuffix(path.Base(file), ".html"); name != "layout" && name != "parts" {
			names = append(names, name)
		}
	}
	return names, nil
}

// styleAddress is the style sheet's: it holds its hash, so that browsers may keep it for
// good.
func styleAddress() (string, error) {
	style, err := styleSheet()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(style)
	return "/" + styleFile + "?v=" + hex.EncodeToString(sum[:6]), nil
}
