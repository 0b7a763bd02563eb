package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// What is kept of somebody who has left goes; their entries, signatures and every proof
// stay, and the log says that it was done.
func TestErasePerson(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		_, _, receipt := s.sign(s.principal, s.approval())
		s.pair(s.principal, "PC phòng hiệu trưởng")
		erase := func(by custody.Actor) (int64, error) {
			return s.ErasePerson(ctx, by, s.principal.Person, "theo đơn 12/2026")
		}
		if _, err := erase(s.admin); reason(err) != custody.ReasonHoldsTokens {
			t.Errorf("who holds a token: %v", err)
		}
		leaver, err := s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "Vũ Thị Lan", Username: "lan", PasswordHash: "x"})
		s.must(err)
		if _, err := s.ErasePerson(ctx, s.admin, leaver.ID, "x"); reason(err) != custody.ReasonAccountGoesOn {
			t.Errorf("who can still sign in: %v", err)
		}
		s.must(s.SaveView(ctx, custody.Actor{School: s.admin.School, Person: leaver.ID}, "của tôi", ""))
		s.must(s.end(custody.Ending{Kind: custody.EndAccount, Person: leaver.ID, Until: s.day(-1)}, false))
		back, err := s.OfferHandOver(ctx, s.principal, store.NewHandOver{Token: s.principalToken.ID, Reason: "nghỉ hưu", Condition: "tốt"})
		s.must(err)
		_, err = s.AcceptHandOver(ctx, s.admin, back.ID)
		s.must(err)
		if _, err := erase(s.deputy); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("a deputy: %v", err)
		}
		if _, err := s.ErasePerson(ctx, s.admin, s.principal.Person, " "); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("without a reason: %v", err)
		}
		removed, err := erase(s.admin)
		if err != nil || removed < 3 {
			t.Fatalf("%d values, %v", removed, err)
		}
		if _, err := erase(s.admin); reason(err) != custody.ReasonErasedAlready {
			t.Errorf("twice: %v", err)
		}
		row := s.person(s.principal.Person)
		if row.Name != "" || row.Email != "" || row.Username != "" {
			t.Errorf("left: %+v", row)
		}
		entries, err := s.Entries(ctx, s.admin, store.LogFilter{Limit: 500})
		s.must(err)
		for _, entry := range entries.Entries {
			for field, value := range entry.Reveals {
				if strings.Contains(value, "Nghĩa") && field != "reason" {
					t.Errorf("entry %d still has %s %q", entry.Index, field, value)
				}
			}
		}
		if _, _, err := signinglog.CheckReceipt(receipt, s.verifier()); err != nil {
			t.Errorf("the old receipt: %v", err)
		}
		more, err := s.ErasePerson(ctx, s.admin, leaver.ID, "đã nghỉ việc")
		s.must(err)
		removed += more
		if row := s.person(leaver.ID); row.Name != "" || row.Username != "" {
			t.Errorf("left: %+v", row)
		}
		report, err := s.VerifyLog(ctx, s.School.ID, s.VKey)
		if err != nil || report.Erased != removed || report.Explained != removed {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

// By the setting, what is older than its years goes, once a day and without being
// asked; who can still sign in keeps their name.
func TestErasureByTheSetting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		s.sign(s.principal, s.approval())
		if n, err := s.EraseKept(ctx, s.System); n != 0 || err != nil {
			t.Errorf("without a setting: %d, %v", n, err)
		}
		_, err := s.ChangeSettings(ctx, s.admin, map[custody.SettingName]string{custody.SettingRetentionYears: "20"})
		s.must(err)
		s.Clock.Advance(100 * 365 * 24 * time.Hour) // a clock that has jumped ahead
		if n, err := s.EraseKept(ctx, s.System); n != 0 || err != nil {
			t.Errorf("by a clock alone: %d, %v", n, err)
		}
		s.Clock.Advance(-80*365*24*time.Hour - 24*time.Hour)
		if n, err := s.EraseKept(ctx, s.System); n != 0 || err != nil {
			t.Errorf("a day too early: %d, %v", n, err)
		}
		s.Clock.Advance(10 * 24 * time.Hour)
		for i := range 50 { // life goes on: these tell that the time has come
			s.must(s.PlaceToken(ctx, s.principal, s.principalToken.ID, fmt.Sprint("két ", i)))
		}
		n, err := s.EraseKept(ctx, s.System)
		if err != nil || n == 0 {
			t.Fatalf("%d values, %v", n, err)
		}
		if again, err := s.EraseKept(ctx, s.System); again != 0 || err != nil {
			t.Errorf("again: %d, %v", again, err)
		}
		if row := s.person(s.principal.Person); row.Name != "Nguyễn Văn Nghĩa" {
			t.Errorf("who can sign in is %q", row.Name)
		}
		found, err := s.Entries(ctx, s.admin, store.LogFilter{Type: string(signinglog.TypeSignature)})
		if err != nil || len(found.Entries[0].Reveals) != 0 {
			t.Errorf("a signature of twenty years ago still has %v, %v", found.Entries[0].Reveals, err)
		}
		report, err := s.VerifyLog(ctx, s.School.ID, s.VKey)
		if err != nil || report.Erased != n || report.Explained != n || report.ByType["erasure"] != 1 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}
