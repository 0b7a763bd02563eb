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

// SetPassword replaces a password's hash: one's own by who knew the old one, anybody's by
// the command line. Who runs the register makes a link (AskReset). All sessions end
// with the password that they began with, and so do links to the account.
func (s *Store) SetPassword(ctx context.Context, actor custody.Actor, person custody.PersonID, hash string) error {
	kind := custody.AccountPasswordChanged
	switch {
	case actor.Person == "" && actor.Roles.May(custody.RunRegister):
		kind = custody.AccountPasswordReset
	case actor.Person != person:
		return custody.NotFound("account")
	}
	if hash == "" {
		return custody.Invalid("password", "no password hash")
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		if err := t.setPassword(person, hash); err != nil {
			return err
		}
		// Who made a link may still have it, and it would set the password once more.
		if err := t.endLinks(actor, person); err != nil {
			return err
		}
		_, err := t.changeAccount(actor, kind, accountChangeRow{Person: string(person)}, nil)
		return err
	})
}
