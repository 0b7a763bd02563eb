package background_test

import (
	"testing"

	"sokyso/custody/background"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// TestCounting: the job has something to do when a table has grown since it was counted, does
// it, and then has nothing to do, neither for itself nor for another service's. What can't be
// counted is not tried all the time.
func TestCounting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		one := background.New(background.Config{Store: r.Store, School: r.School.ID, Holder: "a", Now: r.Clock.Now})
		job := one.Counting()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ready := func(job background.Job, want bool) {
			t.Helper()
			if got, err := job.Ready(ctx); err != nil || got != want {
				t.Errorf("ready %v, %v", got, err)
			}
		}
		must(one.Once(ctx, job)) // due as it never ran
		ready(job, false)
		if r.DB().DriverName() == "sqlite" {
			return
		}
		db := r.DB()
		_, err := db.Exec(`INSERT INTO reveals (school_id, entry_index, field, salt, value) SELECT $1, 1000000 + n, 'name', decode(repeat('00', 16), 'hex'), repeat('x', 400) FROM generate_series(1, 2000) n`, string(r.School.ID))
		must(err)
		_, err = db.Exec(`UPDATE pg_class SET relpages = 4 WHERE oid = 'reveals'::regclass`) // whatever counts by itself meanwhile
		must(err)
		ready(job, true)
		must(one.Once(ctx, job))
		var pages int
		must(db.Get(&pages, `SELECT relpages FROM pg_class WHERE oid = 'reveals'::regclass`))
		if pages < 50 {
			t.Errorf("counted as %d pages", pages)
		}
		ready(job, false)
		ready(background.New(background.Config{Store: r.Store, School: r.School.ID, Holder: "b", Now: r.Clock.Now}).Counting(), false)
		jobs, err := r.Jobs(ctx, r.System)
		must(err)
		if len(jobs) != 1 || jobs[0].Name != background.JobStatistics || jobs[0].Outcome != store.OutcomeOK {
			t.Errorf("%+v", jobs)
		}
	})
}
