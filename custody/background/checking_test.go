package background_test

import (
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/background"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

func (s *school) reminded(who custody.Actor, kind custody.NoticeKind) (n int) {
	s.TB.Helper()
	rows, err := s.Notices(ctx, who, "")
	if err != nil {
		s.TB.Fatal(err)
	}
	for _, row := range rows {
		if row.Kind == kind {
			n++
		}
	}
	return n
}

// The monthly check opens on its day, its custodians hear of it, and who is left is
// reminded the day before it is due, on the day, and every other day after.
func TestTheMonthlyCheckOpensAndReminds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		token, _ := s.AddToken("A1002", s.deputy.Person)
		s.Give(token.ID, s.deputy)
		s.AddToken("B2001", "") // lies in the safe
		jobs := func(r *background.Runner) []background.Job {
			return []background.Job{r.Checking(), r.Deriving(nil), r.Reminding(nil)}
		}
		s.work(jobs)
		if checks, err := s.Checks(ctx, s.System); err != nil || len(checks) != 0 {
			t.Fatalf("without a setting: %+v, %v", checks, err)
		}
		if _, err := s.ChangeSettings(ctx, s.admin, map[custody.SettingName]string{custody.SettingCheckDay: "8"}); err != nil {
			t.Fatal(err)
		}
		var got []int
		for range 12 { // from Wednesday, 7 October; opened on the 8th, due on Thursday the 15th
			s.Clock.Advance(24 * time.Hour)
			for range 2 {
				s.work(jobs)
				s.Clock.Advance(10 * time.Second)
			}
			got = append(got, s.reminded(s.deputy, custody.NoticeCheckWaits))
		}
		checks, err := s.Checks(ctx, s.System)
		if err != nil || len(checks) != 1 || checks[0].Due != "2026-10-15" || checks[0].Kind != custody.MonthlyCheck {
			t.Fatalf("%+v, %v", checks, err)
		}
		if s.reminded(s.deputy, custody.NoticeCheckOpened) != 1 {
			t.Error("the custodian was not told of the check, or twice")
		}
		want := []int{0, 0, 0, 0, 0, 0, 1, 2, 2, 3, 3, 4}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("reminders by day %v, want %v", got, want)
			}
		}
		if n := s.reminded(s.admin, custody.NoticeCheckWaits); n < 4 { // of the safe
			t.Errorf("the admin was reminded %d times", n)
		}
		if _, err := s.CloseCheck(ctx, s.admin, checks[0].ID, ""); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(5 * 24 * time.Hour)
		s.work(jobs)
		if n := s.reminded(s.deputy, custody.NoticeCheckWaits); n != 4 {
			t.Errorf("%d reminders of a closed check", n)
		}
	})
}

// A request that nobody sends is told to who runs the register, and again.
func TestRemindersOfSupport(t *testing.T) {
	s := newSchool(storetest.Open(t, "sqlite"))
	token, _ := s.AddToken("A1002", s.deputy.Person)
	s.Give(token.ID, s.deputy)
	asked, err := s.AskSupport(ctx, s.deputy, store.NewSupport{Token: token.ID, Kind: custody.SupportTechnical, Description: "máy không nhận USB"})
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range []int{0, 0, 1, 1, 1, 2} { // due on the 8th
		if _, err := s.Remind(ctx, s.School.ID, nil); err != nil {
			t.Fatal(err)
		}
		if n := s.reminded(s.admin, custody.NoticeSupportLate); n != want {
			t.Errorf("day %d: %d reminders, want %d", day, n, want)
		}
		s.Clock.Advance(24 * time.Hour)
	}
	if _, err := s.StepSupport(ctx, s.admin, asked.ID, custody.SupportStep{To: custody.SupportSolved, Note: "đã cài trình điều khiển"}); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(30 * 24 * time.Hour)
	if _, err := s.Remind(ctx, s.School.ID, nil); err != nil {
		t.Fatal(err)
	}
	if n := s.reminded(s.admin, custody.NoticeSupportLate); n != 2 {
		t.Errorf("%d reminders of a request that is done", n)
	}
}
