package desk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"sokyso/signer/agent"
)

// sentences of each language: one flat object, {name} stands for a parameter.
var sentences = map[string]func() map[string]string{
	agent.Vietnamese: sync.OnceValue(func() map[string]string { return readSentences(agent.Vietnamese) }),
	agent.English:    sync.OnceValue(func() map[string]string { return readSentences(agent.English) }),
}

func readSentences(language string) map[string]string {
	content, err := files.ReadFile("locales/" + language + ".json")
	if err != nil {
		panic("desk: embedded catalogue: " + err.Error())
	}
	var out map[string]string
	if err := json.Unmarshal(content, &out); err != nil {
		panic(fmt.Sprintf("desk: embedded catalogue %s: %v", language, err)) // a test loads it
	}
	return out
}

// say is the sentence of a key in the person's language, with pairs of parameter and value.
func (d *Desk) say(key string, params ...string) string {
	text, ok := sentences[d.cfg.Agent.Catalogue.Language]()[key]
	if !ok {
		return key
	}
	for i := 0; i+1 < len(params); i += 2 {
		text = strings.ReplaceAll(text, "{"+params[i]+"}", params[i+1])
	}
	return text
}

// getSentences hands the page its catalogue, in the language that it asks for or the desk's own.
func (d *Desk) getSentences(r *http.Request) (any, error) {
	language := r.URL.Query().Get("language")
	if _, ok := sentences[language]; !ok {
		language = d.cfg.Agent.Catalogue.Language
	}
	return sentences[language](), nil
}
