package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sokyso/custody"
)

// AccountSession is a sign-in that goes on, as its owner sees it in a list.
type AccountSession struct {
	ID      string
	Device  string // words for browser and system, as chrome/windows
	Address string // where it began from
	BeganAt time.Time
	UsedAt  time.Time // exact to SessionUsedEvery
	Own     bool      // the one that asks
	Origin  custody.SessionOrigin
	School  string // where it is, of a list at the department; "" = here
}

// NewSession is a sign-in that begins.
type NewSession struct {
	Person  custody.PersonID
	Cookie  string // what the browser's cookie holds; only its hash is kept
	Device  string
	Agent   string // what the browser calls itself, without versions; its hash is kept
	Address string
	BeganAt time.Time
	Expires time.Time
	Origin  custody.SessionOrigin
	Home    string // the session at the department that it ends with, for OriginDepartment
}

// OpenSession is a sign-in that goes on.
type OpenSession struct {
	Account
	ID     string
	Origin custody.SessionOrigin
}

// SessionUsedEvery is how exact the time is at which a session was last used: to write
// it at each request would make each look at a page a commit.
const SessionUsedEvery = 5 * time.Minute

// BeginSession keeps a sign-in. Times are the true ones: the cookie's end is one. Who
// belongs to the department comes from there only, however else they got so far: an
// ErrUnauthenticated.
func (s *Store) BeginSession(ctx context.Context, school custody.SchoolID, n NewSession) error {
	var linked bool
	if err := s.reader.get(ctx, &linked, `SELECT `+ofDepartment+` FROM persons p WHERE p.school_id = ? AND p.id = ?`, string(school), string(n.Person)); err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	if linked != (n.Home != "") {
		return &custody.Error{Kind: custody.ErrUnauthenticated, Code: custody.CodeUnauthenticated}
	}
	if _, err := s.writer.exec(ctx, `DELETE FROM account_sessions WHERE expires_at <= ?`, at(n.BeganAt)); err != nil {
		return fmt.Errorf("clear expired sessions: %w", err)
	}
	if _, err := s.writer.exec(ctx, `INSERT INTO account_sessions (id, school_id, person_id, cookie_sha256, device, agent_sha256, address, began_at, used_at, expires_at, origin, home_session)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, newID(), string(school), string(n.Person), sha256Hex([]byte(n.Cookie)), n.Device, sha256Hex([]byte(n.Agent)), n.Address,
		at(n.BeganAt), at(n.BeganAt), at(n.Expires), string(n.Origin), orNull(n.Home)); err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	return nil
}

// SessionAccount returns the account that a cookie is signed in to, ErrNotFound when it
// is to none. A session that was not used for longer than idle, or that another kind of
// browser comes with than began it, is ended; one from the department as soon as the
// session there, the role on either side or an account has.
func (s *Store) SessionAccount(ctx context.Context, school custody.SchoolID, cookie, agent string, now time.Time, idle time.Duration) (OpenSession, error) {
	var row struct {
		ID           string `db:"id"`
		PersonID     string `db:"person_id"`
		Username     string `db:"username"`
		PasswordHash string `db:"password_hash"`
		ChangedAt    stamp  `db:"changed_at"`
		Agent        string `db:"agent_sha256"`
		UsedAt       stamp  `db:"used_at"`
		ExpiresAt    stamp  `db:"expires_at"`
		Origin       string `db:"origin"`
		Home         string `db:"home_session"`
	}
	err := s.reader.get(ctx, &row, `SELECT s.id, a.person_id, a.username, a.password_hash, a.changed_at, s.agent_sha256, s.used_at, s.expires_at, s.origin, COALESCE(s.home_session, '') AS home_session
		FROM account_sessions s JOIN accounts a ON a.person_id = s.person_id WHERE s.school_id = ? AND s.cookie_sha256 = ?`, string(school), sha256Hex([]byte(cookie)))
	if errors.Is(err, sql.ErrNoRows) {
		return OpenSession{}, custody.NotFound("session")
	}
	if err != nil {
		return OpenSession{}, fmt.Errorf("read session: %w", err)
	}
	open := row.Agent == sha256Hex([]byte(agent)) && now.Sub(row.UsedAt.Time) <= idle && now.Before(row.ExpiresAt.Time)
	if origin := custody.SessionOrigin(row.Origin); open && origin == custody.OriginDepartment {
		if open, err = s.visitGoesOn(ctx, school, custody.PersonID(row.PersonID), row.Home, now, idle); err != nil {
			return OpenSession{}, err
		}
	}
	if !open {
		if err := s.EndSessionOf(ctx, cookie); err != nil {
			return OpenSession{}, err
		}
		return OpenSession{}, custody.NotFound("session")
	}
	if now.Sub(row.UsedAt.Time) >= SessionUsedEvery {
		if _, err := s.writer.exec(ctx, `UPDATE account_sessions SET used_at = ? WHERE id = ?`, at(now), row.ID); err != nil {
			s.log.Warn("last use of a session not noted", "error", err) // no reason to refuse what was asked for
		}
	}
	return OpenSession{ID: row.ID, Origin: custody.SessionOrigin(row.Origin),
		Account: Account{PersonID: custody.PersonID(row.PersonID), Username: row.Username, PasswordHash: row.PasswordHash, ChangedAt: row.ChangedAt.Time}}, nil
}

// EndSessionOf ends the session of a cookie; one that is not there is no error.
func (s *Store) EndSessionOf(ctx context.Context, cookie string) error {
	if _, err := s.writer.exec(ctx, `DELETE FROM account_sessions WHERE cookie_sha256 = ?`, sha256Hex([]byte(cookie))); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// AccountSessions lists a person's sessions, the latest used first: one's own, or
// anybody's for who manages the register. cookie marks the one that asks. Those that
// somebody of the department has opened at schools from here are among their own.
func (s *Store) AccountSessions(ctx context.Context, actor custody.Actor, person custody.PersonID, cookie string, now time.Time) ([]AccountSession, error) {
	if actor.Person != person && !actor.Roles.May(custody.RunRegister) {
		return nil, custody.NotFound("account")
	}
	var listed []struct {
		ID      string `db:"id"`
		Cookie  string `db:"cookie_sha256"`
		Device  string `db:"device"`
		Address string `db:"address"`
		BeganAt stamp  `db:"began_at"`
		UsedAt  stamp  `db:"used_at"`
		Origin  string `db:"origin"`
		School  string `db:"school"`
	}
	if err := s.reader.list(ctx, &listed, `SELECT a.id, a.cookie_sha256, a.device, a.address, a.began_at, a.used_at, a.origin,
		CASE WHEN a.school_id = ? THEN '' ELSE COALESCE((SELECT s.name FROM schools s WHERE s.id = a.school_id), '') END AS school FROM account_sessions a
		WHERE (a.school_id = ? AND a.person_id = ? OR `+openedFrom+`) AND a.expires_at > ? ORDER BY a.used_at DESC, a.id`, string(actor.School),
		string(actor.School), string(person), string(actor.School), string(person), at(now)); err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	own := sha256Hex([]byte(cookie))
	rows := make([]AccountSession, 0, len(listed))
	for _, r := range listed {
		rows = append(rows, AccountSession{ID: r.ID, Device: r.Device, Address: r.Address, BeganAt: r.BeganAt.Time, UsedAt: r.UsedAt.Time, Own: cookie != "" && r.Cookie == own,
			Origin: custody.SessionOrigin(r.Origin), School: r.School})
	}
	return rows, nil
}

// openedFrom is the condition under which a session, a, was opened at a school by a person
// of the department, whose school and id are its parameters.
const openedFrom = `a.home_session IN (SELECT h.id FROM account_sessions h WHERE h.school_id = ? AND h.person_id = ?)`

// EndSession ends one of the actor's own sessions, also one that they opened at a school
// from here.
func (s *Store) EndSession(ctx context.Context, actor custody.Actor, id string) error {
	n, err := s.writer.exec(ctx, `DELETE FROM account_sessions WHERE id = ? AND id IN (SELECT a.id FROM account_sessions a WHERE a.school_id = ? AND a.person_id = ? OR `+openedFrom+`)`,
		id, string(actor.School), string(actor.Person), string(actor.School), string(actor.Person))
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	if n == 0 {
		return custody.NotFound("session")
	}
	return nil
}

// EndOtherSessions ends all of the actor's own sessions but that of the cookie, also those
// that they opened at schools from here, and returns how many.
func (s *Store) EndOtherSessions(ctx context.Context, actor custody.Actor, cookie string) (int64, error) {
	n, err := s.writer.exec(ctx, `DELETE FROM account_sessions WHERE id IN (SELECT a.id FROM account_sessions a WHERE a.school_id = ? AND a.person_id = ? AND a.cookie_sha256 <> ? OR `+openedFrom+`)`,
		string(actor.School), string(actor.Person), sha256Hex([]byte(cookie)), string(actor.School), string(actor.Person))
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	return n, nil
}

// EndAllSessions ends all sessions of somebody else, by who manages the register: an
// entry of the log. Where there is none nothing is written.
func (s *Store) EndAllSessions(ctx context.Context, actor custody.Actor, person custody.PersonID) (int64, error) {
	if !actor.Roles.May(custody.RunRegister) {
		return 0, custody.NotFound("account")
	}
	var ended int64
	err := s.write(ctx, actor.School, func(t *tx) error {
		if err := t.requirePerson(person); err != nil {
			return err
		}
		var err error
		if ended, err = t.endSessions(person); err != nil || ended == 0 {
			return err
		}
		_, err = t.changeAccount(actor, custody.AccountSessionsEnded, accountChangeRow{Person: string(person)}, nil)
		return err
	})
	return ended, err
}

func (t *tx) endSessions(person custody.PersonID) (int64, error) {
	n, err := t.exec(t.ctx, `DELETE FROM account_sessions WHERE school_id = ? AND person_id = ?`, string(t.school), string(person))
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	return n, nil
}
