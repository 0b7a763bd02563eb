package httpapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
)

// The home page shows the open check to who is to prove, until they have; and the
// work in the background that nobody does is named, for who watches the service.
func TestHomeTellsOfTheCheckAndHealthOfLateJobs(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	if _, err := s.OpenCheck(ctx, s.admin.actor, store.NewCheck{Kind: custody.MonthlyCheck, Due: "2026-10-14"}); err != nil {
		t.Fatal(err)
	}
	v := s.visitor(t)
	v.signIn(s.deputy)
	if _, page := v.get("/"); !strings.Contains(page, "chứng minh đang giữ") || !strings.Contains(page, "14/10/2026") {
		t.Errorf("the home page does not tell of the check:\n%s", page)
	}
	c := s.deputy.challenge(t)
	if _, err := s.deputy.agent.Prove(ctx, c.ID, s.deputy.prove(t, c)); err != nil {
		t.Fatal(err)
	}
	if _, page := v.get("/"); strings.Contains(page, "chứng minh đang giữ") {
		t.Errorf("the home page asks again after the proof")
	}
	if ok, err := s.ClaimJob(ctx, s.deputy.actor.School, "monitor", "one", time.Minute); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if late, err := s.LateJobs(ctx); err != nil || len(late) != 0 {
		t.Errorf("late while it runs: %v, %v", late, err)
	}
	s.Clock.Advance(20 * time.Minute)
	if late, err := s.LateJobs(ctx); err != nil || !slices.Equal(late, []string{"monitor"}) {
		t.Errorf("late jobs: %v, %v", late, err)
	}
	if _, body := v.get("/healthz"); !strings.Contains(body, `"late_jobs":["monitor"]`) {
		t.Errorf("healthz: %s", body)
	}
}

// A forgotten password that waits stands on the home page of those who may confirm it, and
// of nobody else; it is told to them as a notice too.
func TestHomeTellsWhoMayConfirmAReset(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		link, err := s.AskReset(ctx, s.admin.actor, s.officeHead.actor.Person)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.DeriveNotices(ctx, s.School.ID, nil); err != nil {
			t.Fatal(err)
		}
		says := func(m *member) (bool, bool) {
			t.Helper()
			v := s.visitor(t)
			v.signIn(m)
			_, page := v.get("/")
			_, notices := v.get("/notices")
			return strings.Contains(page, s.officeHead.name+" quên mật khẩu"), strings.Contains(notices, "Có đề nghị đặt lại mật khẩu")
		}
		for _, c := range []struct {
			who         *member
			home, heard bool
		}{{s.principal, true, true}, {s.deputy, true, true}, {s.deputyTwo, true, true}, {s.admin, false, false}, {s.officeHead, false, false}} {
			if home, heard := says(c.who); home != c.home || heard != c.heard {
				t.Errorf("%s: on the home page %v, heard %v", c.who.name, home, heard)
			}
		}
		// Whose account it is hears that a link was made, without the page that is not theirs.
		v := s.visitor(t)
		v.signIn(s.officeHead)
		if _, page := v.get("/notices"); !strings.Contains(page, "đang chờ người thứ hai xác nhận") || strings.Contains(page, `"/account-links"`) {
			t.Errorf("the owner's notices:\n%s", page)
		}
		if err := s.ConfirmReset(ctx, s.deputy.actor, link.ID); err != nil {
			t.Fatal(err)
		}
		if home, _ := says(s.principal); home {
			t.Error("it still stands there when it was confirmed")
		}
	})
}
