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

// catalogue holds the program's sentences in one language.
type catalogue struct {
	localizer *i18n.Localizer
	language  string
	keys      []string
}

func loadCatalogue(lang string) (*catalogue, error) {
	content, err := locales.ReadFile("locales/" + lang + ".json")
	if err != nil {
		return nil, fmt.Errorf("catalogue %s: %w", lang, err)
	}
	bundle := i18n.NewBundle(language.Make(lang))
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	file, err := bundle.ParseMessageFileBytes(content, lang+".json")
	if err != nil {
		return nil, fmt.Errorf("catalogue %s: %w", lang, err)
	}
	c := &catalogue{localizer: i18n.NewLocalizer(bundle, lang), language: lang}
	for _, message := range file.Messages {
		c.keys = append(c.keys, message.ID)
	}
	return c, nil
}

func (c *catalogue) find(key string, params map[string]string) (string, bool) {
	text, err := c.localizer.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: params})
	return text, err == nil
}

func (c *catalogue) sentence(key string, params map[string]string) string {
	if text, ok := c.find(key, params); ok {
		return text
	}
	return key
}

// help returns the texts of the flags for kong.
func (c *catalogue) help() map[string]string {
	help := map[string]string{}
	for _, key := range c.keys {
		if strings.HasPrefix(key, "help_") {
			help[key] = c.sentence(key, nil)
		}
	}
	return help
}

// languageOf finds the language before the flags are parsed, since their help is
// in it: --lang, else the environment's, else Vietnamese.
func languageOf(args []string) string {
	for i, arg := range args {
		value, ok := strings.CutPrefix(arg, "--lang=")
		if arg == "--lang" && i+1 < len(args) {
			value, ok = args[i+1], true
		}
		if ok && (value == "en" || value == "vi") {
			return value
		}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := os.Getenv(name); value != "" {
			if strings.HasPrefix(value, "en") {
				return "en"
			}
			break
		}
	}
	return "vi"
}
