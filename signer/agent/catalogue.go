package agent

import (
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"

	"sokyso/signer"
)

//go:embed locales/*.json
var locales embed.FS

// Languages of the sentences, the first is the default.
const (
	Vietnamese = "vi"
	English    = "en"
)

// bundles are the sentences of each language, read when they are first needed.
var bundles = map[string]func() *i18n.Bundle{
	Vietnamese: sync.OnceValue(func() *i18n.Bundle { return loadBundle(Vietnamese) }),
	English:    sync.OnceValue(func() *i18n.Bundle { return loadBundle(English) }),
}

func loadBundle(tag string) *i18n.Bundle {
	bundle := i18n.NewBundle(language.Make(tag))
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	if _, err := bundle.LoadMessageFileFS(locales, "locales/"+tag+".json"); err != nil {
		panic(fmt.Sprintf("agent: embedded catalogue: %v", err)) // a test loads them
	}
	return bundle
}

// Catalogue holds the sentences in one language.
type Catalogue struct {
	Language  string // Vietnamese or English
	localizer *i18n.Localizer
}

// NewCatalogue takes the language asked for, or that of the environment when
// lang is "": English if the locale says so, else Vietnamese.
func NewCatalogue(lang string) *Catalogue {
	if lang == "" {
		lang = languageOf(os.Getenv)
	}
	if lang != English {
		lang = Vietnamese
	}
	return &Catalogue{Language: lang, localizer: i18n.NewLocalizer(bundles[lang](), lang)}
}

// languageOf reads the locale's variables in their order of precedence (POSIX
// XBD 8.2): the first that is set decides.
func languageOf(getenv func(string) string) string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := strings.ToLower(getenv(name)); value != "" {
			if strings.HasPrefix(value, English) {
				return English
			}
			return Vietnamese
		}
	}
	return Vietnamese
}

// Sentence is the text of a key, with pairs of parameter and value; without a
// text it is the key itself.
func (c *Catalogue) Sentence(key string, params ...string) string {
	values := make(map[string]string, len(params)/2)
	for i := 0; i+1 < len(params); i += 2 {
		values[params[i]] = params[i+1]
	}
	return c.text(key, values)
}

func (c *Catalogue) text(key string, params map[string]string) string {
	text, known := c.lookUp(key, params)
	if !known {
		return key
	}
	return text
}

// lookUp fills a sentence. Values come from documents and from the network, so
// control characters are taken out: they could rewrite what a terminal shows.
// Times in RFC 3339 are written as people in Vietnam write them.
func (c *Catalogue) lookUp(key string, params map[string]string) (string, bool) {
	safe := make(map[string]string, len(params))
	for name, value := range params {
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			value = at.In(signer.Vietnam).Format("15:04:05 02/01/2006")
		}
		safe[name] = Printable(value)
	}
	text, err := c.localizer.Localize(&i18n.LocalizeConfig{
		MessageID:      key,
		TemplateData:   safe,
		TemplateParser: &template.TextParser{Option: "missingkey=zero"},
	})
	if err != nil {
		return "", false
	}
	return text, true
}

// Printable is text without control and formatting characters (Unicode Cc, Cf).
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf) {
			return ' '
		}
		return r
	}, text)
}

// Section returns the raw sentences whose keys start with prefix and a dot, by
// the rest of the key.
func (c *Catalogue) Section(prefix string) map[string]string {
	var all map[string]string
	content, err := locales.ReadFile("locales/" + c.Language + ".json")
	if err == nil {
		err = json.Unmarshal(content, &all)
	}
	if err != nil {
		panic(fmt.Sprintf("agent: embedded catalogue: %v", err)) // a test loads them
	}
	section := make(map[string]string)
	for key, text := range all {
		if rest, ok := strings.CutPrefix(key, prefix+"."); ok {
			section[rest] = text
		}
	}
	return section
}
