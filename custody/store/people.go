package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// newID returns a fresh UUID of version 7.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// maxText bounds a single text of a request, in bytes.
const maxText = 4000

// text cleans a text and checks its length. What is no UTF-8 was not typed by anybody.
func text(field, s string, required bool) (string, error) {
	if !utf8.ValidString(s) {
		return "", custody.Invalid(field, "%s is no UTF-8", field)
	}
	s = signinglog.CleanText(s)
	if required && s == "" {
		return "", custody.Invalid(field, "%s is missing", field)
	}
	if len(s) > maxText {
		return "", custody.Invalid(field, "%s has %d characters", field, utf8.RuneCountInString(s))
	}
	return s, nil
}

// texts cleans several texts in place: pairs of field name and text; a name that
// ends in "!" is required.
func texts(fields ...any) error {
	for i := 0; i < len(fields); i += 2 {
		name, value := fields[i].(string), fields[i+1].(*string)
		cleaned, err := text(strings.TrimSuffix(name, "!"), *value, strings.HasSuffix(name, "!"))
		if err != nil {
			return err
		}
		*value = cleaned
	}
	return nil
}

// insertRow writes a row whose columns stand in the query.
func (t *tx) insertRow(query string, args ...any) error {
	_, err := t.exec(t.ctx, query+" VALUES (?"+strings.Repeat(",?", len(args)-1)+")", args...)
	if errors.Is(err, ErrUnique) {
		return &custody.Error{Kind: custody.ErrConflict, Code: custody.CodeConflict, Params: map[string]string{"reason": custody.ReasonDuplicate}, Err: err}
	}
	return err
}

// CreateSchool makes a school and its log, signed with the configured key. A register that
// has a school takes another only if Further says so, and no other of its code.
func (s *Store) CreateSchool(ctx context.Context, n NewSchool) (custody.School, error) {
	if err := texts("name!", &n.Name, "code!", &n.Code, "superior", &n.Superior, "place", &n.Place); err != nil {
		return custody.School{}, err
	}
	if s.signer == nil {
		return custody.School{}, fmt.Errorf("create school: no log key is configured")
	}
	row := schoolRow{rowBase: rowBase{ID: newID()}, Name: n.Name, Code: n.Code, Superior: n.Superior, Place: n.Place,
		Origin: s.signer.Name(), LogKey: s.vkey}
	row.School = row.ID
	err := s.submit(custody.SchoolID(row.ID), &change{ctx: ctx, done: make(chan error, 1),
		make: func(t *tx) error {
			query, args := `SELECT COUNT(*) FROM schools`, []any{}
			if n.Further {
				query, args = query+` WHERE code = ? OR log_origin = ?`, []any{row.Code, row.Origin}
			}
			var schools int
			if err := t.get(t.ctx, &schools, query, args...); err != nil {
				return fmt.Errorf("count schools: %w", err)
			}
			if schools > 0 {
				return custody.Conflict(custody.ReasonSchoolExists)
			}
			row.CreatedAt = at(t.now)
			if err := t.insertRow(`INSERT INTO schools (id, name, code, superior, place, log_origin, log_key, created_at, entry_index)`,
				row.ID, row.Name, row.Code, row.Superior, row.Place, row.Origin, row.LogKey, row.CreatedAt, row.Entry); err != nil {
				return fmt.Errorf("create school: %w", err)
			}
			root, err := signinglog.Frontier{}.Root()
			if err != nil {
				return fmt.Errorf("create log: %w", err)
			}
			signed, err := signinglog.Sign(signinglog.Checkpoint{Origin: row.Origin, Root: root}, s.signer)
			if err != nil {
				return fmt.Errorf("create log: %w", err)
			}
			return t.insertRow(`INSERT INTO log_heads (school_id, size, root, frontier, checkpoint, updated_at)`,
				row.ID, 0, root[:], []byte{}, signed, row.CreatedAt)
		},
		run: func(t *tx) error {
			t.now = row.CreatedAt.Time
			_, err := t.append(signinglog.TypeSchool, custody.SystemActor(t.school), row.fields(), nil)
			return err
		}})
	if err != nil {
		return custody.School{}, err
	}
	return row.school(), nil
}

func (r schoolRow) school() custody.School {
	return custody.School{ID: custody.SchoolID(r.ID), Name: r.Name, Code: r.Code, Superior: r.Superior, Place: r.Place, Origin: r.Origin, LogKey: r.LogKey}
}

// School returns the school that this register is opened for: the one whose log the key
// signs, else the only one there is. It is ErrNotFound before it was created, and a conflict
// with reason school_which where several are and none of them is said.
func (s *Store) School(ctx context.Context) (custody.School, error) {
	query, args, origin := `SELECT `+schoolColumns+` FROM schools`, []any{}, s.config.Origin
	if s.signer != nil {
		origin = s.signer.Name()
	}
	if origin != "" {
		query, args = query+` WHERE log_origin = ?`, []any{origin}
	}
	var rows []schoolRow
	err := s.reader.list(ctx, &rows, query+` LIMIT 2`, args...)
	if err == nil && len(rows) == 0 && !s.borrowed {
		// A key of another log says itself what is wrong, once something is to be changed.
		err = s.reader.list(ctx, &rows, `SELECT `+schoolColumns+` FROM schools LIMIT 2`)
	}
	switch {
	case err != nil:
		return custody.School{}, fmt.Errorf("read school: %w", err)
	case len(rows) == 0:
		return custody.School{}, custody.NotFound("school")
	case len(rows) > 1:
		return custody.School{}, custody.Conflict(custody.ReasonWhichSchool)
	}
	return rows[0].school(), nil
}

// Schools lists the register's schools by code.
func (s *Store) Schools(ctx context.Context) ([]custody.School, error) {
	var rows []schoolRow
	if err := s.reader.list(ctx, &rows, `SELECT `+schoolColumns+` FROM schools ORDER BY code, created_at, id`); err != nil {
		return nil, fmt.Errorf("read schools: %w", err)
	}
	schools := make([]custody.School, len(rows))
	for i, row := range rows {
		schools[i] = row.school()
	}
	return schools, nil
}

// CreatePerson registers a person, with an account when there is a username.
func (s *Store) CreatePerson(ctx context.Context, actor custody.Actor, n NewPerson) (custody.Person, error) {
	return s.createPerson(ctx, actor, n, nil)
}

// createPerson registers a person, and does what belongs to it in the same change.
func (s *Store) createPerson(ctx context.Context, actor custody.Actor, n NewPerson, more func(*tx, custody.PersonID) error) (custody.Person, error) {
	if err := custody.CanRegister(actor); err != nil {
		return custody.Person{}, err
	}
	if err := texts("name!", &n.Name, "email", &n.Email, "phone", &n.Phone, "username", &n.Username); err != nil {
		return custody.Person{}, err
	}
	n.Username = Username(n.Username)
	if (n.Username == "") != (n.PasswordHash == "" && !n.invited) {
		return custody.Person{}, custody.Invalid("username", "an account has a username and a password")
	}
	row := personRow{rowBase: rowBase{ID: newID(), School: string(actor.School)}, Admin: n.Admin}
	err := s.write(ctx, actor.School, func(t *tx) error {
		if n.Username != "" {
			if err := t.usernameFree(n.Username); err != nil {
				return err
			}
		}
		row.CreatedAt = at(t.now)
		var err error
		row.Entry, err = t.append(signinglog.TypePerson, actor, row.fields(), map[string]string{"name": n.Name, "email": n.Email, "phone": n.Phone})
		if err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO persons (id, school_id, admin, created_at, entry_index)`,
			row.ID, row.School, row.Admin, row.CreatedAt, row.Entry); err != nil {
			return fmt.Errorf("create person: %w", err)
		}
		if n.Username == "" {
			return nil
		}
		if err := t.newAccount(custody.PersonID(row.ID), n.Username, n.PasswordHash); err != nil || more == nil {
			return err
		}
		return more(t, custody.PersonID(row.ID))
	})
	if err != nil {
		return custody.Person{}, err
	}
	return custody.Person{ID: custody.PersonID(row.ID), School: actor.School, Name: n.Name, Email: n.Email, Phone: n.Phone, Admin: n.Admin}, nil
}

// usernameFree says whether nobody of the school signs in by that name yet.
func (t *tx) usernameFree(username string) error {
	var taken int
	if err := t.get(t.ctx, &taken, `SELECT COUNT(*) FROM accounts WHERE school_id = ? AND username = ?`, string(t.school), username); err != nil {
		return fmt.Errorf("create account: %w", err)
	}
	if taken > 0 {
		return custody.Conflict(custody.ReasonDuplicate, "field", "username")
	}
	return nil
}

// newAccount opens an account; with no hash nobody can sign in to it yet.
func (t *tx) newAccount(person custody.PersonID, username, hash string) error {
	username = Username(username)
	if username == "" || len(username) > maxText {
		return custody.Invalid("username", "an account has a username")
	}
	if err := t.usernameFree(username); err != nil {
		return err
	}
	if err := t.insertRow(`INSERT INTO accounts (person_id, school_id, username, password_hash, changed_at)`, string(person), string(t.school), username, hash, at(t.now)); err != nil {
		return fmt.Errorf("create account: %w", err)
	}
	return nil
}

// requirePerson makes sure that the person is one of the school's.
func (t *tx) requirePerson(id custody.PersonID) error {
	var n int
	if err := t.get(t.ctx, &n, `SELECT COUNT(*) FROM persons WHERE school_id = ? AND id = ?`, string(t.school), string(id)); err != nil {
		return fmt.Errorf("read person: %w", err)
	}
	if n == 0 {
		return custody.NotFound("person")
	}
	return nil
}

// AddPosition gives a person a position. The same position twice over the same
// days is a conflict, and so are two principals at a time.
func (s *Store) AddPosition(ctx context.Context, actor custody.Actor, person custody.PersonID, p custody.Position) error {
	if err := custody.CanRegister(actor); err != nil {
		return err
	}
	if err := texts("title!", &p.Title, "paper", &p.Paper, "field", &p.Field); err != nil {
		return err
	}
	if !p.Kind.Valid() {
		return custody.Invalid("kind", "position %.40q", string(p.Kind))
	}
	if !p.Acting.Valid() {
		return custody.Invalid("acting", "acting %.40q", string(p.Acting))
	}
	if err := checkDays(p.From, p.Until); err != nil {
		return err
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		if err := t.requireOwn(person); err != nil {
			return err
		}
		var others []positionRow
		if err := t.list(t.ctx, &others, `SELECT `+positionColumns+` FROM `+positionsAsEnded+` WHERE school_id = ? AND kind = ? AND from_on <= ? AND (until_on IS NULL OR until_on >= ?)`,
			string(t.school), string(p.Kind), lastDay(p.Until), p.From); err != nil {
			return fmt.Errorf("read positions: %w", err)
		}
		for _, other := range others {
			if other.Person == string(person) || p.Kind == custody.Principal {
				return custody.Conflict(custody.ReasonDuplicate, "field", "position", "from", string(other.From), "until", string(other.Until))
			}
		}
		row := positionRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Person: string(person), Kind: string(p.Kind), Title: p.Title,
			From: p.From, Until: p.Until, Paper: p.Paper, Field: p.Field, Acting: string(p.Acting), CreatedAt: at(t.now)}
		var err error
		if row.Entry, err = t.append(signinglog.TypePosition, actor, row.fields(), nil); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO positions (id, school_id, person_id, kind, title, from_on, until_on, paper, field, acting, created_at, entry_index)`,
			row.ID, row.School, row.Person, row.Kind, row.Title, row.From, row.Until, row.Paper, row.Field, row.Acting, row.CreatedAt, row.Entry); err != nil {
			return fmt.Errorf("add position: %w", err)
		}
		return nil
	})
}

// lastDay is the last day of a span for comparisons.
func lastDay(until custody.Date) string {
	if until == "" {
		return "9999-12-31"
	}
	return string(until)
}

func checkDays(from, until custody.Date) error {
	if parsed, err := custody.ParseDate(string(from)); err != nil || parsed == "" {
		return custody.Invalid("from", "day %.20q is not of the form 2006-01-02", string(from))
	}
	if _, err := custody.ParseDate(string(until)); err != nil {
		return custody.Invalid("until", "day %.20q is not of the form 2006-01-02", string(until))
	}
	if until != "" && until < from {
		return custody.Invalid("until", "%s is before %s", until, from)
	}
	return nil
}

// AddScope lets a person sign kinds of documents in acts and capacities.
func (s *Store) AddScope(ctx context.Context, actor custody.Actor, person custody.PersonID, scope custody.Scope) error {
	if err := custody.CanRegister(actor); err != nil {
		return err
	}
	if err := texts("paper!", &scope.Paper); err != nil {
		return err
	}
	if err := scope.Validate(); err != nil {
		return err
	}
	if err := checkDays(scope.From, scope.Until); err != nil {
		return err
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		if err := t.requireOwn(person); err != nil {
			return err
		}
		row := scopeRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Person: string(person), Acts: joinList(scope.Acts),
			Kinds: joinList(scope.Kinds), Capacities: joinList(scope.Capacities), From: scope.From, Until: scope.Until, Paper: scope.Paper, CreatedAt: at(t.now)}
		var err error
		if row.Entry, err = t.append(signinglog.TypeScope, actor, row.fields(), nil); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO scopes (id, school_id, person_id, acts, kinds, capacities, from_on, until_on, paper, created_at, entry_index)`,
			row.ID, row.School, row.Person, row.Acts, row.Kinds, row.Capacities, row.From, row.Until, row.Paper, row.CreatedAt, row.Entry); err != nil {
			return fmt.Errorf("add scope: %w", err)
		}
		return nil
	})
}

// nameOf is the query of a person's name by its reveal; %s is the person column.
const nameOf = `COALESCE((SELECT r.value FROM persons p JOIN reveals r ON r.school_id = p.school_id AND r.entry_index = p.entry_index AND r.field = 'name' WHERE p.id = %s), '')`

// revealOf is the query of a private value by its reveal: alias is the table that
// has school_id and entry_index. A subquery and no join, so that PostgreSQL looks
// it up by its whole key also before it has statistics: for a join it may walk all
// values of the field.
func revealOf(alias, field string) string {
	return `COALESCE((SELECT v.value FROM reveals v WHERE v.school_id = ` + alias + `.school_id AND v.entry_index = ` + alias + `.entry_index AND v.field = '` + field + `'), '')`
}

type listedPerson struct {
	ID       string `db:"id"`
	Entry    int64  `db:"entry_index"`
	Admin    bool   `db:"admin"` // registered so, or made one
	Founder  bool   `db:"founder"`
	Reviewer bool   `db:"reviewer"`

	Department bool   `db:"department"`
	Linked     bool   `db:"linked"` // to the department
	Name       string `db:"name"`
	Email      string `db:"email"`
	Phone      string `db:"phone"`
	Username   string `db:"username"`

	AccountUntil custody.Date `db:"account_until"` // last day of the account; "" = open
}

// roles are those that were given.
func (p listedPerson) roles() []custody.Role {
	var given []custody.Role
	if p.Admin {
		given = append(given, custody.RoleAdmin)
	}
	if p.Reviewer {
		given = append(given, custody.RoleReviewer)
	}
	if p.Department {
		given = append(given, custody.RoleDepartment)
	}
	return given
}

var queryPeople = `SELECT p.id, p.entry_index, p.admin OR ` + openRole(custody.RoleAdmin) + ` AS admin, p.admin AS founder, ` + openRole(custody.RoleReviewer) + ` AS reviewer, ` + openRole(custody.RoleDepartment) + ` AS department, ` + ofDepartment + ` AS linked, COALESCE(n.value, '') AS name, COALESCE(e.value, '') AS email, COALESCE(f.value, '') AS phone,
	COALESCE(a.username, '') AS username,
	(SELECT MIN(x.until_on) FROM endings x WHERE x.person_id = p.id AND x.kind = 'account') AS account_until FROM persons p
	LEFT JOIN reveals n ON n.school_id = p.school_id AND n.entry_index = p.entry_index AND n.field = 'name'
	LEFT JOIN reveals e ON e.school_id = p.school_id AND e.entry_index = p.entry_index AND e.field = 'email'
	LEFT JOIN reveals f ON f.school_id = p.school_id AND f.entry_index = p.entry_index AND f.field = 'phone'
	LEFT JOIN accounts a ON a.person_id = p.id
	WHERE p.school_id = ?`

// People lists the school's people in the order they were registered. To who
// does not manage the register, others come with name and positions only.
func (s *Store) People(ctx context.Context, actor custody.Actor) ([]PersonRow, error) {
	return s.people(ctx, actor, "", nil)
}

// PeoplePage is a page of People.
func (s *Store) PeoplePage(ctx context.Context, actor custody.Actor, page *Page) ([]PersonRow, error) {
	return s.people(ctx, actor, "", page)
}

// Person returns one person of the school, with the same limits as People.
func (s *Store) Person(ctx context.Context, actor custody.Actor, id custody.PersonID) (PersonRow, error) {
	rows, err := s.people(ctx, actor, id, nil)
	if err != nil {
		return PersonRow{}, err
	}
	if len(rows) == 0 {
		return PersonRow{}, custody.NotFound("person")
	}
	return rows[0], nil
}

// people lists one person, or all with "", or a page of them.
func (s *Store) people(ctx context.Context, actor custody.Actor, only custody.PersonID, page *Page) ([]PersonRow, error) {
	one, of, args := "", "", []any{string(actor.School)}
	if only != "" {
		one, of, args = ` AND p.id = ?`, ` AND person_id = ?`, append(args, string(only))
	}
	var listed []listedPerson
	query, all := page.order(queryPeople+one, args, "p.entry_index", false)
	if err := s.reader.list(ctx, &listed, query, all...); err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	listed = cut(page, listed, func(p *listedPerson) int64 { return p.Entry })
	if page != nil && len(listed) > 0 {
		of = ` AND person_id IN (SELECT p.id FROM persons p WHERE p.school_id = ? AND p.entry_index BETWEEN ? AND ?)`
		args = append(args, string(actor.School), listed[0].Entry, listed[len(listed)-1].Entry)
	}
	var positions []positionRow
	if err := s.reader.list(ctx, &positions, `SELECT `+positionColumns+`, ended_entry FROM `+positionsAsEnded+` WHERE school_id = ?`+of+` ORDER BY entry_index`, args...); err != nil {
		return nil, fmt.Errorf("list positions: %w", err)
	}
	var scopes []scopeRow
	if err := s.reader.list(ctx, &scopes, `SELECT `+scopeColumns+`, ended_entry FROM `+scopesAsEnded+` WHERE school_id = ?`+of+` ORDER BY entry_index`, args...); err != nil {
		return nil, fmt.Errorf("list scopes: %w", err)
	}
	rows := make([]PersonRow, 0, len(listed))
	for _, p := range listed {
		id := custody.PersonID(p.ID)
		row := PersonRow{Person: custody.Person{ID: id, School: actor.School, Name: p.Name}}
		for _, position := range positions {
			if position.Person == p.ID {
				row.Positions = append(row.Positions, position.position())
			}
		}
		if actor.Roles.May(custody.ReadRegister) || actor.Person == id {
			row.Email, row.Phone, row.Admin, row.Username, row.AccountUntil = p.Email, p.Phone, p.Admin, p.Username, p.AccountUntil
			row.Roles, row.Founder, row.OfDepartment = p.roles(), p.Founder, p.Linked
			for _, scope := range scopes {
				if scope.Person == p.ID {
					row.Scopes = append(row.Scopes, scope.scope())
				}
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// ActorOf returns a person as an actor with the roles of today, and what their
// screens show. ErrUnauthenticated when there is no such person, with the code
// account_ended when their account has ended.
func (s *Store) ActorOf(ctx context.Context, school custody.SchoolID, person custody.PersonID, via custody.Via) (custody.Actor, Me, error) {
	rows, err := s.people(ctx, custody.Actor{School: school, Person: person}, person, nil)
	if err != nil {
		return custody.Actor{}, Me{}, err
	}
	if len(rows) == 0 {
		return custody.Actor{}, Me{}, &custody.Error{Kind: custody.ErrUnauthenticated, Code: custody.CodeUnauthenticated}
	}
	today := custody.DateOf(s.now())
	if err := accountGoesOn(rows[0].AccountUntil, today); err != nil {
		return custody.Actor{}, Me{}, err
	}
	me := Me{Person: rows[0].Person}
	if position, ok := custody.PositionOn(rows[0].Positions, today); ok {
		me.Title = position.Title
	}
	if me.School, err = s.schoolByID(ctx, school); err != nil {
		return custody.Actor{}, Me{}, err
	}
	actor := custody.Actor{School: school, Person: person, Roles: custody.RolesOn(rows[0].Positions, rows[0].Roles, today), Via: via}
	return actor, me, nil
}

func (s *Store) schoolByID(ctx context.Context, id custody.SchoolID) (custody.School, error) {
	var row schoolRow
	err := s.reader.get(ctx, &row, `SELECT `+schoolColumns+` FROM schools WHERE id = ?`, string(id))
	if errors.Is(err, sql.ErrNoRows) {
		return custody.School{}, custody.NotFound("school")
	}
	if err != nil {
		return custody.School{}, fmt.Errorf("read school: %w", err)
	}
	return row.school(), nil
}

// personFacts reads what rules ask about a person; what is delegated to them is
// among the scopes.
func (t *tx) personFacts(person custody.PersonID) ([]custody.Position, []custody.Scope, error) {
	var positions []positionRow
	if err := t.list(t.ctx, &positions, `SELECT `+positionColumns+` FROM `+positionsAsEnded+` WHERE person_id = ? AND school_id = ?`, string(person), string(t.school)); err != nil {
		return nil, nil, fmt.Errorf("read positions: %w", err)
	}
	var scopes []scopeRow
	if err := t.list(t.ctx, &scopes, `SELECT `+scopeColumns+` FROM `+scopesAsEnded+` WHERE person_id = ? AND school_id = ?`, string(person), string(t.school)); err != nil {
		return nil, nil, fmt.Errorf("read scopes: %w", err)
	}
	var ps []custody.Position
	for _, p := range positions {
		ps = append(ps, p.position())
	}
	var ss []custody.Scope
	for _, sc := range scopes {
		ss = append(ss, sc.scope())
	}
	var delegations []delegationRow
	if err := t.list(t.ctx, &delegations, `SELECT `+delegationColumns+` FROM `+delegationsAsEnded+` WHERE delegate_id = ? AND school_id = ?`, string(person), string(t.school)); err != nil {
		return nil, nil, fmt.Errorf("read delegations: %w", err)
	}
	for _, d := range delegations {
		ss = append(ss, d.delegation().Scope())
	}
	return slices.Clip(ps), slices.Clip(ss), nil
}
