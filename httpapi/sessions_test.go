package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

const (
	chromeOnWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
	chromeNextWeek  = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
	firefoxOnLinux  = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
)

// called has the visitor's requests say what browser it is.
type called struct{ name string }

func (c *called) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", c.name)
	return http.DefaultTransport.RoundTrip(r)
}

// browserCalled is a visitor whose browser calls itself that.
func (s *school) browserCalled(t *testing.T, name string) (*visitor, *called) {
	v, c := s.visitor(t), &called{name}
	v.http.Transport = c
	return v, c
}

// A person sees where they are signed in, ends one and all others; an admin ends all of
// a person's, which is an entry of the log.
func TestSessionsAreSeenAndEnded(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		own, _ := s.browserCalled(t, chromeOnWindows)
		second, _ := s.browserCalled(t, firefoxOnLinux)
		third, _ := s.browserCalled(t, firefoxOnLinux)
		for _, v := range []*visitor{own, second, third} {
			v.signIn(s.deputy)
		}
		_, page := own.get("/sessions")
		for _, words := range []string{"Chrome trên Windows", "Firefox trên Linux", "Đang dùng", "127.0.0.1", "máy thử"} {
			if !strings.Contains(page, words) {
				t.Errorf("the page does not say %q:\n%s", words, page)
			}
		}
		if n := strings.Count(page, `/end"><button class="second danger"`); n != 2 {
			t.Errorf("%d sessions can be ended, want 2", n)
		}
		_, rest, _ := strings.Cut(page, `action="/sessions/`)
		id, _, _ := strings.Cut(rest, "/end")
		stranger := s.visitor(t)
		stranger.signIn(s.principal)
		if resp, _ := stranger.post("/sessions/"+id+"/end", url.Values{}); resp.StatusCode != http.StatusNotFound {
			t.Errorf("ended by somebody else: %s", resp.Status)
		}
		if resp, _ := own.post("/sessions/"+id+"/end", url.Values{}); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("ending one: %s", resp.Status)
		}
		out := 0
		for _, v := range []*visitor{second, third} {
			if status, _ := v.get("/"); status == http.StatusSeeOther {
				out++
			}
		}
		if out != 1 {
			t.Errorf("%d are out, want 1", out)
		}
		own.post("/sessions/end", url.Values{})
		for _, v := range []*visitor{second, third} {
			if status, _ := v.get("/"); status != http.StatusSeeOther {
				t.Errorf("another session goes on: %d", status)
			}
		}
		if status, _ := own.get("/"); status != http.StatusOK {
			t.Errorf("the session that ended the others: %d", status)
		}

		admin := s.visitor(t)
		admin.signIn(s.admin)
		person := "/people/" + string(s.deputy.actor.Person)
		if resp, _ := stranger.post("/people/"+string(s.admin.actor.Person)+"/sessions/end", url.Values{}); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("by the principal: %s", resp.Status) // who runs the register too
		}
		if status, _ := admin.get("/"); status != http.StatusSeeOther {
			t.Errorf("the admin's session after the principal ended it: %d", status)
		}
		admin.signIn(s.admin)
		if _, page := admin.get(person); !strings.Contains(page, "Chrome trên Windows") {
			t.Errorf("the admin does not see it:\n%s", page)
		}
		admin.post(person+"/sessions/end", url.Values{})
		if status, _ := own.get("/"); status != http.StatusSeeOther {
			t.Errorf("after the admin ended all: %d", status)
		}
		if _, page := admin.get("/log?type=account_change"); !strings.Contains(page, s.deputy.name) {
			t.Errorf("not in the log:\n%s", page)
		}
		s.CheckLog()
	})
}

// A stolen cookie is worth nothing in another browser, and ends where it was stolen, so
// that its owner notices; an update of the browser ends nothing. A session that nobody
// uses ends by itself.
func TestAStolenCookieInAnotherBrowser(t *testing.T) {
	s := sqlite(t, httpapi.Config{PublicURL: "http://sokyso.example"})
	owner, browser := s.browserCalled(t, chromeOnWindows)
	resp := owner.signIn(s.deputy)
	var cookie *http.Cookie
	for _, c := range resp.Cookies() {
		if c.Name == "sokyso" {
			cookie = c
		}
	}
	if cookie == nil || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
		t.Fatalf("the cookie: %+v", cookie)
	}
	browser.name = chromeNextWeek
	if status, _ := owner.get("/"); status != http.StatusOK {
		t.Errorf("after the browser's update: %d", status)
	}
	thief, _ := s.browserCalled(t, firefoxOnLinux)
	address, err := url.Parse(s.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	thief.http.Jar.SetCookies(address, []*http.Cookie{{Name: cookie.Name, Value: cookie.Value, Path: "/"}})
	if status, page := thief.get("/"); status != http.StatusSeeOther || strings.Contains(page, s.deputy.name) {
		t.Errorf("the stolen cookie opens: %d", status)
	}
	if status, _ := owner.get("/"); status != http.StatusSeeOther {
		t.Errorf("its owner goes on as if nothing were: %d", status)
	}

	owner.signIn(s.deputy)
	if _, err := s.DB().Exec(s.DB().Rebind(`UPDATE account_sessions SET used_at = used_at - ?`), (2*time.Hour + time.Minute).Microseconds()); err != nil {
		t.Fatal(err)
	}
	if status, _ := owner.get("/"); status != http.StatusSeeOther {
		t.Errorf("after two hours of nothing: %d", status)
	}
	api := s.signIn(s.deputy)
	if _, err := s.DB().Exec(`UPDATE account_sessions SET expires_at = began_at`); err != nil {
		t.Fatal(err)
	}
	_, err = api.Me(ctx)
	mustRefuse(t, err, http.StatusUnauthorized, wire.CodeUnauthenticated)
}

// With a public address of https the cookie goes over TLS only.
func TestTheCookieOfAPublicAddress(t *testing.T) {
	s := sqlite(t, httpapi.Config{PublicURL: "https://sokyso.example"})
	resp := s.visitor(t).signIn(s.deputy)
	if cookie := resp.Header.Get("Set-Cookie"); !strings.Contains(cookie, "Secure") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
		t.Errorf("the cookie: %s", cookie)
	}
}

// The page of sign-ins on a phone.
func TestPageOfSessions(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	other, _ := s.browserCalled(t, firefoxOnLinux)
	other.signIn(s.deputy)
	b := openBrowser(t, s, 360, 800)
	b.signIn(s.deputy)
	b.visit("/sessions")
	b.mustSay("Nơi tôi đang đăng nhập", "Chrome trên Linux", "Đang dùng", "Firefox trên Linux", "Kết thúc mọi nơi khác")
	b.shoot("sessions")
	b.press(`form[action="/sessions/end"] button`)
	b.mustSay("Đã kết thúc 1 nơi khác")
	b.mustNotSay("Firefox trên Linux")
}
