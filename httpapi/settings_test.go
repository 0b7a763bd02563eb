package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sokyso/custody"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

func TestSettingsThroughTheAPI(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		settings, err := s.deputy.agent.Settings(ctx)
		if err != nil || len(settings) != len(custody.SettingRules) || settings[0].Value != settings[0].Default {
			t.Errorf("%+v, %v", settings, err)
		}
		_, err = s.signIn(s.deputy).ChangeSettings(ctx, wire.ChangeSettings{Values: map[string]string{"report_hours": "2"}})
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		principal := s.signIn(s.principal)
		_, err = principal.ChangeSettings(ctx, wire.ChangeSettings{Values: map[string]string{"report_hours": "2", "check_day": "31"}})
		if problem := mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeInvalid); problem.Params["field"] != "check_day" {
			t.Errorf("%+v", problem)
		}
		settings, err = principal.ChangeSettings(ctx, wire.ChangeSettings{Values: map[string]string{"report_hours": "2"}})
		if err != nil || settings[0].Value != "2" {
			t.Errorf("%+v, %v", settings, err)
		}
		if n := s.CheckLog().ByType["setting"]; n != 1 {
			t.Errorf("%d entries", n)
		}
	})
}

// Nothing is set before it was confirmed; what is wrong is named beside its field.
func TestPagesOfSettings(t *testing.T) {
	for name, size := range map[string][2]int64{"desktop": {1366, 900}, "phone": {390, 844}} {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{})
			b := openBrowser(t, s, size[0], size[1])
			b.signIn(s.deputy)
			b.visit("/settings")
			b.mustSay("Không được phép")
			b.press("form[action='/sign-out'] button")
			b.signIn(s.principal)
			b.visit("/settings")
			b.mustSay("Chưa ai thay đổi cài đặt nào", "mặc định", "Báo cơ quan có thẩm quyền trong (giờ)")
			b.shoot("settings")
			b.press("main form button")
			b.mustSay("Chưa có gì thay đổi")
			b.fill("#report_hours", "hai")
			b.fill("#holidays", "05/02/2027; 8/2/2027")
			b.press("main form button")
			b.mustSay("Chưa đúng dạng")
			if value := b.value("#holidays"); value != "05/02/2027; 8/2/2027" {
				t.Errorf("after an error the days are %q", value)
			}
			b.shoot("settings-wrong")
			b.fill("#report_hours", "4")
			b.fill("#check_day", "25")
			b.fill("#number_series", "by_kind")
			b.press("main form button")
			b.mustSay("Kiểm tra lại trước khi ghi", "24 → 4", "(để trống) → 05/02/2027, 08/02/2027", "Một dãy số chung → Mỗi loại văn bản một dãy")
			b.shoot("settings-confirm")
			if settings, err := s.Settings(ctx, s.System); err != nil || settings.CheckDay() != 0 {
				t.Errorf("set before it was confirmed: %v, %v", settings, err)
			}
			b.press("main form button.second")
			if value := b.value("#report_hours"); value != "4" {
				t.Errorf("going back to change, the hours are %q", value)
			}
			b.press("main form button")
			b.press("main form button:not(.second)")
			b.mustSay("Đã lưu cài đặt", "Mặc định: 24", "0 → 25", s.principal.name)
			b.shoot("settings-saved")
			b.press("form[action='/language'] button")
			b.visit("/settings")
			b.mustSay("Report to the authority within (hours)", "Changes", "One series for each kind")
			b.shoot("settings-english")
			settings, err := s.Settings(ctx, s.System)
			if err != nil || settings.CheckDay() != 25 || settings.Value(custody.SettingHolidays) != "2027-02-05, 2027-02-08" {
				t.Errorf("%v, %v", settings, err)
			}
			s.CheckLog()
		})
	}
}

// A form that a page of an older version sent changes nothing it does not name.
func TestSettingsLeftOutStay(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	v := s.visitor(t)
	v.signIn(s.admin)
	if resp, page := v.post("/settings", url.Values{"report_hours": {"8"}, "confirmed": {"1"}}); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", resp.Status, page)
	}
	if resp, page := v.post("/settings", url.Values{"check_day": {"5"}, "confirmed": {"1"}}); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", resp.Status, page)
	}
	settings, err := s.Settings(ctx, s.System)
	if err != nil || settings.Value(custody.SettingReportHours) != "8" || settings.CheckDay() != 5 {
		t.Errorf("%v, %v", settings, err)
	}
	if _, page := v.get("/log?type=setting"); !strings.Contains(page, "Đổi cấu hình") {
		t.Errorf("the log:\n%s", page)
	}
}
