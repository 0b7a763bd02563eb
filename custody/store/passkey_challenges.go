package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sokyso/custody"
)

// PasskeyPurpose is what an answer with a passkey is asked for.
type PasskeyPurpose string

// The purposes. An answer to one is worth nothing for another.
const (
	PasskeyRegister PasskeyPurpose = "register"
	PasskeySignIn   PasskeyPurpose = "sign_in"
	PasskeyConfirm  PasskeyPurpose = "confirm"
)

// PasskeyChallengeLifetime is how long a browser may take to answer.
const PasskeyChallengeLifetime = 5 * time.Minute

// PasskeyChallenge is what a browser is asked.
type PasskeyChallenge struct {
	Session string // a secret of the browser's session; only its hash is kept
	Purpose PasskeyPurpose
	Person  custody.PersonID // who is asked; "" = whoever signs in
	Name    string           // of the passkey that is registered
	Asked   []byte           // challenge and conditions, in the form of who asks
}

// AskPasskey keeps what a browser is asked, in the place of what it was asked before for the
// same purpose. It is in the database, so that any replica takes the answer.
func (s *Store) AskPasskey(ctx context.Context, school custody.SchoolID, c PasskeyChallenge) error {
	now := s.now()
	if _, err := s.writer.exec(ctx, `DELETE FROM passkey_challenges WHERE expires_at <= ?`, at(now)); err != nil {
		return fmt.Errorf("clear expired challenges: %w", err)
	}
	if _, err := s.writer.exec(ctx, `INSERT INTO passkey_challenges (session_sha256, purpose, school_id, person_id, name, asked, asked_sha256, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (session_sha256, purpose) DO UPDATE SET school_id = excluded.school_id, person_id = excluded.person_id, name = excluded.name, asked = excluded.asked,
		asked_sha256 = excluded.asked_sha256, expires_at = excluded.expires_at`, sha256Hex([]byte(c.Session)), string(c.Purpose), string(school), orNull(c.Person), c.Name, c.Asked,
		sha256Hex(c.Asked), at(now.Add(PasskeyChallengeLifetime))); err != nil {
		return fmt.Errorf("keep challenge: %w", err)
	}
	return nil
}

// TakePasskeyChallenge returns what a session was asked for a purpose, and forgets it,
// whatever becomes of the answer: of two answers at the same time one gets it. ErrNotFound
// when the session was asked nothing, somebody else, or too long ago.
func (s *Store) TakePasskeyChallenge(ctx context.Context, school custody.SchoolID, session string, purpose PasskeyPurpose, person custody.PersonID) (PasskeyChallenge, error) {
	none := custody.NotFound("challenge")
	if session == "" {
		return PasskeyChallenge{}, none
	}
	var row struct {
		Person  string `db:"person_id"`
		Name    string `db:"name"`
		Asked   []byte `db:"asked"`
		Hash    string `db:"asked_sha256"`
		Expires stamp  `db:"expires_at"`
	}
	key := sha256Hex([]byte(session))
	err := s.writer.get(ctx, &row, `SELECT COALESCE(person_id, '') AS person_id, name, asked, asked_sha256, expires_at FROM passkey_challenges
		WHERE school_id = ? AND session_sha256 = ? AND purpose = ?`, string(school), key, string(purpose))
	if errors.Is(err, sql.ErrNoRows) {
		return PasskeyChallenge{}, none
	}
	if err != nil {
		return PasskeyChallenge{}, fmt.Errorf("read challenge: %w", err)
	}
	n, err := s.writer.exec(ctx, `DELETE FROM passkey_challenges WHERE session_sha256 = ? AND purpose = ? AND asked_sha256 = ?`, key, string(purpose), row.Hash)
	if err != nil {
		return PasskeyChallenge{}, fmt.Errorf("take challenge: %w", err)
	}
	if n == 0 || row.Person != string(person) || !s.now().Before(row.Expires.Time) {
		return PasskeyChallenge{}, none
	}
	return PasskeyChallenge{Session: session, Purpose: purpose, Person: person, Name: row.Name, Asked: row.Asked}, nil
}
