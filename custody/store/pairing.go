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
func (s *Store) Pair(ctx context.Context, code, device string) (string, custody.Actor, error) {
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
	n, err := s.writer.exec(ctx, `UPDATE pairing_codes SET tries = tries + 1 WHERE finder = ? AND expires_at > ? AND tries < ?`, finder, at(s.now()), pairingTries)
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
	key := newAPIKey()
	err = s.write(ctx, actor.School, func(t *tx) error {
		used, err := t.exec(t.ctx, `DELETE FROM pairing_codes WHERE finder = ? AND secret_sha256 = ?`, finder, row.Secret)
		if err != nil {
			return fmt.Errorf("pair: %w", err)
		}
		if used != 1 {
			return wrong // somebody was faster
		}
		k := apiKeyRow{rowBase: rowBase{ID: newID(), School: row.School}, Person: row.Person, KeySHA256: sha256Hex([]byte(key)), CreatedAt: at(t.now)}
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
	return key, actor, nil
}

// newAPIKey returns 256 random bits with a prefix that secret scanners can know.
func newAPIKey() string {
	b := make([]byte, 32)
	rand.Read(b)
	return "sks_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// ActorByAPIKey returns the person an agent was paired with, ErrUnauthenticated
// when the key is none.
func (s *Store) ActorByAPIKey(ctx context.Context, key string) (custody.Actor, error) {
	var row struct {
		School string `db:"school_id"`
		Person string `db:"person_id"`
	}
	err := s.reader.get(ctx, &row, `SELECT school_id, person_id FROM api_keys WHERE key_sha256 = ?`, sha256Hex([]byte(key)))
	if errors.Is(err, sql.ErrNoRows) {
		return custody.Actor{}, &custody.Error{Kind: custody.ErrUnauthenticated, Code: custody.CodeUnauthenticated}
	}
	if err != nil {
		return custody.Actor{}, fmt.Errorf("read API key: %w", err)
	}
	actor, _, err := s.ActorOf(ctx, custody.SchoolID(row.School), custody.PersonID(row.Person), custody.ViaAgent)
	return actor, err
}
