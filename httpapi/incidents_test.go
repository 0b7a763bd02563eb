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
	"sokyso/custody/store/storetest"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// alarm is what somebody writes who is not signed in.
func alarm(description string) url.Values {
	return url.Values{"kind": {"lost"}, "name": {"Trần Thị Hòa"}, "contact": {"0900 000 002"}, "description": {description}}
}

// variable is what differs between two answers to the same.
var variable = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f-]{27}`)

// Whatever is written without a sign-in, the answer is the same: whether it names a
// person, a token or nothing of the school, nobody can tell.
func TestAnAlarmTellsNothing(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	var answers []string
	for _, words := range []string{"USB của " + s.deputy.name + " bị mất", "A1002", "không có gì ở đây", strings.Repeat("x", 900)} {
		v := s.visitor(t)
		resp, page := v.post("/report-loss", alarm(words))
		status, sent := v.get(resp.Header.Get("Location"))
		answers = append(answers, variable.ReplaceAllString(fmt.Sprintf("%s %s %s %v %d %s", resp.Status, resp.Header.Get("Location"), page, resp.Cookies(), status, sent), "ID"))
	}
	for i, answer := range answers {
		if answer != answers[0] {
			t.Errorf("answer %d differs:\n%s\n%s", i, answer, answers[0])
		}
	}
	if !strings.Contains(answers[0], "303 See Other /report-loss/sent") || !strings.Contains(answers[0], "Báo động tự nó chưa khóa USB nào") {
		t.Errorf("the answer is %s", answers[0])
	}
	for _, secret := range []string{s.deputy.name, "A1002", "Phó Hiệu trưởng", "0900 000 002"} {
		if strings.Contains(answers[0], secret) {
			t.Errorf("the answer tells %q", secret)
		}
	}
	status, form := s.visitor(t).get("/report-loss")
	if status != http.StatusOK || strings.Contains(form, s.deputy.name) || strings.Contains(form, "A1002") || strings.Contains(form, `type="hidden" name="website"`) {
		t.Errorf("%d\n%s", status, form)
	}
	for _, m := range []*member{s.principal, s.deputy, s.officeHead} {
		tokens, err := m.agent.MyTokens(ctx)
		if err != nil || tokens[0].State != "held" {
			t.Errorf("%s: %v, %v", m.name, tokens, err)
		}
	}
	if n := s.CheckLog().ByType["alarm"]; n != 4 {
		t.Errorf("%d alarms in the log", n)
	}
	// Only who manages the register reads them, and everybody of them sees the banner on each page.
	for m, sees := range map[*member]bool{s.principal: true, s.admin: true, s.deputy: false, s.officeHead: false} {
		v := s.visitor(t)
		v.signIn(m)
		if _, page := v.get("/password"); strings.Contains(page, "Có 4 báo động") != sees {
			t.Errorf("%s: banner %v", m.name, !sees)
		}
		if status, page := v.get("/alarms"); (status == http.StatusOK) != sees || strings.Contains(page, "0900 000 002") != sees {
			t.Errorf("%s reads alarms: %d", m.name, status)
		}
	}
}

func TestAnAlarmIsBounded(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	v := s.visitor(t)
	for name, c := range map[string]struct {
		form   url.Values
		status int
		says   string
	}{
		"nothing":       {url.Values{}, 422, "Tên"},
		"no contact":    {url.Values{"kind": {"lost"}, "name": {"a"}, "description": {"b"}}, 422, "Cách liên hệ"},
		"a long name":   {url.Values{"kind": {"lost"}, "name": {strings.Repeat("ả", 121)}, "contact": {"1"}, "description": {"b"}}, 422, "Tên"},
		"a long text":   {url.Values{"kind": {"lost"}, "name": {"a"}, "contact": {"1"}, "description": {strings.Repeat("ả", 1001)}}, 422, "Diễn biến"},
		"another kind":  {url.Values{"kind": {"eaten"}, "name": {"a"}, "contact": {"1"}, "description": {"b"}}, 422, "Loại"},
		"a large form":  {alarm(strings.Repeat("x", 17<<10)), 413, "quá lớn"},
		"control bytes": {alarm("a\x00\x1b[31m\nb"), 303, ""},
	} {
		// Each from its own address would be as good; a fresh service is simpler.
		s := sqlite(t, httpapi.Config{})
		resp, page := s.visitor(t).post("/report-loss", c.form)
		if resp.StatusCode != c.status || !strings.Contains(strings.ToLower(page), strings.ToLower(c.says)) {
			t.Errorf("%s: %s\n%.2000s", name, resp.Status, page)
		}
		s.CheckLog()
	}
	// Five from one address in ten minutes, by page and program together.
	limited := 0
	for i := range 8 {
		if i%2 == 0 {
			resp, page := v.post("/report-loss", alarm(fmt.Sprint(i)))
			if resp.StatusCode == http.StatusTooManyRequests {
				limited++
				if resp.Header.Get("Retry-After") == "" || !strings.Contains(page, "</html>") {
					t.Errorf("limited without a word: %v\n%s", resp.Header, page)
				}
			}
		} else if err := s.client(wire.ClientConfig{Attempts: 1}).RaiseAlarm(ctx, wire.NewAlarm{Kind: "lost", Name: "a", Contact: "b", Description: "c"}); err != nil {
			mustRefuse(t, err, http.StatusTooManyRequests, wire.CodeRateLimited)
			limited++
		}
	}
	if limited != 3 {
		t.Errorf("%d of eight were not taken", limited)
	}
}

// More alarms than an hour takes: whoever writes is told to call.
func TestAFloodOfAlarms(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	for range custody.AlarmsPerHour {
		if err := s.RaiseAlarm(ctx, s.School.ID, store.NewAlarm{Kind: custody.Lost, Name: "a", Contact: "b", Description: "c"}); err != nil {
			t.Fatal(err)
		}
	}
	resp, page := s.visitor(t).post("/report-loss", alarm("thật"))
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Location") != "" || !strings.Contains(page, "gọi thẳng cho hiệu trưởng") || !strings.Contains(page, "thật") {
		t.Errorf("%s\n%s", resp.Status, page)
	}
	s.Clock.Advance(time.Hour)
	if resp, _ := s.visitor(t).post("/report-loss", alarm("thật")); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("an hour later: %s", resp.Status)
	}
}

// The whole of it over the API: report, steps, the authority asked, deadlines, review.
func TestIncidentsOverTheAPI(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(t, r, httpapi.Config{PrivateAuthority: true})
		s.give()
		s.deputy.sign(t, s, newDocument("TB"), wire.ActApprove, "KT")
		used := s.Clock.Now().Add(-time.Hour)
		incident, err := s.deputy.agent.ReportIncident(ctx, wire.NewIncident{TokenID: string(s.deputy.token.ID), Kind: "lost", DiscoveredAt: s.Clock.Now(), LastUsedAt: &used, Description: "rơi mất", PIN: "no"})
		if err != nil || incident.PIN != "no" || incident.LastUsedAt == nil {
			t.Fatalf("%+v, %v", incident, err)
		}
		own, admin, principal := s.signIn(s.deputy), s.signIn(s.admin), s.signIn(s.principal)
		_, err = s.deputy.agent.RecordStep(ctx, incident.ID, wire.NewIncidentStep{Step: "principal_informed"})
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden) // a copied key tells nothing in a person's name
		track, err := own.RecordStep(ctx, incident.ID, wire.NewIncidentStep{Step: "principal_informed"})
		if err != nil || track.Next != "revocation_asked" || len(track.Deadlines) != 1 || track.Deadlines[0].Late {
			t.Fatalf("%+v, %v", track, err)
		}
		_, err = admin.RecordStep(ctx, incident.ID, wire.NewIncidentStep{Step: "device_lost", PaperNumber: "1", PaperDate: "2026-10-07", Addressee: "Cục"})
		if p := mustRefuse(t, err, http.StatusConflict, wire.CodeConflict); !strings.Contains(p.Detail, "Đề nghị thu hồi chứng thư") {
			t.Errorf("says %q", p.Detail)
		}
		_, err = admin.RecordStep(ctx, incident.ID, wire.NewIncidentStep{Step: "revocation_asked", PaperNumber: "21/CV-MNHS", PaperDate: "2026-10-07", Addressee: "Cục"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = own.AskAuthority(ctx, incident.ID)
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		answer, err := admin.AskAuthority(ctx, incident.ID)
		if err != nil || answer.Status != "good" || answer.Track.Next != "certificate_revoked" {
			t.Fatalf("%+v, %v", answer, err)
		}
		_, err = admin.RecordStep(ctx, incident.ID, wire.NewIncidentStep{Step: "certificate_revoked"})
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden) // nobody is believed where the authority can be asked
		if err := authorities().Revoke(s.deputy.cert.SerialNumber, 1, s.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		answer, err = admin.AskAuthority(ctx, incident.ID)
		if err != nil || answer.Status != "revoked" || answer.RevokedAt == nil || answer.Source == "" || answer.Track.Next != "device_lost" {
			t.Fatalf("%+v, %v", answer, err)
		}
		due, err := own.IncidentDeadlines(ctx)
		if err != nil || len(due) != 1 || due[0].Kind != "device" || due[0].IncidentID != incident.ID {
			t.Errorf("%+v, %v", due, err)
		}
		track, err = own.IncidentTrack(ctx, incident.ID)
		if err != nil || len(track.Doubtful) != 1 || track.Doubtful[0].Doubt != "uncertain" || !track.Doubtful[0].MayReview || track.Steps[2].By != "" || track.Steps[2].RevocationEntry == 0 {
			t.Fatalf("%+v, %v", track, err)
		}
		signature := track.Doubtful[0].ID
		err = admin.ReviewSignature(ctx, incident.ID, wire.NewReview{SignatureID: signature, Verdict: "genuine"})
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		if err := own.ReviewSignature(ctx, incident.ID, wire.NewReview{SignatureID: signature, Verdict: "genuine", Note: "tôi ký"}); err != nil {
			t.Error(err)
		}
		_, err = s.signIn(s.officeHead).IncidentTrack(ctx, incident.ID)
		mustRefuse(t, err, http.StatusNotFound, wire.CodeNotFound)
		for _, step := range []wire.NewIncidentStep{{Step: "device_lost", PaperNumber: "22/BB-MNHS", PaperDate: "2026-10-07", Addressee: "Cục"}, {Step: "lessons", Note: "cất vào tủ"}, {Step: "closed"}} {
			if track, err = principal.RecordStep(ctx, incident.ID, step); err != nil {
				t.Fatalf("%s: %v", step.Step, err)
			}
		}
		if track.State != "closed" || track.Next != "" {
			t.Errorf("%+v", track)
		}
		// An alarm, answered.
		if err := s.client(wire.ClientConfig{}).RaiseAlarm(ctx, wire.NewAlarm{Kind: "misplaced", Name: "Phụ huynh", Contact: "0900", Description: "nhặt được USB"}); err != nil {
			t.Fatal(err)
		}
		_, err = own.Alarms(ctx)
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		alarms, err := admin.Alarms(ctx)
		if err != nil || len(alarms) != 1 || alarms[0].State != "open" {
			t.Fatalf("%+v, %v", alarms, err)
		}
		blocked, err := admin.BlockByAlarm(ctx, alarms[0].ID, string(s.officeHead.token.ID))
		if err != nil || blocked.Kind != "misplaced" {
			t.Errorf("%+v, %v", blocked, err)
		}
		_, err = s.officeHead.agent.Grant(ctx, s.officeHead.request(newDocument("KH"), wire.ActIssue, ""))
		mustRefuse(t, err, http.StatusForbidden, wire.RefusedTokenReported)
		mustRefuse(t, admin.DismissAlarm(ctx, alarms[0].ID, "nhầm"), http.StatusConflict, wire.CodeConflict)
		s.CheckLog()
	})
}

// An authority that does not answer leaves the token blocked and says what to do.
func TestAnAuthorityThatIsSilent(t *testing.T) {
	s := sqlite(t, httpapi.Config{}) // addresses of this machine are not contacted
	s.give()
	incident, err := s.deputy.agent.ReportIncident(ctx, wire.NewIncident{TokenID: string(s.deputy.token.ID), Kind: "lost", DiscoveredAt: s.Clock.Now(), Description: "rơi mất"})
	if err != nil {
		t.Fatal(err)
	}
	v := s.visitor(t)
	v.signIn(s.admin)
	resp, page := v.post("/incidents/"+incident.ID+"/ask", nil)
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(page, "chưa trả lời") || !strings.Contains(page, "Diễn tiến") {
		t.Errorf("%s\n%s", resp.Status, page)
	}
}

// A step's form comes back with what was typed and with the field that is wrong.
func TestAStepsFormSaysWhatIsMissing(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	incident, err := s.principal.agent.ReportIncident(ctx, wire.NewIncident{TokenID: string(s.principal.token.ID), Kind: "suspected", DiscoveredAt: s.Clock.Now(), Description: "máy lạ"})
	if err != nil {
		t.Fatal(err)
	}
	steps := "/incidents/" + incident.ID + "/steps"
	admin, principal := s.visitor(t), s.visitor(t)
	admin.signIn(s.admin)
	principal.signIn(s.principal)
	full := func(change ...string) url.Values {
		form := url.Values{"step": {"revocation_asked"}, "done_on": {"07/10/2026"}, "done_at": {""}, "paper_number": {"21/CV-MNHS"}, "paper_date": {"07/10/2026"}, "addressee": {"Cục Chứng thực số"}, "note": {"gửi qua cổng"}}
		for i := 0; i+1 < len(change); i += 2 {
			form.Set(change[i], change[i+1])
		}
		return form
	}
	for name, c := range map[string]struct {
		form url.Values
		says []string
	}{
		"no number":   {full("paper_number", ""), []string{"cần số và ngày của văn bản", "gửi qua cổng", `aria-invalid="true"`}},
		"a bad day":   {full("paper_date", "31/02/2026"), []string{"Ngày chưa đúng", "31/02/2026"}},
		"a bad time":  {full("done_at", "chiều"), []string{"Giờ chưa đúng", "chiều"}},
		"in future":   {full("done_on", "08/10/2026"), []string{"tương lai"}},
		"out of turn": {full("step", "lessons"), []string{"Chưa làm được việc", "Nộp trả thiết bị"}},
		"no step":     {full("step", "dance"), []string{"Việc đã làm"}},
	} {
		resp, page := admin.post(steps, c.form)
		if resp.StatusCode < 400 || resp.StatusCode > 499 {
			t.Errorf("%s: %s", name, resp.Status)
		}
		for _, word := range c.says {
			if !strings.Contains(page, word) {
				t.Errorf("%s: does not say %q\n%s", name, word, page)
			}
		}
	}
	// What can't be taken back is confirmed; and only the principal is offered it.
	cleared := full("step", "cleared")
	if _, page := admin.get("/incidents/" + incident.ID); strings.Contains(page, `value="cleared"`) {
		t.Error("an admin is offered to clear")
	}
	if resp, page := admin.post(steps, full("step", "cleared", "confirmed", "1")); resp.StatusCode != http.StatusForbidden || !strings.Contains(page, "Chỉ hiệu trưởng") {
		t.Errorf("%s\n%s", resp.Status, page)
	}
	if resp, page := principal.post(steps, cleared); resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "đánh dấu ô xác nhận") {
		t.Errorf("%s\n%s", resp.Status, page)
	}
	cleared.Set("confirmed", "1")
	if resp, page := principal.post(steps, cleared); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("%s\n%s", resp.Status, page)
	}
	if _, page := principal.get("/incidents/" + incident.ID); !strings.Contains(page, "Đã cho dùng lại USB ký số A1001") {
		t.Errorf("not told:\n%s", page)
	}
	s.CheckLog()
}

// The words of a deadline, at each distance.
func TestDeadlinesInWords(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	incident, err := s.deputy.agent.ReportIncident(ctx, wire.NewIncident{TokenID: string(s.deputy.token.ID), Kind: "lost", DiscoveredAt: s.Clock.Now(), Description: "rơi mất"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangeSettings(ctx, s.admin.actor, map[custody.SettingName]string{custody.SettingReportHours: "72"}); err != nil {
		t.Fatal(err)
	}
	v := s.visitor(t)
	passed := time.Duration(0)
	for _, c := range []struct {
		after time.Duration
		says  string
	}{{time.Minute, "còn 2 ngày"}, {30 * time.Hour, "còn 41 giờ"}, {71*time.Hour + 30*time.Minute, "còn 29 phút"}, {72*time.Hour + 5*time.Minute, "quá hạn 5 phút"}, {75*time.Hour + 10*time.Minute, "quá hạn 3 giờ"}, {200 * time.Hour, "quá hạn 5 ngày"}} {
		s.Clock.Advance(c.after - passed)
		passed = c.after
		v.signIn(s.deputy)
		for _, path := range []string{"/incidents", "/incidents/" + incident.ID} {
			if _, page := v.get(path); !strings.Contains(page, c.says) {
				t.Errorf("%s after %v does not say %q\n%s", path, c.after, c.says, page)
			}
		}
	}
	v.post("/language", url.Values{"language": {"en"}, "next": {"/"}})
	if _, page := v.get("/incidents"); !strings.Contains(page, "5 days late") {
		t.Errorf("in English:\n%s", page)
	}
}
