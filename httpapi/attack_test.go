package httpapi_test

import (
	"bytes"
	"crypto/rand"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// route is one of the service's, with identifiers that nothing has.
type route struct{ method, pattern, path string }

func (s *school) routes(t *testing.T) []route {
	t.Helper()
	routes, ok := s.server.Config.Handler.(chi.Routes)
	if !ok {
		t.Fatalf("the handler is a %T", s.server.Config.Handler)
	}
	var all []route
	err := chi.Walk(routes, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		path := strings.NewReplacer("{id}", "01a21934-2b4b-7d09-ba5d-45a02993c3b3", "{secret}", "khong-co", "{index}", "7", "{number}", "1", "*", "0/000").Replace(pattern)
		all = append(all, route{method, pattern, path})
		return nil
	})
	if err != nil || len(all) < 150 {
		t.Fatalf("%d routes: %v", len(all), err)
	}
	return all
}

func (r route) writes() bool { return r.method != http.MethodGet && r.method != http.MethodHead }

// endsSession: what would sign the attacker out, and is no attack.
func (r route) endsSession() bool {
	return r.pattern == "/sign-out" || r.pattern == wire.PathSession || strings.HasPrefix(r.pattern, "/sessions/")
}

// ask sends a request with the visitor's cookies and says what came back.
func (v *visitor) ask(r *http.Request) (int, string) {
	v.t.Helper()
	resp, err := v.http.Do(r)
	if err != nil {
		v.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	return v.read(resp)
}

// TestAttackedEverywhere: each route with each role, with junk for a body and headers that
// lie. Nothing is an error of the service, nothing is written, and it stays small. Each
// write gets some of the bodies, with SOKYSO_TEST_EVERY_ROW all.
func TestAttackedEverywhere(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	routes := s.routes(t)
	junk := make([]byte, 1<<20)
	rand.Read(junk)
	deep := []byte(strings.Repeat(`{"a":[`, 20000))
	bodies := []struct {
		kind    string
		content []byte
	}{
		{"", nil}, {"application/json", junk}, {"application/json", deep}, {"application/json", []byte(`{"request":null,"id":-1e999}`)}, {"application/json", []byte("[]")},
		{"application/x-www-form-urlencoded", junk}, {"application/x-www-form-urlencoded", []byte("name=%ff%fe&name=&kind=%00&until=9999-99-99&reason=" + strings.Repeat("x", 5000))},
		{"multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../x\"\r\n\r\n%PDF-1.7\r\n--x--")},
		{"multipart/form-data", junk[:100]}, {"application/pdf", junk}, {"text/html; charset=utf-7", junk[:1000]},
	}
	size := s.CheckLog()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	asked := 0
	visitors := map[string]*visitor{}
	for name, m := range map[string]*member{"nobody": nil, "admin": s.admin, "principal": s.principal, "deputy": s.deputy} {
		visitors[name] = s.visitor(t)
		if m != nil {
			visitors[name].signIn(m) // before the limits of this address are used up
		}
	}
	every := os.Getenv("SOKYSO_TEST_EVERY_ROW") != ""
	for name, v := range visitors {
		for _, route := range routes {
			if route.endsSession() {
				continue
			}
			for i, body := range bodies {
				if !route.writes() && i > 1 {
					break
				}
				if !every && route.writes() && mathrand.IntN(len(bodies)) > 2 { // three of them, others the next time
					continue
				}
				r, err := http.NewRequest(route.method, v.base+route.path+"?from=-1&q=%ff&page=99999999999999999999&type='", bytes.NewReader(body.content))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", body.kind)
				r.Header.Set("Accept-Language", strings.Repeat("x;q=0.9,", 200))
				r.Header.Set("X-Forwarded-For", "127.0.0.1, ::1, <script>")
				r.Header.Set("X-Forwarded-Host", "evil.example")
				r.Header.Set("X-Request-Id", "a\tb"+strings.Repeat("z", 3000))
				r.Header.Set("Range", "bytes=5-1,-1")
				r.Header.Set("If-None-Match", `"`)
				status, answer := v.ask(r)
				asked++
				if status >= 500 {
					t.Errorf("%s: %s %s with body %d: %d\n%.300s", name, route.method, route.pattern, i, status, answer)
				}
				if strings.Contains(answer, "evil.example") || strings.Contains(answer, "<script>") {
					t.Errorf("%s: %s %s repeats a header", name, route.method, route.pattern)
				}
			}
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("%d requests left %d MB", asked, grown>>20)
	}
	report := s.CheckLog()
	for kind, n := range report.ByType {
		if n != size.ByType[kind] {
			t.Errorf("%d entries of type %s came of junk", n-size.ByType[kind], kind)
		}
	}
	t.Logf("%d requests", asked)
}

// TestForeignPagesAndEndedSessions: a form of another site, and a cookie whose session has
// ended, open nothing on any route.
func TestForeignPagesAndEndedSessions(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	v := s.visitor(t)
	v.signIn(s.admin)
	for _, route := range s.routes(t) {
		if !route.writes() {
			continue
		}
		for _, headers := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site", "Origin": "https://other.example"}} {
			r, err := http.NewRequest(route.method, v.base+route.path, strings.NewReader("name=x"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for name, value := range headers {
				r.Header.Set(name, value)
			}
			if status, _ := v.ask(r); status != http.StatusForbidden {
				t.Errorf("%s %s from another site (%v): %d", route.method, route.pattern, headers, status)
			}
		}
	}
	if status, _ := v.get("/people"); status != http.StatusOK {
		t.Fatalf("the session did not survive: %d", status)
	}
	// The cookie is kept by a thief, and its owner signs out everywhere.
	if n, err := s.EndAllSessions(ctx, s.admin.actor, s.admin.actor.Person); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	size := s.CheckLog().Size
	for _, route := range s.routes(t) {
		r, err := http.NewRequest(route.method, v.base+route.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		status, answer := v.ask(r)
		for _, inside := range []string{s.principal.name, s.deputy.name} {
			if inside != "" && strings.Contains(answer, inside) {
				t.Errorf("%s %s tells %q to an ended session", route.method, route.pattern, inside)
			}
		}
		anybodys := strings.HasPrefix(route.pattern, "/check") || strings.HasPrefix(route.pattern, "/api/v1/check") || route.pattern == "/sign-in/token" // which begins anew
		if status == http.StatusOK && route.writes() && !anybodys {
			t.Errorf("%s %s answers %d to an ended session", route.method, route.pattern, status)
		}
	}
	if now := s.CheckLog().Size; now != size {
		t.Errorf("%d entries were made", now-size)
	}
}
