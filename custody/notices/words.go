package notices

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"sokyso/custody"
)

//go:embed locales/*.json
var locales embed.FS

// Languages that every sentence exists in, the first being the default.
var Languages = []string{"vi", "en"}

// Story is a notice with what its words need.
type Story struct {
	Kind   custody.NoticeKind
	Params map[string]string // as the notice has them
	Names  map[string]string // of the people in Params; "" = erased
	Token  string            // label, else serial; "" = about none
	Device string            // of a pairing; "" = erased
	Urgent bool
	Entry  *int64 // log index
	At     time.Time
}

// Text is a story in words.
type Text struct {
	Title string // one line
	Body  string // what happened
	Next  string // what to do now
}

// Words holds the sentences. It is safe for concurrent use.
type Words struct {
	localizers map[string]*i18n.Localizer
}

// LoadWords reads the sentences that are built into the program.
func LoadWords() (*Words, error) {
	bundle := i18n.NewBundle(language.Vietnamese)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	w := &Words{localizers: map[string]*i18n.Localizer{}}
	for _, lang := range Languages {
		if _, err := bundle.LoadMessageFileFS(locales, "locales/"+lang+".json"); err != nil {
			return nil, fmt.Errorf("load words of notices in %s: %w", lang, err)
		}
		w.localizers[lang] = i18n.NewLocalizer(bundle, lang)
	}
	return w, nil
}

func (w *Words) find(lang, key string, params map[string]string) (string, bool) {
	localizer := w.localizers[lang]
	if localizer == nil {
		localizer = w.localizers[Languages[0]]
	}
	text, err := localizer.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: params})
	return text, err == nil
}

func (w *Words) say(lang, key string, params map[string]string) string {
	if text, ok := w.find(lang, key, params); ok {
		return text
	}
	return key
}

// Error words the code of why something could not be sent.
func (w *Words) Error(lang, code string) string {
	if text, ok := w.find(lang, "error."+code, nil); ok {
		return text
	}
	return code
}

// optional are the params that a sentence may ask for and a notice may lack.
var optional = []string{"until", "paper", "document_number", "value", "person", "addressee", "due_on"}

const dayLayout = "02/01/2006"

// params are those of the sentence: people by name, days and times as written here,
// words of fixed sets by their names.
func (w *Words) params(lang string, s Story) map[string]string {
	p := map[string]string{"token": s.Token, "device": s.Device}
	for _, name := range optional {
		p[name] = ""
	}
	for name, value := range s.Params {
		p[name] = value
		switch name {
		case "from", "until", "due_on":
			if day, err := time.Parse(time.DateOnly, value); err == nil {
				p[name] = day.Format(dayLayout)
			}
		case "revoked_at", "since":
			if at, err := time.Parse(time.RFC3339Nano, value); err == nil {
				p[name] = Moment(at)
			}
		case "kind":
			p[name] = w.word(lang, "kind."+string(s.Kind), value)
		case "code", "channel", "error", "state", "step", "verdict", "role":
			p[name] = w.word(lang, name, value)
		case "name":
			p[name] = w.word(lang, "setting", value)
		}
	}
	for _, name := range custody.PersonParams {
		switch id := s.Params[name]; {
		case id != "" && s.Names[name] != "":
			p[name] = s.Names[name]
		case id != "":
			p[name] = w.say(lang, "erased", nil)
		case name == "actor":
			p[name] = w.say(lang, "system", nil)
		case name == "giver", name == "receiver":
			p[name] = w.say(lang, "safe", nil)
		}
	}
	if s.Device == "" {
		p["device"] = "–"
	}
	return p
}

// word is the name of a value of a fixed set, or the value itself.
func (w *Words) word(lang, set, value string) string {
	if text, ok := w.find(lang, set+"."+value, nil); ok {
		return text
	}
	return value
}

// Moment writes a time as it is written at the school: 26/11/2026 10:15.
func Moment(at time.Time) string { return at.In(custody.SchoolZone).Format(dayLayout + " 15:04") }

// Tell words a story. A kind of a later version is told by a general sentence.
func (w *Words) Tell(lang string, s Story) Text {
	kind, params := string(s.Kind), w.params(lang, s)
	if _, ok := w.find(lang, "title."+kind, params); !ok {
		kind = string(custody.NoticeTokenChanged)
	}
	return Text{Title: w.say(lang, "title."+kind, params), Body: w.say(lang, "text."+kind, params), Next: w.say(lang, "next."+kind, params)}
}

// Announcement is a short text to paste into the school's chat group: plain lines,
// oldest first, no link, since what is behind it needs an account. "" when there is
// nothing to tell.
func (w *Words) Announcement(lang, school string, newestFirst []Story) string {
	if len(newestFirst) == 0 {
		return ""
	}
	lines := []string{w.say(lang, "announcement.head", map[string]string{"school": school})}
	for i := len(newestFirst) - 1; i >= 0; i-- {
		s := newestFirst[i]
		line := "- " + Moment(s.At) + ": "
		if s.Urgent {
			line += w.say(lang, "urgent", nil) + ". "
		}
		lines = append(lines, line+w.Tell(lang, s).Body)
	}
	return strings.Join(append(lines, w.say(lang, "announcement.foot", nil)), "\n")
}

// Path is the page where the recipient can do something about it.
func Path(s Story) string {
	switch {
	case s.Params["hand_over"] != "":
		return "/hand-overs/" + s.Params["hand_over"]
	case s.Params["incident"] != "":
		return "/loss/" + s.Params["incident"]
	case s.Params["support"] != "":
		return "/support/" + s.Params["support"]
	case s.Params["document"] != "":
		return "/documents/" + s.Params["document"]
	case s.Params["check"] != "":
		return "/checks/" + s.Params["check"]
	}
	switch s.Kind {
	case custody.NoticeReviewAsked, custody.NoticeReviewAnswered, custody.NoticeReviewFlagged, custody.NoticeReviewSettled:
		return "/log/" + s.Params["subject_entry"] + "#review"
	case custody.NoticeResetAsked:
		return "/account-links"
	case custody.NoticePairing, custody.NoticeUnpairing:
		return "/pairing"
	case custody.NoticeAlarm, custody.NoticeAlarmDismissed:
		return "/alarms"
	case custody.NoticeDeliveryGivenUp, custody.NoticeAuthorityDown:
		return "/background"
	}
	if s.Entry != nil {
		return fmt.Sprintf("/log/%d", *s.Entry)
	}
	return "/"
}
