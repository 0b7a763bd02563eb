package notices

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
)

func catalogue(t *testing.T, lang string) map[string]string {
	t.Helper()
	content, err := locales.ReadFile("locales/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var sentences map[string]string
	if err := json.Unmarshal(content, &sentences); err != nil {
		t.Fatal(err)
	}
	return sentences
}

func placeholders(text string) []string {
	names := regexp.MustCompile(`\.[a-z_]+`).FindAllString(strings.Join(regexp.MustCompile(`\{\{[^}]*\}\}`).FindAllString(text, -1), " "), -1)
	slices.Sort(names)
	return slices.Compact(names)
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	vi, en := catalogue(t, "vi"), catalogue(t, "en")
	for key, text := range vi {
		if strings.TrimSpace(text) == "" || strings.TrimSpace(en[key]) == "" || !slices.Equal(placeholders(text), placeholders(en[key])) {
			t.Errorf("%s: %q, %q", key, text, en[key])
		}
	}
	for key := range en {
		if _, ok := vi[key]; !ok {
			t.Errorf("%s is not in Vietnamese", key)
		}
	}
}

// constants returns the values of a file's string constants with a prefix.
func constants(t *testing.T, file, prefix string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, prefix) {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constants %s…", file, prefix)
	}
	return values
}

// Every kind has its three sentences, which leave nothing unfilled even when the
// notice has the least that it can have.
func TestEveryKindHasItsWords(t *testing.T) {
	w, err := LoadWords()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range constants(t, "../notice.go", "Notice") {
		for _, lang := range Languages {
			for _, key := range []string{"title.", "text.", "next."} {
				if _, ok := catalogue(t, lang)[key+kind]; !ok {
					t.Errorf("no sentence %s%s in %s", key, kind, lang)
				}
			}
			story := Story{Kind: custody.NoticeKind(kind), Token: "A1001", Params: map[string]string{"title": "Hiệu trưởng", "kinds": "TB", "from": "2026-01-01", "days": "7", "name": "offer_days",
				"code": "not_custodian", "subject_entry": "41", "source": "http://ca.example", "since": "2026-10-07T02:15:00Z", "revoked_at": "2026-10-07T02:15:00.000000Z", "channel": "mail", "error": CodeMailAuth, "kind": "lost", "role": "admin", "state": "sent", "step": "cleared", "verdict": "genuine", "due_on": "2026-01-01",
				"proved": "3", "seen": "1", "missing": "0", "excused": "0"}}
			text := w.Tell(lang, story)
			for _, sentence := range []string{text.Title, text.Body, text.Next} {
				if strings.Contains(sentence, "<no value>") || strings.Contains(sentence, "not_custodian") || strings.Contains(sentence, "mail_auth") || strings.Contains(sentence, "2026-01-01") || sentence == "" {
					t.Errorf("%s in %s: %q", kind, lang, sentence)
				}
			}
		}
	}
	for _, lang := range Languages {
		for _, code := range constants(t, "failure.go", "Code") {
			if w.Error(lang, code) == code {
				t.Errorf("no words for %s in %s", code, lang)
			}
		}
		for _, rule := range custody.SettingRules {
			if w.word(lang, "setting", string(rule.Name)) == string(rule.Name) {
				t.Errorf("no words for setting %s in %s", rule.Name, lang)
			}
		}
	}
}

func TestTheTextForTheGroup(t *testing.T) {
	w, err := LoadWords()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 26, 3, 15, 0, 0, time.UTC)
	story := Story{Kind: custody.NoticeHandOverAccepted, Token: "USB con dấu", Params: map[string]string{"receiver": "x", "giver": "y"}, Names: map[string]string{"receiver": "Lê Minh Quân"}, At: at}
	text := w.Announcement("vi", "Trường Mầm non Hoa Sen", []Story{{Kind: custody.NoticeIncident, Token: "USB con dấu", Params: map[string]string{"kind": "lost"}, Urgent: true, At: at.Add(time.Hour)}, story})
	want := "[Trường Mầm non Hoa Sen · Sổ Ký Số]\n" +
		"- 26/11/2026 10:15: Lê Minh Quân đã xác nhận nhận USB “USB con dấu” từ (đã xóa tên) và là người giữ từ lúc này.\n" +
		"- 26/11/2026 11:15: KHẨN. hệ thống báo USB “USB con dấu”: mất. Thiết bị đã bị khóa, không ký được nữa.\n" +
		"Không ai hỏi mã PIN qua nhóm này."
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if text := w.Announcement("vi", "Trường", nil); text != "" {
		t.Errorf("nothing to tell: %q", text)
	}
}
