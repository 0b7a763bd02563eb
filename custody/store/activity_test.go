package store_test

import (
	"errors"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// Signatures and refusals are counted on the day of the school's zone: what is signed
// at eleven at night in Vietnam is not of the next day, nor of the one before.
func TestActivity(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		today := custody.DateOf(s.Clock.Now())
		s.sign(s.principal, s.approval())
		s.Clock.Advance(13*time.Hour + 44*time.Minute)
		s.sign(s.principal, s.approval())
		foreign := s.approval()
		foreign.TokenSerial = "B2001"
		if _, err := s.RequestGrant(ctx, s.deputy, foreign); err == nil {
			t.Fatal("leave for somebody else's token")
		}
		s.Clock.Advance(time.Hour + time.Minute)
		s.sign(s.principal, s.approval())
		tomorrow := today.AddDays(1)
		year := store.ActivityQuery{From: "2026-01-01", Until: "2026-12-31"}
		all, err := s.Activity(ctx, s.admin, year)
		if err != nil || all.Days[today] != (store.DayActivity{Signatures: 2, Refusals: 1}) || all.Days[tomorrow] != (store.DayActivity{Signatures: 1}) || len(all.Days) != 2 {
			t.Errorf("%+v, %v", all, err)
		}
		if all.Kinds[document.Kind] != 3 || len(all.Refusals) != 1 {
			t.Errorf("%+v", all)
		}
		if own, err := s.Activity(ctx, s.deputy, year); err != nil || own.Days[today] != (store.DayActivity{Refusals: 1}) || len(own.Kinds) != 0 {
			t.Errorf("a deputy's own: %+v, %v", own, err)
		}
		year.Token = s.sealToken.ID
		if seal, err := s.Activity(ctx, s.admin, year); err != nil || len(seal.Kinds) != 0 || seal.Days[today].Refusals != 1 {
			t.Errorf("of the seal: %+v, %v", seal, err)
		}
		if day, err := s.Activity(ctx, s.admin, store.ActivityQuery{From: tomorrow, Until: tomorrow}); err != nil || len(day.Days) != 1 {
			t.Errorf("one day: %+v, %v", day, err)
		}
		if _, err := s.Activity(ctx, s.admin, store.ActivityQuery{From: "2020-01-01", Until: "2026-12-31"}); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("seven years: %v", err)
		}
	})
}
