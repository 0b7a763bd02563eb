package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
)

const (
	// SignInTime is how long somebody stays signed in, from the sign-in on: one working day.
	SignInTime = 12 * time.Hour
	// SignInIdle is how long without a request: a computer in the teachers' room has many users.
	SignInIdle = 2 * time.Hour
	// signInNoted is how exactly the last use is kept.
	signInNoted = time.Minute
)

// SignIn is a browser in which somebody is signed in.
type SignIn struct {
	ID      string
	Agent   string // the User-Agent header, cut to 300 bytes
	Address string // that it began from
	Network string // part of the address that must stay the same
	BeganAt time.Time
	UsedAt  time.Time // to about a minute
}

// BeginSignIn notes that a person has signed in, and forgets those of theirs that ended.
func (s *Store) BeginSignIn(ctx context.Context, school custody.SchoolID, person custody.PersonID, in SignIn) (string, error) {
	now := s.now()
	if _, err := s.writer.exec(ctx, `DELETE FROM sign_ins WHERE person_id = ? AND (began_at <= ? OR used_at <= ?)`,
		string(person), at(now.Add(-SignInTime)), at(now.Add(-SignInIdle))); err != nil {
		return "", fmt.Errorf("forget sign-ins: %w", err)
	}
	id := newID()
	if _, err := s.writer.exec(ctx, `INSERT INTO sign_ins (id, school_id, person_id, agent, address, network, began_at, used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		id, string(school), string(person), in.Agent, in.Address, in.Network, at(now), at(now)); err != nil {
		return "", fmt.Errorf("note sign-in: %w", err)
	}
	return id, nil
}

// UseSignIn reports whether a session of the person goes on: not ended, in time, and used
// from where it began, by the same browser. One that is used from elsewhere is ended:
// its cookie is in other hands.
func (s *Store) UseSignIn(ctx context.Context, school custody.SchoolID, person custody.PersonID, id, agent, network string) (bool, error) {
	var rows []signInRow
	if err := s.reader.list(ctx, &rows, querySignIns+` AND i.id = ?`, string(school), string(person), id); err != nil {
		return false, fmt.Errorf("read sign-in: %w", err)
	}
	now := s.now()
	if len(rows) == 0 || !rows[0].goesOn(now) {
		return false, nil
	}
	if rows[0].Agent != agent || rows[0].Network != network {
		_, err := s.writer.exec(ctx, `DELETE FROM sign_ins WHERE id = ?`, id)
		if err != nil {
			err = fmt.Errorf("end sign-in: %w", err)
		}
		return false, err
	}
	if now.Sub(rows[0].UsedAt.Time) >= signInNoted {
		if _, err := s.writer.exec(ctx, `UPDATE sign_ins SET used_at = ? WHERE id = ?`, at(now), id); err != nil {
			return false, fmt.Errorf("note use: %w", err)
		}
	}
	return true, nil
}

// SignIns lists where a person is signed in, the latest used first: one's own, or
// somebody else's for who runs the register.
func (s *Store) SignIns(ctx context.Context, actor custody.Actor, person custody.PersonID) ([]SignIn, error) {
	if actor.Person != person && !actor.Roles.Manages() {
		return nil, custody.NotFound("person")
	}
	var rows []signInRow
	if err := s.reader.list(ctx, &rows, querySignIns+` ORDER BY i.used_at DESC, i.id`, string(actor.School), string(person)); err != nil {
		return nil, fmt.Errorf("list sign-ins: %w", err)
	}
	var out []SignIn
	for _, row := range rows {
		if row.goesOn(s.now()) {
			out = append(out, SignIn{ID: row.ID, Agent: row.Agent, Address: row.Address, Network: row.Network, BeganAt: row.BeganAt.Time, UsedAt: row.UsedAt.Time})
		}
	}
	return out, nil
}

// EndSignIns ends a person's sessions: the one named, or with except all but that one.
// Who runs the register may end those of others.
func (s *Store) EndSignIns(ctx context.Context, actor custody.Actor, person custody.PersonID, id string, except bool) (int64, error) {
	if actor.Person != person && !actor.Roles.Manages() {
		return 0, custody.NotFound("person")
	}
	comparison := "="
	if except {
		comparison = "<>"
	}
	n, err := s.writer.exec(ctx, `DELETE FROM sign_ins WHERE school_id = ? AND person_id = ? AND id `+comparison+` ?`, string(actor.School), string(person), id)
	if err != nil {
		return 0, fmt.Errorf("end sign-ins: %w", err)
	}
	return n, nil
}

const querySignIns = `SELECT i.id, i.agent, i.address, i.network, i.began_at, i.used_at FROM sign_ins i WHERE i.school_id = ? AND i.person_id = ?`

type signInRow struct {
	ID      string `db:"id"`
	Agent   string `db:"agent"`
	Address string `db:"address"`
	Network string `db:"network"`
	BeganAt stamp  `db:"began_at"`
	UsedAt  stamp  `db:"used_at"`
}

func (r signInRow) goesOn(now time.Time) bool {
	return now.Before(r.BeganAt.Add(SignInTime)) && now.Before(r.UsedAt.Add(SignInIdle))
}
