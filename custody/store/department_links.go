package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// departmentChangeRow is somebody of the department who got a name at a school, or came.
type departmentChangeRow struct {
	rowBase
	Kind       string `db:"kind"`
	Person     string `db:"person_id"`
	HomeSchool string `db:"home_school_id"`
	HomePerson string `db:"home_person_id"`
	By         string `db:"changed_by"`
	At         stamp  `db:"changed_at"`
}

const departmentChangeColumns = `c.id, c.school_id, c.kind, c.person_id, c.home_school_id, c.home_person_id, COALESCE(c.changed_by, '') AS changed_by, c.changed_at, c.entry_index`

func (r departmentChangeRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeDepartmentChange, r.At.Time
}

func (r departmentChangeRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: actorField(r.By), "department_change": r.ID, "kind": r.Kind, signinglog.FieldPerson: r.Person,
		"home_school": r.HomeSchool, "home_person": r.HomePerson}
}

// changeDepartment writes what was done, and its entry.
func (t *tx) changeDepartment(actor custody.Actor, kind custody.DepartmentChangeKind, row departmentChangeRow) error {
	row.rowBase, row.Kind, row.By, row.At = rowBase{ID: newID(), School: string(t.school)}, string(kind), string(actor.Person), at(t.now)
	var err error
	if row.Entry, err = t.append(signinglog.TypeDepartmentChange, actor, row.fields(), nil); err != nil {
		return err
	}
	if err := t.insertRow(`INSERT INTO department_changes (id, school_id, kind, person_id, home_school_id, home_person_id, changed_by, changed_at, entry_index)`,
		row.ID, row.School, row.Kind, row.Person, row.HomeSchool, row.HomePerson, orNull(row.By), row.At, row.Entry); err != nil {
		return fmt.Errorf("write department change: %w", err)
	}
	return nil
}

// readsForDepartment is the condition under which a person, p, has the role of who reads
// for the department and an account that goes on; its parameter is today.
var readsForDepartment = openRole(custody.RoleDepartment) + ` AND NOT EXISTS (SELECT 1 FROM endings x WHERE x.person_id = p.id AND x.kind = 'account' AND x.until_on < ?)`

// ofDepartment is the condition under which a person, p, is somebody of the department's.
const ofDepartment = `EXISTS (SELECT 1 FROM department_changes d WHERE d.person_id = p.id AND d.kind = 'linked')`

// requireOwn makes sure that the person is one of the school's, and none of the
// department's, who only read.
func (t *tx) requireOwn(id custody.PersonID) error {
	if err := t.requirePerson(id); err != nil {
		return err
	}
	linked, err := t.ofDepartment(id)
	if err == nil && linked {
		err = custody.Conflict(custody.ReasonOfDepartment)
	}
	return err
}

func (t *tx) ofDepartment(id custody.PersonID) (bool, error) {
	var linked int
	if err := t.get(t.ctx, &linked, `SELECT COUNT(*) FROM persons p WHERE p.school_id = ? AND p.id = ? AND `+ofDepartment, string(t.school), string(id)); err != nil {
		return false, fmt.Errorf("read department: %w", err)
	}
	return linked > 0, nil
}

// DepartmentReader is somebody whom the department has read for it, as a school sees them.
type DepartmentReader struct {
	Home     custody.PersonID // at the department
	Name     string           // same
	Username string           // same
	Goes     bool             // the department still has them read for it
	Local    custody.PersonID // at the school; "" = never let in
	In       bool             // the school lets them in
	Came     *time.Time       // last
}

// DepartmentReaders lists who reads for the department, whose own register home is, for
// an admin of a school: those whom the department has given that role at home, and those
// whom the school lets in. It is all that a school learns of the department's people.
func (s *Store) DepartmentReaders(ctx context.Context, actor custody.Actor, home custody.SchoolID) ([]DepartmentReader, error) {
	if !actor.Roles.May(custody.Administer) {
		return nil, custody.Forbidden(custody.ReasonAdminOnly)
	}
	if actor.School == home {
		return nil, custody.NotFound("department")
	}
	var rows []struct {
		Home     string `db:"home"`
		Name     string `db:"name"`
		Username string `db:"username"`
		Goes     bool   `db:"goes"`
		Local    string `db:"local"`
		In       bool   `db:"entered"`
		Came     *stamp `db:"came"`
	}
	today := string(custody.DateOf(s.now()))
	if err := s.reader.list(ctx, &rows, `SELECT * FROM (SELECT p.id AS home, `+revealOf("p", "name")+` AS name, COALESCE(a.username, '') AS username, a.person_id IS NOT NULL AND `+readsForDepartment+` AS goes, COALESCE(c.person_id, '') AS local,
		EXISTS (SELECT 1 FROM persons p WHERE p.id = c.person_id AND `+readsForDepartment+`) AS entered,
		(SELECT MAX(e.changed_at) FROM department_changes e WHERE e.person_id = c.person_id AND e.kind = 'entered') AS came
		FROM persons p LEFT JOIN accounts a ON a.person_id = p.id
		LEFT JOIN department_changes c ON c.home_person_id = p.id AND c.home_school_id = p.school_id AND c.school_id = ? AND c.kind = 'linked'
		WHERE p.school_id = ?) r WHERE r.goes OR r.entered ORDER BY r.username`, today, today, string(actor.School), string(home)); err != nil {
		return nil, fmt.Errorf("list readers of the department: %w", err)
	}
	readers := make([]DepartmentReader, len(rows))
	for i, r := range rows {
		readers[i] = DepartmentReader{Home: custody.PersonID(r.Home), Name: r.Name, Username: r.Username, Goes: r.Goes, Local: custody.PersonID(r.Local), In: r.In, Came: r.Came.moment()}
	}
	return readers, nil
}

// AdmitReader lets somebody of the department read at the actor's school: a person and an
// account that nobody signs in to, which name who it is at the department, and the role.
// Who is let in again gets the role only. The department must have them read for it.
func (s *Store) AdmitReader(ctx context.Context, actor custody.Actor, home custody.School, person custody.PersonID) (custody.PersonID, error) {
	readers, err := s.DepartmentReaders(ctx, actor, home.ID)
	if err != nil {
		return "", err
	}
	var reader DepartmentReader
	for _, r := range readers {
		if r.Home == person {
			reader = r
		}
	}
	if !reader.Goes {
		return "", custody.NotFound("department_reader")
	}
	var local custody.PersonID
	err = s.write(ctx, actor.School, func(t *tx) error {
		known, err := optional[string](t, `SELECT person_id FROM department_changes WHERE school_id = ? AND kind = 'linked' AND home_school_id = ? AND home_person_id = ?`,
			string(t.school), string(home.ID), string(person))
		if err != nil {
			return fmt.Errorf("read department: %w", err)
		}
		if known == nil {
			local, err = t.linkReader(actor, home, reader)
			if err != nil {
				return err
			}
		} else {
			local = custody.PersonID(*known)
			if err := t.requireAccount(local); err != nil {
				return custody.Conflict(custody.ReasonReaderLeft)
			}
		}
		given, _, err := t.roleGiven(local, custody.RoleDepartment)
		if err != nil || given != "" {
			return err
		}
		return t.changeRole(actor, roleChangeRow{Kind: "given", Role: string(custody.RoleDepartment), Person: string(local)})
	})
	return local, err
}

// linkReader registers a person of the department at the school. Of what the department
// knows of them only the name comes along.
func (t *tx) linkReader(actor custody.Actor, home custody.School, reader DepartmentReader) (custody.PersonID, error) {
	row := personRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, CreatedAt: at(t.now)}
	var err error
	if row.Entry, err = t.append(signinglog.TypePerson, actor, row.fields(), map[string]string{"name": reader.Name}); err != nil {
		return "", err
	}
	if err := t.insertRow(`INSERT INTO persons (id, school_id, admin, created_at, entry_index)`, row.ID, row.School, row.Admin, row.CreatedAt, row.Entry); err != nil {
		return "", fmt.Errorf("create person: %w", err)
	}
	person := custody.PersonID(row.ID)
	if err := t.newAccount(person, reader.Username+"@"+home.Code, ""); err != nil {
		return "", err
	}
	return person, t.changeDepartment(actor, custody.DepartmentLinked, departmentChangeRow{Person: row.ID, HomeSchool: string(home.ID), HomePerson: string(reader.Home)})
}
