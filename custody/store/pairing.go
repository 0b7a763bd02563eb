package store

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

const (
	// codeAlphabet leaves out 0 O 1 I, which people mistake for one another.
	codeAlphabet  = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	finderLength  = 3 // finds the row; no secret
	secretLength  = 5 // 25 bits, tried at most pairingTries times
	pairingTries  = 5
	pairingExpiry = 15 * time.Minute
)

// CreatePairingCode returns a code of 8 characters, good for one pairing of the
// actor's next agent within 15 minutes. An older code of the same person ends.
func (s *Store) CreatePairingCode(ctx context.Context, actor custody.Actor) (string, time.Time, error) {
	if actor.Person == "" {
		return "", time.Time{}, custody.Invalid("person", "only a person pairs an agent")
	}
	var linked bool
	if err := s.reader.get(ctx, &linked, `SELECT EXISTS (SELECT 1 FROM persons p WHERE p.school_id = ? AND p.id = ? AND `+ofDepartment+`)`, string(actor.School), string(actor.Person)); err != nil {
		return "", time.Time{}, fmt.Errorf("create pairing code: %w", err)
	}
	if linked {
		return "", time.Time{}, custody.Conflict(custody.ReasonOfDepartment)
	}
	now := s.now()
	expires := now.Add(pairingExpiry)
	if _, err := s.writer.exec(ctx, `DELETE FROM pairing_codes WHERE expires_at <= ? OR person_id = ?`, at(now), string(actor.Person)); err != nil {
		return "", time.Time{}, fmt.Errorf("create pairing code: %w", err)
	}
	for range 20 {
		code := randomCode(finderLength + secretLength)
		_, err := s.writer.exec(ctx, `INSERT INTO pairing_codes (finder, school_id, person_id, secret_sha256, tries, created_at, expires_at) VALUES (?, ?, ?, ?, 0, ?, ?)`,
			code[:finderLength], string(actor.School), string(actor.Person), sha256Hex([]byte(code)), at(now), at(expires))
		switch {
		case errors.Is(err, ErrUnique):
			continue // another open code begins the same
		case errors.Is(err, ErrForeignKey):
			return "", time.Time{}, custody.NotFound("person")
		case err != nil:
			return "", time.Time{}, fmt.Errorf("create pairing code: %w", err)
		}
		return code, expires, nil
	}
	return "", time.Time{}, fmt.Errorf("create pairing code: too many are open")
}

// randomCode draws from the alphabet's 32 letters without bias.
func randomCode(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		b[i] = codeAlphabet[b[i]&31]
	}
	return string(b)
}

// cleanCode forgives lower case, blanks and hyphens.
func cleanCode(code string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\t' {
			return -1
		}
		return r
	}, strings.ToUpper(code))
}

// Pair trades a code for an API key, which is returned this once: the register
// keeps its hash. A code that is unknown, used, expired or tried too often gives
// an ErrInvalid with code pairing_code.
func (s *Store) Pair(ctx context.Context, school custody.SchoolID, code, device string) (string, custody.Actor, error) {
	code = cleanCode(code)
	if err := texts("device!", &device); err != nil {
		return "", custody.Actor{}, err
	}
	wrong := &custody.Error{Kind: custody.ErrInvalid, Code: custody.CodePairingCode}
	if len(code) != finderLength+secretLength {
		return "", custody.Actor{}, wrong
	}
	finder := code[:finderLength]
	// The try is counted before the code is looked at, so that parallel tries count.
	n, err := s.writer.exec(ctx, `UPDATE pairing_codes SET tries = tries + 1 WHERE school_id = ? AND finder = ? AND expires_at > ? AND tries < ?`,
		string(school), finder, at(s.now()), pairingTries)
	if err != nil {
		return "", custody.Actor{}, fmt.Errorf("pair: %w", err)
	}
	if n == 0 {
		return "", custody.Actor{}, wrong
	}
	var row struct {
		School string `db:"school_id"`
		Person string `db:"person_id"`
		Secret string `db:"secret_sha256"`
	}
	err = s.reader.get(ctx, &row, `SELECT school_id, person_id, secret_sha256 FROM pairing_codes WHERE finder = ?`, finder)
	if errors.Is(err, sql.ErrNoRows) {
		return "", custody.Actor{}, wrong
	}
	if err != nil {
		return "", custody.Actor{}, fmt.Errorf("pair: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(row.Secret), []byte(sha256Hex([]byte(code)))) != 1 {
		return "", custody.Actor{}, wrong
	}
	actor, _, err := s.ActorOf(ctx, custody.SchoolID(row.School), custody.PersonID(row.Person), custody.ViaAgent)
	if err != nil {
		return "", custody.Actor{}, err
	}
	key, made := newAPIKey(), custody.APIKeyID(newID())
	err = s.write(ctx, actor.School, func(t *tx) error {
		used, err := t.exec(t.ctx, `DELETE FROM pairing_codes WHERE finder = ? AND secret_sha256 = ?`, finder, row.Secret)
		if err != nil {
			return fmt.Errorf("pair: %w", err)
		}
		if used != 1 {
			return wrong // somebody was faster
		}
		k := apiKeyRow{rowBase: rowBase{ID: string(made), School: row.School}, Person: row.Person, KeySHA256: sha256Hex([]byte(key)), CreatedAt: at(t.now)}
		if k.Entry, err = t.append(signinglog.TypePairing, actor, k.fields(), map[string]string{"device": device}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO api_keys (id, school_id, person_id, key_sha256, created_at, entry_index)`,
			k.ID, k.School, k.Person, k.KeySHA256, k.CreatedAt, k.Entry); err != nil {
			return fmt.Errorf("pair: %w", err)
		}
		return nil
	})
	if err != nil {
		return "", custody.Actor{}, err
	}
	actor.Key = made
	return key, actor, nil
}

// newAPIKey returns 256 random bits with a prefix that secret scanners can know.
func newAPIKey() string {
	b := make([]byte, 32)
	rand.Read(b)
	return "sks_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// usedEvery is how exact the time is at which a key was last used: to write it at
// each request would double the commits of a grant.
const usedEvery = 10 * time.Minute

// ActorByAPIKey returns the person an agent was paired with, ErrUnauthenticated
// when the key is none, with the code key_ended or account_ended when it was one. A key of
// somebody of the department, which a service of an earlier release may have made, is none.
func (s *Store) ActorByAPIKey(ctx context.Context, key string) (custody.Actor, error) {
	var row struct {
		ID      string `db:"id"`
		School  string `db:"school_id"`
		Person  string `db:"person_id"`
		UsedAt  *stamp `db:"last_used_at"`
		EndedAt *stamp `db:"ended_at"`
		Linked  bool   `db:"linked"`
	}
	err := s.reader.get(ctx, &row, `SELECT k.id, k.school_id, k.person_id, k.last_used_at, u.ended_at,
		EXISTS (SELECT 1 FROM department_changes d WHERE d.person_id = k.person_id AND d.kind = 'linked') AS linked
		FROM api_keys k LEFT JOIN unpairings u ON u.api_key_id = k.id WHERE k.key_sha256 = ?`, sha256Hex([]byte(key)))
	if errors.Is(err, sql.ErrNoRows) || err == nil && row.Linked {
		return custody.Actor{}, &custody.Error{Kind: custody.ErrUnauthenticated, Code: custody.CodeUnauthenticated}
	}
	if err != nil {
		return custody.Actor{}, fmt.Errorf("read API key: %w", err)
	}
	if row.EndedAt != nil {
		return custody.Actor{}, &custody.Error{Kind: custody.ErrUnauthenticated, Code: custody.CodeKeyEnded,
			Params: map[string]string{"at": row.EndedAt.Format(time.RFC3339)}}
	}
	actor, _, err := s.ActorOf(ctx, custody.SchoolID(row.School), custody.PersonID(row.Person), custody.ViaAgent)
	if err != nil {
		return custody.Actor{}, err
	}
	actor.Key = custody.APIKeyID(row.ID)
	if now := s.now(); row.UsedAt == nil || now.Sub(row.UsedAt.Time) >= usedEvery {
		if _, err := s.writer.exec(ctx, `UPDATE api_keys SET last_used_at = ? WHERE id = ?`, at(now), row.ID); err != nil {
			s.log.Warn("last use of a key not noted", "error", err) // no reason to refuse what was asked for
		}
	}
	return actor, nil
}

// Pairings lists a person's agents whose keys go on, the newest first: one's own,
// or anybody's for who manages the register.
func (s *Store) Pairings(ctx context.Context, actor custody.Actor, person custody.PersonID) ([]Pairing, error) {
	return s.pairings(ctx, actor, ` AND k.person_id = ?`, string(person))
}

// Pairing returns one of them.
func (s *Store) Pairing(ctx context.Context, actor custody.Actor, id custody.APIKeyID) (Pairing, error) {
	rows, err := s.pairings(ctx, actor, ` AND k.id = ?`, string(id))
	if err != nil {
		return Pairing{}, err
	}
	if len(rows) == 0 {
		return Pairing{}, custody.NotFound("pairing")
	}
	return rows[0], nil
}

func (s *Store) pairings(ctx context.Context, actor custody.Actor, condition string, args ...any) ([]Pairing, error) {
	query, all := `SELECT k.id, k.person_id, k.created_at, k.last_used_at, k.entry_index, COALESCE(d.value, '') AS device FROM api_keys k
		LEFT JOIN reveals d ON d.school_id = k.school_id AND d.entry_index = k.entry_index AND d.field = 'device'
		WHERE k.school_id = ? AND NOT EXISTS (SELECT 1 FROM unpairings u WHERE u.api_key_id = k.id)`+condition, append([]any{string(actor.School)}, args...)
	if !actor.Roles.May(custody.RunRegister) {
		query, all = query+` AND k.person_id = ?`, append(all, string(actor.Person))
	}
	var listed []struct {
		ID        string `db:"id"`
		Person    string `db:"person_id"`
		CreatedAt stamp  `db:"created_at"`
		UsedAt    *stamp `db:"last_used_at"`
		Entry     int64  `db:"entry_index"`
		Device    string `db:"device"`
	}
	if err := s.reader.list(ctx, &listed, query+` ORDER BY k.entry_index DESC`, all...); err != nil {
		return nil, fmt.Errorf("list pairings: %w", err)
	}
	rows := make([]Pairing, 0, len(listed))
	for _, r := range listed {
		rows = append(rows, Pairing{ID: custody.APIKeyID(r.ID), Person: custody.PersonID(r.Person), Device: r.Device,
			PairedAt: r.CreatedAt.Time, LastUsed: r.UsedAt.moment(), Entry: r.Entry})
	}
	return rows, nil
}

// EndPairing ends an agent's key for good: one's own, or anybody's by who manages
// the register. One that was ended before stays ended, without another entry.
func (s *Store) EndPairing(ctx context.Context, actor custody.Actor, id custody.APIKeyID) error {
	return s.write(ctx, actor.School, func(t *tx) error {
		key, err := optional[apiKeyRow](t, `SELECT `+apiKeyColumns+` FROM api_keys WHERE school_id = ? AND id = ?`, string(t.school), string(id))
		if err != nil {
			return fmt.Errorf("read API key: %w", err)
		}
		if key == nil || key.Person != string(actor.Person) && !actor.Roles.May(custody.RunRegister) {
			return custody.NotFound("pairing")
		}
		var kept struct {
			Ended  int    `db:"ended"`
			Device string `db:"device"`
		}
		if err := t.get(t.ctx, &kept, `SELECT (SELECT COUNT(*) FROM unpairings WHERE api_key_id = ?) AS ended,
			COALESCE((SELECT value FROM reveals WHERE school_id = ? AND entry_index = ? AND field = 'device'), '') AS device`,
			key.ID, key.School, key.Entry); err != nil {
			return fmt.Errorf("read API key: %w", err)
		}
		if kept.Ended > 0 {
			return nil
		}
		row := unpairingRow{apiKeyRow: *key, EndedAt: at(t.now)}
		if row.Index, err = t.append(signinglog.TypeUnpairing, actor, row.fields(), map[string]string{"device": kept.Device}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO unpairings (api_key_id, school_id, ended_at, entry_index)`, row.ID, row.School, row.EndedAt, row.Index); err != nil {
			return fmt.Errorf("end pairing: %w", err)
		}
		return nil
	})
}
