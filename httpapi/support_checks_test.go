package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// A request for support through the API: asked in person, sent, answered, solved.
func TestSupportThroughTheAPI(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		in := wire.NewSupportRequest{TokenID: string(s.deputy.token.ID), Kind: "unlock", Description: "PIN bị khóa"}
		_, err := s.deputy.agent.AskSupport(ctx, in)
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		deputy, admin := s.signIn(s.deputy), s.signIn(s.admin)
		_, err = deputy.AskSupport(ctx, in)
		if problem := mustRefuse(t, err, http.StatusConflict, wire.CodeConflict); problem.Params["reason"] != custody.ReasonSupportNotLocked {
			t.Errorf("%+v", problem)
		}
		in.LockPIN = true
		asked, err := deputy.AskSupport(ctx, in)
		mustDo(t, err)
		if asked.Form != "06" || asked.State != "asked" || asked.Person != s.deputy.name || asked.Due == "" {
			t.Errorf("%+v", asked)
		}
		_, err = deputy.AskSupport(ctx, in)
		if problem := mustRefuse(t, err, http.StatusConflict, wire.CodeConflict); problem.Params["reason"] != custody.ReasonSupportOpen {
			t.Errorf("%+v", problem)
		}
		_, err = s.signIn(s.officeHead).SupportRequest(ctx, asked.ID)
		mustRefuse(t, err, http.StatusNotFound, wire.CodeNotFound)
		_, err = deputy.StepSupport(ctx, asked.ID, wire.NewSupportStep{State: "solved", Note: "xong"})
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		_, err = admin.StepSupport(ctx, asked.ID, wire.NewSupportStep{State: "sent", Addressee: "Sở Khoa học và Công nghệ"})
		mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeInvalid)
		_, err = admin.StepSupport(ctx, asked.ID, wire.NewSupportStep{State: "sent", Addressee: "Sở Khoa học và Công nghệ", PaperNumber: "21/CV-MNHS", PaperOn: "2026-10-07"})
		mustDo(t, err)
		done, err := admin.StepSupport(ctx, asked.ID, wire.NewSupportStep{State: "solved", Note: "Đã mở khóa"})
		mustDo(t, err)
		if done.State != "solved" || len(done.Steps) != 2 || done.Steps[0].Addressee == "" || done.Due != "" {
			t.Errorf("%+v", done)
		}
		list, err := deputy.SupportRequests(ctx, wire.SupportQuery{State: "done"})
		if err != nil || len(list.Requests) != 1 || list.Requests[0].ID != asked.ID {
			t.Errorf("%+v, %v", list, err)
		}
		if list, err := s.officeHead.agent.SupportRequests(ctx, wire.SupportQuery{}); err != nil || len(list.Requests) != 0 {
			t.Errorf("others see %+v, %v", list, err)
		}
		s.CheckLog()
	})
}

// A custody check through the API; the proof is the agent's, and counts by itself.
func TestCustodyCheckThroughTheAPI(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		admin := s.signIn(s.admin)
		check, err := admin.OpenCheck(ctx, wire.NewCheck{Kind: "monthly", Due: "2026-10-14"})
		mustDo(t, err)
		_, err = s.admin.agent.OpenCheck(ctx, wire.NewCheck{Kind: "special", Due: "2026-10-14"})
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		if mine, err := s.deputy.agent.MyTokens(ctx); err != nil || mine[0].CheckDue != "2026-10-14" {
			t.Errorf("the agent is not told of the check: %+v, %v", mine, err)
		}
		c := s.deputy.challenge(t)
		receipt, err := s.deputy.agent.Prove(ctx, c.ID, s.deputy.prove(t, c))
		mustDo(t, err)
		if mine, err := s.deputy.agent.MyTokens(ctx); err != nil || mine[0].CheckDue != "" {
			t.Errorf("asked again after the proof: %+v, %v", mine, err)
		}
		own, err := s.deputy.agent.Check(ctx, check.ID)
		mustDo(t, err)
		if len(own.Items) != 1 || own.Items[0].Outcome != "proved" || own.Items[0].Entry != receipt.Index {
			t.Errorf("the deputy sees %+v", own.Items)
		}
		step := wire.NewCheckStep{TokenID: string(s.deputyTwo.token.ID), Kind: "not_at_hand"}
		_, err = s.signIn(s.deputyTwo).StepCheck(ctx, check.ID, step)
		mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeInvalid)
		step.Reason = "để ở nhà"
		_, err = s.signIn(s.deputyTwo).StepCheck(ctx, check.ID, step)
		mustDo(t, err)
		step.Kind = "excused"
		_, err = s.signIn(s.deputyTwo).StepCheck(ctx, check.ID, step)
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		_, err = admin.StepCheck(ctx, check.ID, step)
		mustDo(t, err)
		closed, err := admin.CloseCheck(ctx, check.ID, wire.CloseCheck{Conclusion: "Thiếu 2"})
		mustDo(t, err)
		if closed.Proved != 1 || closed.Excused != 1 || closed.Missing != 2 || closed.ClosedAt == nil || len(closed.Items) != 4 {
			t.Errorf("%+v", closed)
		}
		if list, err := admin.Checks(ctx); err != nil || len(list) != 1 || list[0].Missing != 2 {
			t.Errorf("%+v, %v", list, err)
		}
		s.CheckLog()
	})
}

// The whole story of a custody check as people see it.
func TestPagesOfACustodyCheck(t *testing.T) {
	for name, size := range map[string][2]int64{"desktop": {1366, 900}, "phone": {390, 844}} {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{})
			s.give()
			spare := &member{actor: s.officeHead.actor, name: "Trường Mầm non Hoa Sen"}
			s.equip(spare, "B2009", custody.Seal)
			b := openBrowser(t, s, size[0], size[1])
			b.signIn(s.deputy)
			b.visit("/checks")
			b.mustSay("Chưa có đợt kiểm kê nào", "sẽ hiện ở đây")
			b.shoot("checks-none")
			b.visit("/checks/new")
			b.mustSay("Không được phép")
			b.press("form[action='/sign-out'] button")

			b.signIn(s.admin)
			b.visit("/checks")
			b.press("a[href='/checks/new']")
			b.mustSay("5 USB sẽ được kiểm kê")
			b.tick(`label.choice:has(input[value="plenary"])`)
			b.fill("#due", "1/10/2026")
			b.press("main form button")
			b.mustSay("Hạn phải từ hôm nay trở đi")
			b.fill("#due", "14/10/2026")
			b.fill("#note", "Trước kỳ sơ kết học kỳ I")
			b.shoot("check-new")
			b.press("main form button")
			b.mustSay("Đã mở đợt kiểm kê, hạn 14/10/2026", "5 chưa rõ")
			check := b.path()
			b.shoot("check-opened")
			b.visit("/checks/new")
			b.press("main form button")
			b.mustSay("Đang có một đợt kiểm kê chưa chốt")

			// The agents of principal and deputy prove; the second deputy says why not.
			for _, m := range []*member{s.principal, s.deputy} {
				c := m.challenge(t)
				if _, err := m.agent.Prove(ctx, c.ID, m.prove(t, c)); err != nil {
					t.Fatal(err)
				}
			}
			b.visit(check)
			b.mustSay("2 đã chứng minh", "3 chưa rõ")
			open := "li:has(input[value='" + string(spare.token.ID) + "']) details"
			b.tick(open + ":has(input[value='seen']) summary")
			b.fill("#witness_"+string(spare.token.ID), string(s.principal.actor.Person))
			b.shoot("check-see")
			b.press(open + ":has(input[value='seen']) button")
			b.mustSay("Người thứ hai phải xác nhận", "chờ Nguyễn Văn Nghĩa xác nhận")
			b.press("form[action='/sign-out'] button")

			b.signIn(s.deputyTwo)
			b.visit(check)
			b.mustSay("signagent prove", "Bạn chỉ thấy USB của mình")
			b.mustNotSay("B2009", "A1001")
			b.shoot("check-custodian")
			b.tick("details.form summary")
			b.mustSay("phải báo ngay")
			b.fill("input[name='reason']", "Đi tập huấn, USB cất ở nhà")
			b.shoot("check-why")
			b.press("details.form form button")
			b.mustSay("Đã ghi lý do", "Đi tập huấn, USB cất ở nhà")
			b.press("form[action='/sign-out'] button")

			b.signIn(s.principal)
			b.visit(check)
			b.tick("input[name='sure']")
			b.press("form:has(input[value='witnessed']) button")
			b.mustSay("hai người đã nhìn thấy", "Phạm Thu Hằng, Nguyễn Văn Nghĩa")
			excuse := "li:has(input[value='" + string(s.deputyTwo.token.ID) + "']) details:has(input[value='excused'])"
			b.tick(excuse + " summary")
			b.press(excuse + " button")
			b.mustSay("Đã chấp nhận lý do", "1 có lý do", "1 chưa rõ")
			s.Clock.Advance(8 * 24 * time.Hour)
			b.press("form[action='/sign-out'] button") // the session is over by then anyway
			b.signIn(s.principal)
			b.visit(check)
			b.mustSay("Đã quá hạn 14/10/2026")
			b.shoot("check-late")
			b.press("a[href$='/close']")
			b.mustSay("Sẽ được chốt là “không có”", "B2001")
			b.shoot("check-close")
			b.fill("#conclusion", "Thiếu USB của nhà trường, yêu cầu kiểm kê bổ sung")
			b.tick("input[name='missing_known']")
			b.press("main form button")
			b.mustSay("Đã chốt kết quả", "1 không có", "Thiếu USB của nhà trường", "Kết quả: Kiểm kê trước kỳ")
			b.mustNotSay("signagent prove", "Chấp nhận lý do")
			b.shoot("check-closed")
			b.press("form[action='/language'] button")
			b.visit(check)
			b.mustSay("Result: Custody check before the half-year plenary", "1 missing", "2 proven")
			b.visit("/checks")
			b.shoot("checks-english")
			b.press("form[action='/language'] button")
			b.visit("/log?type=check_step")
			b.mustSay("Ghi nhận kiểm kê")
			b.shoot("check-log")
			rows, err := s.Checks(ctx, s.System)
			if err != nil || rows[0].Counts != (store.CheckCounts{Proved: 2, Seen: 1, Excused: 1, Missing: 1}) {
				t.Errorf("%+v, %v", rows, err)
			}
			s.CheckLog()
		})
	}
}

// A request for support as the custodian and the admin see it.
func TestPagesOfSupport(t *testing.T) {
	for name, size := range map[string][2]int64{"desktop": {1366, 900}, "phone": {390, 844}} {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{})
			s.give()
			b := openBrowser(t, s, size[0], size[1])
			b.signIn(s.admin)
			b.visit("/support")
			b.mustSay("Chưa có yêu cầu nào")
			b.shoot("support-none")
			b.press("form[action='/sign-out'] button")
			b.signIn(s.deputy)
			b.visit("/support/new")
			b.tick(`label.choice:has(input[value="unlock"])`)
			b.fill("#description", "Nhập sai PIN 5 lần, thiết bị báo bị khóa")
			b.shoot("support-new")
			b.press("main form button")
			b.mustSay("chưa được báo bị khóa", "Báo bị khóa mã PIN cùng lúc")
			b.shoot("support-not-locked")
			b.tick("input[name='lock_pin']")
			b.press("main form button")
			b.mustSay("Đã ghi yêu cầu hỗ trợ cho USB ký số A1002", "Mẫu số 06", "Mới yêu cầu", "Rút yêu cầu")
			b.mustNotSay("Ghi đã gửi đi", "Lập văn bản theo mẫu")
			request := b.path()
			b.shoot("support-asked")
			b.press("a[href$='/pin']")
			b.mustSay("Bị khóa mã PIN", "Xem yêu cầu mở khóa đang có")
			b.shoot("support-pin")
			b.press("a[href='" + request + "']")
			b.press("form[action='/sign-out'] button")

			s.Clock.Advance(3 * 24 * time.Hour)
			b.signIn(s.admin)
			b.visit("/support?state=open")
			b.mustSay("quá hạn", "Trần Thị Hòa")
			b.shoot("support-list")
			b.visit(request)
			b.mustSay("Lập văn bản theo mẫu", "quá hạn")
			b.tick("details.form:has(input[value='sent']) summary")
			if value := b.value("#addressee"); value != "Sở Khoa học và Công nghệ" {
				t.Errorf("the addressee is %q, not that of the settings", value)
			}
			b.fill("#paper_number", "21/CV-MNHS")
			b.fill("#paper_on", "31/12/2026")
			b.press("details.form:has(input[value='sent']) button")
			b.mustSay("Ngày")
			if value := b.value("#paper_number"); value != "21/CV-MNHS" {
				t.Errorf("after an error the number is %q", value)
			}
			b.shoot("support-wrong-day")
			b.fill("#paper_on", "10/10/2026")
			b.press("details.form:has(input[value='sent']) button")
			b.mustSay("Đã ghi bước xử lý", "Đã gửi đi", "Văn bản số 21/CV-MNHS", "→ Sở Khoa học và Công nghệ")
			b.shoot("support-sent")
			b.press("a[href$='/pin']")
			b.mustSay("Đang khôi phục mã PIN", "Ghi mã PIN dùng lại được")
			b.visit(request)
			b.tick("details.form:has(input[value='solved']) summary")
			b.fill("#note_solved", "Đã mở khóa, người giữ đổi PIN mới")
			b.press("details.form:has(input[value='solved']) button")
			b.mustSay("Đã giải quyết", "người giữ đổi PIN mới")
			b.mustNotSay("Ghi bước tiếp theo")
			b.shoot("support-solved")
			b.visit("/support?state=open")
			b.mustSay("Không có yêu cầu nào khớp")
			b.press("form[action='/language'] button")
			b.visit(request)
			b.mustSay("Unlock the token", "Solved", "History")
			b.shoot("support-english")
			s.CheckLog()
		})
	}
}

func (b *browser) mustNotSay(words ...string) {
	b.t.Helper()
	text := b.text()
	for _, word := range words {
		if strings.Contains(text, word) {
			b.t.Errorf("%s says %q:\n%s", b.path(), word, text)
		}
	}
}

func (b *browser) value(selector string) string {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Value(chromedp.CSS(selector)))
	if err != nil {
		b.t.Fatalf("%s: %v", selector, err)
	}
	return value
}
