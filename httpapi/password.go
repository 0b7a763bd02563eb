package httpapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"sokyso/custody"
	"sokyso/custody/store"
)

// Bounds of a password, in characters.
const (
	MinPassword = 12
	maxPassword = 256
)

// passwordParams are argon2id's for 19 MiB and two passes, the least that the OWASP
// Password Storage Cheat Sheet names. RFC 9106 §4 would have 64 MiB and three passes where
// memory allows; here two at a time must stay well below 60 MB on a school's PC, and what
// is guessed is kept out by length and the list.
var passwordParams = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// HashPassword returns what the store keeps of a password, in Unicode's form NFC
// (RFC 8265 §4.2): keyboards differ in how they send Vietnamese letters. The error is a
// custody.Error when the password is too short, too long or easy to guess; about is what
// the person and the school are called, which is guessed first.
func HashPassword(password string, about ...string) (string, error) {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return "", custody.Invalid("password", "not text")
	case n < MinPassword:
		return "", passwordError("password_short")
	case n > maxPassword:
		return "", passwordError("password_long")
	case easyToGuess(password, about):
		return "", passwordError("password_easy")
	}
	hash, err := argon2id.CreateHash(norm.NFC.String(password), passwordParams)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

func passwordError(reason string) error {
	return &custody.Error{Kind: custody.ErrInvalid, Code: custody.CodeInvalid, Params: map[string]string{"field": "password", "reason": reason}}
}

// hashPassword is HashPassword within the limit on memory.
func (s *server) hashPassword(ctx context.Context, password string, about ...string) (string, error) {
	if err := s.enterHashing(ctx); err != nil {
		return "", err
	}
	defer s.leaveHashing()
	return HashPassword(password, append(about, s.school.Name, s.school.Code)...)
}

func (s *server) enterHashing(ctx context.Context) error {
	select {
	case s.hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leaveHashing gives the memory back once people have done signing in: a service
// that serves ten people a day must not hold a hundred megabytes all night.
func (s *server) leaveHashing() {
	<-s.hashing
	s.rest.Reset(2 * time.Second)
}

// nobodysPassword is compared with when there is no such account, so that the
// time of the answer does not tell which names exist.
var nobodysPassword = sync.OnceValues(func() (string, error) {
	return argon2id.CreateHash("nobody's password", passwordParams)
})

// account checks a name and password and returns whose they are.
func (s *server) account(ctx context.Context, username, password string) (store.Account, error) {
	found, err := s.store.AccountByUsername(ctx, s.school.ID, username)
	unknown := errors.Is(err, custody.ErrNotFound)
	if err != nil && !unknown {
		return store.Account{}, err
	}
	hash := found.PasswordHash
	if unknown || hash == "" {
		unknown = true
		if hash, err = nobodysPassword(); err != nil {
			return store.Account{}, fmt.Errorf("hash password: %w", err)
		}
	}
	if utf8.RuneCountInString(password) > maxPassword {
		return store.Account{}, errWrongPassword
	}
	if err := s.enterHashing(ctx); err != nil {
		return store.Account{}, err
	}
	match, err := argon2id.ComparePasswordAndHash(norm.NFC.String(password), hash)
	s.leaveHashing()
	if err != nil {
		return store.Account{}, fmt.Errorf("compare password: %w", err)
	}
	if !match || unknown {
		return store.Account{}, errWrongPassword
	}
	return found, nil
}
