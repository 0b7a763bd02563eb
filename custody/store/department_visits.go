package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"sokyso/custody"
)

// NewVisit is somebody at the department who wants to open a school.
type NewVisit struct {
	Actor   custody.Actor // at the department
	Session string        // of theirs there
	Origin  custody.SessionOrigin
	School  custody.SchoolID
	Browser string // SHA-256 of what the browser's cookie at the school holds, hex
}

// VisitTicket makes a ticket by which the browser with that cookie is let in at a school
// once, within [custody.DepartmentTicketLifetime]. ErrNotFound where the school does not
// let the person in. Expired tickets are removed.
func (s *Store) VisitTicket(ctx context.Context, n NewVisit) (string, error) {
	if !isHash(n.Browser) {
		return "", custody.Invalid("state", "not 64 lower-case hexadecimal digits")
	}
	school, err := s.SchoolRead(ctx, n.Actor, n.School)
	if err != nil {
		return "", err
	}
	settings, err := s.Settings(ctx, custody.Actor{School: n.School})
	if err != nil {
		return "", err
	}
	if err := custody.DecideVisit(settings, n.Origin); err != nil {
		return "", err
	}
	now := s.now()
	if _, err := s.writer.exec(ctx, `DELETE FROM department_tickets WHERE expires_at <= ?`, at(now)); err != nil {
		return "", fmt.Errorf("clear expired tickets: %w", err)
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	ticket := hex.EncodeToString(secret)
	if _, err := s.writer.exec(ctx, `INSERT INTO department_tickets (ticket_sha256, school_id, person_id, browser, home_session, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
		sha256Hex([]byte(ticket)), string(n.School), string(school.Person), n.Browser, n.Session, at(now.Add(custody.DepartmentTicketLifetime))); err != nil {
		return "", fmt.Errorf("write ticket: %w", err)
	}
	return ticket, nil
}

// Visit is somebody of the department who was let in at a school.
type Visit struct {
	Account Account
	Session string // theirs at the department, with which the visit ends
}

// visitEnded says that there is no such ticket (any more).
func visitEnded() error { return custody.Conflict(custody.ReasonVisitEnded) }

// Enter takes a ticket, once, from the browser that it was made for, and records in the
// school's log who has come. What was true when it was made must be true now. now is the
// true time, by which sessions end, and idle how long one is kept unused.
func (s *Store) Enter(ctx context.Context, school custody.SchoolID, ticket, cookie string, now time.Time, idle time.Duration) (Visit, error) {
	var visit Visit
	err := s.write(ctx, school, func(t *tx) error {
		visit = Visit{}
		row, err := optional[struct {
			Person  string `db:"person_id"`
			Session string `db:"home_session"`
			Expires stamp  `db:"expires_at"`
		}](t, `SELECT person_id, home_session, expires_at FROM department_tickets WHERE school_id = ? AND ticket_sha256 = ? AND browser = ?`,
			string(t.school), sha256Hex([]byte(ticket)), sha256Hex([]byte(cookie)))
		if err != nil {
			return fmt.Errorf("read ticket: %w", err)
		}
		if row == nil || !t.now.Before(row.Expires.Time) {
			return visitEnded()
		}
		used, err := t.exec(t.ctx, `DELETE FROM department_tickets WHERE ticket_sha256 = ?`, sha256Hex([]byte(ticket)))
		if err != nil {
			return fmt.Errorf("use ticket: %w", err)
		}
		if used != 1 {
			return visitEnded()
		}
		home, err := optional[homeSession](t, queryHomeSession, homeSessionArgs(t.school, custody.PersonID(row.Person), row.Session, t.now)...)
		if err != nil {
			return fmt.Errorf("read session at the department: %w", err)
		}
		if home == nil || !home.goesOn(now, idle) {
			return visitEnded()
		}
		settings, err := t.settings()
		if err != nil {
			return err
		}
		if err := custody.DecideVisit(settings, custody.SessionOrigin(home.Origin)); err != nil {
			return err
		}
		actor := custody.Actor{School: t.school, Person: custody.PersonID(row.Person), Via: custody.ViaPage}
		if err := t.changeDepartment(actor, custody.DepartmentEntered, departmentChangeRow{Person: row.Person, HomeSchool: home.School, HomePerson: home.Person}); err != nil {
			return err
		}
		visit.Session = row.Session
		visit.Account.PersonID = actor.Person
		return nil
	})
	if err != nil {
		return Visit{}, err
	}
	visit.Account, err = s.AccountOf(ctx, school, visit.Account.PersonID)
	return visit, err
}

// homeSession is the session at the department that a visit began from.
type homeSession struct {
	School  string `db:"school_id"`
	Person  string `db:"person_id"`
	Origin  string `db:"origin"`
	UsedAt  stamp  `db:"used_at"`
	Expires stamp  `db:"expires_at"`
}

func (h homeSession) goesOn(now time.Time, idle time.Duration) bool {
	return now.Sub(h.UsedAt.Time) <= idle && now.Before(h.Expires.Time)
}

// queryHomeSession finds it as long as the person may read on both sides: the school lets
// them in, the department has them read for it, and neither account has ended.
var queryHomeSession = `SELECT h.school_id, h.person_id, h.origin, h.used_at, h.expires_at FROM account_sessions h
	JOIN department_changes c ON c.home_person_id = h.person_id AND c.home_school_id = h.school_id AND c.kind = 'linked'
	WHERE h.id = ? AND c.school_id = ? AND c.person_id = ? AND h.origin <> 'department'
	AND EXISTS (SELECT 1 FROM persons p WHERE p.id = c.person_id AND p.school_id = c.school_id AND ` + readsForDepartment + `)
	AND EXISTS (SELECT 1 FROM persons p WHERE p.id = h.person_id AND p.school_id = h.school_id AND ` + readsForDepartment + `)`

func homeSessionArgs(school custody.SchoolID, person custody.PersonID, session string, now time.Time) []any {
	today := string(custody.DateOf(now))
	return []any{session, string(school), string(person), today, today}
}

// visitGoesOn reports whether a session of somebody of the department may go on.
func (s *Store) visitGoesOn(ctx context.Context, school custody.SchoolID, person custody.PersonID, session string, now time.Time, idle time.Duration) (bool, error) {
	var home homeSession
	err := s.reader.get(ctx, &home, queryHomeSession, homeSessionArgs(school, person, session, s.now())...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read session at the department: %w", err)
	}
	return home.goesOn(now, idle), nil
}
