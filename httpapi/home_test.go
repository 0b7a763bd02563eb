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
