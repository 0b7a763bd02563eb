package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// provePossession makes a proof; CMS and text are verified above the store.
func (s *school) provePossession(actor custody.Actor, serial string, cert []byte) int64 {
	s.TB.Helper()
	c, err := s.CreateChallenge(ctx, actor, serial, certificateHash(cert), custody.CustodyCheck)
	if err != nil {
		s.TB.Fatal(err)
	}
	receipt, err := s.RecordPossession(ctx, actor, c, []byte("challenge "+string(c.ID)), []byte("cms "+string(c.ID)))
	if err != nil {
		s.TB.Fatal(err)
	}
	return receipt.Index
}

// outcomes maps serials to outcomes.
func outcomes(c store.CheckRow) map[string]custody.CheckOutcome {
	found := map[string]custody.CheckOutcome{}
	for _, item := range c.Items {
		found[item.Serial] = item.Outcome
	}
	return found
}

// TestCustodyCheck: a proof counts by itself, the safe is seen by two, a reason is
// taken by somebody else, and the closing fixes it all.
func TestCustodyCheck(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		spare, spareCert := s.AddToken("B2002", "") // stays in the safe
		before := s.provePossession(s.principal, "A1001", s.principalCert)
		if _, err := s.OpenCheck(ctx, s.deputy, store.NewCheck{Kind: custody.MonthlyCheck, Due: "2026-10-14"}); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("opened by a deputy: %v", err)
		}
		if _, err := s.OpenCheck(ctx, s.admin, store.NewCheck{Kind: custody.MonthlyCheck, Due: "2026-10-06"}); reason(err) != custody.ReasonPastDay {
			t.Errorf("due yesterday: %v", err)
		}
		check, err := s.OpenCheck(ctx, s.admin, store.NewCheck{Kind: custody.PlenaryCheck, Due: "2026-10-14", Note: "Trước kỳ sơ kết học kỳ I"})
		if err != nil {
			t.Fatal(err)
		}
		if check.Counts.Open != 4 || check.Counts.Total() != 4 || check.Period != "2026-10-07" || check.Note == "" || check.Late {
			t.Errorf("opened as %+v", check)
		}
		if _, err := s.OpenCheck(ctx, s.principal, store.NewCheck{Kind: custody.SpecialCheck, Due: "2026-10-14"}); reason(err) != custody.ReasonCheckOpen {
			t.Errorf("a second one: %v", err)
		}
		late, _ := s.AddToken("B2003", "") // registered after the opening: not in it

		// Each sees what is theirs.
		own, err := s.Check(ctx, s.deputy, check.ID)
		if err != nil || len(own.Items) != 1 || own.Items[0].Serial != "A1002" || !own.Items[0].MayProve || !own.Items[0].MaySayWhy || own.Items[0].MaySee || own.Items[0].MayExcuse {
			t.Errorf("the deputy's view: %+v, %v", own, err)
		}
		chases, err := s.CheckChases(ctx, s.admin)
		if err != nil || len(chases) != 4 || chases[0].PersonName != "Nguyễn Văn Nghĩa" || chases[3].Person != "" {
			t.Errorf("waited for: %+v, %v", chases, err)
		}

		step := func(actor custody.Actor, n store.NewCheckStep) error {
			_, err := s.StepCheck(ctx, actor, check.ID, n)
			return err
		}
		for name, test := range map[string]struct {
			actor custody.Actor
			step  store.NewCheckStep
			want  string
		}{
			"a held token seen":            {s.admin, store.NewCheckStep{Token: s.deputyToken.ID, Kind: custody.StepSeen, Witness: s.principal.Person}, custody.ReasonCheckProve},
			"seen by one alone":            {s.admin, store.NewCheckStep{Token: spare.ID, Kind: custody.StepSeen, Witness: s.admin.Person}, custody.ReasonCheckWitness},
			"seen with nobody":             {s.admin, store.NewCheckStep{Token: spare.ID, Kind: custody.StepSeen, Witness: "0199bc1e-6f00-7000-8000-000000000001"}, custody.ReasonCheckWitness},
			"one's own reason taken":       {s.principal, store.NewCheckStep{Token: s.principalToken.ID, Kind: custody.StepExcused, Reason: "nghỉ"}, custody.ReasonCheckOwn},
			"somebody not in the school's": {s.admin, store.NewCheckStep{Token: late.ID, Kind: custody.StepExcused, Reason: "x"}, ""},
		} {
			if err := step(test.actor, test.step); err == nil || reason(err) != test.want {
				t.Errorf("%s: %v, want %s", name, err, test.want)
			}
		}
		for name, n := range map[string]store.NewCheckStep{
			"seen by a deputy":              {Token: spare.ID, Kind: custody.StepSeen, Witness: s.admin.Person},
			"excused by a deputy":           {Token: s.principalToken.ID, Kind: custody.StepExcused, Reason: "x"},
			"another's token not at hand":   {Token: s.principalToken.ID, Kind: custody.StepNotAtHand, Reason: "x"},
			"witnessed without being asked": {Token: spare.ID, Kind: custody.StepWitnessed},
		} {
			if err := step(s.deputy, n); !errors.Is(err, custody.ErrForbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}

		// The principal proves; the deputy is away; the safe is seen by two.
		proof := s.provePossession(s.principal, "A1001", s.principalCert)
		if err := step(s.admin, store.NewCheckStep{Token: s.principalToken.ID, Kind: custody.StepExcused, Reason: "x"}); reason(err) != custody.ReasonCheckDone {
			t.Errorf("excused though proven: %v", err)
		}
		if err := step(s.deputy, store.NewCheckStep{Token: s.deputyToken.ID, Kind: custody.StepNotAtHand}); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("no reason: %v", err)
		}
		for _, n := range []struct {
			actor custody.Actor
			step  store.NewCheckStep
		}{
			{s.deputy, store.NewCheckStep{Token: s.deputyToken.ID, Kind: custody.StepNotAtHand, Reason: "Đang đi tập huấn, USB ở nhà"}},
			{s.principal, store.NewCheckStep{Token: s.deputyToken.ID, Kind: custody.StepExcused, Reason: "Tập huấn đến 20/10"}},
			{s.admin, store.NewCheckStep{Token: spare.ID, Kind: custody.StepSeen, Witness: s.officeHead.Person}},
			{s.officeHead, store.NewCheckStep{Token: spare.ID, Kind: custody.StepNotWitnessed, Reason: "Tủ đang khóa"}},
			{s.admin, store.NewCheckStep{Token: spare.ID, Kind: custody.StepSeen, Witness: s.officeHead.Person}},
		} {
			if err := step(n.actor, n.step); err != nil {
				t.Fatalf("%s: %v", n.step.Kind, err)
			}
		}
		witness, err := s.Check(ctx, s.officeHead, check.ID)
		if err != nil || len(witness.Items) != 2 || !witness.Items[1].MayWitness || witness.Items[1].SeenByName != "Phạm Thu Hằng" {
			t.Errorf("for the witness: %+v, %v", witness, err)
		}
		if chases, err := s.CheckChases(ctx, s.admin); err != nil || len(chases) != 2 || !chases[1].Witness || chases[1].Person != s.officeHead.Person {
			t.Errorf("still waited for: %+v, %v", chases, err)
		}
		if err := step(s.officeHead, store.NewCheckStep{Token: spare.ID, Kind: custody.StepWitnessed}); err != nil {
			t.Fatal(err)
		}

		s.Clock.Advance(8 * 24 * time.Hour)
		open, err := s.OpenCheckOf(ctx, s.admin)
		if err != nil || open == nil || !open.Late || open.Counts != (store.CheckCounts{Proved: 1, Seen: 1, Excused: 1, Open: 1}) {
			t.Errorf("before the closing: %+v, %v", open, err)
		}
		if _, err := s.CloseCheck(ctx, s.officeHead, check.ID, ""); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("closed by the office head: %v", err)
		}
		closed, err := s.CloseCheck(ctx, s.principal, check.ID, "Yêu cầu tổ văn phòng kiểm kê bổ sung")
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]custody.CheckOutcome{"A1001": custody.CheckProved, "A1002": custody.CheckExcused, "B2001": custody.CheckMissing, "B2002": custody.CheckSeen}
		for serial, outcome := range outcomes(closed) {
			if want[serial] != outcome {
				t.Errorf("%s is %q, want %q", serial, outcome, want[serial])
			}
		}
		if len(closed.Items) != 4 || closed.Items[0].Entry != proof || proof == before || closed.Conclusion == "" || closed.ClosedByName != "Nguyễn Văn Nghĩa" || closed.Items[1].Excuse != "Tập huấn đến 20/10" {
			t.Errorf("closed as %+v", closed)
		}

		// Nothing changes it afterwards.
		s.provePossession(s.officeHead, "B2001", s.sealCert)
		if err := step(s.admin, store.NewCheckStep{Token: s.sealToken.ID, Kind: custody.StepExcused, Reason: "x"}); reason(err) != custody.ReasonCheckClosed {
			t.Errorf("a step after the closing: %v", err)
		}
		if _, err := s.CloseCheck(ctx, s.admin, check.ID, ""); reason(err) != custody.ReasonCheckClosed {
			t.Errorf("closed twice: %v", err)
		}
		again, err := s.Check(ctx, s.admin, check.ID)
		if err != nil || again.Counts != (store.CheckCounts{Proved: 1, Seen: 1, Excused: 1, Missing: 1}) {
			t.Errorf("after a late proof: %+v, %v", again.Counts, err)
		}
		list, err := s.Checks(ctx, s.admin)
		if err != nil || len(list) != 1 || list[0].Counts != again.Counts || list[0].ClosedAt == nil {
			t.Errorf("listed as %+v, %v", list, err)
		}
		stranger := s.AddPerson("Đỗ Văn Bình", custody.Staff)
		if list, err := s.Checks(ctx, stranger); err != nil || len(list) != 0 {
			t.Errorf("for a stranger: %+v, %v", list, err)
		}
		if _, err := s.Check(ctx, stranger, check.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("for a stranger: %v", err)
		}
		_ = spareCert
		if n := s.CheckLog().ByType; n["check_opening"] != 1 || n["check_closing"] != 1 || n["check_step"] != 6 {
			t.Errorf("the log: %v", n)
		}
	})
}

// TestTheMonthlyCheckOpensOnce: by the settings, on its day, however many services
// look at the same time.
func TestTheMonthlyCheckOpensOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		open := func() int {
			t.Helper()
			var opened sync.Map
			var wait sync.WaitGroup
			for range 8 {
				wait.Go(func() {
					id, did, err := s.OpenDueCheck(ctx, s.System)
					if err != nil {
						t.Error(err)
					}
					if did {
						opened.Store(id, true)
					}
				})
			}
			wait.Wait()
			n := 0
			opened.Range(func(any, any) bool { n++; return true })
			return n
		}
		if n := open(); n != 0 {
			t.Errorf("%d opened without a setting", n)
		}
		if _, err := s.ChangeSettings(ctx, s.admin, map[custody.SettingName]string{custody.SettingCheckDay: "20"}); err != nil {
			t.Fatal(err)
		}
		if n := open(); n != 0 { // 7 October
			t.Errorf("%d opened before the day", n)
		}
		s.Clock.Advance(14 * 24 * time.Hour)
		if n := open(); n != 1 {
			t.Fatalf("%d opened on 21 October", n)
		}
		check, err := s.OpenCheckOf(ctx, s.admin)
		if err != nil || check == nil || check.Kind != custody.MonthlyCheck || check.Period != "2026-10" || check.Due != "2026-10-28" || check.OpenedBy != "" {
			t.Fatalf("%+v, %v", check, err)
		}
		if n := open(); n != 0 {
			t.Errorf("%d more opened in the month", n)
		}
		if _, err := s.CloseCheck(ctx, s.admin, check.ID, ""); err != nil {
			t.Fatal(err)
		}
		if n := open(); n != 0 {
			t.Errorf("%d more opened in the month after the closing", n)
		}
		s.Clock.Advance(30 * 24 * time.Hour)
		if n := open(); n != 1 {
			t.Errorf("%d opened on 20 November", n)
		}
		s.CheckLog()
	})
}
