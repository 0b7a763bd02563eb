package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// TestManySchoolsOnOneRegister: more schools than connections write at once, each into its
// own log under its own key; what one asks in another's name is refused.
func TestManySchoolsOnOneRegister(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		if _, err := r.Of(store.SchoolConfig{LogKey: r.Config.LogKey}); err == nil {
			t.Error("shared what is not opened for that")
		}
		r.Config.Many = true
		r.Reopen()
		const count = 24
		type school struct {
			*store.Store
			custody.School
			key string
		}
		schools := make([]school, count)
		for i := range schools {
			key, vkey, err := signinglog.GenerateKey(fmt.Sprintf("sokyso/truong-%d", i))
			if err != nil {
				t.Fatal(err)
			}
			config := store.SchoolConfig{LogKey: key, MarkFile: filepath.Join(t.TempDir(), "mark")}
			own, err := r.Of(config)
			if err != nil {
				t.Fatal(err)
			}
			defer own.Close()
			if _, err := own.School(ctx); !errors.Is(err, custody.ErrNotFound) {
				t.Errorf("a school before it was made: %v", err)
			}
			made := store.NewSchool{Name: fmt.Sprintf("Trường số %d", i), Code: fmt.Sprintf("T%02d", i)}
			if _, err := own.CreateSchool(ctx, made); reason(err) != custody.ReasonSchoolExists {
				t.Errorf("made beside the first without saying so: %v", err)
			}
			made.Further = true
			if _, err := own.CreateSchool(ctx, made); err != nil {
				t.Fatal(err)
			}
			if _, err := own.CreateSchool(ctx, made); reason(err) != custody.ReasonSchoolExists {
				t.Errorf("made twice: %v", err)
			}
			found, err := own.School(ctx)
			if err != nil || found.Code != made.Code || found.LogKey != vkey {
				t.Fatalf("%+v: %v", found, err)
			}
			schools[i] = school{own, found, vkey}
		}
		var group sync.WaitGroup
		for _, s := range schools {
			for n := range 4 {
				group.Go(func() {
					// The same username is another account at each school.
					person := store.NewPerson{Name: "Nguyễn Văn An", Username: fmt.Sprintf("an%d", n), PasswordHash: "x"}
					if _, err := s.CreatePerson(ctx, custody.SystemActor(s.ID), person); err != nil {
						t.Errorf("%s: %v", s.Code, err)
					}
				})
			}
		}
		group.Wait()
		for i, s := range schools {
			report, err := s.VerifyLog(ctx, s.ID, s.key)
			if err != nil || report.Size != 5 { // the school, and a person each
				t.Errorf("%s: %+v, %v", s.Code, report, err)
			}
			next := schools[(i+1)%count]
			if _, err := s.CreatePerson(ctx, custody.SystemActor(next.ID), store.NewPerson{Name: "Người lạ"}); reason(err) != custody.ReasonLogKey {
				t.Errorf("%s wrote into the log of %s: %v", s.Code, next.Code, err)
			}
		}
		// The first school's own Store writes as before, and finds its school among them.
		if first, err := r.Store.School(ctx); err != nil || first.Code != "MNHS" {
			t.Errorf("%+v: %v", first, err)
		}
		if _, err := r.CreatePerson(ctx, r.System, store.NewPerson{Name: "Lê Thị Bình"}); err != nil {
			t.Error(err)
		}
		// Without a key, nothing says which school is meant.
		blind, err := store.Open(ctx, store.Config{URL: r.Config.URL})
		if err != nil {
			t.Fatal(err)
		}
		defer blind.Close()
		if _, err := blind.School(ctx); reason(err) != custody.ReasonWhichSchool {
			t.Errorf("%v", err)
		}
		if all, err := blind.Schools(ctx); err != nil || len(all) != count+1 || all[0].Code != "MNHS" {
			t.Errorf("%d schools: %v", len(all), err)
		}
	})
}
