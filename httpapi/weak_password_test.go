package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sokyso/custody"
	"sokyso/httpapi"
)

// What is tried first is refused, however it is written; a sentence of one's own is taken.
func TestPasswordsThatAreEasyToGuess(t *testing.T) {
	about := []string{"Nguyễn Văn Nghĩa", "nghia.nv", "Trường Mầm non Hoa Sen", "mnhs-79"}
	for _, c := range []struct {
		password string
		taken    bool
	}{
		{"123456789012", false}, {"matkhau12345", false}, {"Mật-khẩu-2026!", false}, {"MatKhauMoi@123", false}, {"P@ssw0rd2026", false}, {"qwertyuiop123", false},
		{"1q2w3e4r5t6y", false}, {"aaaaaaaaaaaaaaa", false}, {"abcdefghijklm", false}, {"anhyeuem1314520", false}, {"Anh Yêu Em 2026", false}, {"Admin@123456", false},
		{"NguyenVanNghia", false}, {"nguyễn văn nghĩa 1975", false}, {"Nghia@19750101", false}, {"truongmamnonhoasen", false}, {"HoaSen@2026@79", false}, {"mnhs-79-mnhs-79", false},
		{"Hoa Sen Admin 2026", false}, {"!!!!????....----", false}, {"password password", false},
		{"Con đường làng quanh co", true}, {"Hoa-Sen-Trang-2026", true}, {"bốn con vịt vàng", true}, {"mua thuoc luc nua dem", true}, {"correct horse battery", true}, {"xK9#vQm2$Lp7!", true},
	} {
		_, err := httpapi.HashPassword(c.password, about...)
		if (err == nil) != c.taken {
			t.Errorf("%q: %v", c.password, err)
		}
	}
	// Without the names the same is no name.
	if _, err := httpapi.HashPassword("Nghia@19750101"); err != nil {
		t.Errorf("somebody else's name: %v", err)
	}
}

// The pages know whose password it is and at which school, and say what to do.
func TestAnEasyPasswordIsRefusedOnThePages(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	v := s.visitor(t)
	v.signIn(s.deputy)
	for _, easy := range []string{s.deputy.name + " 2026", s.School.Name + " 2026", "mat khau 123456"} {
		resp, page := v.post("/password", url.Values{"present": {password}, "password": {easy}, "again": {easy}})
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "dễ đoán") || strings.Contains(page, easy) {
			t.Errorf("%q: %s", easy, resp.Status)
		}
	}
	link, err := s.AskReset(ctx, s.admin.actor, s.deputy.actor.Person)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ConfirmReset(ctx, s.principal.actor, link.ID); err != nil {
		t.Fatal(err)
	}
	if resp, page := v.post("/join/"+link.Secret, url.Values{"password": {s.deputy.name + "1980"}, "again": {s.deputy.name + "1980"}}); resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "dễ đoán") {
		t.Errorf("by the link: %s", resp.Status)
	}
	links, err := s.AccountLinks(ctx, s.admin.actor)
	if err != nil || len(links) != 1 || links[0].State != custody.LinkOpen {
		t.Errorf("a refused password uses the link up: %+v, %v", links, err)
	}
}
