package store

import (
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// accountChangeRow is one thing that was done with an account, or with a program's key.
type accountChangeRow struct {
	rowBase
	Kind    string `db:"kind"`
	Person  string `db:"person_id"`
	Subject string `db:"subject_id"`
	Secret  string `db:"secret_sha256"`
	Scopes  string `db:"scopes"`
	Expires *stamp `db:"expires_at"`
	By      string `db:"changed_by"`
	At      stamp  `db:"changed_at"`
}

const accountChangeColumns = `c.id, c.school_id, c.kind, COALESCE(c.person_id, '') AS person_id, COALESCE(c.subject_id, '') AS subject_id, COALESCE(c.secret_sha256, '') AS secret_sha256,
	COALESCE(c.scopes, '') AS scopes, c.expires_at, COALESCE(c.changed_by, '') AS changed_by, c.changed_at, c.entry_index`

func (r accountChangeRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeAccountChange, r.At.Time
}

func (r accountChangeRow) fields() map[string]string {
	f := map[string]string{signinglog.FieldActor: actorField(r.By), "account_change": r.ID, "kind": r.Kind, signinglog.FieldPerson: r.Person, "subject": r.Subject,
		"secret_sha256": r.Secret, "scopes": r.Scopes}
	if r.Expires != nil {
		f["expires_at"] = signinglog.FormatTime(r.Expires.Time)
	}
	return f
}

// changeAccount writes what was done, and its entry. It returns the row's id.
func (t *tx) changeAccount(actor custody.Actor, kind custody.AccountChangeKind, row accountChangeRow, private map[string]string) (string, error) {
	row.rowBase, row.Kind, row.By, row.At = rowBase{ID: newID(), School: string(t.school)}, string(kind), string(actor.Person), at(t.now)
	var err error
	if row.Entry, err = t.append(signinglog.TypeAccountChange, actor, row.fields(), private); err != nil {
		return "", err
	}
	if err := t.insertRow(`INSERT INTO account_changes (id, school_id, kind, person_id, subject_id, secret_sha256, scopes, expires_at, changed_by, changed_at, entry_index)`,
		row.ID, row.School, row.Kind, orNull(row.Person), orNull(row.Subject), orNull(row.Secret), orNull(row.Scopes), row.Expires, orNull(row.By), row.At, row.Entry); err != nil {
		return "", fmt.Errorf("write account change: %w", err)
	}
	return row.ID, nil
}

// setPassword puts a hash in the place of the one before. With it every session ends,
// and every browser is a stranger again; the row of the account stays.
func (t *tx) setPassword(person custody.PersonID, hash string) error {
	if err := t.requireOwn(person); err != nil {
		return err
	}
	n, err := t.exec(t.ctx, `UPDATE accounts SET password_hash = ?, changed_at = ? WHERE school_id = ? AND person_id = ?`, hash, at(t.now), string(t.school), string(person))
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if n == 0 {
		return custody.NotFound("account")
	}
	_, err = t.endSessions(person)
	if err == nil {
		_, err = t.exec(t.ctx, `DELETE FROM known_devices WHERE person_id = ?`, string(person))
	}
	return err
}
