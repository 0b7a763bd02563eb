package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// ChangeLogKey has another key sign the log from now on: an entry, and the present key's
// word for the new one in every later checkpoint. What is encrypted with the present
// key is encrypted anew. newKey is a signer key (golang.org/x/mod/sumdb/note) of the log's
// name. The store must be closed and opened with it; other services on the register
// refuse to append until they have it.
func (s *Store) ChangeLogKey(ctx context.Context, actor custody.Actor, newKey string) error {
	next, err := note.NewSigner(newKey)
	if err != nil {
		return fmt.Errorf("change log key: %w: %w", signinglog.ErrMalformedKey, err)
	}
	vkey, err := signinglog.VerifierKey(newKey)
	if err != nil {
		return fmt.Errorf("change log key: %w", err)
	}
	if s.signer == nil || next.Name() != s.signer.Name() || vkey == s.vkey {
		return custody.Invalid("log_key", "the new key is of another log, or no new one")
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		// A head with more would be refused as malformed, by this program too, for good.
		if t.next != nil || strings.Count(t.head.KeyChanges, "\n") >= signinglog.MaxKeyChanges {
			return custody.Invalid("log_key", "the key was changed just now, or as often as a checkpoint can tell")
		}
		if _, err := t.append(signinglog.TypeKeyChange, actor, map[string]string{"old_key": s.vkey, "new_key": vkey}, nil); err != nil {
			return err
		}
		if err := t.sealFactorsAnew(newKey); err != nil {
			return err
		}
		t.next = &nextKey{signer: next, vkey: vkey}
		return nil
	})
}

// nextKey signs from the end of the transaction on.
type nextKey struct {
	signer note.Signer
	vkey   string
}

// LogKeyIsCurrent says whether a signer key is the one that signs the school's log now.
func (s *Store) LogKeyIsCurrent(ctx context.Context, school custody.SchoolID, key string) (bool, error) {
	vkey, err := signinglog.VerifierKey(key)
	if err != nil {
		return false, err
	}
	head, err := s.head(ctx, school)
	if err != nil {
		return false, err
	}
	current, err := signinglog.CurrentKey(head.LogKey, head.KeyChanges)
	if err != nil {
		return false, fmt.Errorf("log key: %w: %w", ErrDamaged, err)
	}
	return current == vkey, nil
}

// signHead signs the checkpoint of what the transaction has appended: with the key that
// follows, if it is changed.
func (t *tx) signHead(c signinglog.Checkpoint) (signed []byte, keyChanges string, err error) {
	signer := t.store.signer
	c.KeyChanges = t.head.KeyChanges
	if t.next != nil {
		line, err := signinglog.EndorseKey(signer, t.next.vkey, c)
		if err != nil {
			return nil, "", err
		}
		signer, c.KeyChanges = t.next.signer, c.KeyChanges+line
	}
	signed, err = signinglog.Sign(c, signer)
	return signed, c.KeyChanges, err
}

// sealFactorsAnew encrypts the secrets of second factors with another key.
func (t *tx) sealFactorsAnew(newKey string) error {
	before, err := t.store.factorKey()
	if err != nil {
		return err
	}
	after, err := factorCipher(newKey)
	if err != nil {
		return err
	}
	var rows []struct {
		Person string `db:"person_id"`
		Secret []byte `db:"secret"`
	}
	if err := t.list(t.ctx, &rows, `SELECT person_id, secret FROM second_factors WHERE school_id = ?`, string(t.school)); err != nil {
		return fmt.Errorf("read second factors: %w", err)
	}
	for _, row := range rows {
		size := before.NonceSize()
		if len(row.Secret) < size {
			return fmt.Errorf("second factor of %s: %w", row.Person, ErrDamaged)
		}
		secret, err := before.Open(nil, row.Secret[:size], row.Secret[size:], []byte(row.Person))
		if err != nil {
			return errors.Join(fmt.Errorf("second factor of %s: %w", row.Person, ErrDamaged), err)
		}
		nonce := make([]byte, after.NonceSize())
		rand.Read(nonce)
		if err := t.put(`UPDATE second_factors SET secret = ? WHERE person_id = ?`, after.Seal(nonce, nonce, secret, []byte(row.Person)), row.Person); err != nil {
			return fmt.Errorf("encrypt second factor: %w", err)
		}
	}
	return nil
}

// keyChanges compares the entries of key changes with those that the checkpoint carries.
func (v *verification) keyChanges(lines string, c signinglog.Checkpoint, first note.Verifier) error {
	changes, err := signinglog.KeyChanges(c.KeyChanges, first)
	if err != nil {
		return fmt.Errorf("verify log: %w", err)
	}
	if lines != c.KeyChanges {
		return &signinglog.BadEntryError{Index: c.Size - 1, Reason: "the head's changes of the log's key are not those of its checkpoint"}
	}
	for i, s := range v.keys {
		if i >= len(changes) || changes[i].Key != s.entry.Fields["new_key"] || changes[i].Checkpoint.Size <= s.index {
			return &signinglog.BadEntryError{Index: s.index, Reason: "the checkpoint does not carry this change of the log's key"}
		}
	}
	if len(changes) > len(v.keys) {
		return &signinglog.BadEntryError{Index: changes[len(v.keys)].Checkpoint.Size - 1, Reason: "the checkpoint carries a change of the log's key that is no entry"}
	}
	return nil
}
