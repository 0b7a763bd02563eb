package store

import (
	"context"
	"os"

	"sokyso/custody"
)

// SyncData is what makes the mark durable.
var SyncData = syncData

// ReplaceSync has the marks opened from now on made durable by another function,
// until the one returned is called.
func ReplaceSync(sync func(*os.File) error) func() {
	syncMark = sync
	return func() { syncMark = syncData }
}

// IsLeft tells whether a file is the beginning of a copy of that name.
var IsLeft = isLeft

// OnStep has a function called at each step of a transaction.
func OnStep(f func(step string)) { testOnlyStep = f }

// OnSent has a function called with each statement that is sent; nil = none.
func OnSent(f func(query string, args []any)) { testOnlySent = f }

// UpdateRegardless changes something, has a statement fail and does not look at it.
func (s *Store) UpdateRegardless(ctx context.Context, school custody.SchoolID, update, failing string, args ...any) error {
	return s.write(ctx, school, func(t *tx) error {
		if _, err := t.exec(ctx, update, args...); err != nil {
			return err
		}
		_, _ = t.exec(ctx, failing)
		return nil
	})
}

// DepartmentCame writes rows about somebody of a department whose register is elsewhere.
func (s *Store) DepartmentCame(ctx context.Context, actor custody.Actor, home custody.School, reader DepartmentReader) error {
	return s.write(ctx, actor.School, func(t *tx) error {
		person, err := t.linkReader(actor, home, reader)
		if err != nil {
			return err
		}
		return t.changeDepartment(custody.Actor{School: t.school, Person: person, Via: custody.ViaPage}, custody.DepartmentEntered,
			departmentChangeRow{Person: string(person), HomeSchool: string(home.ID), HomePerson: string(reader.Home)})
	})
}
