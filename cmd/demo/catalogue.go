package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/*.json
var locales embed.FS

// catalogue holds the demo's sentences in the language of the person.
type catalogue struct {
	localizer *i18n.Localizer
	Tag       string // vi or en
}

// loadCatalogue takes the language asked for, else that of the environment,
// else Vietnamese.
func loadCatalogue(lang string) (*catalogue, error) {
	bundle := i18n.NewBundle(language.Vietnamese)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	for _, file := range []string{"locales/vi.json", "locales/en.json"} {
		if _, err := bundle.LoadMessageFileFS(locales, file); err != nil {
			return nil, fmt.Errorf("load %s: %w", file, err)
		}
	}
	if lang == "" {
		lang = "vi"
		for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
			if value := os.Getenv(name); value != "" {
				if strings.HasPrefix(value, "en") {
					lang = "en"
				}
				break
			}
		}
	}
	return &catalogue{localizer: i18n.NewLocalizer(bundle, lang), Tag: lang}, nil
}

func (c *catalogue) sentence(key string, params map[string]any) string {
	text, err := c.localizer.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: params})
	if err != nil {
		return "⟨" + key + "⟩"
	}
	return text
}
