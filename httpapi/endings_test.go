package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// mustDo fails the test when a step of the story was refused.
func mustDo(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An agent's key ends at once for every request, in the words of what happened;
// the person goes on, and pairing again brings a key that works.
func TestAnEndedKeyThroughTheAPI(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		web := s.signIn(s.deputy)
		list, err := web.MyPairings(ctx)
		if err != nil || len(list) != 1 || list[0].Device != "máy thử" || list[0].LastUsedAt != nil {
			t.Fatalf("pairings %+v: %v", list, err)
		}
		grant, err := s.deputy.agent.Grant(ctx, s.deputy.request(newDocument("TB"), wire.ActApprove, "KT"))
		mustDo(t, err)
		if list, err = web.MyPairings(ctx); err != nil || list[0].LastUsedAt == nil {
			t.Errorf("after it was used: %+v, %v", list, err)
		}
		_, err = s.deputy.agent.MyPairings(ctx)
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		mustRefuse(t, s.deputy.agent.EndPairing(ctx, list[0].ID), http.StatusForbidden, wire.CodeForbidden)
		mustRefuse(t, s.signIn(s.deputyTwo).EndPairing(ctx, list[0].ID), http.StatusNotFound, wire.CodeNotFound)
		mustDo(t, web.EndPairing(ctx, list[0].ID))
		mustDo(t, web.EndPairing(ctx, list[0].ID)) // sent again: nothing more
		for name, try := range map[string]func() error{
			"grant": func() error {
				_, err := s.deputy.agent.Grant(ctx, s.deputy.request(newDocument("TB"), wire.ActApprove, "KT"))
				return err
			},
			"record": func() error { _, err := s.deputy.agent.Record(ctx, grant.ID, s.deputy.finish(t, s)); return err },
			"me":     func() error { _, err := s.deputy.agent.Me(ctx); return err },
		} {
			problem := mustRefuse(t, try(), http.StatusUnauthorized, wire.CodeKeyEnded)
			if !strings.Contains(problem.Detail, "signagent pair") || problem.Params["at"] == "" {
				t.Errorf("%s: %+v", name, problem)
			}
		}
		if _, err := web.Me(ctx); err != nil {
			t.Errorf("the person: %v", err)
		}
		again := s.pair(s.deputy)
		if _, err := again.Record(ctx, grant.ID, s.deputy.finish(t, s)); err != nil {
			t.Errorf("the signature made before, by the agent paired again: %v", err)
		}
		others, err := s.signIn(s.principal).Pairings(ctx, string(s.deputy.actor.Person))
		if err != nil || len(others) != 1 {
			t.Fatalf("for the principal: %+v, %v", others, err)
		}
		mustDo(t, s.signIn(s.admin).EndPairing(ctx, others[0].ID))
		_, err = again.Me(ctx)
		mustRefuse(t, err, http.StatusUnauthorized, wire.CodeKeyEnded)
		s.CheckLog()
	})
}

// A position ended by the API: who holds a token is not passed over in silence.
func TestEndingsThroughTheAPI(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		admin := s.signIn(s.admin)
		deputy := string(s.deputy.actor.Person)
		find := func() wire.Person {
			people, err := admin.People(ctx)
			mustDo(t, err)
			for _, p := range people {
				if p.ID == deputy {
					return p
				}
			}
			t.Fatal("no such person")
			return wire.Person{}
		}
		yesterday := string(custody.DateOf(s.Clock.Now()).AddDays(-1))
		scope := wire.NewEnding{Kind: "scope", ScopeID: find().Scopes[0].ID, Until: yesterday, Reason: "Quyết định 50/QĐ-MNHS"}
		mustRefuse(t, s.signIn(s.principal).End(ctx, deputy, scope), http.StatusForbidden, wire.CodeForbidden)
		mustRefuse(t, s.admin.agent.End(ctx, deputy, scope), http.StatusForbidden, wire.CodeForbidden)
		mustDo(t, admin.End(ctx, deputy, scope))
		_, err := s.deputy.agent.Grant(ctx, s.deputy.request(newDocument("TB"), wire.ActApprove, "KT"))
		mustRefuse(t, err, http.StatusForbidden, wire.RefusedOutOfScope)
		if p := find(); p.Scopes[0].Until != yesterday || p.Scopes[0].EndedEntry == nil || p.Positions[0].EndedEntry != nil {
			t.Errorf("listed as %+v", p)
		}

		position := wire.NewEnding{Kind: "position", PositionID: find().Positions[0].ID, Until: yesterday, Reason: "thôi việc"}
		problem := mustRefuse(t, admin.End(ctx, deputy, position), http.StatusConflict, wire.CodeConflict)
		if problem.Params["reason"] != custody.ReasonNotWrittenOff || !strings.Contains(problem.Detail, "còn giữ USB ký số: A1002") {
			t.Errorf("with a token in hand: %+v", problem)
		}
		position.HoldingKnown = true
		mustRefuse(t, admin.End(ctx, deputy, position), http.StatusConflict, wire.CodeConflict)
		position.WriteOffs = []wire.TokenWriteOff{{TokenID: string(s.deputy.token.ID), Reason: "không nộp lại"}}
		mustDo(t, admin.End(ctx, deputy, position))
		_, err = s.deputy.agent.Grant(ctx, s.deputy.request(newDocument("TB"), wire.ActInitial, ""))
		mustRefuse(t, err, http.StatusForbidden, wire.RefusedTokenWrittenOff)

		web := s.signIn(s.deputy)
		account := wire.NewEnding{Kind: "account", Until: yesterday, Reason: "thôi việc", HoldingKnown: true}
		mustDo(t, admin.End(ctx, deputy, account))
		for name, client := range map[string]*wire.Client{"session": web, "agent": s.deputy.agent} {
			_, err := client.Me(ctx)
			if problem := mustRefuse(t, err, http.StatusUnauthorized, wire.CodeAccountEnded); !strings.Contains(problem.Detail, "06/10/2026") {
				t.Errorf("%s: %+v", name, problem)
			}
		}
		_, err = s.client(wire.ClientConfig{}).SignIn(ctx, wire.SignIn{Username: s.deputy.username, Password: password})
		mustRefuse(t, err, http.StatusUnauthorized, wire.CodeAccountEnded)
		_, err = s.client(wire.ClientConfig{}).SignIn(ctx, wire.SignIn{Username: s.deputy.username, Password: "không-phải-mật-khẩu"})
		mustRefuse(t, err, http.StatusUnauthorized, wire.CodeWrongPassword)

		// The token comes back all the same: taken back by one, confirmed by another.
		token := string(s.deputy.token.ID)
		_, err = admin.OfferHandOver(ctx, wire.NewHandOver{TokenID: token})
		if problem := mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeInvalid); problem.Params["reason"] != custody.ReasonOnBehalf {
			t.Errorf("without a reason: %+v", problem)
		}
		_, err = admin.OfferHandOver(ctx, wire.NewHandOver{TokenID: token, To: string(s.principal.actor.Person), Reason: "thôi việc"})
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		back, err := admin.OfferHandOver(ctx, wire.NewHandOver{TokenID: token, Reason: "thôi việc"})
		mustDo(t, err)
		_, err = admin.AcceptHandOver(ctx, back.ID)
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		if accepted, err := s.signIn(s.principal).AcceptHandOver(ctx, back.ID); err != nil || accepted.FromName != s.deputy.name {
			t.Errorf("confirmed by the principal: %+v, %v", accepted, err)
		}
		s.CheckLog()
	})
}

// The forms: nothing ends before it was confirmed, a token in hand is named, and
// who is no admin has no such page.
func TestEndingPages(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	row, err := s.Person(ctx, s.System, s.deputy.actor.Person)
	mustDo(t, err)
	deputy := "/people/" + string(row.ID)
	v := s.visitor(t)
	v.signIn(s.admin)
	_, page := v.get(deputy)
	for _, word := range []string{"kind=account", "kind=position&amp;which=" + string(row.Positions[0].ID), "kind=scope&amp;which=" + string(row.Scopes[0].ID), "máy thử", "USB ký số A1002"} {
		if !strings.Contains(page, word) {
			t.Errorf("the person's page does not have %q:\n%s", word, page)
		}
	}
	_, page = v.get(deputy + "/end?kind=position&which=" + string(row.Positions[0].ID))
	if !strings.Contains(page, `value="06/10/2026"`) || !strings.Contains(page, "Kết thúc chức vụ") {
		t.Errorf("the form:\n%s", page)
	}
	size := s.CheckLog().Size
	form := url.Values{"kind": {"position"}, "which": {string(row.Positions[0].ID)}, "until": {"31/02/2026"}, "reason": {"nghỉ hưu"}}
	if resp, page := v.post(deputy+"/end", form); resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "Ngày chưa đúng") || !strings.Contains(page, `value="nghỉ hưu"`) {
		t.Errorf("a wrong day: %s\n%s", resp.Status, page)
	}
	form.Set("until", "1/10/2026")
	writeOff := "write_off_" + string(s.deputy.token.ID)
	if resp, page := v.post(deputy+"/end", form); resp.StatusCode != http.StatusOK || !strings.Contains(plain(page), "vẫn đang giữ USB ký số: USB ký số A1002") ||
		!strings.Contains(page, `name="`+writeOff+`"`) || !strings.Contains(page, "có hiệu lực ngay") || !strings.Contains(page, "since=2026-10-02") {
		t.Errorf("to be confirmed: %s\n%s", resp.Status, page)
	}
	form.Set("confirmed", "1")
	if resp, page := v.post(deputy+"/end", form); resp.StatusCode != http.StatusConflict || !strings.Contains(page, "còn giữ USB ký số: A1002") {
		t.Errorf("not written off: %s\n%s", resp.Status, page)
	}
	if after := s.CheckLog().Size; after != size {
		t.Errorf("%d entries before it was confirmed", after-size)
	}
	form.Set(writeOff, "không nộp lại")
	if resp, page := v.post(deputy+"/end", form); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != deputy {
		t.Fatalf("confirmed: %s\n%s", resp.Status, page)
	}
	_, page = v.get(deputy)
	for _, word := range []string{"đến hết ngày 01/10/2026", "kết thúc sớm, mục", "USB phải được nộp trả", "Nhận lại vào tủ"} {
		if !strings.Contains(page, word) {
			t.Errorf("after it the person's page does not say %q:\n%s", word, page)
		}
	}
	if strings.Contains(page, "kind=position&amp;which="+string(row.Positions[0].ID)) {
		t.Error("what has ended can be ended again")
	}
	_, page = v.get("/log?type=ending")
	if !strings.Contains(plain(page), "Kết thúc sớm") || !strings.Contains(page, "nghỉ hưu") || !strings.Contains(page, "<strong>chức vụ</strong>") {
		t.Errorf("the log:\n%s", page)
	}

	// The last admin stays; somebody whose account is closed is told so.
	own := "/people/" + string(s.admin.actor.Person)
	form = url.Values{"kind": {"account"}, "until": {"06/10/2026"}, "reason": {"thử"}, "confirmed": {"1"}}
	if resp, page := v.post(own+"/end", form); resp.StatusCode != http.StatusConflict || !strings.Contains(page, "quản trị cuối cùng") {
		t.Errorf("the last admin: %s\n%s", resp.Status, page)
	}
	other := s.visitor(t)
	other.signIn(s.deputy)
	if resp, page := v.post(deputy+"/end", form); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("the account: %s\n%s", resp.Status, page)
	}
	if status, page := other.get("/"); status != http.StatusUnauthorized || !strings.Contains(page, "Tài khoản này đã đóng sau ngày 06/10/2026") {
		t.Errorf("the open page of who was signed in: %d\n%s", status, page)
	}
	if resp, page := other.post("/sign-in", url.Values{"username": {s.deputy.username}, "password": {password}}); resp.StatusCode != http.StatusUnauthorized ||
		!strings.Contains(page, "Tài khoản này đã đóng") || !strings.Contains(page, `name="username"`) {
		t.Errorf("signing in: %s\n%s", resp.Status, page)
	}
	if _, page := v.get(deputy); !strings.Contains(page, "đã đóng, hết ngày 06/10/2026") || strings.Contains(page, "kind=account") {
		t.Errorf("the closed account:\n%s", page)
	}

	principal := s.visitor(t)
	principal.signIn(s.principal)
	if _, page := principal.get("/people/" + string(s.officeHead.actor.Person)); strings.Contains(page, "/end?kind") {
		t.Error("the principal is offered what an admin may do")
	}
	if status, page := principal.get("/people/" + string(s.officeHead.actor.Person) + "/end?kind=account"); status != http.StatusForbidden || !strings.Contains(page, "Chỉ quản trị") {
		t.Errorf("for the principal: %d\n%s", status, page)
	}
	for _, query := range []string{"", "?kind=position&which=x", "?kind=scope&which=" + string(row.Positions[0].ID)} {
		if status, _ := v.get("/people/" + string(s.officeHead.actor.Person) + "/end" + query); status != http.StatusNotFound {
			t.Errorf("nothing to end (%s): %d", query, status)
		}
	}
	s.CheckLog()
}

// However its letters were composed, a name is one name, and a password one password.
func TestVietnameseLettersAreOneHoweverTyped(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	v := s.visitor(t)
	v.signIn(s.admin)
	const whole, apart = "Nghĩa.Trần", "NGHI\u0303A.tra\u0302\u0300n"
	const secret, secretApart = "Cúc-Vàng-Đồng-2026", "Cu\u0301c-Va\u0300ng-Đo\u0302\u0300ng-2026"
	form := url.Values{"name": {"Trần Văn Nghĩa"}, "username": {apart}}
	resp, page := v.post("/people", form)
	if resp, page := s.visitor(t).post(shownLink(t, page), url.Values{"password": {secretApart}, "again": {secretApart}}); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", resp.Status, page)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s\n%s", resp.Status, page)
	}
	form.Set("username", whole)
	if resp, page := v.post("/people", form); resp.StatusCode != http.StatusConflict || !strings.Contains(page, "Tên đăng nhập") {
		t.Errorf("the same name again: %s\n%s", resp.Status, page)
	}
	for _, c := range [][2]string{{whole, secret}, {apart, secret}, {strings.ToUpper(whole), secretApart}} {
		if _, err := s.client(wire.ClientConfig{}).SignIn(ctx, wire.SignIn{Username: c[0], Password: c[1]}); err != nil {
			t.Errorf("%+q with %+q: %v", c[0], c[1], err)
		}
	}
}

// A person's computers and the ends of things, as they are seen.
func TestPagesOfEndings(t *testing.T) {
	for name, size := range map[string][2]int64{"desktop": {1366, 900}, "phone": {390, 844}} {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{})
			s.give()
			s.deputy.sign(t, s, newDocument("TB"), wire.ActApprove, "KT")
			s.Clock.Advance(time.Hour)
			b := openBrowser(t, s, size[0], size[1])
			b.signIn(s.deputy)
			b.visit("/pairing")
			b.mustSay("Máy đã kết nối", "máy thử", "07/10/2026")
			b.shoot("pairing")
			b.press("a[href$='/end']")
			b.mustSay("Ngắt kết nối máy này?", "máy thử")
			b.shoot("pairing-end")
			b.press("main form button")
			b.mustSay("Đã ngắt kết nối máy “máy thử”", "Chưa có máy nào được kết nối")
			b.shoot("pairing-none")
			b.press("form[action='/language'] button")
			b.mustSay("Connected computers", "No computer is connected yet")
			b.shoot("pairing-english")
			b.press("form[action='/language'] button")
			b.press("form[action='/sign-out'] button")

			b.signIn(s.admin)
			b.visit("/people/" + string(s.officeHead.actor.Person))
			b.mustSay("Máy đã kết nối", "USB ký số đang giữ", "Đóng tài khoản")
			b.shoot("person")
			b.press("table a[href*='kind=position']")
			b.mustSay("Kết thúc chức vụ", "Ngày cuối cùng còn hiệu lực")
			b.fill("#reason", "Nghỉ hưu theo Quyết định số 40/QĐ-UBND")
			b.shoot("end")
			b.press("main form button")
			b.mustSay("Kiểm tra lại trước khi ghi", "vẫn đang giữ USB ký số", "có hiệu lực ngay")
			b.shoot("end-confirm")
			b.press("form[action='/language'] button") // leaves the form; back to it
			b.visit("/people/" + string(s.officeHead.actor.Person) + "/end?kind=account")
			b.mustSay("Close the account", "Last day in force")
			b.shoot("end-account-english")
			b.fill("#until", "01/10/2026")
			b.fill("#reason", "Retires")
			b.press("main form button")
			reason := "#write_off_" + string(s.officeHead.token.ID)
			b.fill(reason, "Not brought back")
			b.press("main form button.danger")
			b.mustSay("The last day is too early")
			b.shoot("end-refused-english")
			b.press(`button[name="change"]`)
			b.fill("#until", "06/10/2026")
			b.press("main form button")
			b.fill(reason, "Not brought back")
			b.shoot("end-account-confirm-english")
			b.press("main form button.danger")
			b.mustSay("Recorded: Lê Minh Quân, until the end of 06/10/2026", "closed after 06/10/2026", "Take back to the safe")
			b.shoot("person-closed-english")
			b.press("form[action='/language'] button")
			b.press("a[href*='hand-over?return=1']")
			b.mustSay("Nộp trả thay Lê Minh Quân")
			b.fill("#reason", "Đã nghỉ hưu")
			b.shoot("take-back")
			b.press("main form button")
			b.shoot("take-back-confirm")
			b.press("main form button")
			b.mustSay("Chờ một người khác xác nhận")
			b.visit("/log")
			b.mustSay("Kết thúc sớm", "Ngắt kết nối máy", "tài khoản")
			b.shoot("log")
			s.CheckLog()
		})
	}
}
