package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"sokyso/custody/store/storetest"
	"sokyso/httpapi/wire"
)

// dialed sends every request to the service, whatever host its address names.
type dialed struct{ to string }

func (d dialed) client() *http.Client {
	return &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, d.to)
		}}}
}

// TestManySchoolsInOneService: a service of three schools, told apart by the host. A session,
// a key and a name of one are nothing at the next; work in the background is done for each;
// a school that is made while the service runs is there at once.
func TestManySchoolsInOneService(t *testing.T) {
	for _, database := range storetest.Databases() {
		t.Run(database, func(t *testing.T) { manySchools(t, storetest.Fresh(t, database)) })
	}
}

func manySchools(t *testing.T, register string) {
	folder := t.TempDir()
	data, address := filepath.Join(folder, "data"), filepath.Join(folder, "address")
	run := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if status := Run(t.Context(), append([]string{"--data", data, "--database", register}, args...), strings.NewReader("Hoa-Sen-Trang-2026\n"), &out, &out); status != 0 {
			t.Fatalf("%v: %s", args, &out)
		}
		return out.String()
	}
	school := func(name, code string) {
		t.Helper()
		run("--school", name, "init", "--school-name", "Trường "+code, "--school-code", code)
		run("--school", name, "user", "add", "--username", "quantri", "--name", "Quản trị "+code, "--admin", "--password-file", "-")
	}
	run("init", "--school-name", "Sở Giáo dục", "--school-code", "SGD")
	run("user", "add", "--username", "quantri", "--name", "Quản trị SGD", "--admin", "--password-file", "-")
	school("mn-hoa-sen", "MNHS")
	school("th-kim-dong", "THKD")
	if said := run("--school", "mn-hoa-sen", "user", "add", "--username", "hoa", "--name", "Trần Thị Hòa", "--public-url", "http://sokyso.example"); !strings.Contains(said, "\nhttp://mn-hoa-sen.sokyso.example/join/") {
		t.Errorf("the link of a school: %s", said)
	}
	if list := run("schools"); !strings.Contains(list, "mn-hoa-sen") || !strings.Contains(list, "THKD") || strings.Count(list, "\n") != 4 {
		t.Errorf("%s", list)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	said := &lockedBuffer{}
	go func() {
		ended <- Run(ctx, []string{"--data", data, "--database", register, "serve", "--many", "--listen", "127.0.0.1:0", "--listen-file", address,
			"--public-url", "http://sokyso.example"}, strings.NewReader(""), said, said)
	}()
	defer func() {
		stop()
		if status := <-ended; status != 0 {
			t.Errorf("the service ended with %d: %s", status, said)
		}
	}()
	var where []byte
	for range 1000 {
		if where, _ = os.ReadFile(address); len(where) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	to := dialed{strings.TrimSpace(string(where))}
	get := func(client *http.Client, address string) (int, string) {
		t.Helper()
		resp, err := client.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		content, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(content)
	}
	const first, hoaSen, kimDong = "http://sokyso.example", "http://mn-hoa-sen.sokyso.example", "http://th-kim-dong.sokyso.example"
	for at, name := range map[string]string{first: "Sở Giáo dục", hoaSen: "Trường MNHS", kimDong + ":8421": "Trường THKD", "http://MN-Hoa-Sen.SoKySo.example.": "Trường MNHS",
		"http://127.0.0.1": "Sở Giáo dục"} {
		if status, text := get(to.client(), at+"/api/v1/school"); status != http.StatusOK || !strings.Contains(text, name) {
			t.Errorf("%s: %d %s", at, status, text)
		}
	}
	for _, at := range []string{"http://khong-co.sokyso.example", "http://a.mn-hoa-sen.sokyso.example", "http://..sokyso.example", "http://sokyso.example.evil.example", "http://other.example"} {
		if status, text := get(to.client(), at+"/sign-in"); status != http.StatusNotFound || !strings.Contains(text, "Không có trường nào ở địa chỉ này") {
			t.Errorf("%s: %d %s", at, status, text)
		}
		if status, text := get(to.client(), at+"/api/v1/school"); status != http.StatusNotFound || !strings.Contains(text, `"not_found"`) {
			t.Errorf("%s: %d %s", at, status, text)
		}
	}
	signIn := func(at string) *wire.Client {
		t.Helper()
		client, err := wire.NewClient(wire.ClientConfig{URL: at, AllowHTTP: true, HTTP: to.client().Transport})
		if err == nil {
			_, err = client.SignIn(t.Context(), wire.SignIn{Username: "quantri", Password: "Hoa-Sen-Trang-2026"})
		}
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		return client
	}
	for at, code := range map[string]string{first: "SGD", hoaSen: "MNHS", kimDong: "THKD"} {
		me, err := signIn(at).Me(t.Context())
		if err != nil || me.Name != "Quản trị "+code {
			t.Errorf("%s: %+v, %v", at, me, err)
		}
	}
	// The cookie of one school at another.
	client := to.client()
	resp, err := client.PostForm(hoaSen+"/sign-in", url.Values{"username": {"quantri"}, "password": {"Hoa-Sen-Trang-2026"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for at, want := range map[string]int{hoaSen: http.StatusOK, kimDong: http.StatusSeeOther, first: http.StatusSeeOther} {
		r, err := http.NewRequest(http.MethodGet, at+"/people", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", "Go-http-client/1.1")
		for _, cookie := range resp.Cookies() {
			if cookie.Domain != "" {
				t.Errorf("cookie %s goes to other schools: %s", cookie.Name, cookie.Domain)
			}
			r.AddCookie(cookie)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("session of Hoa Sen at %s: %d instead of %d", at, answer.StatusCode, want)
		}
	}
	// An agent's code and key of one school at another.
	post := func(at, path string, form url.Values) string {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, at+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, cookie := range resp.Cookies() {
			r.AddCookie(cookie)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	found := regexp.MustCompile(`<p class="code"[^>]*>([A-Z0-9- ]+)</p>`).FindStringSubmatch(post(hoaSen, "/pairing", nil))
	if found == nil {
		t.Fatal("no code")
	}
	agent := func(at, key string) *wire.Client {
		t.Helper()
		client, err := wire.NewClient(wire.ClientConfig{URL: at, APIKey: key, AllowHTTP: true, HTTP: to.client().Transport, Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	for _, at := range []string{kimDong, first, hoaSen} {
		paired, err := agent(at, "").Pair(t.Context(), wire.Pair{Code: found[1], Device: "máy"})
		if (err == nil) != (at == hoaSen) {
			t.Fatalf("a code of Hoa Sen at %s: %v", at, err)
		}
		if err != nil {
			continue
		}
		for _, where := range []string{kimDong, first, hoaSen} {
			_, err := agent(where, paired.APIKey).Me(t.Context())
			var problem *wire.Problem
			if where == hoaSen && err != nil || where != hoaSen && (!errors.As(err, &problem) || problem.Code != wire.CodeUnauthenticated) {
				t.Errorf("a key of Hoa Sen at %s: %v", where, err)
			}
		}
	}
	// The pairing was recorded: the school's turn has come, long before the round does.
	db, worked := storetest.RawDB(t, register), 0
	for deadline := time.Now().Add(20 * time.Second); worked == 0; time.Sleep(50 * time.Millisecond) {
		if err := db.Get(&worked, `SELECT COUNT(*) FROM background_jobs b JOIN schools s ON s.id = b.school_id WHERE s.code = 'MNHS' AND b.succeeded_at IS NOT NULL`); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("no work was done for a school that somebody was paired in")
		}
	}
	// A school that is made while the service runs; one whose key is not its register's.
	school("mn-sao-mai", "MNSM")
	if err := os.MkdirAll(filepath.Join(data, "schools", "hong"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "schools", "hong", "log.key"), []byte("nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if me, err := signIn("http://mn-sao-mai.sokyso.example").Me(t.Context()); err != nil || me.Name != "Quản trị MNSM" {
		t.Errorf("%+v: %v", me, err)
	}
	for range 2 {
		if status, _ := get(to.client(), "http://hong.sokyso.example/sign-in"); status != http.StatusNotFound {
			t.Errorf("a school with a broken key: %d", status)
		}
	}
	if n := strings.Count(said.String(), filepath.Join("schools", "hong")); n != 1 {
		t.Errorf("told %d times of a broken key: %s", n, said)
	}
	for _, args := range [][]string{{"log", "verify"}, {"--school", "mn-hoa-sen", "log", "verify"}, {"--school", "mn-sao-mai", "log", "verify"}} {
		if out := run(args...); !strings.Contains(out, "nguyên vẹn") {
			t.Errorf("%v: %s", args, out)
		}
	}
	// One backup has all of them, and is restored as one.
	backup, other := filepath.Join(folder, "backup"), filepath.Join(folder, "other")
	run("backup", backup)
	var out bytes.Buffer
	if status := Run(t.Context(), []string{"--data", other, "restore", backup}, strings.NewReader(""), &out, &out); status != 0 {
		t.Fatalf("restore: %s", &out)
	}
	out.Reset()
	if status := Run(t.Context(), []string{"--data", other, "schools"}, strings.NewReader(""), &out, &out); status != 0 || !strings.Contains(out.String(), "MNSM") || !strings.Contains(out.String(), "không có khóa") {
		t.Errorf("%s", &out)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const more = 20
	for i := range more {
		school("truong-"+string(rune('a'+i)), "T"+string(rune('A'+i)))
		if status, _ := get(to.client(), "http://truong-"+string(rune('a'+i))+".sokyso.example/sign-in"); status != http.StatusOK {
			t.Errorf("school %d: %d", i, status)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("a school takes %d KB", (int64(after.HeapAlloc)-int64(before.HeapAlloc))/more>>10)
}
