package httpapi

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/*.json
var locales embed.FS

// languages that every sentence exists in, the first being the default.
var languages = []string{"vi", "en"}

// catalogue holds the sentences. It is safe for concurrent use.
type catalogue struct {
	bundle     *i18n.Bundle
	localizers map[string]*i18n.Localizer
}

func loadCatalogue() (*catalogue, error) {
	c := &catalogue{bundle: i18n.NewBundle(language.Vietnamese), localizers: map[string]*i18n.Localizer{}}
	c.bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	for _, lang := range languages {
		if _, err := c.bundle.LoadMessageFileFS(locales, "locales/"+lang+".json"); err != nil {
			return nil, fmt.Errorf("load catalogue %s: %w", lang, err)
		}
		c.localizers[lang] = i18n.NewLocalizer(c.bundle, lang)
	}
	return c, nil
}

func (c *catalogue) has(lang string) bool { return c.localizers[lang] != nil }

// find returns the sentence with its parameters filled in, and whether there is one.
func (c *catalogue) find(lang, key string, params map[string]string) (string, bool) {
	text, err := c.localizers[lang].Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: params})
	return text, err == nil
}

// sentence is find for keys that are known to exist: a test holds that.
func (c *catalogue) sentence(lang, key string, params map[string]string) string {
	if text, ok := c.find(lang, key, params); ok {
		return text
	}
	return key
}

// accepted returns the language that Accept-Language prefers among those there
// are, "" when it names none.
func (c *catalogue) accepted(r *http.Request) string {
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		return ""
	}
	for _, tag := range tags { // in descending order of quality
		base, _ := tag.Base()
		if c.has(base.String()) {
			return base.String()
		}
	}
	return ""
}

const languageCookie = "sokyso-language"

// languageOf chooses the language of an answer. The API goes by Accept-Language,
// pages by the switch only: computers of schools often run an English browser.
func (s *server) languageOf(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		if lang := s.words.accepted(r); lang != "" {
			return lang
		}
		return s.language
	}
	if cookie, err := r.Cookie(languageCookie); err == nil && s.words.has(cookie.Value) {
		return cookie.Value
	}
	return s.language
}
