package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// Username returns the name of an account as the register keeps it: without
// blanks around it, case folded and in Unicode's form NFC (The Unicode Standard,
// section 3.13, canonical caseless match). However it is typed, and whether a
// keyboard sends a Vietnamese letter whole or letter and marks, it is one name, to
// sign in with and to count tries by.
func Username(typed string) string {
	folded := cases.Fold().String(norm.NFD.String(signinglog.CleanText(typed)))
	return strings.TrimSpace(norm.NFC.String(folded))
}

// AccountByUsername returns the account to check a password against,
// ErrNotFound when there is none.
func (s *Store) AccountByUsername(ctx context.Context, school custody.SchoolID, username string) (Account, error) {
	return s.account(ctx, `username = ?`, school, Username(username))
}

// AccountOf returns a person's account, ErrNotFound when they have none.
func (s *Store) AccountOf(ctx context.Context, school custody.SchoolID, person custody.PersonID) (Account, error) {
	return s.account(ctx, `person_id = ?`, school, string(person))
}

func (s *Store) account(ctx context.Context, condition string, school custody.SchoolID, value string) (Account, error) {
	var row struct {
		PersonID     string `db:"person_id"`
		Username     string `db:"username"`
		PasswordHash string `db:"password_hash"`
		ChangedAt    stamp  `db:"changed_at"`
	}
	err := s.reader.get(ctx, &row, `SELECT person_id, username, password_hash, changed_at FROM accounts WHERE school_id = ? AND `+condition, string(school), value)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, custody.NotFound("account")
	}
	if err != nil {
		return Account{}, fmt.Errorf("read account: %w", err)
	}
	return Account{PersonID: custody.PersonID(row.PersonID), Username: row.Username, PasswordHash: row.PasswordHash, ChangedAt: row.ChangedAt.Time}, nil
}

// SetPassword replaces a password's hash: one's own, or anybody's by who manages
// the register. The account's ChangedAt moves on, by which sessions that began
// with the password of before are known.
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
