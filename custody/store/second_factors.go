package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"sokyso/custody"
)

// factorKeyContext separates the key of second factors from the log's, out of which
// it is made: it is in no table, and replicas that share the log's key share it.
const factorKeyContext = "sokyso second factor key 1"

// factorCipher encrypts secrets of second factors (HKDF-SHA-256, RFC 5869; AES-256-GCM).
func factorCipher(logKey string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(logKey), nil, factorKeyContext, 32)
	if err != nil {
		return nil, fmt.Errorf("derive key of second factors: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("cipher of second factors: %w", err)
	}
	return cipher.NewGCM(block)
}

// factorKey is the cipher, or why there is none.
func (s *Store) factorKey() (cipher.AEAD, error) {
	if s.factors == nil {
		return nil, &custody.Error{Kind: custody.ErrUnavailable, Code: custody.CodeUnavailable, Params: map[string]string{"reason": custody.ReasonLogKey}}
	}
	return s.factors, nil
}

// SecondFactor is the second factor of a person's account.
type SecondFactor struct {
	Secret    []byte // of RFC 6238; nil = none
	Confirmed bool   // a first code was typed: from now on it is asked for
	Recovery  int    // codes that are left
}

// SecondFactor returns what an account has besides its password; none is no error.
func (s *Store) SecondFactor(ctx context.Context, school custody.SchoolID, person custody.PersonID) (SecondFactor, error) {
	var row struct {
		Secret      []byte `db:"secret"`
		ConfirmedAt *stamp `db:"confirmed_at"`
		Recovery    int    `db:"recovery"`
	}
	err := s.reader.get(ctx, &row, `SELECT f.secret, f.confirmed_at, (SELECT COUNT(*) FROM recovery_codes c WHERE c.person_id = f.person_id) AS recovery
		FROM second_factors f WHERE f.school_id = ? AND f.person_id = ?`, string(school), string(person))
	if errors.Is(err, sql.ErrNoRows) {
		return SecondFactor{}, nil
	}
	if err != nil {
		return SecondFactor{}, fmt.Errorf("read second factor: %w", err)
	}
	f := SecondFactor{Confirmed: row.ConfirmedAt != nil, Recovery: row.Recovery}
	aead, err := s.factorKey()
	if err != nil {
		return SecondFactor{}, err
	}
	size := aead.NonceSize()
	if len(row.Secret) < size {
		return SecondFactor{}, fmt.Errorf("second factor of %s: %w", person, ErrDamaged)
	}
	// The person is bound in: a row put in another's place opens nothing.
	if f.Secret, err = aead.Open(nil, row.Secret[:size], row.Secret[size:], []byte(person)); err != nil {
		return SecondFactor{}, fmt.Errorf("second factor of %s: %w", person, ErrDamaged)
	}
	return f, nil
}

// BeginSecondFactor keeps the secret of a factor that its owner is about to set up. It
// replaces one that was begun and not confirmed; a confirmed one is a conflict.
func (s *Store) BeginSecondFactor(ctx context.Context, actor custody.Actor, secret []byte) error {
	aead, err := s.factorKey()
	if err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	sealed := aead.Seal(nonce, nonce, secret, []byte(actor.Person))
	n, err := s.writer.exec(ctx, `INSERT INTO second_factors (person_id, school_id, secret, created_at, last_step) VALUES (?, ?, ?, ?, 0)
		ON CONFLICT (person_id) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at WHERE second_factors.confirmed_at IS NULL`,
		string(actor.Person), string(actor.School), sealed, at(s.now()))
	if err != nil {
		return fmt.Errorf("begin second factor: %w", err)
	}
	if n == 0 {
		return custody.Conflict(custody.ReasonFactorSet)
	}
	return nil
}

// ConfirmSecondFactor puts a factor into force whose first code, of that time step, was
// right, with the hashes of its recovery codes.
func (s *Store) ConfirmSecondFactor(ctx context.Context, actor custody.Actor, step int64, recovery []string) error {
	return s.write(ctx, actor.School, func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE second_factors SET confirmed_at = ?, last_step = ? WHERE school_id = ? AND person_id = ? AND confirmed_at IS NULL`,
			at(s.now()), step, string(actor.School), string(actor.Person))
		if err != nil {
			return fmt.Errorf("confirm second factor: %w", err)
		}
		if n == 0 {
			return custody.Conflict(custody.ReasonFactorSet)
		}
		for _, hash := range recovery {
			if _, err := t.exec(ctx, `INSERT INTO recovery_codes (person_id, code_sha256) VALUES (?, ?)`, string(actor.Person), hash); err != nil {
				return fmt.Errorf("keep recovery codes: %w", err)
			}
		}
		_, err = t.changeAccount(actor, custody.AccountFactorSet, accountChangeRow{Person: string(actor.Person)}, nil)
		return err
	})
}

// UseFactorStep counts a right code of a time step, once: false says that it, or a
// later one, was used before (RFC 6238 §5.2).
func (s *Store) UseFactorStep(ctx context.Context, school custody.SchoolID, person custody.PersonID, step int64) (bool, error) {
	n, err := s.writer.exec(ctx, `UPDATE second_factors SET last_step = ? WHERE school_id = ? AND person_id = ? AND confirmed_at IS NOT NULL AND last_step < ?`,
		step, string(school), string(person), step)
	if err != nil {
		return false, fmt.Errorf("use second factor: %w", err)
	}
	return n == 1, nil
}

// UseRecoveryCode counts a recovery code of that hash, once.
func (s *Store) UseRecoveryCode(ctx context.Context, person custody.PersonID, hash string) (bool, error) {
	n, err := s.writer.exec(ctx, `DELETE FROM recovery_codes WHERE person_id = ? AND code_sha256 = ?`, string(person), strings.ToLower(hash))
	if err != nil {
		return false, fmt.Errorf("use recovery code: %w", err)
	}
	return n == 1, nil
}

// RemoveSecondFactor ends a factor: one's own, or somebody else's by who runs the
// register, for a device that was lost with its recovery codes.
func (s *Store) RemoveSecondFactor(ctx context.Context, actor custody.Actor, person custody.PersonID) error {
	if actor.Person != person && !actor.Roles.May(custody.RunRegister) {
		return custody.NotFound("account")
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		if _, err := t.exec(ctx, `DELETE FROM recovery_codes WHERE person_id IN (SELECT person_id FROM second_factors WHERE school_id = ? AND person_id = ?)`,
			string(actor.School), string(person)); err != nil {
			return fmt.Errorf("remove second factor: %w", err)
		}
		n, err := t.exec(ctx, `DELETE FROM second_factors WHERE school_id = ? AND person_id = ?`, string(actor.School), string(person))
		if err != nil {
			return fmt.Errorf("remove second factor: %w", err)
		}
		if n == 0 {
			return custody.NotFound("second_factor")
		}
		_, err = t.changeAccount(actor, custody.AccountFactorRemoved, accountChangeRow{Person: string(person)}, nil)
		return err
	})
}
