package httpapi_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"sokyso/custody"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

var linkOnPage = regexp.MustCompile(`/join/[a-z2-7]{52}`)

// shownLink is the path of the link that a page shows.
func shownLink(t *testing.T, page string) string {
	t.Helper()
	link := linkOnPage.FindString(page)
	if link == "" {
		t.Fatalf("no link is shown:\n%s", page)
	}
	return link
}

const ownPassword = "Con-Đường-Làng-2026"

// An admin makes an account without ever knowing its password; who forgets theirs sets
// it anew once a second person has confirmed it. The log tells both.
func TestInvitationAndReset(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		admin := s.visitor(t)
		admin.signIn(s.admin)
		resp, page := admin.post("/people", url.Values{"name": {"Đỗ Thị Lúa"}, "username": {"lua"}})
		if resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("the page with the link may be kept: %q", resp.Header.Get("Cache-Control"))
		}
		link := shownLink(t, page)
		if _, err := s.client(wire.ClientConfig{}).SignIn(ctx, wire.SignIn{Username: "lua", Password: ""}); err == nil {
			t.Error("an account without a password is open")
		}
		_, list := admin.get("/account-links")
		if !strings.Contains(list, "Đỗ Thị Lúa") || linkOnPage.MatchString(list) {
			t.Errorf("the list:\n%s", list)
		}
		lua := s.visitor(t)
		for range 2 { // looking uses nothing up
			if status, page := lua.get(link); status != http.StatusOK || !strings.Contains(page, "Đỗ Thị Lúa") {
				t.Errorf("%d\n%s", status, page)
			}
		}
		if resp, page := lua.post(link, url.Values{"password": {"ngắn"}, "again": {"ngắn"}}); resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, `name="again"`) {
			t.Errorf("too short: %s", resp.Status)
		}
		if resp, _ := lua.post(link, url.Values{"password": {ownPassword}, "again": {ownPassword}}); resp.Header.Get("Location") != "/" {
			t.Fatalf("setting it: %s to %q", resp.Status, resp.Header.Get("Location"))
		}
		if status, page := lua.get("/"); status != http.StatusOK || !strings.Contains(page, "Đã đặt mật khẩu") {
			t.Errorf("after setting it: %d", status)
		}
		if status, page := s.visitor(t).get(link); status != http.StatusConflict || !strings.Contains(page, "đã được dùng") {
			t.Errorf("a second time: %d\n%s", status, page)
		}
		if status, page := s.visitor(t).get("/join/" + strings.Repeat("a", 52)); status != http.StatusNotFound || !strings.Contains(page, "chép thiếu") {
			t.Errorf("unknown: %d\n%s", status, page)
		}

		account, err := s.AccountByUsername(ctx, s.School.ID, "lua")
		if err != nil {
			t.Fatal(err)
		}
		person := "/people/" + string(account.PersonID)
		_, page = admin.post(person+"/reset", url.Values{})
		reset := shownLink(t, page)
		if status, page := s.visitor(t).get(reset); status != http.StatusConflict || !strings.Contains(page, "chưa được xác nhận") {
			t.Errorf("not confirmed: %d\n%s", status, page)
		}
		links, err := s.AccountLinks(ctx, s.admin.actor)
		if err != nil || len(links) != 1 {
			t.Fatalf("links %+v, %v", links, err)
		}
		confirm := "/account-links/" + string(links[0].ID) + "/confirm"
		if resp, _ := admin.post(confirm, url.Values{}); resp.StatusCode != http.StatusForbidden {
			t.Errorf("confirmed by who made it: %s", resp.Status)
		}
		clerk := s.visitor(t)
		clerk.signIn(s.officeHead)
		if resp, _ := clerk.post(confirm, url.Values{}); resp.StatusCode != http.StatusNotFound {
			t.Errorf("confirmed by the office head: %s", resp.Status)
		}
		if status, _ := clerk.get("/account-links"); status != http.StatusForbidden {
			t.Errorf("the office head's list: %d", status)
		}
		deputy := s.visitor(t)
		deputy.signIn(s.deputy)
		if _, page := deputy.get("/account-links"); !strings.Contains(page, `action="`+confirm+`"`) {
			t.Errorf("the deputy is not asked:\n%s", page)
		}
		if resp, page := deputy.post(confirm, url.Values{}); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("confirmed by a deputy: %s\n%s", resp.Status, page)
		}
		const next = "Mùa-Gặt-Tháng-Năm"
		if resp, _ := s.visitor(t).post(reset, url.Values{"password": {next}, "again": {next}}); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("set anew: %s", resp.Status)
		}
		if status, _ := lua.get("/"); status != http.StatusSeeOther {
			t.Errorf("a session of the old password goes on: %d", status)
		}
		if _, err := s.client(wire.ClientConfig{}).SignIn(ctx, wire.SignIn{Username: "lua", Password: next}); err != nil {
			t.Errorf("with the new password: %v", err)
		}
		_, page = admin.get("/log?type=account_change&person=" + string(account.PersonID))
		for _, kind := range []custody.AccountChangeKind{custody.AccountInvited, custody.AccountOpened, custody.AccountResetAsked, custody.AccountResetConfirmed, custody.AccountPasswordReset} {
			words := map[custody.AccountChangeKind]string{custody.AccountInvited: "Mời đặt mật khẩu", custody.AccountOpened: "Đã đặt mật khẩu lần đầu", custody.AccountResetAsked: "Tạo đường dẫn",
				custody.AccountResetConfirmed: "Xác nhận cho đặt lại", custody.AccountPasswordReset: "Đã đặt lại"}[kind]
			if !strings.Contains(page, words) {
				t.Errorf("the log does not say %q", words)
			}
		}
		s.CheckLog()
	})
}

// Who has a second factor needs a code after a reset too: the link alone opens nothing.
func TestAResetLeavesTheSecondFactor(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	if err := s.BeginSecondFactor(ctx, s.deputy.actor, []byte("01234567890123456789")); err != nil {
		t.Fatal(err)
	}
	if err := s.ConfirmSecondFactor(ctx, s.deputy.actor, 1, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	link, err := s.AskReset(ctx, s.admin.actor, s.deputy.actor.Person)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ConfirmReset(ctx, s.principal.actor, link.ID); err != nil {
		t.Fatal(err)
	}
	v := s.visitor(t)
	resp, _ := v.post("/join/"+link.Secret, url.Values{"password": {ownPassword}, "again": {ownPassword}})
	if !strings.HasPrefix(resp.Header.Get("Location"), "/sign-in/code") {
		t.Errorf("%s to %q", resp.Status, resp.Header.Get("Location"))
	}
	if status, _ := v.get("/"); status != http.StatusSeeOther {
		t.Errorf("open without a code: %d", status)
	}
}

// The way of a link on a phone.
func TestPagesOfAccountLinks(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	b := openBrowser(t, s, 360, 800)
	b.signIn(s.admin)
	b.visit("/people/new")
	b.fill("#name", "Đỗ Thị Lúa")
	b.fill("#username", "lua")
	b.press("main form button.big")
	b.mustSay("Chỉ hiện một lần", "Đỗ Thị Lúa")
	b.shoot("link-made")
	path := shownLink(t, b.value("#address"))
	b.visit("/account-links")
	b.mustSay("Đường dẫn tài khoản", "Dùng được", "Thu hồi")
	b.shoot("account-links")
	b.press(`form[action="/sign-out"] button`)
	b.visit(path)
	b.mustSay("Đặt mật khẩu của bạn", "Đỗ Thị Lúa")
	b.shoot("join")
	b.fill("#password", ownPassword)
	b.fill("#again", ownPassword)
	b.press("main form button")
	b.mustSay("Đã đặt mật khẩu")
	if b.path() != "/" {
		t.Errorf("after setting it: %s", b.path())
	}
}

// A link's secret is in no line of the request log, also where no route takes the request:
// a slash too many, another method, a form of another site.
func TestLinkSecretsAreNotLogged(t *testing.T) {
	var lines bytes.Buffer
	s := sqlite(t, httpapi.Config{Logger: slog.New(slog.NewTextHandler(&lines, nil))})
	secret := strings.Repeat("a2", 26)
	for _, try := range []struct{ method, path, site string }{
		{http.MethodGet, "/join/" + secret, ""}, {http.MethodGet, "/join/" + secret + "/", ""}, {http.MethodGet, "//join/" + secret, ""}, {http.MethodPut, "/join/" + secret, ""},
		{http.MethodPost, "/join/" + secret, "cross-site"}, {http.MethodGet, "/JOIN/" + secret + ".", ""},
	} {
		r, err := http.NewRequestWithContext(ctx, try.method, s.server.URL+try.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", try.site)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	s.server.Close() // the last line is written
	if !strings.Contains(lines.String(), "status=404") || strings.Contains(lines.String(), secret) {
		t.Errorf("the request log:\n%s", lines.String())
	}
}

// The API makes links as the pages do, and takes nobody's password: not at creation, and a
// forgotten one is set anew only once a second person has confirmed it.
func TestAccountLinksByTheAPI(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		admin, principal, clerk := s.signIn(s.admin), s.signIn(s.principal), s.signIn(s.officeHead)
		v := s.visitor(t)
		v.signIn(s.admin)
		resp, err := v.http.Post(s.server.URL+wire.PathPeople, "application/json", strings.NewReader(`{"name":"Đỗ Thị Lúa","username":"lua","password":"`+ownPassword+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		if status, answer := v.read(resp); status != http.StatusUnprocessableEntity || !strings.Contains(answer, `"field":"password","code":"unknown"`) {
			t.Errorf("a first password: %d %s", status, answer)
		}
		person, err := admin.CreatePerson(ctx, wire.NewPerson{Name: "Đỗ Thị Lúa", Username: "lua"})
		if err != nil {
			t.Fatal(err)
		}
		first := person.AccountLink
		if first == nil || first.Kind != "invited" || first.State != "open" || !linkOnPage.MatchString(first.Path) || first.URL != "" {
			t.Fatalf("link %+v", first)
		}
		without, err := admin.CreatePerson(ctx, wire.NewPerson{Name: "Đỗ Thị Na"})
		if err != nil || without.AccountLink != nil {
			t.Errorf("without an account: %+v, %v", without, err)
		}
		if link, err := admin.MakeAccountLink(ctx, without.ID, wire.NewAccountLink{Kind: "invited", Username: "na"}); err != nil || link.State != "open" {
			t.Errorf("an account afterwards: %+v, %v", link, err)
		}
		_, err = admin.MakeAccountLink(ctx, person.ID, wire.NewAccountLink{Kind: "reset_asked"})
		mustRefuse(t, err, http.StatusConflict, wire.CodeConflict)
		again, err := admin.MakeAccountLink(ctx, person.ID, wire.NewAccountLink{Kind: "invited"})
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := s.visitor(t).get(first.Path); status != http.StatusConflict {
			t.Errorf("the earlier link: %d", status)
		}
		set := url.Values{"password": {ownPassword}, "again": {ownPassword}}
		if resp, _ := s.visitor(t).post(again.Path, set); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("the next link: %s", resp.Status)
		}
		_, err = admin.MakeAccountLink(ctx, person.ID, wire.NewAccountLink{Kind: "invited"})
		mustRefuse(t, err, http.StatusConflict, wire.CodeConflict)

		reset, err := admin.MakeAccountLink(ctx, person.ID, wire.NewAccountLink{Kind: "reset_asked"})
		if err != nil || reset.State != "waits" {
			t.Fatalf("reset %+v, %v", reset, err)
		}
		if resp, _ := s.visitor(t).post(reset.Path, set); resp.StatusCode != http.StatusConflict {
			t.Errorf("not confirmed: %s", resp.Status)
		}
		mustRefuse(t, admin.ConfirmReset(ctx, reset.ID), http.StatusForbidden, wire.CodeForbidden)
		mustRefuse(t, clerk.ConfirmReset(ctx, reset.ID), http.StatusNotFound, wire.CodeNotFound)
		mustRefuse(t, s.principal.agent.ConfirmReset(ctx, reset.ID), http.StatusForbidden, wire.CodeForbidden)
		if _, err := clerk.AccountLinks(ctx); err == nil {
			t.Error("the office head lists links")
		}
		mustRefuse(t, clerk.WithdrawAccountLink(ctx, reset.ID), http.StatusNotFound, wire.CodeNotFound)
		waiting, err := principal.AccountLinks(ctx)
		if err != nil || len(waiting) != 2 || waiting[0].ID != reset.ID || !waiting[0].MayConfirm || waiting[0].Path != "" || waiting[0].MadeBy != string(s.admin.actor.Person) {
			t.Errorf("the principal's list: %+v, %v", waiting, err)
		}
		if err := principal.ConfirmReset(ctx, reset.ID); err != nil {
			t.Errorf("by the principal: %v", err)
		}
		if resp, _ := s.visitor(t).post(reset.Path, set); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("confirmed: %s", resp.Status)
		}
		last, err := admin.MakeAccountLink(ctx, person.ID, wire.NewAccountLink{Kind: "reset_asked"})
		if err != nil {
			t.Fatal(err)
		}
		if err := admin.WithdrawAccountLink(ctx, last.ID); err != nil {
			t.Error(err)
		}
		mustRefuse(t, principal.ConfirmReset(ctx, last.ID), http.StatusConflict, wire.CodeConflict)
		_, err = admin.MakeAccountLink(ctx, string(s.admin.actor.Person), wire.NewAccountLink{Kind: "reset_asked"})
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		s.CheckLog()
	})
}
