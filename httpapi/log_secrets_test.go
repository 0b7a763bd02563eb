package httpapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// lines is a log that is written by a service and read by a test.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// marks are what must never be in a log line, by what it stands for.
type marks map[string]string

// found names the marks in a text, in whatever way it came to be escaped.
func (m marks) found(text string) []string {
	var names []string
	text = strings.ToLower(text)
	for name, mark := range m {
		for _, way := range []string{mark, url.QueryEscape(mark), url.PathEscape(mark)} {
			if strings.Contains(text, strings.ToLower(way)) {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

// TestLogLinesHoldNoSecrets: each route with secrets wherever a request has room for them,
// and what people really do with theirs. Every answer names its request, every line too.
func TestLogLinesHoldNoSecrets(t *testing.T) {
	log := &lines{}
	s := sqlite(t, httpapi.Config{Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	s.give()
	made := marks{"password": "dauVet-matkhau-71", "pin": "dauVet-pin-72", "cookie": "dauVet-cookie-73", "authorization": "dauVet-khoa-74", "code": "dauVet-totp-75", "link": "dauvet-lienket-76",
		"name": "Dấu Vết Họ Tên", "email": "dauvet-thu@mnhs.example", "phone": "0900dauvet78", "query": "dauVet-cauhoi-79", "file": "dauVet-tep-80.pdf", "field": "dauVet_truong_81", "number": "12dauVet82"}
	ids := map[string]int{}
	ask := func(v *visitor, r *http.Request) string {
		t.Helper()
		resp, err := v.http.Do(r)
		if err != nil {
			t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		defer resp.Body.Close()
		content, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		id := resp.Header.Get("X-Request-Id")
		if err := uuid.Validate(id); err != nil {
			t.Errorf("%s %s: the answer is of request %q", r.Method, r.URL.Path, id)
		}
		ids[id]++
		return string(content)
	}
	object := map[string]any{"username": made["name"], "password": made["password"], "again": made["password"], "new_password": made["password"], "pin": made["pin"], "puk": made["pin"], "code": made["code"],
		"secret": made["link"], "name": made["name"], "email": made["email"], "phone": made["phone"], "until": made["query"], "from": made["pin"], "kind": made["name"], "person": made["name"], "token": made["code"],
		"note": made["phone"], "reason": made["phone"], "size": made["number"], "serial": made["number"], "certificate": made["code"], made["field"]: made["field"]}
	form := url.Values{}
	for name, value := range object {
		form.Set(name, value.(string))
	}
	whole, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	nested, err := json.Marshal(map[string]any{"document": object, "items": []any{object, made["pin"]}, "request": object, "attributes": []any{made["name"]}})
	if err != nil {
		t.Fatal(err)
	}
	bodies := []struct{ kind, content string }{
		{"application/json", string(whole)}, {"application/json", string(nested)}, {"application/json", `"` + made["password"] + `"`}, {"application/json", `{"password":"` + made["password"] + `",` + made["pin"] + `}`},
		{"application/x-www-form-urlencoded", form.Encode()}, {"application/x-www-form-urlencoded", "password=" + made["password"] + "%zz" + made["pin"] + ";" + made["code"] + "=%"},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n" + made["password"] + "\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + made["file"] + "\"\r\n\r\n%PDF-1.7 " + made["pin"] + "\r\n--x--"},
		{"multipart/form-data; boundary=" + made["password"], made["password"]}, {made["password"], made["password"]}, {"application/pdf", "%PDF-1.7\n" + made["pin"]},
	}
	nobody, admin, principal := s.visitor(t), s.visitor(t), s.visitor(t)
	admin.signIn(s.admin)
	principal.signIn(s.principal)
	maps.Copy(made, s.workWithSecrets(t, admin)) // before the limits of this address are used up
	paths := strings.NewReplacer("01a21934-2b4b-7d09-ba5d-45a02993c3b3", made["code"], "khong-co", made["link"], "/7", "/"+made["number"], "0/000", made["link"])
	asked := 0
	for _, v := range []*visitor{nobody, admin, principal} {
		for _, route := range s.routes(t) {
			if route.endsSession() {
				continue
			}
			for i, body := range bodies {
				if !route.writes() && i > 0 {
					break
				}
				path := route.path
				if i%2 == 0 {
					path = paths.Replace(path)
				}
				r, err := http.NewRequest(route.method, v.base+path+"?secret="+made["query"]+"&page="+made["number"]+"&from="+made["query"]+"&person="+url.QueryEscape(made["name"]), strings.NewReader(body.content))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", body.kind)
				r.Header.Set("X-Request-Id", made["query"])
				r.Header.Set("Referer", v.base+"/join/"+made["link"])
				if v == nobody {
					r.Header.Set("Cookie", "sokyso="+made["cookie"]+"; sokyso_device="+made["cookie"])
					r.Header.Set("Authorization", []string{"Bearer ", "Bearer skp_", "Basic ", ""}[i%4]+made["authorization"])
				}
				ask(v, r)
				asked++
			}
		}
	}
	// What nobody serves: a link that was copied wrongly is one still.
	for _, path := range []string{"/" + made["password"], "/join/" + made["link"] + "/", "/join/" + made["link"] + "%2f" + made["pin"], "/jion/" + made["link"], "/api/v1/" + made["authorization"], "/%00" + made["link"], "//" + made["link"]} {
		for _, method := range []string{"GET", "POST", made["pin"]} {
			r, err := http.NewRequest(method, nobody.base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			ask(nobody, r)
		}
	}

	counted := 0
	for line := range strings.Lines(log.String()) {
		var event struct {
			Request string `json:"request"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil || uuid.Validate(event.Request) != nil {
			t.Errorf("a line without its request: %v %s", err, line)
		}
		if ids[event.Request] > 0 {
			ids[event.Request]--
			counted++
		}
		if names := made.found(line); names != nil {
			t.Errorf("a line tells %v: %s", names, line)
		}
	}
	if counted < asked || asked < 1000 {
		t.Errorf("of %d requests %d have lines", asked, counted)
	}
}

// workWithSecrets has people use theirs as they are meant to, and wrongly; it returns them.
func (s *school) workWithSecrets(t *testing.T, admin *visitor) marks {
	t.Helper()
	real := marks{"a real password": password, "a real name": s.principal.name, "another real name": "Đỗ Thị Lúa", "a chosen password": ownPassword, "a wrong password": "sai-Mat-Khau-83"}
	_, page := admin.post("/people", url.Values{"name": {"Đỗ Thị Lúa"}, "username": {"lua"}, "email": {"lua-84@mnhs.example"}})
	link := shownLink(t, page)
	real["a real link"], real["a real address"] = strings.TrimPrefix(link, "/join/"), "lua-84@mnhs.example"
	lua := s.visitor(t)
	lua.get(link)
	lua.post(link, url.Values{"password": {"ngắn-85"}, "again": {"ngắn-85"}})
	lua.post(link, url.Values{"password": {ownPassword}, "again": {ownPassword}})
	lua.get(link)
	lua.post("/second-factor/begin", url.Values{})
	_, page = lua.get("/second-factor")
	found := shownSecret.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no secret is shown:\n%s", page)
	}
	secret := strings.ReplaceAll(found[1], " ", "")
	code := s.code(t, secret)
	_, page = lua.post("/second-factor", url.Values{"code": {code}})
	recovery := shownRecovery.FindStringSubmatch(page)
	if recovery == nil {
		t.Fatalf("no recovery code is shown:\n%s", page)
	}
	real["a secret of a second factor"], real["its recovery code"] = secret, recovery[1]
	other := s.visitor(t)
	other.post("/sign-in", url.Values{"username": {"lua"}, "password": {"sai-Mat-Khau-83"}})
	other.post("/sign-in", url.Values{"username": {"lua"}, "password": {ownPassword}})
	other.post("/sign-in/code", url.Values{"code": {code}}) // used already
	other.post("/sign-in/code", url.Values{"code": {recovery[1]}})
	site, err := url.Parse(other.base)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range append(other.http.Jar.Cookies(site), admin.http.Jar.Cookies(site)...) {
		real["a cookie "+cookie.Name] = cookie.Value
	}
	pairing, _, err := s.CreatePairingCode(ctx, s.deputy.actor)
	if err != nil {
		t.Fatal(err)
	}
	paired, err := s.client(wire.ClientConfig{}).Pair(ctx, wire.Pair{Code: pairing, Device: "máy-86"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.client(wire.ClientConfig{APIKey: paired.APIKey}).MyTokens(ctx); err != nil {
		t.Fatal(err)
	}
	real["a pairing code"], real["an agent's key"], real["an agent's name"] = pairing, paired.APIKey, "máy-86"
	return real
}
