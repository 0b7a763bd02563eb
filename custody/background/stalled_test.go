package background_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"sokyso/custody/background"
	"sokyso/custody/store/storetest"
)

// A job whose loop stands still, and whose lease nobody keeps, is told of; others beside it
// are not, and it is forgotten once the loop goes round again.
func TestAStalledLoopIsTold(t *testing.T) {
	s := newSchool(storetest.Open(t, "sqlite"))
	hold, held := make(chan struct{}), make(chan struct{}, 10)
	r := background.New(background.Config{Store: s.Store, School: s.School.ID, Holder: "only", Now: s.Clock.Now},
		background.Job{Name: "hangs", Run: func(context.Context) (int, error) { held <- struct{}{}; <-hold; return 0, nil }},
		background.Job{Name: "turns", Run: func(context.Context) (int, error) { return 0, nil }})
	if got := r.Stalled(); got != nil {
		t.Errorf("before it runs: %v", got)
	}
	running, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { r.Run(running) })
	defer group.Wait()
	defer stop()
	<-held
	if got := r.Stalled(); got != nil {
		t.Errorf("it has just begun: %v", got)
	}
	s.Clock.Advance(71 * time.Second) // a lease, and the time for what is written after a run
	until := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); strings.Join(r.Stalled(), " ") != want; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("stalled: %v, want %q", r.Stalled(), want)
			}
		}
	}
	until("hangs")
	close(hold)
	until("")
	stop()
	group.Wait()
	if got := strings.Join(r.Stalled(), " "); got != "hangs turns" {
		t.Errorf("after it has ended: %s", got)
	}
}
