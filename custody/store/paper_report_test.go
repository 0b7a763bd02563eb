package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/forms"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// TestReportOfAYear: what a report counts is what the register has, told apart by month, act
// and kind; cases have their times, and are late where the school's hours were over.
func TestReportOfAYear(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		for range 3 {
			s.sign(s.principal, s.approval())
		}
		_, rec, _ := s.sign(s.principal, s.approval())
		s.sign(s.officeHead, custody.GrantRequest{Request: "issue", TokenSerial: "B2001", Certificate: s.sealCert, SHA256In: rec.SHA256Out, Document: document, Act: custody.Issue})
		discovered := s.Clock.Now()
		s.Clock.Advance(time.Minute)
		incident, err := s.ReportIncident(ctx, s.deputy, store.NewIncident{Token: s.deputyToken.ID, Kind: custody.Lost, DiscoveredAt: discovered, Place: "nhà", Description: "không thấy", PIN: custody.PINSafe})
		s.must(err)
		check, err := s.OpenCheck(ctx, s.admin, store.NewCheck{Kind: custody.SpecialCheck, Due: s.day(3)})
		s.must(err)
		s.Clock.Advance(26 * time.Hour)
		step := func(kind custody.StepKind) {
			t.Helper()
			_, err := s.RecordStep(ctx, s.admin, incident.ID, store.NewStep{Step: custody.Step{Kind: kind, DoneAt: s.Clock.Now(), PaperNumber: "05/MNHS", PaperDate: s.day(0), Addressee: "Cục Chứng thực số"}})
			s.must(err)
		}
		step(custody.StepPrincipalInformed)
		step(custody.StepRevocationAsked)
		// Before this year, and after it, nothing is counted.
		for year, signed := range map[string]int{"2025": 0, "2026": 5} {
			report, err := s.PeriodReport(ctx, s.admin, custody.Date(year+"-01-01"), custody.Date(year+"-12-31"))
			s.must(err)
			sums := map[string]int{}
			for _, m := range report.Months {
				sums["months"] += m.Count
			}
			for _, m := range report.More.ByMonth {
				for _, n := range m.Acts {
					sums["by month"] += n
				}
			}
			for _, c := range report.Acts {
				sums["acts"] += c.Total()
			}
			for _, c := range report.More.Kinds {
				sums["kinds"] += c.Total()
			}
			for what, sum := range sums {
				if sum != signed {
					t.Errorf("%s: %d signatures by %s, want %d", year, sum, what, signed)
				}
			}
			if (len(report.More.Cases) == 1) != (signed > 0) || (len(report.More.Checks) == 1) != (signed > 0) {
				t.Errorf("%s: %d cases, %d checks", year, len(report.More.Cases), len(report.More.Checks))
			}
		}
		report, err := s.PeriodReport(ctx, s.admin, "2026-01-01", "2026-12-31")
		s.must(err)
		october := report.More.ByMonth[9]
		if want := []int{4, 0, 1, 0, 0}; october.Month != "2026-10" || !slices.Equal(october.Acts, want) {
			t.Errorf("%+v, want %v in October", october, want)
		}
		if c := report.More.Cases[0]; !c.Authority.Late || c.Authority.At.IsZero() || c.Serial != s.deputyToken.Serial || !c.DiscoveredAt.Equal(discovered) {
			t.Errorf("the case: %+v", c)
		}
		if c := report.More.Checks[0]; c.Tokens != 3 || c.Missing != 3 || !c.ClosedAt.IsZero() || !c.OpenedAt.Equal(check.OpenedAt) {
			t.Errorf("the check: %+v", c)
		}
		posts := map[custody.PositionKind]forms.Post{}
		for _, p := range report.More.Posts {
			posts[p.Kind] = p
		}
		if p := posts[custody.Principal]; p.People != 1 || p.Holders != 1 {
			t.Errorf("posts: %+v", report.More.Posts)
		}
		if report.More.Horizon != "2027-12-31" || !strings.Contains(report.Needs, "01 thiết bị bị khóa") {
			t.Errorf("until %s it needs %q", report.More.Horizon, report.Needs)
		}
		var table []string
		for _, row := range report.Rows() {
			table = append(table, strings.Join(row, "|"))
		}
		text := strings.Join(table, "\n")
		s.wants(text, "năm 2026", "10/2026|4|0|1|0|0|5", "Tổng cộng|4|0|1|0|0|5", "quá hạn", "Đột xuất", "Hiệu trưởng|1|1")
		if _, err := s.PeriodReport(ctx, s.deputy, "2026-01-01", "2026-12-31"); err == nil {
			t.Error("a custodian gets the school's report")
		}
	})
}
