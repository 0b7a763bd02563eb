package httpapi_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"sokyso/httpapi"
)

// guess tries wrong passwords until the service has enough, and fails when it never has.
func guess(t *testing.T, v *visitor, username, address string, tries int) {
	t.Helper()
	for range tries {
		resp, _ := v.post("/sign-in", url.Values{"username": {username}, "password": {"đoán-mò-mật-khẩu"}}, "X-Forwarded-For", address)
		if resp.StatusCode == http.StatusTooManyRequests {
			return
		}
	}
	t.Fatalf("%d wrong passwords for %s from %s were all looked at", tries, username, address)
}

// Who guesses at a colleague's password is stopped; the colleague signs in from elsewhere
// all the same, and from the same network in the browser that they use every day.
func TestAGuesserKeepsNobodyOut(t *testing.T) {
	s := sqlite(t, httpapi.Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	const school, home = "203.0.113.5", "198.51.100.9"
	signIn := func(v *visitor, m *member, address string) int {
		resp, _ := v.post("/sign-in", url.Values{"username": {m.username}, "password": {password}}, "X-Forwarded-For", address)
		return resp.StatusCode
	}
	daily, strange, athome, guesser := s.visitor(t), s.visitor(t), s.visitor(t), s.visitor(t)
	if status := signIn(daily, s.deputy, school); status != http.StatusSeeOther {
		t.Fatalf("the first sign-in: %d", status)
	}
	daily.post("/sign-out", url.Values{})
	guess(t, guesser, s.deputy.username, school, 12)
	if status := signIn(athome, s.deputy, home); status != http.StatusSeeOther {
		t.Errorf("the owner from home: %d", status)
	}
	if status := signIn(daily, s.deputy, school); status != http.StatusSeeOther {
		t.Errorf("the owner at school, in the browser of every day: %d", status)
	}
	if status := signIn(strange, s.deputy, school); status != http.StatusTooManyRequests {
		t.Errorf("a strange browser at school: %d", status)
	}
	// An address that guesses at everybody is stopped for all names, and again not for known browsers.
	for i := range 70 {
		guesser.post("/sign-in", url.Values{"username": {"khong-co-" + string(rune('a'+i%26)) + string(rune('a'+i/26))}, "password": {"x"}}, "X-Forwarded-For", school)
	}
	if status := signIn(strange, s.principal, school); status != http.StatusTooManyRequests {
		t.Errorf("another person at the address that guessed at all: %d", status)
	}
	daily.post("/sign-out", url.Values{})
	if status := signIn(daily, s.deputy, school); status != http.StatusSeeOther {
		t.Errorf("a known browser at that address: %d", status)
	}
	// Known for one's own account only, and limited there too.
	daily.post("/sign-out", url.Values{})
	if status := signIn(daily, s.principal, school); status != http.StatusTooManyRequests {
		t.Errorf("somebody else's name in the deputy's browser: %d", status)
	}
	guess(t, daily, s.deputy.username, school, 12)
	if status := signIn(athome, s.deputy, home); status != http.StatusSeeOther {
		t.Errorf("the owner from home after a guesser at their own browser: %d", status)
	}
	// What stands in X-Forwarded-For counts from the proxy only: the last address that is no proxy's.
	lying := s.visitor(t)
	for i := range 20 {
		lying.post("/sign-in", url.Values{"username": {s.officeHead.username}, "password": {"đoán-mò"}}, "X-Forwarded-For", "192.0.2."+string(rune('1'+i%9))+", 203.0.113.77")
	}
	if status := signIn(s.visitor(t), s.officeHead, "203.0.113.77"); status != http.StatusTooManyRequests {
		t.Errorf("a guesser who lies about the address: %d", status)
	}
}

// A changed password makes every browser a stranger again but the one it was changed in.
func TestAChangedPasswordForgetsBrowsers(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	v, other := s.visitor(t), s.visitor(t)
	v.signIn(s.deputy)
	other.signIn(s.deputy)
	v.post("/password", url.Values{"present": {password}, "password": {ownPassword}, "again": {ownPassword}})
	var known int
	if err := s.DB().Get(&known, s.DB().Rebind(`SELECT COUNT(*) FROM known_devices WHERE person_id = ?`), string(s.deputy.actor.Person)); err != nil || known != 1 {
		t.Errorf("%d browsers are known, %v", known, err)
	}
}
