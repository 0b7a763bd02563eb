package store_test

import (
	"sync"
	"testing"

	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// TestCommitsAreTold: every entry of the log is counted once, by its type.
func TestCommitsAreTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		before := s.CheckLog().ByType
		var mu sync.Mutex
		told, changes := map[string]int64{}, 0
		s.Config.Committed = func(c store.Commit) {
			mu.Lock()
			defer mu.Unlock()
			changes += c.Changes
			if c.Took <= 0 {
				t.Errorf("took %v", c.Took)
			}
			for kind, n := range c.Entries {
				told[kind] += int64(n)
			}
		}
		s.Reopen()
		each(8, 24, func(int) { s.sign(s.principal, s.approval()) })
		mu.Lock()
		defer mu.Unlock()
		after := s.CheckLog().ByType
		for kind, n := range after {
			if told[kind] != n-before[kind] {
				t.Errorf("%d %s were told, %d made", told[kind], kind, n-before[kind])
			}
		}
		if changes != 48 {
			t.Errorf("%d changes were told", changes)
		}
		if size, err := s.LogSize(ctx, s.School.ID); err != nil || size != s.CheckLog().Size {
			t.Errorf("size %d: %v", size, err)
		}
		if busy, idle := s.Connections(); busy+idle == 0 {
			t.Error("no connection is open")
		}
	})
}

// TestARolledBackCommitIsNoCommit: PostgreSQL answers COMMIT with ROLLBACK, and no error, where
// a statement of the transaction has failed. What is told to be done is done all the same.
func TestARolledBackCommitIsNoCommit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		err := s.UpdateRegardless(ctx, s.School.ID, `UPDATE persons SET admin = ? WHERE id = ?`, `INSERT INTO persons (id) VALUES (NULL)`, true, string(s.deputy.Person))
		var admins int
		s.must(s.DB().Get(&admins, s.DB().Rebind(`SELECT COUNT(*) FROM persons WHERE admin = ? AND id = ?`), true, string(s.deputy.Person)))
		if (err == nil) != (admins == 1) {
			t.Errorf("answered %v, and %d rows were changed", err, admins)
		}
		s.sign(s.principal, s.approval())
	})
}
