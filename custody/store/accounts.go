package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"sokyso/custody"
)

// AccountByUsername returns the account to check a password against,
// ErrNotFound when there is none.
func (s *Store) AccountByUsername(ctx context.Context, school custody.SchoolID, username string) (Account, error) {
	var row struct {
		PersonID     string `db:"person_id"`
		Username     string `db:"username"`
		PasswordHash string `db:"password_hash"`
		Admin        bool   `db:"admin"`
	}
	err := s.reader.get(ctx, &row, `SELECT a.person_id, a.username, a.password_hash, p.admin FROM accounts a JOIN persons p ON p.id = a.person_id
		WHERE a.school_id = ? AND a.username = ?`, string(school), strings.ToLower(strings.TrimSpace(username)))
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, custody.NotFound("account")
	}
	if err != nil {
		return Account{}, fmt.Errorf("read account: %w", err)
	}
	return Account{PersonID: custody.PersonID(row.PersonID), Username: row.Username, PasswordHash: row.PasswordHash, Admin: row.Admin}, nil
}

// SetPassword replaces a password's hash: one's own, or anybody's by who manages
// the register.
func (s *Store) SetPassword(ctx context.Context, actor custody.Actor, person custody.PersonID, hash string) error {
	if actor.Person != person && !actor.Roles.Manages() {
		return custody.NotFound("account")
	}
	if hash == "" {
		return custody.Invalid("password", "no password hash")
	}
	n, err := s.writer.exec(ctx, `UPDATE accounts SET password_hash = ?, changed_at = ? WHERE school_id = ? AND person_id = ?`,
		hash, at(s.now()), string(actor.School), string(person))
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if n == 0 {
		return custody.NotFound("account")
	}
	return nil
}
