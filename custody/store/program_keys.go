package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"sokyso/custody"
)

// ProgramKeyPrefix is what keys of programs begin with, for secret scanners and for who
// asks: an agent's key begins otherwise.
const ProgramKeyPrefix = "skp_"

// maxProgramKey is how long a program's key may last.
const maxProgramKey = 2 * 366 * 24 * time.Hour

// ProgramKey is a program's key that goes on.
type ProgramKey struct {
	ID        custody.APIKeyID
	Name      string
	Scopes    custody.ProgramScopes
	MadeBy    custody.PersonID
	MadeAt    time.Time
	Expires   time.Time
	LastUsed  *time.Time // exact to ten minutes; nil = never
	MakerLeft bool       // the account of who made it, and saw it, has ended
}

// LastDay is the last day on which the key may be used.
func (k ProgramKey) LastDay() custody.Date { return custody.DateOf(k.Expires.Add(-time.Second)) }

// MakeProgramKey makes a key for a program, by an admin, and returns it this once: the
// register keeps its hash. until is its last day, within two years.
func (s *Store) MakeProgramKey(ctx context.Context, actor custody.Actor, name string, scopes custody.ProgramScopes, until custody.Date) (string, error) {
	if !actor.Roles.May(custody.Administer) {
		return "", custody.Forbidden(custody.ReasonAdminOnly)
	}
	if err := texts("name!", &name); err != nil {
		return "", err
	}
	day, err := time.ParseInLocation(time.DateOnly, string(until), custody.SchoolZone)
	expires := at(day.AddDate(0, 0, 1)) // the end of that day
	switch now := s.now(); {
	case err != nil:
		return "", custody.Invalid("until", "day %.20q", string(until))
	case !now.Before(expires.Time):
		return "", custody.Conflict(custody.ReasonPastDay, "field", "until")
	case expires.Sub(now) > maxProgramKey:
		return "", custody.Invalid("until", "%s is more than two years ahead", until)
	}
	b := make([]byte, 32)
	rand.Read(b)
	key := ProgramKeyPrefix + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
	err = s.write(ctx, actor.School, func(t *tx) error {
		_, err := t.changeAccount(actor, custody.ProgramKeyMade, accountChangeRow{Secret: sha256Hex([]byte(key)), Scopes: string(scopes), Expires: &expires}, map[string]string{"name": name})
		return err
	})
	if err != nil {
		return "", err
	}
	return key, nil
}

var queryProgramKeys = `SELECT ` + accountChangeColumns + `, ` + revealOf("c", "name") + ` AS name, u.used_at,
	(SELECT COUNT(*) FROM account_changes x WHERE x.subject_id = c.id AND x.kind = 'key_ended') AS ended,
	COALESCE((SELECT MIN(e.until_on) FROM endings e WHERE e.person_id = c.changed_by AND e.kind = 'account'), '') AS maker_until
	FROM account_changes c LEFT JOIN program_key_uses u ON u.key_id = c.id WHERE c.kind = 'key_made'`

type programKeyRow struct {
	accountChangeRow
	Name   string `db:"name"`
	UsedAt *stamp `db:"used_at"`
	Ended  int    `db:"ended"`
	Until  string `db:"maker_until"`
}

// ProgramKeys lists the keys that go on, the newest first, to admins.
func (s *Store) ProgramKeys(ctx context.Context, actor custody.Actor) ([]ProgramKey, error) {
	if !actor.Roles.May(custody.Administer) {
		return nil, custody.Forbidden(custody.ReasonAdminOnly)
	}
	var rows []programKeyRow
	if err := s.reader.list(ctx, &rows, queryProgramKeys+` AND c.school_id = ? AND c.expires_at > ? ORDER BY c.entry_index DESC`, string(actor.School), at(s.now())); err != nil {
		return nil, fmt.Errorf("list program keys: %w", err)
	}
	today := custody.DateOf(s.now())
	var keys []ProgramKey
	for _, r := range rows {
		if r.Ended == 0 {
			keys = append(keys, ProgramKey{ID: custody.APIKeyID(r.ID), Name: r.Name, Scopes: custody.ProgramScopes(r.Scopes), MadeBy: custody.PersonID(r.By),
				MadeAt: r.At.Time, Expires: r.Expires.Time, LastUsed: r.UsedAt.moment(),
				MakerLeft: r.Until != "" && custody.Date(r.Until) < today})
		}
	}
	return keys, nil
}

// EndProgramKey ends a key for good, by an admin. One that was ended stays ended, without
// another entry.
func (s *Store) EndProgramKey(ctx context.Context, actor custody.Actor, id custody.APIKeyID) error {
	if !actor.Roles.May(custody.Administer) {
		return custody.Forbidden(custody.ReasonAdminOnly)
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		row, err := optional[programKeyRow](t, queryProgramKeys+` AND c.school_id = ? AND c.id = ?`, string(t.school), string(id))
		if err != nil {
			return fmt.Errorf("read program key: %w", err)
		}
		if row == nil {
			return custody.NotFound("program_key")
		}
		if row.Ended > 0 {
			return nil
		}
		_, err = t.changeAccount(actor, custody.ProgramKeyEnded, accountChangeRow{Subject: row.ID}, map[string]string{"name": row.Name})
		return err
	})
}

// ActorByProgramKey returns what a program may do by its key: read as who runs the
// register does, within the scopes. ErrUnauthenticated when the key is none, was ended
// or has expired.
func (s *Store) ActorByProgramKey(ctx context.Context, key string) (custody.Actor, error) {
	var row programKeyRow
	err := s.reader.get(ctx, &row, queryProgramKeys+` AND c.secret_sha256 = ?`, sha256Hex([]byte(key)))
	if errors.Is(err, sql.ErrNoRows) {
		return custody.Actor{}, &custody.Error{Kind: custody.ErrUnauthenticated, Code: custody.CodeUnauthenticated}
	}
	if err != nil {
		return custody.Actor{}, fmt.Errorf("read program key: %w", err)
	}
	now := s.now()
	if row.Ended > 0 || row.Expires == nil || !now.Before(row.Expires.Time) {
		return custody.Actor{}, &custody.Error{Kind: custody.ErrUnauthenticated, Code: custody.CodeUnauthenticated, Params: map[string]string{"reason": custody.ReasonProgramKeyEnded}}
	}
	if row.UsedAt == nil || now.Sub(row.UsedAt.Time) >= usedEvery {
		if _, err := s.writer.exec(ctx, `INSERT INTO program_key_uses (key_id, used_at) VALUES (?, ?) ON CONFLICT (key_id) DO UPDATE SET used_at = excluded.used_at`, row.ID, at(now)); err != nil {
			s.log.Warn("last use of a key not noted", "error", err) // no reason to refuse what was asked for
		}
	}
	return custody.Actor{School: custody.SchoolID(row.School), Roles: custody.Roles{Program: true}, Via: custody.ViaProgram, Key: custody.APIKeyID(row.ID), Scopes: custody.ProgramScopes(row.Scopes)}, nil
}
