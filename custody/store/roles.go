package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// roleChangeRow is a role that was given or ended.
type roleChangeRow struct {
	rowBase
	Kind    string `db:"kind"`
	Role    string `db:"role"`
	Person  string `db:"person_id"`
	Subject string `db:"subject_id"`
	By      string `db:"changed_by"`
	At      stamp  `db:"changed_at"`
}

const roleChangeColumns = `c.id, c.school_id, c.kind, c.role, c.person_id, COALESCE(c.subject_id, '') AS subject_id,
	COALESCE(c.changed_by, '') AS changed_by, c.changed_at, c.entry_index`

func (r roleChangeRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeRoleChange, r.At.Time
}

func (r roleChangeRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: actorField(r.By), "role_change": r.ID, "kind": r.Kind, "role": r.Role,
		signinglog.FieldPerson: r.Person, "subject": r.Subject}
}

// changeRole writes what was done, and its entry.
func (t *tx) changeRole(actor custody.Actor, row roleChangeRow) error {
	row.rowBase, row.By, row.At = rowBase{ID: newID(), School: string(t.school)}, string(actor.Person), at(t.now)
	var err error
	if row.Entry, err = t.append(signinglog.TypeRoleChange, actor, row.fields(), nil); err != nil {
		return err
	}
	if err := t.insertRow(`INSERT INTO role_changes (id, school_id, kind, role, person_id, subject_id, changed_by, changed_at, entry_index)`,
		row.ID, row.School, row.Kind, row.Role, row.Person, orNull(row.Subject), orNull(row.By), row.At, row.Entry); err != nil {
		return fmt.Errorf("write role: %w", err)
	}
	return nil
}

// openRole is the condition under which a role given to a person, p.id, goes on.
func openRole(role custody.Role) string {
	return `EXISTS (SELECT 1 FROM role_changes g WHERE g.person_id = p.id AND g.kind = 'given' AND g.role = '` + string(role) + `'
		AND NOT EXISTS (SELECT 1 FROM role_changes x WHERE x.subject_id = g.id))`
}

// GiveRole gives somebody a role, by an admin. Who is one already stays it,
// without another entry.
func (s *Store) GiveRole(ctx context.Context, actor custody.Actor, person custody.PersonID, role custody.Role) error {
	if err := custody.CanGiveRole(actor, role); err != nil {
		return err
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		if role != custody.RoleDepartment {
			if err := t.requireOwn(person); err != nil {
				return err
			}
		}
		given, flag, err := t.roleGiven(person, role)
		if err != nil || given != "" || flag {
			return err
		}
		return t.changeRole(actor, roleChangeRow{Kind: "given", Role: string(role), Person: string(person)})
	})
}

// EndRole ends a role that was given, by another admin. One that is not there is none to end.
func (s *Store) EndRole(ctx context.Context, actor custody.Actor, person custody.PersonID, role custody.Role) error {
	if err := custody.CanEndRole(actor, role, person); err != nil {
		return err
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		given, flag, err := t.roleGiven(person, role)
		if err != nil {
			return err
		}
		if given == "" {
			if flag {
				return custody.Conflict(custody.ReasonRoleOfAccount)
			}
			return custody.NotFound("role")
		}
		return t.changeRole(actor, roleChangeRow{Kind: "ended", Role: string(role), Person: string(person), Subject: given})
	})
}

// roleGiven returns the giving of a role that goes on, "" for none, and whether the person
// was registered with it.
func (t *tx) roleGiven(person custody.PersonID, role custody.Role) (given string, flag bool, err error) {
	row, err := optional[struct {
		Given string `db:"given"`
		Admin bool   `db:"admin"`
	}](t, `SELECT p.admin, COALESCE((SELECT MAX(g.id) FROM role_changes g WHERE g.person_id = p.id AND g.kind = 'given' AND g.role = ?
		AND NOT EXISTS (SELECT 1 FROM role_changes x WHERE x.subject_id = g.id)), '') AS given
		FROM persons p JOIN accounts a ON a.person_id = p.id WHERE p.school_id = ? AND p.id = ?`, string(role), string(t.school), string(person))
	if err != nil {
		return "", false, fmt.Errorf("read role: %w", err)
	}
	if row == nil {
		return "", false, custody.NotFound("account")
	}
	return row.Given, row.Admin && role == custody.RoleAdmin, nil
}
