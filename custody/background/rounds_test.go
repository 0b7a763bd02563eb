package background_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/background"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// visited is one of several schools of a register, with the visits to it.
type visited struct {
	*store.Store
	custody.School
	visits atomic.Int64
}

// severalSchools makes schools in a register that has several.
func severalSchools(r *storetest.Register, count int) []*visited {
	r.TB.Helper()
	var schools []*visited
	for i := range count {
		key, _, err := signinglog.GenerateKey(fmt.Sprintf("sokyso/truong-%d", i))
		if err != nil {
			r.TB.Fatal(err)
		}
		own, err := r.Of(store.SchoolConfig{LogKey: key, MarkFile: filepath.Join(r.TB.TempDir(), "mark")})
		if err != nil {
			r.TB.Fatal(err)
		}
		r.TB.Cleanup(func() { own.Close() })
		if _, err := own.CreateSchool(ctx, store.NewSchool{Name: fmt.Sprintf("Trường số %d", i), Code: fmt.Sprintf("T%02d", i), Further: true}); err != nil {
			r.TB.Fatal(err)
		}
		school, err := own.School(ctx)
		if err != nil {
			r.TB.Fatal(err)
		}
		schools = append(schools, &visited{Store: own, School: school})
	}
	return schools
}

// on puts a school on the rounds with one job, for which there is always something to do.
func (v *visited) on(rounds *background.Rounds, run func(context.Context) (int, error)) {
	ready := func(context.Context) (bool, error) { return true, nil }
	config := background.Config{Store: v.Store, School: v.ID, Holder: "only"}
	rounds.Add(background.New(config, background.Job{Name: "visit", Every: time.Hour, Ready: ready, Run: run}))
}

func (v *visited) visit(context.Context) (int, error) {
	v.visits.Add(1)
	return 1, nil
}

// start goes round until the test ends.
func start(t *testing.T, rounds *background.Rounds) {
	going, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		rounds.Run(going)
		close(ended)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// TestRounds: more schools than are worked for at a time, one of which never comes to its
// end. A school in which something is recorded is visited long before its turn, and the one
// that hangs keeps none back.
func TestRounds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		rounds := &background.Rounds{Every: 24 * time.Hour}
		r.Config.Many = true
		r.Config.Committed = func(c store.Commit) { rounds.Wake(c.School) }
		r.Reopen()
		schools := severalSchools(r, 20)
		hanging, others := schools[0], schools[1:]
		hanging.on(rounds, func(ctx context.Context) (int, error) {
			hanging.visits.Add(1)
			<-ctx.Done()
			return 0, ctx.Err()
		})
		for _, v := range others {
			v.on(rounds, v.visit)
		}
		start(t, rounds)
		for turn := range int64(2) {
			for _, v := range schools {
				if _, err := v.CreatePerson(ctx, custody.SystemActor(v.ID), store.NewPerson{Name: "Lê Thị Bình"}); err != nil {
					t.Fatal(err)
				}
			}
			for _, v := range others {
				until(t, v.Code+" was not visited", func() bool { return v.visits.Load() > turn })
			}
		}
		if n := hanging.visits.Load(); n != 1 {
			t.Errorf("the school that hangs was visited %d times at once", n)
		}
	})
}

// TestRoundsComeAgain: nobody says that there is something to do.
func TestRoundsComeAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		rounds := &background.Rounds{Every: 300 * time.Millisecond}
		r.Config.Many = true
		r.Reopen()
		schools := severalSchools(r, 3)
		for _, v := range schools {
			v.on(rounds, v.visit)
		}
		start(t, rounds)
		for _, v := range schools {
			until(t, v.Code+" is not visited again", func() bool { return v.visits.Load() >= 3 })
		}
	})
}
