package store_test

import (
	"strings"
	"sync"
	"testing"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// TestWhatAnotherServiceAppended: while services on one register take turns with signatures,
// neither reads people and tokens anew each time; what one changes of them the other goes by
// with its next grant, also where signatures came after it.
func TestWhatAnotherServiceAppended(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		c := s.Config
		c.MarkFile += ".2"
		second, err := store.Open(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		defer second.Close()
		var mu sync.Mutex
		read := 0 // what was read of people
		store.OnStep(func(step string) {
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(step, "FROM positions") {
				read++
			}
		})
		defer store.OnStep(nil)
		sign := func(service *store.Store, actor custody.Actor, request custody.GrantRequest) error {
			t.Helper()
			g, err := service.RequestGrant(ctx, actor, request)
			if err != nil {
				return err
			}
			rec := record()
			rec.SignedAt = s.Clock.Now()
			_, err = service.RecordSignature(ctx, actor, g.ID, rec)
			return err
		}
		turn := func() {
			t.Helper()
			for _, service := range []*store.Store{s.Store, second} {
				s.must(sign(service, s.principal, s.approval()))
			}
		}
		turn()
		turn()
		before := read
		for range 10 {
			turn()
		}
		if read != before {
			t.Errorf("read %d times more of people of whom nothing changed", read-before)
		}

		s.report(s.principal, s.principalToken, custody.Suspected)
		ofDeputy := func() custody.GrantRequest {
			g := s.approval()
			g.TokenSerial, g.Certificate, g.Capacity, g.Document.Kind = "A1002", s.deputyCert, custody.KT, "TB"
			return g
		}
		for range 3 {
			s.must(sign(s.Store, s.deputy, ofDeputy()))
		}
		if err := sign(second, s.principal, s.approval()); refusalCode(err) != custody.RefusedTokenReported {
			t.Errorf("a token that was reported at another service: %v", err)
		}
		s.CheckLog()
	})
}
