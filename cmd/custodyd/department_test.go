package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sokyso/custody/store/storetest"
)

const (
	departmentAt = "http://sokyso.example"
	hoaSenAt     = "http://mn-hoa-sen.sokyso.example"
	kimDongAt    = "http://th-kim-dong.sokyso.example"
	password     = "Hoa-Sen-Trang-2026"
)

// manyServed is a running service of a department and two schools.
type manyServed struct {
	t        *testing.T
	data     string
	register string
	to       dialed
}

func serveMany(t *testing.T, register string) *manyServed {
	t.Helper()
	folder := t.TempDir()
	s := &manyServed{t: t, data: filepath.Join(folder, "data"), register: register}
	s.run("init", "--school-name", "Sở Giáo dục", "--school-code", "SGD")
	s.run("user", "add", "--username", "quantri", "--name", "Quản trị Sở", "--admin", "--password-file", "-")
	s.run("user", "add", "--username", "so", "--name", "Trịnh Thị Sở")
	s.run("user", "password", "--username", "so", "--password-file", "-")
	for name, code := range map[string]string{"mn-hoa-sen": "MNHS", "th-kim-dong": "THKD"} {
		s.run("--school", name, "init", "--school-name", "Trường "+code, "--school-code", code)
		s.run("--school", name, "user", "add", "--username", "quantri", "--name", "Quản trị "+code, "--admin", "--password-file", "-")
	}
	address := filepath.Join(folder, "address")
	ctx, stop := context.WithCancel(context.Background())
	ended, said := make(chan int, 1), &lockedBuffer{}
	go func() {
		ended <- Run(ctx, []string{"--data", s.data, "--database", register, "serve", "--many", "--listen", "127.0.0.1:0", "--listen-file", address, "--public-url", departmentAt},
			strings.NewReader(""), said, said)
	}()
	t.Cleanup(func() {
		stop()
		if status := <-ended; status != 0 {
			t.Errorf("the service ended with %d: %s", status, said)
		}
	})
	var where []byte
	for range 1000 {
		if where, _ = os.ReadFile(address); len(where) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.to = dialed{strings.TrimSpace(string(where))}
	return s
}

// run runs a command, which must succeed.
func (s *manyServed) run(args ...string) string {
	s.t.Helper()
	out, status := s.tried(args...)
	if status != 0 {
		s.t.Fatalf("%v: %s", args, out)
	}
	return out
}

func (s *manyServed) tried(args ...string) (string, int) {
	var out bytes.Buffer
	status := Run(s.t.Context(), append([]string{"--data", s.data, "--database", s.register}, args...), strings.NewReader(password+"\n"), &out, &out)
	return out.String(), status
}

// browsed is a browser as far as cookies, redirects and the headers go that say which page
// sends a form (Fetch Metadata, Origin).
type browsed struct {
	t      *testing.T
	client *http.Client
	at     string // address of the page that is shown
	text   string
	status int
	header http.Header
}

func (s *manyServed) browser() *browsed {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := s.to.client()
	client.Jar = jar
	return &browsed{t: s.t, client: client}
}

// ask sends one request and follows redirects as browsers do: a 303 by GET, a 307 by the same
// form, whose Origin stays that of the page which sent it.
func (b *browsed) ask(method, address string, form url.Values, origin string) *browsed {
	b.t.Helper()
	for range 10 {
		var body io.Reader
		if form != nil {
			body = strings.NewReader(form.Encode())
		}
		r, err := http.NewRequestWithContext(b.t.Context(), method, address, body)
		if err != nil {
			b.t.Fatal(err)
		}
		r.Header.Set("User-Agent", "Firefox")
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", origin)
			site := "same-origin"
			if !strings.HasPrefix(address, origin+"/") {
				site = "same-site"
			}
			r.Header.Set("Sec-Fetch-Site", site)
		}
		resp, err := b.client.Do(r)
		if err != nil {
			b.t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		b.at, b.text, b.status, b.header = address, string(text), resp.StatusCode, resp.Header
		location, err := resp.Location()
		if err != nil {
			return b
		}
		address = location.String()
		if resp.StatusCode == http.StatusSeeOther {
			method, form = http.MethodGet, nil
		}
	}
	b.t.Fatalf("no end of redirects: %s", address)
	return b
}

func (b *browsed) get(address string) *browsed {
	b.t.Helper()
	return b.ask(http.MethodGet, address, nil, "")
}

// post sends a form from a page of the same site.
func (b *browsed) post(site, path string, form url.Values) *browsed {
	b.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	return b.ask(http.MethodPost, site+path, form, site)
}

func (b *browsed) signIn(site, username string) *browsed {
	b.t.Helper()
	if b.post(site, "/sign-in", url.Values{"username": {username}, "password": {password}}); b.status != http.StatusOK || strings.Contains(b.at, "sign-in") {
		b.t.Fatalf("%s at %s: %d %s", username, site, b.status, b.at)
	}
	return b
}

var enterForm = regexp.MustCompile(`action="(/schools/[^/]+/enter)"[^>]*><input type="hidden" name="state" value="([0-9a-f]{64})"`)

// form is the one of the department's page that asks whether to enter.
func (b *browsed) form() (path string, fields url.Values) {
	b.t.Helper()
	found := enterForm.FindStringSubmatch(b.text)
	if found == nil {
		b.t.Fatalf("no form to enter by: %d %s %s", b.status, b.at, b.text)
	}
	return found[1], url.Values{"state": {found[2]}}
}

// open has somebody who is signed in at the department open a school.
func (b *browsed) open(school string) *browsed {
	b.t.Helper()
	path, form := b.get(school + "/from-department").form()
	return b.post(departmentAt, path, form)
}

func (b *browsed) want(status int, texts ...string) {
	b.t.Helper()
	if b.status != status {
		b.t.Errorf("%s: %d instead of %d: %s", b.at, b.status, status, b.text)
		return
	}
	for _, text := range texts {
		if !strings.Contains(b.text, text) {
			b.t.Errorf("%s does not say %q: %s", b.at, text, b.text)
		}
	}
}

// idIn finds the identifier that a page links to.
func (b *browsed) idIn(pattern string) string {
	b.t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(b.text)
	if found == nil {
		b.t.Fatalf("%s has no %s: %s", b.at, pattern, b.text)
	}
	return found[1]
}

// TestOneSignInForTheDepartment: the department gives somebody the role, a school's admin
// lets them in, they open the school from the list, read, change nothing, and are out as
// soon as the school says so.
func TestOneSignInForTheDepartment(t *testing.T) {
	for _, database := range storetest.Databases() {
		t.Run(database, func(t *testing.T) { oneSignIn(t, serveMany(t, storetest.Fresh(t, database))) })
	}
}

func oneSignIn(t *testing.T, s *manyServed) {
	admin, officer, school := s.browser(), s.browser(), s.browser()
	school.signIn(hoaSenAt, "quantri")
	school.get(hoaSenAt+"/department").want(http.StatusOK, "Sở Giáo dục", "Không còn ai")
	if out, status := s.tried("--school", "th-kim-dong", "department", "add", "--username", "so"); status == 0 || !strings.Contains(out, "Cơ quan quản lý") {
		t.Errorf("let in whom the department has not read: %d %s", status, out)
	}
	admin.signIn(departmentAt, "quantri").get(departmentAt + "/people")
	person := ""
	for _, found := range regexp.MustCompile(`href="(/people/[^"?]+)"><strong>([^<]+)`).FindAllStringSubmatch(admin.text, -1) {
		if found[2] == "Trịnh Thị Sở" {
			person = found[1]
		}
	}
	admin.post(departmentAt, person+"/roles", url.Values{"role": {"department"}}).want(http.StatusOK)
	admin.get(departmentAt + "/schools").want(http.StatusForbidden)
	admin.get(departmentAt + "/department").want(http.StatusNotFound)
	officer.signIn(departmentAt, "so").get(departmentAt+"/schools").want(http.StatusOK, "Chưa trường nào cho bạn đọc")
	school.get(hoaSenAt+"/").want(http.StatusOK, "1 người của Sở Giáo dục chờ trường cho đọc sổ")
	// By the page at one school, by the command at the other.
	officerID := school.get(hoaSenAt + "/department").idIn(`name="person" value="([^"]+)"`)
	school.post(hoaSenAt, "/department", url.Values{"person": {officerID}}).want(http.StatusOK, "Đã cho 1 người", "Trịnh Thị Sở")
	if school.get(hoaSenAt + "/"); strings.Contains(school.text, "chờ trường cho đọc") {
		t.Error("still waits after being let in")
	}
	local := school.get(hoaSenAt + "/department").idIn(`href="/people/([^"]+)">Trịnh`)
	if out := s.run("--school", "th-kim-dong", "department", "add", "--username", "SO"); !strings.Contains(out, "Trịnh Thị Sở") {
		t.Errorf("%s", out)
	}
	officer.get(departmentAt+"/schools?q=truong+thkd").want(http.StatusOK, "Trường THKD", kimDongAt+"/from-department")
	if strings.Contains(officer.text, "MNHS") {
		t.Error("a search finds all")
	}
	officer.get(departmentAt+"/schools?sort=latest").want(http.StatusOK, "Trường THKD", "Trường MNHS", "Chưa lần nào")

	// The way in says where and who; what it sends on opens a session at that school alone.
	path, form := officer.get(hoaSenAt + "/from-department").form()
	officer.want(http.StatusOK, "Mở sổ của Trường MNHS", hoaSenAt, "Trịnh Thị Sở")
	if csp := officer.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+hoaSenAt+";") {
		t.Errorf("the form does not get on: %s", csp)
	}
	officer.post(departmentAt, path, form).want(http.StatusOK, "với tư cách người của Sở Giáo dục", departmentAt+"/schools")
	if officer.at != hoaSenAt+"/" {
		t.Errorf("came to %s", officer.at)
	}
	officer.get(hoaSenAt+"/people").want(http.StatusOK, "Quản trị MNHS")
	officer.get(hoaSenAt+"/log?type=department_change").want(http.StatusOK, "Vào đọc từ cơ quan quản lý", "Ghi tên người")
	if officer.get(kimDongAt + "/people"); !strings.Contains(officer.at, "/sign-in") {
		t.Errorf("in at a school that was not opened: %s", officer.at)
	}
	for _, path := range []string{"/password", "/passkeys", "/second-factor", "/pairing", "/loss", "/documents/new", "/settings", "/review", "/department", "/program-keys"} {
		officer.get(hoaSenAt + path).want(http.StatusForbidden)
	}
	for _, path := range []string{"/pairing", "/password", "/passkeys/begin", "/second-factor/begin", "/people", "/documents/new", "/loss", "/support", "/people/" + local + "/roles", "/api/v1/pairing-codes"} {
		officer.post(hoaSenAt, path, url.Values{"role": {"admin"}, "name": {"x"}})
		if officer.status != http.StatusForbidden && officer.status != http.StatusNotFound && officer.status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, officer.status)
		}
	}
	offersNothing(t, officer)
	officer.get(hoaSenAt+"/sessions").want(http.StatusOK, "từ cơ quan quản lý")
	officer.get(departmentAt+"/sessions").want(http.StatusOK, "Mở từ đây ở Trường MNHS")
	school.get(hoaSenAt+"/people/"+local).want(http.StatusOK, "Người của cơ quan quản lý", "từ cơ quan quản lý")
	if strings.Contains(school.text, "/reset") || strings.Contains(school.text, "/invite") {
		t.Error("offers a password to somebody of the department")
	}
	school.get(hoaSenAt+"/department").want(http.StatusOK, "Vào lần cuối")

	// The school ends it while they read; at the other school they go on, until they sign out
	// at home.
	officer.open(kimDongAt).want(http.StatusOK, "với tư cách người của")
	school.post(hoaSenAt, "/people/"+local+"/roles/end", url.Values{"role": {"department"}}).want(http.StatusOK)
	if officer.get(hoaSenAt + "/people"); !strings.Contains(officer.at, hoaSenAt+"/sign-in") {
		t.Errorf("still in after the end: %s", officer.at)
	}
	officer.want(http.StatusOK, "Vào bằng tài khoản của Sở Giáo dục")
	officer.get(hoaSenAt + "/from-department").want(http.StatusNotFound)
	officer.get(kimDongAt + "/people").want(http.StatusOK)
	officer.post(departmentAt, "/sign-out", nil)
	if officer.get(kimDongAt + "/people"); !strings.Contains(officer.at, kimDongAt+"/sign-in") {
		t.Errorf("still in after signing out at home: %s", officer.at)
	}
	// Who is not signed in there signs in on the way.
	officer.get(kimDongAt + "/from-department")
	next, err := url.Parse(officer.at)
	if err != nil || !strings.HasPrefix(officer.at, departmentAt+"/sign-in?") {
		t.Fatalf("%s: %v", officer.at, err)
	}
	path, form = officer.post(departmentAt, "/sign-in", url.Values{"username": {"so"}, "password": {password}, "next": {next.Query().Get("next")}}).form()
	officer.post(departmentAt, path, form).want(http.StatusOK, "với tư cách người của")
	if out := s.run("department", "list", "--all"); !strings.Contains(out, "mn-hoa-sen") || !strings.Contains(out, "chờ cho vào") || !strings.Contains(out, "2026") && !strings.Contains(out, "202") {
		t.Errorf("%s", out)
	}
	if out := s.run("department", "end", "--all", "--username", "so"); !strings.Contains(out, "THKD") || strings.Contains(out, "MNHS") {
		t.Errorf("%s", out)
	}
	if officer.get(kimDongAt + "/people"); !strings.Contains(officer.at, "/sign-in") {
		t.Errorf("still in after the command: %s", officer.at)
	}
	for _, args := range [][]string{{"department", "add", "--username", "so"}, {"--school", "mn-hoa-sen", "department", "add", "--all", "--username", "so"}} {
		if out, status := s.tried(args...); status != 2 {
			t.Errorf("%v: %d %s", args, status, out)
		}
	}
	for _, args := range [][]string{{"log", "verify"}, {"--school", "mn-hoa-sen", "log", "verify"}, {"--school", "th-kim-dong", "log", "verify"}} {
		if out := s.run(args...); !strings.Contains(out, "nguyên vẹn") {
			t.Errorf("%v: %s", args, out)
		}
	}
	backup, other := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "other")
	s.run("backup", backup)
	var out bytes.Buffer
	if status := Run(t.Context(), []string{"--data", other, "restore", backup}, strings.NewReader(""), &out, &out); status != 0 {
		t.Fatalf("restore: %s", &out)
	}
}

// offersNothing walks the pages of a school from the first on: whoever comes from the
// department is led nowhere and offered no form that would be refused.
func offersNothing(t *testing.T, officer *browsed) {
	t.Helper()
	link, form := regexp.MustCompile(`href="(/[^"#]*)`), regexp.MustCompile(`<form method="post" action="(/[^"?#]*)"`)
	allowed := regexp.MustCompile(`^/(language|sign-out|sign-in.*|log/views.*|notices/.*|sessions/.*|check|report-loss)$`)
	seen, queue := map[string]bool{}, []string{"/"}
	for i := 0; i < len(queue) && i < 150; i++ {
		officer.get(hoaSenAt + queue[i])
		if officer.status != http.StatusOK {
			t.Errorf("led to %s: %d", queue[i], officer.status)
			continue
		}
		for _, found := range form.FindAllStringSubmatch(officer.text, -1) {
			if !allowed.MatchString(found[1]) {
				t.Errorf("%s offers to send %s", queue[i], found[1])
			}
		}
		for _, found := range link.FindAllStringSubmatch(officer.text, -1) {
			where, _, _ := strings.Cut(found[1], "?")
			if seen[where] || strings.HasPrefix(where, "/static") || strings.HasPrefix(where, "/api") {
				continue
			}
			seen[where] = true
			queue = append(queue, where)
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d pages", len(seen))
	}
}

// TestAStolenWayFromTheDepartment: what leads from the department to a school is worth
// nothing in another browser, from another page, at another school or a second time, and
// nobody has another's browser come in their own name.
func TestAStolenWayFromTheDepartment(t *testing.T) {
	s := serveMany(t, storetest.Fresh(t, "sqlite"))
	admin := s.browser().signIn(departmentAt, "quantri").get(departmentAt + "/people")
	for _, found := range regexp.MustCompile(`href="(/people/[^"?]+)"><strong>Trịnh`).FindAllStringSubmatch(admin.text, -1) {
		admin.post(departmentAt, found[1]+"/roles", url.Values{"role": {"department"}}).want(http.StatusOK)
	}
	s.run("department", "add", "--all", "--username", "so")
	officer, victim := s.browser(), s.browser()
	officer.signIn(departmentAt, "so")
	victim.signIn(hoaSenAt, "quantri")
	// ticket is the address at the school that the department's form is sent on to.
	ticket := func() string {
		t.Helper()
		path, form := officer.get(hoaSenAt + "/from-department").form()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, departmentAt+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("User-Agent", "Firefox")
		resp, err := officer.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		where := resp.Header.Get("Location")
		if resp.StatusCode != http.StatusTemporaryRedirect || !strings.HasPrefix(where, hoaSenAt+"/from-department?ticket=") {
			t.Fatalf("%d %s", resp.StatusCode, where)
		}
		return where
	}
	stolen := ticket()
	s.browser().ask(http.MethodPost, stolen, url.Values{}, departmentAt).want(http.StatusConflict, "không còn dùng được")
	// Somebody of the department has the victim's browser use their own ticket.
	victim.ask(http.MethodPost, stolen, url.Values{}, departmentAt).want(http.StatusConflict)
	victim.get(hoaSenAt + "/from-department") // so that it has a cookie of its own
	victim.ask(http.MethodPost, stolen, url.Values{}, departmentAt).want(http.StatusConflict)
	victim.get(hoaSenAt+"/").want(http.StatusOK, "Quản trị MNHS")
	for _, origin := range []string{"https://evil.example", kimDongAt, hoaSenAt, "", "http://sokyso.example.evil.example"} {
		officer.ask(http.MethodPost, stolen, url.Values{}, origin).want(http.StatusForbidden)
	}
	for _, headers := range []map[string]string{{"Referer": "https://evil.example/"}, {"Referer": "http://sokyso.example.evil.example/"}, {"Referer": kimDongAt + "/"}, {"Sec-Fetch-Site": "cross-site"}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, stolen, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", "Firefox")
		r.Header.Set("Origin", "null") // as Chromium says after a redirect
		for name, value := range headers {
			r.Header.Set(name, value)
		}
		resp, err := officer.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%v: %d", headers, resp.StatusCode)
		}
	}
	officer.ask(http.MethodPost, strings.Replace(stolen, hoaSenAt, kimDongAt, 1), url.Values{}, departmentAt).want(http.StatusConflict)
	if officer.get(stolen); strings.Contains(officer.at, hoaSenAt) {
		t.Errorf("a look at the address led in: %s", officer.at)
	}
	// That look gave the browser another name.
	officer.ask(http.MethodPost, stolen, url.Values{}, departmentAt).want(http.StatusConflict)
	good := ticket()
	officer.ask(http.MethodPost, good, url.Values{}, departmentAt).want(http.StatusOK, "với tư cách người của")
	officer.ask(http.MethodPost, good, url.Values{}, departmentAt).want(http.StatusConflict)
	// Whose form names another's browser gets a ticket that their own can't use.
	path, form := officer.get(hoaSenAt + "/from-department").form()
	form.Set("state", strings.Repeat("0", 64))
	officer.post(departmentAt, path, form).want(http.StatusConflict)
	form.Set("state", "x")
	officer.post(departmentAt, path, form).want(http.StatusUnprocessableEntity)
	// A form of another site's, and a person of a school at the department.
	officer.ask(http.MethodPost, departmentAt+path, form, "https://evil.example").want(http.StatusForbidden)
	if victim.get(departmentAt + "/schools"); !strings.Contains(victim.at, "/sign-in") {
		t.Errorf("a school's admin at the department: %s", victim.at)
	}
	// The account at the school is no way in.
	guess := s.browser()
	guess.post(hoaSenAt, "/sign-in", url.Values{"username": {"so@SGD"}, "password": {""}})
	if guess.status == http.StatusOK && !strings.Contains(guess.at, "sign-in") {
		t.Errorf("signed in without a password: %d %s", guess.status, guess.at)
	}
}
