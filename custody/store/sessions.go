package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// SessionStore keeps browser sessions for github.com/alexedwards/scs/v2 (its
// Store and CtxStore). Only the hash of what the cookie holds is stored, so that
// a read of the database gives nobody a session.
type SessionStore struct {
	store *Store
}

// Sessions returns the browser sessions.
func (s *Store) Sessions() *SessionStore { return &SessionStore{store: s} }

// FindCtx returns the data of a session that has not expired.
func (s *SessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var data []byte
	err := s.store.reader.get(ctx, &data, `SELECT data FROM sessions WHERE cookie_sha256 = ? AND expires_at > ?`, sha256Hex([]byte(token)), at(s.store.now()))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("find session: %w", err)
	}
	return data, true, nil
}

// CommitCtx stores or replaces a session, and now and then clears expired ones.
func (s *SessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	key := sha256Hex([]byte(token))
	if _, err := s.store.writer.exec(ctx, `INSERT INTO sessions (cookie_sha256, data, expires_at) VALUES (?, ?, ?)
		ON CONFLICT (cookie_sha256) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`, key, data, at(expiry)); err != nil {
		return fmt.Errorf("store session: %w", err)
	}
	if key[0] != '0' { // one commit in 16
		return nil
	}
	if _, err := s.store.writer.exec(ctx, `DELETE FROM sessions WHERE expires_at <= ?`, at(s.store.now())); err != nil {
		return fmt.Errorf("clear expired sessions: %w", err)
	}
	return nil
}

// DeleteCtx ends a session; one that is not there is no error.
func (s *SessionStore) DeleteCtx(ctx context.Context, token string) error {
	if _, err := s.store.writer.exec(ctx, `DELETE FROM sessions WHERE cookie_sha256 = ?`, sha256Hex([]byte(token))); err != nil {
		return fmt.Errorf("delete session: %w", err)
	}
	return nil
}

// Find is FindCtx without a deadline.
func (s *SessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a deadline.
func (s *SessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a deadline.
func (s *SessionStore) Delete(token string) error {
	return s.DeleteCtx(context.Background(), token)
}
