package store_test

import (
	"errors"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// TestSupport: a custodian asks for their own token, the admin sends, notes the
// answer and the result; every step is an entry, and what is not in order is refused.
func TestSupport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		ask := func(actor custody.Actor, token custody.TokenID, kind custody.SupportKind) (store.SupportRow, error) {
			return s.AskSupport(ctx, actor, store.NewSupport{Token: token, Kind: kind, Description: "Nhập sai mã PIN nhiều lần, thiết bị bị khóa"})
		}
		if _, err := ask(s.deputy, s.principalToken.ID, custody.SupportUnlock); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("for somebody else's token: %v", err)
		}
		if _, err := s.AskSupport(ctx, s.deputy, store.NewSupport{Token: s.deputyToken.ID, Kind: custody.SupportChange, Description: "đổi tên", Wanted: "tên mới"}); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("a change of nothing: %v", err)
		}
		if _, err := ask(s.deputy, s.deputyToken.ID, custody.SupportUnlock); reason(err) != custody.ReasonSupportNotLocked {
			t.Errorf("of a PIN that is not reported locked: %v", err)
		}
		if err := s.LockPIN(ctx, s.deputy, s.deputyToken.ID, ""); err != nil {
			t.Fatal(err)
		}
		asked, err := ask(s.deputy, s.deputyToken.ID, custody.SupportUnlock)
		if err != nil {
			t.Fatal(err)
		}
		if asked.State != custody.SupportAsked || asked.PersonName != "Trần Thị Hòa" || asked.Description == "" || asked.Due != "2026-10-08" || asked.Late {
			t.Errorf("%+v", asked)
		}
		if _, err := ask(s.admin, s.deputyToken.ID, custody.SupportUnlock); reason(err) != custody.ReasonSupportOpen {
			t.Errorf("asked for twice: %v", err)
		}
		if _, err := ask(s.admin, s.deputyToken.ID, custody.SupportTechnical); err != nil {
			t.Errorf("another kind: %v", err)
		}
		if _, err := s.Support(ctx, s.officeHead, asked.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("seen by a stranger: %v", err)
		}

		step := func(actor custody.Actor, n custody.SupportStep) error {
			_, err := s.StepSupport(ctx, actor, asked.ID, n)
			return err
		}
		sent := custody.SupportStep{To: custody.SupportSent, Addressee: "Sở Khoa học và Công nghệ", PaperNumber: "21/CV-MNHS", PaperOn: "2026-10-07", Due: "2026-10-08"}
		for name, test := range map[string]struct {
			actor custody.Actor
			step  custody.SupportStep
			want  func(error) bool
		}{
			"sent by who asked":   {s.deputy, sent, func(err error) bool { return errors.Is(err, custody.ErrForbidden) }},
			"sent to nobody":      {s.admin, custody.SupportStep{To: custody.SupportSent, PaperNumber: "1", PaperOn: "2026-10-07"}, func(err error) bool { return errors.Is(err, custody.ErrInvalid) }},
			"sent by no letter":   {s.admin, custody.SupportStep{To: custody.SupportSent, Addressee: "Sở"}, func(err error) bool { return errors.Is(err, custody.ErrInvalid) }},
			"dated tomorrow":      {s.admin, custody.SupportStep{To: custody.SupportSent, Addressee: "Sở", PaperNumber: "1", PaperOn: "2026-10-09"}, func(err error) bool { return reason(err) == custody.ReasonInFuture }},
			"answered, not sent":  {s.admin, custody.SupportStep{To: custody.SupportAnswered, Note: "x"}, func(err error) bool { return reason(err) == custody.ReasonSupportStep }},
			"solved, not by what": {s.admin, custody.SupportStep{To: custody.SupportSolved}, func(err error) bool { return errors.Is(err, custody.ErrInvalid) }},
			"by a stranger":       {s.officeHead, custody.SupportStep{To: custody.SupportWithdrawn, Note: "x"}, func(err error) bool { return errors.Is(err, custody.ErrNotFound) }},
		} {
			if err := step(test.actor, test.step); !test.want(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := step(s.admin, sent); err != nil {
			t.Fatal(err)
		}
		if late, err := s.SupportOverdue(ctx, s.admin); err != nil || len(late) != 0 {
			t.Errorf("overdue at once: %+v, %v", late, err)
		}
		s.Clock.Advance(48 * time.Hour) // the day of the answer has passed, and that of sending the other
		late, err := s.SupportOverdue(ctx, s.admin)
		if err != nil || len(late) != 2 || !late[1].Late || late[1].ID != asked.ID {
			t.Errorf("overdue: %+v, %v", late, err)
		}
		facts, err := s.SupportFacts(ctx, s.principal, asked.ID)
		if err != nil || facts.Addressee != sent.Addressee || facts.Title != "Phó Hiệu trưởng" || facts.Token.Serial != "A1002" || facts.School.Code != "MNHS" {
			t.Errorf("facts of the form: %+v, %v", facts, err)
		}
		if _, err := s.SupportFacts(ctx, s.deputy, asked.ID); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("facts for a custodian: %v", err)
		}
		for _, n := range []custody.SupportStep{{To: custody.SupportAnswered, Note: "Hẹn mang thiết bị đến"}, {To: custody.SupportSolved, Note: "Đã mở khóa, đổi PIN"}} {
			if err := step(s.admin, n); err != nil {
				t.Fatal(err)
			}
		}
		if err := step(s.admin, sent); reason(err) != custody.ReasonSupportClosed {
			t.Errorf("after it is done: %v", err)
		}
		done, err := s.Support(ctx, s.deputy, asked.ID)
		if err != nil || done.State != custody.SupportSolved || len(done.Steps) != 3 || done.Steps[2].Note != "Đã mở khóa, đổi PIN" || done.Due != "" || len(done.May) != 0 ||
			done.PaperNumber != "21/CV-MNHS" {
			t.Errorf("the history: %+v, %v", done, err)
		}

		// Withdrawn by who asked; a reported token is revoked, not unlocked.
		renewal, err := ask(s.principal, s.principalToken.ID, custody.SupportRenewal)
		if err != nil || renewal.Kind.Form() != "04" {
			t.Fatal(renewal, err)
		}
		if _, err := s.StepSupport(ctx, s.principal, renewal.ID, custody.SupportStep{To: custody.SupportWithdrawn, Note: "Đã gia hạn tại Sở"}); err != nil {
			t.Error(err)
		}
		if _, err := s.ReportIncident(ctx, s.officeHead, store.NewIncident{Token: s.sealToken.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "mất"}); err != nil {
			t.Fatal(err)
		}
		if _, err := ask(s.officeHead, s.sealToken.ID, custody.SupportUnlock); reason(err) != custody.ReasonSupportReported {
			t.Errorf("of a reported token: %v", err)
		}
		for filter, want := range map[store.SupportFilter]int{{}: 3, {State: "open"}: 1, {State: "done"}: 2, {State: "solved"}: 1, {Kind: custody.SupportRenewal}: 1,
			{Token: s.deputyToken.ID}: 2, {State: "open", Kind: custody.SupportUnlock}: 0} {
			rows, next, err := s.SupportRequests(ctx, s.admin, filter)
			if err != nil || len(rows) != want || next != 0 {
				t.Errorf("%+v: %d requests, want %d (%v)", filter, len(rows), want, err)
			}
		}
		page, next, err := s.SupportRequests(ctx, s.admin, store.SupportFilter{Limit: 2})
		if err != nil || len(page) != 2 || next == 0 {
			t.Fatalf("the first page: %d, %d, %v", len(page), next, err)
		}
		if page, next, err = s.SupportRequests(ctx, s.admin, store.SupportFilter{Limit: 2, From: next}); err != nil || len(page) != 1 || next != 0 || page[0].ID != asked.ID {
			t.Errorf("the last page: %+v, %d, %v", page, next, err)
		}
		if rows, _, err := s.SupportRequests(ctx, s.officeHead, store.SupportFilter{}); err != nil || len(rows) != 0 {
			t.Errorf("of others: %+v, %v", rows, err)
		}
		if n := s.CheckLog().ByType; n["support_request"] != 3 || n["support_step"] != 4 {
			t.Errorf("the log: %v", n)
		}
	})
}

// TestUnlockAndPIN: a request to unlock a token and the story of its PIN are told
// once: what is sent asks for recovery by the letter's number, what is solved ends it,
// and what one of the two refuses is not recorded of the other.
func TestUnlockAndPIN(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		state := func(want custody.TokenState) {
			t.Helper()
			row, err := s.Token(ctx, s.admin, s.deputyToken.ID)
			if err != nil || row.State != want {
				t.Errorf("the token is %s, not %s (%v)", row.State, want, err)
			}
		}
		unlock := store.NewSupport{Token: s.deputyToken.ID, Kind: custody.SupportUnlock, Description: "Nhập sai mã PIN nhiều lần", LockPIN: true}
		asked, err := s.AskSupport(ctx, s.deputy, unlock)
		if err != nil {
			t.Fatal(err)
		}
		state(custody.PINLocked)
		step := func(n custody.SupportStep) error {
			_, err := s.StepSupport(ctx, s.admin, asked.ID, n)
			return err
		}
		if err := step(custody.SupportStep{To: custody.SupportSolved, Note: "xong"}); reason(err) != custody.ReasonStepNotAllowed {
			t.Errorf("recovered, which nobody asked for: %v", err)
		}
		sent := custody.SupportStep{To: custody.SupportSent, Addressee: "Sở Khoa học và Công nghệ", PaperNumber: "21/CV-MNHS", PaperOn: s.day(0)}
		if err := step(sent); err != nil {
			t.Fatal(err)
		}
		state(custody.RecoveryAsked)
		if err := step(sent); err != nil {
			t.Errorf("sent again: %v", err)
		}
		if err := step(custody.SupportStep{To: custody.SupportSolved, Note: "Đã mở khóa, đổi PIN"}); err != nil {
			t.Fatal(err)
		}
		state(custody.Held)

		// The PIN was recovered without the request: it can't be sent any more.
		if asked, err = s.AskSupport(ctx, s.deputy, unlock); err != nil {
			t.Fatal(err)
		}
		if err := s.AskRecovery(ctx, s.admin, s.deputyToken.ID, "06/MNHS", s.day(0)); err != nil {
			t.Fatal(err)
		}
		if err := s.RecoverPIN(ctx, s.deputy, s.deputyToken.ID, ""); err != nil {
			t.Fatal(err)
		}
		if err := step(sent); reason(err) != custody.ReasonSupportNotLocked {
			t.Errorf("sent after the PIN worked again: %v", err)
		}
		if err := step(custody.SupportStep{To: custody.SupportSolved, Note: "Đã mở khóa"}); err != nil {
			t.Error(err)
		}
		state(custody.Held)
		// Somebody whose token it is not locks it by no request.
		if _, err := s.AskSupport(ctx, s.officeHead, unlock); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("by a stranger: %v", err)
		}
		log := s.CheckLog()
		if n := log.ByType; n["pin"] != 6 || n["support_request"] != 2 || n["support_step"] != 4 {
			t.Errorf("the log: %v", n)
		}
	})
}

// supportAndChecks adds a request with two steps, a closed check and an open one.
func supportAndChecks(s *school) {
	must := func(err error) {
		s.TB.Helper()
		if err != nil {
			s.TB.Fatal(err)
		}
	}
	asked, err := s.AskSupport(ctx, s.principal, store.NewSupport{Token: s.principalToken.ID, Kind: custody.SupportChange, Description: "đổi thư điện tử", Present: "cũ", Wanted: "mới"})
	must(err)
	_, err = s.StepSupport(ctx, s.admin, asked.ID, custody.SupportStep{To: custody.SupportSent, Addressee: "Sở Khoa học và Công nghệ", PaperNumber: "21/CV-MNHS", PaperOn: "2026-10-01", Due: "2026-10-30"})
	must(err)
	_, err = s.StepSupport(ctx, s.admin, asked.ID, custody.SupportStep{To: custody.SupportSolved, Note: "đã đổi"})
	must(err)
	for _, kind := range []custody.CheckKind{custody.MonthlyCheck, custody.SpecialCheck} {
		check, err := s.OpenCheck(ctx, s.admin, store.NewCheck{Kind: kind, Due: "2026-10-30", Note: "kiểm kê"})
		must(err)
		_, err = s.StepCheck(ctx, s.admin, check.ID, store.NewCheckStep{Token: s.sealToken.ID, Kind: custody.StepSeen, Witness: s.principal.Person})
		must(err)
		_, err = s.StepCheck(ctx, s.principal, check.ID, store.NewCheckStep{Token: s.sealToken.ID, Kind: custody.StepWitnessed})
		must(err)
		if kind == custody.MonthlyCheck {
			_, err = s.CloseCheck(ctx, s.principal, check.ID, "đủ")
			must(err)
		}
	}
}
