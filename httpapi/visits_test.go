package httpapi_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// visitor sends what a browser sends, without a browser.
type visitor struct {
	t    *testing.T
	http *http.Client
	base string
}

func (s *school) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, http: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, base: s.server.URL}
}

func (v *visitor) get(path string) (int, string) {
	v.t.Helper()
	resp, err := v.http.Get(v.base + path)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.read(resp)
}

func (v *visitor) read(resp *http.Response) (int, string) {
	v.t.Helper()
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp.StatusCode, string(content)
}

func (v *visitor) post(path string, form url.Values, headers ...string) (*http.Response, string) {
	v.t.Helper()
	req, err := http.NewRequest(http.MethodPost, v.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	_, content := v.read(resp)
	return resp, content
}

func (v *visitor) signIn(m *member) *http.Response {
	v.t.Helper()
	resp, content := v.post("/sign-in", url.Values{"username": {m.username}, "password": {password}})
	if resp.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("sign in: %s\n%s", resp.Status, content)
	}
	return resp
}

// Looking changes nothing; every page is there for who may see it, whole, in both
// languages; and what a custodian may not see is not there.
func TestLookingChangesNothing(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	paper := newDocument("KH")
	_, _, receipt := s.principal.sign(t, s, paper, wire.ActApprove, "")
	s.officeHead.sign(t, s, paper, wire.ActIssue, "")
	incident, err := s.deputyTwo.agent.ReportIncident(ctx, wire.NewIncident{TokenID: string(s.deputyTwo.token.ID), Kind: "suspected", DiscoveredAt: s.Clock.Now(), Description: "máy bị nhiễm mã độc", PINExposed: true})
	if err != nil {
		t.Fatal(err)
	}
	back, err := s.OfferHandOver(ctx, s.officeHead.actor, store.NewHandOver{Token: s.officeHead.token.ID, Reason: "nghỉ phép", PermissionNumber: "1/QĐ", PermissionDate: "2026-10-01", PermissionSigner: "Hiệu trưởng"})
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(time.Hour)
	size := s.CheckLog().Size
	var entries []string
	for i := range size {
		entries = append(entries, fmt.Sprintf("/log/%d", i))
	}
	seal := string(s.officeHead.token.ID)
	for _, c := range []struct {
		who    *member
		sees   []string
		hidden []string
	}{
		{s.admin, append(entries, "/", "/hand-overs", "/hand-overs/"+string(back.ID), "/log", "/log?type=incident&since=2026-10-01&until=2026-10-31", "/pairing", "/password", "/loss",
			"/loss/"+incident.ID, "/people", "/people/new", "/people/"+string(s.deputy.actor.Person), "/tokens", "/tokens/new", "/grants", "/tokens/"+seal+"/hand-over"), []string{"/log/999999", "/people/x", "/loss/x", "/hand-overs/x"}},
		{s.principal, []string{"/", "/log", "/people", "/tokens", "/grants", "/loss"}, nil},
		{s.deputy, []string{"/", "/hand-overs", "/log", "/loss", "/pairing"}, []string{"/people", "/people/new", "/tokens", "/tokens/new", "/grants", "/loss/" + incident.ID,
			"/hand-overs/" + string(back.ID), "/tokens/" + seal + "/hand-over", fmt.Sprintf("/log/%d", receipt.Index), fmt.Sprintf("/log/%d/receipt", receipt.Index)}},
		{s.officeHead, []string{"/", "/hand-overs/" + string(back.ID), "/tokens/" + seal + "/hand-over?return=1"}, nil},
		{s.deputyTwo, []string{"/", "/loss/" + incident.ID}, nil},
	} {
		v := s.visitor(t)
		v.signIn(c.who)
		for _, lang := range []string{"vi", "en"} {
			v.post("/language", url.Values{"language": {lang}, "next": {"/"}})
			for _, path := range c.sees {
				status, page := v.get(path)
				if status != http.StatusOK || !strings.Contains(page, `<html lang="`+lang+`">`) || !strings.Contains(page, "</html>") || strings.Contains(page, "&lt;no value&gt;") {
					t.Errorf("%s for %s in %s: %d\n%s", path, c.who.name, lang, status, page)
				}
			}
		}
		for _, path := range c.hidden {
			if status, page := v.get(path); status != http.StatusNotFound && status != http.StatusForbidden || strings.Contains(page, "mã độc") {
				t.Errorf("%s for %s: %d", path, c.who.name, status)
			}
		}
	}
	if after := s.CheckLog().Size; after != size {
		t.Errorf("looking added %d entries", after-size)
	}
}

func TestSessionCookies(t *testing.T) {
	for address, secure := range map[string]bool{"": false, "http://127.0.0.1:8421": false, "https://sokyso.example": true} {
		s := sqlite(t, httpapi.Config{PublicURL: address})
		v := s.visitor(t)
		planted := &http.Cookie{Name: "sokyso", Value: "planted"}
		base, err := url.Parse(v.base)
		if err != nil {
			t.Fatal(err)
		}
		v.http.Jar.SetCookies(base, []*http.Cookie{planted})
		cookies := v.signIn(s.principal).Cookies()
		if len(cookies) != 2 { // the session, and that the browser is known
			t.Fatalf("cookies: %v", cookies)
		}
		for _, c := range cookies {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != secure || c.Path != "/" || c.Value == "planted" || len(c.Value) < 26 {
				t.Errorf("for %q: %v", address, c)
			}
		}
	}
}

// A page of another site can't act in the name of somebody who is signed in here.
func TestOtherSitesCanDoNothing(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	v := s.visitor(t)
	v.signIn(s.deputy)
	size := s.CheckLog().Size
	form := url.Values{"token": {string(s.deputy.token.ID)}, "kind": {"lost"}, "discovered_at": {"2026-10-07T08:00"}, "description": {"giả"}, "confirmed": {"1"}}
	for name, headers := range map[string][]string{
		"fetch metadata": {"Sec-Fetch-Site", "cross-site"},
		"same site":      {"Sec-Fetch-Site", "same-site"},
		"origin":         {"Origin", "https://evil.example"},
		"no origin":      {"Origin", "null"},
	} {
		resp, page := v.post("/loss", form, headers...)
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(page, "trang khác") {
			t.Errorf("%s: %s\n%s", name, resp.Status, page)
		}
	}
	if after := s.CheckLog().Size; after != size {
		t.Fatal("another site reported a loss")
	}
	if resp, page := v.post("/loss", form, "Sec-Fetch-Site", "same-origin", "Origin", v.base); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("the page itself: %s\n%s", resp.Status, page)
	}
}

// What a form lacks is said on the form, and what was filled in stays.
func TestFormsSayWhatIsMissing(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	v := s.visitor(t)
	v.signIn(s.officeHead)
	seal := "/tokens/" + string(s.officeHead.token.ID) + "/hand-over"
	for name, c := range map[string]struct {
		path string
		form url.Values
		says []string
	}{
		"loss without a word":    {"/loss", url.Values{"kind": {"lost"}, "discovered_at": {"2026-10-07T08:00"}, "place": {"Phòng hội đồng"}}, []string{"Diễn biến", "Phòng hội đồng"}},
		"loss in the future":     {"/loss", url.Values{"kind": {"lost"}, "discovered_at": {"2027-10-07T08:00"}, "description": {"rơi mất"}, "confirmed": {"1"}}, []string{"tương lai", "rơi mất"}},
		"loss of what":           {"/loss", url.Values{"kind": {"eaten"}, "discovered_at": {"2026-10-07T08:00"}, "description": {"x"}}, []string{"Loại"}},
		"seal without a paper":   {seal, url.Values{"to": {string(s.principal.actor.Person)}, "reason": {"đi công tác"}, "confirmed": {"1"}}, []string{"văn bản cho phép", "đi công tác"}},
		"to nobody":              {seal, url.Values{"permission_number": {"1/QĐ"}, "permission_date": {"2026-10-01"}}, []string{"Giao cho", "1/QĐ"}},
		"a day that is none":     {seal, url.Values{"to": {string(s.principal.actor.Person)}, "permission_number": {"1/QĐ"}, "permission_date": {"hôm qua"}}, []string{"Ngày văn bản"}},
		"passwords that differ":  {"/password", url.Values{"present": {password}, "password": {"Đồng-lúa-chín-1"}, "again": {"Đồng-lúa-chín-2"}}, []string{"không giống nhau"}},
		"a wrong password":       {"/password", url.Values{"present": {"sai"}, "password": {"Đồng-lúa-chín-1"}, "again": {"Đồng-lúa-chín-1"}}, []string{"chưa đúng"}},
		"a password too short":   {"/password", url.Values{"present": {password}, "password": {"ngắn"}, "again": {"ngắn"}}, []string{"12 ký tự"}},
		"a language there isn't": {"/language", url.Values{"language": {"fr"}}, []string{"Ngôn ngữ"}},
	} {
		resp, page := v.post(c.path, c.form)
		if resp.StatusCode < 400 || resp.StatusCode > 499 {
			t.Errorf("%s: %s", name, resp.Status)
		}
		for _, word := range c.says {
			if !strings.Contains(page, word) {
				t.Errorf("%s: the page does not say %q:\n%s", name, word, page)
			}
		}
	}
	if resp, _ := v.post("/password", url.Values{"present": {password}, "password": {"Đồng-lúa-chín-1"}, "again": {"Đồng-lúa-chín-1"}}); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("changing the password: %s", resp.Status)
	}
	if _, err := s.client(wire.ClientConfig{}).SignIn(ctx, wire.SignIn{Username: s.officeHead.username, Password: "Đồng-lúa-chín-1"}); err != nil {
		t.Errorf("with the new password: %v", err)
	}
}

// Whoever had the old password is out when it is changed; the session that
// changed it goes on, and so do other people's.
func TestAChangedPasswordEndsTheOtherSessions(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	thief, own, other := s.visitor(t), s.visitor(t), s.visitor(t)
	thief.signIn(s.deputy)
	own.signIn(s.deputy)
	other.signIn(s.principal)
	api := s.signIn(s.deputy)
	resp, page := own.post("/password", url.Values{"present": {password}, "password": {"Đồng-lúa-chín-1"}, "again": {"Đồng-lúa-chín-1"}})
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", resp.Status, page)
	}
	if status, _ := thief.get("/"); status != http.StatusSeeOther {
		t.Errorf("a session of the old password: %d", status)
	}
	_, err := api.Me(ctx)
	mustRefuse(t, err, http.StatusUnauthorized, wire.CodeUnauthenticated)
	for name, v := range map[string]*visitor{"the session itself": own, "another person's": other} {
		if status, page := v.get("/"); status != http.StatusOK {
			t.Errorf("%s: %d\n%s", name, status, page)
		}
	}
	if _, err := s.deputy.agent.Me(ctx); err != nil {
		t.Errorf("the paired agent: %v", err)
	}
	// Set anew by the command line: all sessions end. No admin sets somebody's by themselves.
	if err := s.SetPassword(ctx, s.admin.actor, s.deputy.actor.Person, passwordHash()); !errors.Is(err, custody.ErrNotFound) {
		t.Errorf("set by an admin: %v", err)
	}
	if err := s.SetPassword(ctx, s.System, s.deputy.actor.Person, passwordHash()); err != nil {
		t.Fatal(err)
	}
	if status, _ := own.get("/"); status != http.StatusSeeOther {
		t.Errorf("after the command line's reset: %d", status)
	}
}

// Who may take an offer back sees the button, and nobody else does: what left the
// safe, whoever manages the register; what a person held, that person.
func TestTheButtonToWithdrawFollowsTheRule(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.Give(s.officeHead.token.ID, s.officeHead.actor)
	out, err := s.OfferHandOver(ctx, s.principal.actor, store.NewHandOver{Token: s.deputy.token.ID, To: s.deputy.actor.Person})
	if err != nil {
		t.Fatal(err)
	}
	back, err := s.OfferHandOver(ctx, s.officeHead.actor, store.NewHandOver{Token: s.officeHead.token.ID})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		who  *member
		id   string
		want bool
	}{
		{"out of the safe, another manager", s.admin, string(out.ID), true},
		{"out of the safe, its receiver", s.deputy, string(out.ID), false},
		{"a return, its giver", s.officeHead, string(back.ID), true},
		{"a return, a manager", s.admin, string(back.ID), false},
	} {
		v := s.visitor(t)
		v.signIn(c.who)
		status, page := v.get("/hand-overs/" + c.id)
		if status != http.StatusOK || strings.Contains(page, "/withdraw") != c.want {
			t.Errorf("%s: %d\n%s", c.name, status, page)
		}
	}
}

// A receipt that is downloaded is the text that signagent verify reads.
func TestAReceiptIsDownloaded(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	_, _, receipt := s.principal.sign(t, s, newDocument("QĐ"), wire.ActApprove, "")
	v := s.visitor(t)
	v.signIn(s.principal)
	status, text := v.get(fmt.Sprintf("/log/%d/receipt", receipt.Index))
	if status != http.StatusOK {
		t.Fatalf("%d\n%s", status, text)
	}
	parsed := parseReceipt(t, text)
	if entry, _ := s.check(t, parsed); entry.Fields["act"] != "approve" {
		t.Errorf("entry %v", entry)
	}
}
