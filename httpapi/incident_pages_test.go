package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// phone is the width that the loss form is made for.
var phone = [2]int64{390, 844}

// A custodian on a phone reports in as many touches as a minute allows, by what is
// filled in already, and sees what is next.
func TestALossOnAPhone(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	s.deputy.sign(t, s, newDocument("TB"), wire.ActApprove, "KT")
	s.Clock.Advance(10 * time.Minute)
	b := openBrowser(t, s, phone[0], phone[1])
	b.signIn(s.deputy)
	b.visit("/loss")
	b.shoot("loss-empty")
	checked, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.querySelectorAll("input[name=token]:checked").length`))
	if err != nil || checked != 1 {
		t.Errorf("%d tokens are chosen: %v", checked, err)
	}
	start := time.Now()
	b.tick(`label.choice:has(input[name="kind"][value="lost"])`)
	b.fill("#description", "Rơi trên xe buýt số 8 sáng nay, đã gọi bến xe.")
	b.tick(`label.choice:has(input[name="pin"][value="no"])`)
	b.tick(`label.choice:has(input[name="last_use"][value="at"])`)
	b.fill("#last_used_at", "7h30")
	b.fill("#last_used_on", "06/10/2026")
	b.shoot("loss-filled")
	b.press("main form button.danger")
	b.mustSay("Gửi báo cáo này?", "06/10/2026 07:30", "Không")
	b.shoot("loss-confirm")
	b.press("main form button.danger")
	t.Logf("four touches, two lines and two buttons took %v", time.Since(start).Round(time.Millisecond))
	b.mustSay("USB ký số A1002 đã bị khóa lúc", "Việc tiếp theo: Báo hiệu trưởng", "báo cơ quan có thẩm quyền", "Chữ ký cần rà soát", "Trong khoảng chưa chắc chắn")
	b.shoot("incident-custodian")
	_, err = s.deputy.agent.Grant(ctx, s.deputy.request(newDocument("TB"), wire.ActApprove, "KT"))
	mustRefuse(t, err, 403, wire.RefusedTokenReported)
	b.press(`.next form button`)
	b.mustSay("Đã ghi: Báo hiệu trưởng", "Chờ hiệu trưởng hoặc quản trị gửi mẫu 05")
	b.press(`button[name="verdict"][value="genuine"]`)
	b.mustSay("Đã ghi: chữ ký có thật", "Đúng là người ký đã ký")
	b.visit("/incidents")
	b.mustSay("Đề nghị thu hồi chứng thư (mẫu 05)")
	b.shoot("incidents-custodian")
	// Without a word the form comes back, the field marked.
	b.visit("/loss")
	b.do(chromedp.Click(chromedp.CSS(`label.choice:has(input[name="kind"][value="lost"])`)))
	b.tick(`label.choice:has(input[name="pin"][value="yes"])`)
	b.fill("#discovered_at", "99:99")
	b.fill("#description", "x")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("form").forEach(f => f.noValidate = true)`))
	b.press("main form button.danger")
	b.mustSay("Giờ chưa đúng")
	b.shoot("loss-wrong")
	s.CheckLog()
}

// The whole track, as who runs the register sees it, on both screens.
func TestTheTrackOnItsPage(t *testing.T) {
	for name, size := range map[string][2]int64{"desktop": {1280, 900}, "phone": phone} {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{PrivateAuthority: true})
			s.give()
			s.deputy.sign(t, s, newDocument("TB"), wire.ActApprove, "KT")
			if _, err := s.ReportIncident(ctx, s.deputy.actor, store.NewIncident{Token: s.deputy.token.ID, Kind: custody.Misplaced, DiscoveredAt: s.Clock.Now(),
				LastUsedAt: s.Clock.Now().Add(-24 * time.Hour), Description: "Để trong ngăn kéo phòng hội đồng, sáng nay không thấy nữa.", Place: "Phòng hội đồng", PIN: custody.PINUnknown}); err != nil {
				t.Fatal(err)
			}
			b := openBrowser(t, s, size[0], size[1])
			b.signIn(s.principal)
			b.visit("/incidents")
			b.shoot("incidents")
			b.press(`a.button[href^="/incidents/"]`)
			b.mustSay("Chưa đến lượt", "sau: Báo hiệu trưởng")
			b.shoot("track-begin")
			b.press(`.next form button`)
			b.mustSay("Việc tiếp theo: Đề nghị thu hồi chứng thư (mẫu 05)")
			b.fill("#revocation_asked_paper_number", "21/CV-MNHS")
			b.fill("#revocation_asked_paper_date", "7/10/2026")
			b.shoot("track-form-05")
			b.press(`.next form button`)
			b.mustSay("Văn bản số 21/CV-MNHS ngày 07/10/2026", "Cục Chứng thực số", "Hỏi cơ quan cấp chứng thư ngay", "Đúng hạn")
			b.press(`.next form button`)
			b.mustSay("chưa bị thu hồi")
			b.shoot("track-asked")
			if err := authorities().Revoke(s.deputy.cert.SerialNumber, 1, s.Clock.Now()); err != nil {
				t.Fatal(err)
			}
			b.press(`.next form button`)
			b.mustSay("chứng thư đã bị thu hồi", "dịch vụ tự ghi", "nộp trả thiết bị hoặc xác nhận mất")
			s.Clock.Advance(9 * 24 * time.Hour)
			b.visit("/incidents")
			b.mustSay("quá hạn")
			b.shoot("incidents-late")
			b.press(`a.button[href^="/incidents/"]`)
			b.fill("#device_lost_paper_number", "22/BB-MNHS")
			b.fill("#device_lost_paper_date", "16/10/2026")
			b.press(`.next form button`)
			b.mustSay("Việc tiếp theo: Rút kinh nghiệm", "Đã làm, quá hạn")
			b.fill("#lessons_note", "Cất USB vào tủ có khóa sau mỗi lần ký.")
			b.press(`.next form button`)
			b.mustSay("Việc tiếp theo: Kết thúc, USB thôi dùng")
			b.tick(`.next input[name="confirmed"]`)
			b.press(`.next form button`)
			b.mustSay("Sự cố đã kết thúc, USB ký số A1002 thôi dùng", "Cất USB vào tủ có khóa")
			b.shoot("track-closed")
			b.visit("/log?type=incident_step")
			b.mustSay("Rút kinh nghiệm", "Xác nhận mất thiết bị")
			b.shoot("log-steps")
			s.CheckLog()
		})
	}
}

// Somebody who can't sign in raises an alarm on a phone; the principal blocks by it.
func TestAnAlarmOnItsPages(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	b := openBrowser(t, s, phone[0], phone[1])
	b.visit("/sign-in")
	b.shoot("sign-in")
	b.press(`a[href="/report-loss"]`)
	b.shoot("report-loss")
	b.tick(`label.choice:has(input[value="lost"])`)
	b.fill("#description", "Tôi làm rơi USB của tôi, không nhớ mật khẩu để đăng nhập.")
	b.fill("#name", s.deputy.name)
	b.fill("#contact", "0900 000 002")
	b.press("main form button.danger")
	b.mustSay("Đã gửi báo động", "Gọi ngay cho hiệu trưởng")
	b.shoot("report-loss-sent")
	b.signIn(s.principal)
	b.mustSay("Có 1 báo động mất USB chưa trả lời")
	b.shoot("banner")
	b.press(`a[href="/alarms"]`)
	b.mustSay("0900 000 002", "không nhớ mật khẩu")
	b.shoot("alarms")
	b.do(chromedp.SetValue(chromedp.CSS("select[name=token]"), string(s.deputy.token.ID)))
	b.press(`form[action$="/block"] button`)
	b.mustSay("USB ký số A1002 đã bị khóa", "theo báo động của người chưa đăng nhập")
	if err := s.RaiseAlarm(ctx, s.School.ID, store.NewAlarm{Kind: custody.Misplaced, Name: "Phụ huynh", Contact: "0900 000 003", Description: "Có thấy một chiếc USB ở cổng trường"}); err != nil {
		t.Fatal(err)
	}
	b.visit("/alarms")
	b.tick("details.step summary")
	b.fill(`input[name="reason"]`, "USB nhạc của phụ huynh")
	b.press(`form[action$="/dismiss"] button`)
	b.mustSay("Đã bỏ qua báo động", "Không phải sự cố", "USB nhạc của phụ huynh")
	b.shoot("alarms-answered")
	if strings.Contains(b.text(), "báo động mất USB chưa trả lời") {
		t.Error("the banner stays")
	}
	if report := s.CheckLog(); fmt.Sprint(report.ByType["alarm"], report.ByType["alarm_decision"]) != "2 2" {
		t.Errorf("%+v", report.ByType)
	}
}
