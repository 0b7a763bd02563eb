package desk_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"sokyso/signer/agent"
	"sokyso/signer/desk"
)

// TestWhoMayCall: other names, other origins, no secret, reading by GET what changes something.
func TestWhoMayCall(t *testing.T) {
	p := sitDown(t, copied(t, "ke-hoach.pdf"))
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	port := p.base[strings.LastIndex(p.base, ":"):]
	for _, test := range []struct {
		what   string
		method string
		path   string
		change func(*http.Request)
		status int
	}{
		{"as the page does", "GET", "/api/state", func(*http.Request) {}, 200},
		{"a name that points here", "GET", "/api/state", host("evil.example" + port), 421},
		{"the usual other name", "GET", "/api/state", host("localhost" + port), 421},
		{"no port", "GET", "/", host("127.0.0.1"), 421},
		{"another origin", "GET", "/api/state", header("Origin", "https://evil.example"), 403},
		{"another port", "GET", "/api/state", header("Origin", "http://127.0.0.1:1"), 403},
		{"a form from a file", "POST", "/api/sign", header("Origin", "null"), 403},
		{"across sites", "POST", "/api/sign", header("Sec-Fetch-Site", "cross-site"), 403},
		{"no secret", "GET", "/api/state", func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		{"a wrong secret", "GET", "/api/state", header("Authorization", "Bearer "+strings.Repeat("A", len(p.secret))), 401},
		{"the secret in a cookie", "GET", "/api/state", func(r *http.Request) {
			r.Header.Del("Authorization")
			r.AddCookie(&http.Cookie{Name: "secret", Value: p.secret})
		}, 401},
		{"the secret in the address", "GET", "/api/state?secret=" + p.secret, func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		{"asked before a call across sites", "OPTIONS", "/api/state", header("Origin", "https://evil.example"), 403},
		{"signing by reading", "GET", "/api/sign", func(*http.Request) {}, 405},
	} {
		status, content := p.ask(test.method, test.path, nil, test.change)
		if status != test.status {
			t.Errorf("%s: %d, want %d: %s", test.what, status, test.status, content)
		}
	}
}

func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	p := sitDown(t)
	resp, err := http.Get(p.base + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	policy := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %s", policy, want)
		}
	}
	if resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("other origins may read answers")
	}
	elsewhere := regexp.MustCompile(`(?:src|href|import|fetch|url)\s*[=(]?\s*["'(]\s*(?:https?:)?//`)
	html := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function`)
	err = fs.WalkDir(os.DirFS("static"), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(os.DirFS("static"), path)
		if err != nil {
			return err
		}
		if found := elsewhere.Find(content); found != nil {
			t.Errorf("%s loads from elsewhere: %s", path, found)
		}
		if found := html.Find(content); found != nil {
			t.Errorf("%s turns text into HTML or code: %s", path, found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	for address, good := range map[string]bool{"127.0.0.1:0": true, "[::1]:0": true, "0.0.0.0:0": false, "[::]:0": false, ":0": false, "localhost:0": false, "192.0.2.1:0": false} {
		d, err := desk.New(desk.Config{Agent: agent.Config{Home: t.TempDir()}, Address: address})
		if err != nil {
			t.Fatal(err)
		}
		listener, err := d.Listen()
		if good != (err == nil) && address != "[::1]:0" { // there may be no IPv6
			t.Errorf("%s: %v", address, err)
		}
		if listener != nil {
			listener.Close()
		}
	}
}

// TestCatalogues: both languages have all sentences, with the same parameters, and the pages use no others.
func TestCatalogues(t *testing.T) {
	texts := map[string]map[string]string{}
	for _, language := range []string{agent.Vietnamese, agent.English} {
		content, err := os.ReadFile("locales/" + language + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var sentences map[string]string
		if err := json.Unmarshal(content, &sentences); err != nil {
			t.Fatal(err)
		}
		texts[language] = sentences
	}
	parameters := regexp.MustCompile(`\{\w+\}`)
	set := func(text string) map[string]bool {
		out := map[string]bool{}
		for _, p := range parameters.FindAllString(text, -1) {
			out[p] = true
		}
		return out
	}
	vi, en := texts[agent.Vietnamese], texts[agent.English]
	for key, text := range vi {
		if en[key] == "" || text == "" {
			t.Errorf("%s: a language is missing", key)
		}
		for p := range set(text) {
			if !set(en[key])[p] {
				t.Errorf("%s: %s is in Vietnamese only", key, p)
			}
		}
	}
	for key := range en {
		if vi[key] == "" {
			t.Errorf("%s: not in Vietnamese", key)
		}
	}
	whole := regexp.MustCompile(`\bt\(\s*"([\w.-]+)"\s*[,)]`)
	begun := regexp.MustCompile(`\bt\(\s*"([\w.-]+\.)"\s*\+`)
	refused := regexp.MustCompile(`(?:refusal\([\w.]+, |d\.refuse\(w, [\w.]+, )"(\w+)"`)
	scan := func(pattern string, f func(content []byte)) {
		names, err := fs.Glob(os.DirFS("."), pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f(content)
		}
	}
	scan("static/*.js", func(content []byte) {
		for _, m := range whole.FindAllSubmatch(content, -1) {
			if vi[string(m[1])] == "" {
				t.Errorf("a page says %s, which the catalogue has not", m[1])
			}
		}
		for _, m := range begun.FindAllSubmatch(content, -1) {
			found := false
			for key := range vi {
				found = found || strings.HasPrefix(key, string(m[1]))
			}
			if !found {
				t.Errorf("a page says %s…, which the catalogue has not", m[1])
			}
		}
	})
	scan("*.go", func(content []byte) {
		for _, m := range refused.FindAllSubmatch(content, -1) {
			if vi["error."+string(m[1])] == "" {
				t.Errorf("the desk refuses with %s, which the catalogue has not", m[1])
			}
		}
	})
}
