package store

import (
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

type accountChangeRow struct {
	rowBase
	Person string `db:"person_id"`
	Kind   string `db:"kind"`
	By     string `db:"changed_by"`
	At     stamp  `db:"changed_at"`
}

const accountChangeColumns = `w.id, w.school_id, w.person_id, w.kind, COALESCE(w.changed_by, '') AS changed_by, w.changed_at, w.entry_index`

func (r accountChangeRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeAccountChange, r.At.Time
}

func (r accountChangeRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: actorField(r.By), "account_change": r.ID, signinglog.FieldPerson: r.Person, "kind": r.Kind}
}

// accountChanged makes a change of an account an entry: whoever gets into an account by a
// new password or without a second factor is seen.
func (t *tx) accountChanged(actor custody.Actor, person custody.PersonID, change custody.AccountChange) error {
	row := accountChangeRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Person: string(person), Kind: string(change), By: string(actor.Person), At: at(t.now)}
	var err error
	if row.Entry, err = t.append(signinglog.TypeAccountChange, actor, row.fields(), nil); err != nil {
		return err
	}
	if err := t.insertRow(`INSERT INTO account_changes (id, school_id, person_id, kind, changed_by, changed_at, entry_index)`,
		row.ID, row.School, row.Person, row.Kind, orNull(row.By), row.At, row.Entry); err != nil {
		return fmt.Errorf("note change of account: %w", err)
	}
	return nil
}
