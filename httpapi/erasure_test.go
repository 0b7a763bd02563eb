package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
)

// An admin erases who has left, after saying why and that they know; the page offers it
// of nobody else.
func TestErasureByThePage(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	leaver, err := s.CreatePerson(ctx, s.admin.actor, store.NewPerson{Name: "Vũ Thị Lan", Email: "lan@example.edu.vn", Username: "lan", PasswordHash: "x"})
	mustDo(t, err)
	path := "/people/" + string(leaver.ID)
	v := s.visitor(t)
	v.signIn(s.admin)
	form := url.Values{"reason": {"đơn 12/2026"}, "confirmed": {"1"}}
	if _, page := v.get(path); strings.Contains(page, `id="erase"`) {
		t.Error("offered of somebody who can sign in")
	}
	if resp, page := v.post(path+"/erase", form); resp.StatusCode != http.StatusConflict || !strings.Contains(page, "hết tài khoản") {
		t.Errorf("somebody who can sign in: %d", resp.StatusCode)
	}
	yesterday := custody.DateOf(s.Clock.Now()).AddDays(-1)
	mustDo(t, s.End(ctx, s.admin.actor, store.NewEnding{Ending: custody.Ending{Kind: custody.EndAccount, Person: leaver.ID, Until: yesterday}, Reason: "nghỉ việc"}))
	if _, page := v.get(path); !strings.Contains(page, `id="erase"`) || !strings.Contains(page, "Không khôi phục lại được") {
		t.Error("not offered of somebody who has left")
	}
	if resp, _ := v.post(path+"/erase", url.Values{"reason": {"đơn 12/2026"}}); resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("without saying that they know: %d", resp.StatusCode)
	}
	if resp, page := v.post(path+"/erase", form); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("erased: %d %s", resp.StatusCode, page)
	}
	if _, page := v.get(path); strings.Contains(page, "Lan") || strings.Contains(page, `id="erase"`) {
		t.Errorf("the page still names them:\n%s", page)
	}
	other := s.visitor(t)
	other.signIn(s.deputy)
	if resp, _ := other.post(path+"/erase", form); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a deputy: %d", resp.StatusCode)
	}
}
