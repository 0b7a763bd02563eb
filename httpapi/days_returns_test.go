package httpapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
)

// plain is a page's text, without tags and with single spaces.
func plain(page string) string {
	page = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " ")
	return strings.Join(strings.Fields(page), " ")
}

// No field of a day is left to the browser's language, and a wrong day stays in
// the form together with everything else.
func TestDaysInForms(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	v := s.visitor(t)
	v.signIn(s.admin)
	person := "/people/" + string(s.deputy.actor.Person)
	seal := "/tokens/" + string(s.officeHead.token.ID) + "/hand-over"
	for path, fields := range map[string]int{"/log": 2, person: 4, seal: 3} {
		_, page := v.get(path)
		if strings.Contains(page, `type="date"`) || strings.Count(page, `placeholder="ngày/tháng/năm"`) != fields || strings.Count(page, `title="Ghi ngày/tháng/năm, ví dụ 25/09/2026"`) != fields {
			t.Errorf("%s does not have %d day fields:\n%s", path, fields, page)
		}
	}
	if _, page := v.get(person); !strings.Contains(page, `value="`+s.Clock.Now().In(custody.SchoolZone).Format("02/01/2006")+`"`) {
		t.Errorf("the position does not begin today:\n%s", page)
	}

	size := s.CheckLog().Size
	scope := url.Values{"acts": {"approve"}, "capacities": {"none", "KT"}, "kinds": {"TB"}, "paper": {"44/QĐ-MNHS"}, "from": {"1/9/2026"}, "until": {"31/02/2027"}}
	position := url.Values{"kind": {"office_head"}, "title": {"Tổ trưởng <mới>"}, "paper": {"45/QĐ-MNHS"}, "from": {"30.02.2026"}, "until": {"2027-5-31"}}
	permission := url.Values{"to": {string(s.principal.actor.Person)}, "permission_number": {"1/QĐ"}, "permission_date": {"31/02/2026"}}
	for _, c := range []struct {
		path string
		form url.Values
		says []string
	}{
		{person + "/scopes", scope, []string{"Đến ngày", `value="01/09/2026"`, `value="31/02/2027"`, `value="44/QĐ-MNHS"`, `value="approve" checked`, `value="none" checked`, `value="KT" checked`, `value="TB" checked`, `form" open><summary>Thêm phạm vi ký`}},
		{person + "/positions", position, []string{"Từ ngày", `value="30.02.2026"`, `value="31/05/2027"`, `value="45/QĐ-MNHS"`, `value="Tổ trưởng &lt;mới&gt;"`, `value="office_head" selected`, `form" open><summary>Thêm chức vụ`}},
		{seal, permission, []string{"Ngày văn bản", `value="31/02/2026"`, `value="1/QĐ"`}},
	} {
		resp, page := v.post(c.path, c.form)
		if resp.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", c.path, resp.Status)
		}
		for _, word := range append(c.says, "Ngày chưa đúng", "25/09/2026") {
			if !strings.Contains(page, word) {
				t.Errorf("%s does not have %q:\n%s", c.path, word, page)
			}
		}
		if strings.Count(page, "<details class=\"card form\" open>") > 1 {
			t.Errorf("%s opens the other form too", c.path)
		}
	}
	if after := s.CheckLog().Size; after != size {
		t.Fatalf("wrong days added %d entries", after-size)
	}

	scope.Set("until", "28-2-2027")
	if resp, page := v.post(person+"/scopes", scope); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("%s\n%s", resp.Status, page)
	}
	position.Set("from", "28022026")
	if resp, page := v.post(person+"/positions", position); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("%s\n%s", resp.Status, page)
	}
	if _, page := v.get(person); !strings.Contains(plain(page), "01/09/2026 28/02/2027 44/QĐ-MNHS") || !strings.Contains(plain(page), "28/02/2026 31/05/2027 45/QĐ-MNHS") {
		t.Errorf("recorded otherwise:\n%s", plain(page))
	}
	// Looked over before it is recorded, and gone back from to change it.
	permission.Set("permission_date", "6.10.2026")
	for _, button := range []string{"", "change"} {
		permission.Del("change")
		if button != "" {
			permission.Set(button, "1")
		}
		if resp, page := v.post(seal, permission); resp.StatusCode != http.StatusOK || !strings.Contains(page, `value="06/10/2026"`) {
			t.Errorf("%q: %s\n%s", button, resp.Status, page)
		}
	}
}

func TestTheLogIsFilteredByDays(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	v := s.visitor(t)
	v.signIn(s.admin)
	today := s.Clock.Now().In(custody.SchoolZone)
	number := regexp.MustCompile(`<a href="/log/\d+">`)
	for _, form := range []string{"02/01/2006", "2-1-2006", "2006-01-02"} {
		day := url.QueryEscape(today.Format(form))
		status, page := v.get("/log?type=acceptance&since=" + day + "&until=" + day)
		if status != http.StatusOK || len(number.FindAllString(page, -1)) != 4 || strings.Count(page, `value="`+today.Format("02/01/2006")+`"`) != 2 {
			t.Errorf("%s: %d\n%s", day, status, page)
		}
		after := url.QueryEscape(today.AddDate(0, 0, 1).Format(form))
		if _, page := v.get("/log?since=" + after); number.MatchString(page) {
			t.Errorf("since %s there is:\n%s", after, plain(page))
		}
	}
	for lang, says := range map[string]string{"vi": "Ngày chưa đúng: Từ ngày. Hãy ghi ngày/tháng/năm", "en": "Not a date: From. Write day/month/year"} {
		v.post("/language", url.Values{"language": {lang}, "next": {"/"}})
		status, page := v.get("/log?type=signature&since=31/02/2026&until=5/9/2026")
		if status != http.StatusUnprocessableEntity || !strings.Contains(page, says) || !strings.Contains(page, `value="31/02/2026"`) || !strings.Contains(page, `value="05/09/2026"`) ||
			!strings.Contains(page, `value="signature" selected`) || strings.Contains(page, "<tbody>") || strings.Contains(page, `class="empty"`) {
			t.Errorf("%d\n%s", status, page)
		}
	}
	// The links to further pages ask for the same days.
	for range 60 {
		if _, err := s.OfferHandOver(ctx, s.officeHead.actor, store.NewHandOver{Token: s.officeHead.token.ID}); err != nil {
			t.Fatal(err)
		}
		open, err := s.HandOvers(ctx, s.officeHead.actor)
		if err != nil || len(open) != 1 {
			t.Fatal(open, err)
		}
		if _, err := s.WithdrawHandOver(ctx, s.officeHead.actor, open[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	_, page := v.get("/log?type=offer&since=" + url.QueryEscape(today.Format("2/1/2006")))
	older := regexp.MustCompile(`href="(/log\?[^"]*)" rel="next"`).FindStringSubmatch(page)
	if older == nil || !strings.Contains(older[1], "since="+today.Format(time.DateOnly)) || !strings.Contains(older[1], "type=offer") {
		t.Fatalf("no link to older entries: %v\n%s", older, page)
	}
	status, page := v.get(strings.ReplaceAll(older[1], "&amp;", "&"))
	if rows := len(number.FindAllString(page, -1)); status != http.StatusOK || rows != 14 {
		t.Errorf("%s: %d, %d rows, want 14", older[1], status, rows)
	}
}

// What comes back to the safe reads as a return, with the right way of the arrow.
func TestReturnsReadAsReturns(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	v := s.visitor(t)
	v.signIn(s.principal)
	const safe = "Nhà trường (tủ bảo quản)"
	// check looks at the newest entry, in the list and by itself.
	check := func(badge, badgeEnglish, way string) {
		t.Helper()
		index := s.CheckLog().Size - 1
		for lang, want := range map[string]string{"vi": badge, "en": badgeEnglish} {
			v.post("/language", url.Values{"language": {lang}, "next": {"/"}})
			way := way
			if lang == "en" {
				way = strings.NewReplacer(safe, "The school (safe)", "do Phạm Thu Hằng ghi", "recorded by Phạm Thu Hằng").Replace(way)
			}
			_, list := v.get("/log")
			row := regexp.MustCompile(fmt.Sprintf(`(?s)<a href="/log/%d">.*?</tr>`, index)).FindString(list)
			_, entry := v.get(fmt.Sprintf("/log/%d", index))
			for name, page := range map[string]string{"list": row, "entry": entry} {
				if !regexp.MustCompile(`<span class="badge type-[a-z]+">`+regexp.QuoteMeta(want)+`</span>`).MatchString(page) || !strings.Contains(plain(page), way+" ") {
					t.Errorf("%s in %s does not say %q and %q:\n%s", name, lang, want, way, plain(page))
				}
			}
		}
	}
	offer := func(from custody.Actor, n store.NewHandOver) custody.HandOverID {
		t.Helper()
		row, err := s.OfferHandOver(ctx, from, n)
		if err != nil {
			t.Fatal(err)
		}
		return row.ID
	}
	must := func(_ store.HandOverRow, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, page := v.get("/log"); !strings.Contains(page, ">Bàn giao / Nộp trả</option>") || !strings.Contains(page, ">Chữ ký</option>") {
		t.Errorf("the filter does not say where returns are:\n%s", page)
	}
	back := s.deputy.name + " → " + safe
	id := offer(s.deputy.actor, store.NewHandOver{Token: s.deputy.token.ID})
	check("Nộp trả", "Return", back)
	must(s.DeclineHandOver(ctx, s.admin.actor, id))
	check("Chưa nhận lại", "Return declined", back+" do "+s.admin.name+" ghi")
	id = offer(s.deputy.actor, store.NewHandOver{Token: s.deputy.token.ID})
	must(s.WithdrawHandOver(ctx, s.deputy.actor, id))
	check("Rút nộp trả", "Return withdrawn", back)
	id = offer(s.deputy.actor, store.NewHandOver{Token: s.deputy.token.ID})
	must(s.AcceptHandOver(ctx, s.admin.actor, id))
	check("Đã nhận lại", "Taken back", back+" do "+s.admin.name+" ghi")

	out := safe + " → " + s.deputy.name
	id = offer(s.admin.actor, store.NewHandOver{Token: s.deputy.token.ID, To: s.deputy.actor.Person})
	check("Bàn giao", "Offer", out+" do "+s.admin.name+" ghi")
	must(s.AcceptHandOver(ctx, s.deputy.actor, id))
	check("Tiếp nhận", "Acceptance", out)
	id = offer(s.officeHead.actor, store.NewHandOver{Token: s.officeHead.token.ID, To: s.principal.actor.Person, PermissionNumber: "9/QĐ-MNHS", PermissionDate: "2026-10-01", PermissionSigner: "Hiệu trưởng"})
	check("Bàn giao", "Offer", s.officeHead.name+" → "+s.principal.name)
	must(s.DeclineHandOver(ctx, s.principal.actor, id))
	check("Không nhận", "Decline", s.officeHead.name+" → "+s.principal.name)
}

// The time of a loss is written as people write it, filled in with now, kept when the
// form comes back, and understood as older pages sent it.
func TestTheTimeOfALossIsWrittenAsPeopleWriteIt(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	v := s.visitor(t)
	v.signIn(s.deputy)
	now := s.Clock.Now().In(custody.SchoolZone)
	if _, page := v.get("/loss"); !strings.Contains(page, `value="`+now.Format("15:04")+`"`) || !strings.Contains(page, `value="`+now.Format("02/01/2006")+`"`) ||
		!strings.Contains(page, "Đã điền sẵn lúc này") || strings.Contains(page, "datetime-local") {
		t.Errorf("now is not filled in:\n%s", page)
	}
	form := url.Values{"kind": {"lost"}, "discovered_at": {"7h05"}, "discovered_on": {"06102026"}, "pin": {"no"}}
	if _, page := v.post("/loss", form); !strings.Contains(page, `value="7h05"`) || !strings.Contains(page, `value="06/10/2026"`) || strings.Contains(page, "Đã điền sẵn") {
		t.Errorf("what was typed is not there:\n%s", page)
	}
	form.Set("description", "rơi mất")
	form.Set("last_use", "at")
	form.Set("last_used_on", "6.10.2026")
	form.Set("last_used_at", "6 giờ 30")
	if resp, page := v.post("/loss", form); resp.StatusCode != http.StatusOK || !strings.Contains(page, "06/10/2026 07:05") || !strings.Contains(page, "06/10/2026 06:30") {
		t.Errorf("%s\n%s", resp.Status, page)
	}
	form.Set("last_used_at", "8:00")
	if resp, page := v.post("/loss", form); resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "trước lúc phát hiện") {
		t.Errorf("used after the loss: %s\n%s", resp.Status, page)
	}
	form.Set("last_use", "unknown")
	for wrong, says := range map[string]string{"sáng nay": "Giờ chưa đúng", "25:00": "Giờ chưa đúng"} {
		form.Set("discovered_at", wrong)
		if resp, page := v.post("/loss", form); resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, says) || !strings.Contains(page, `aria-invalid="true"`) || !strings.Contains(page, wrong) {
			t.Errorf("%s: %s\n%s", wrong, resp.Status, page)
		}
	}
	form.Del("discovered_on")
	form.Set("discovered_at", "2026-10-06T07:05")
	if _, page := v.post("/loss", form); !strings.Contains(page, "06/10/2026 07:05") {
		t.Errorf("as a picker sends it:\n%s", page)
	}
}
