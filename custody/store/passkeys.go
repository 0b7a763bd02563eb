package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// MaxPasskeys is how many passkeys an account may have: enough for each device of a person.
const MaxPasskeys = 10

// Passkey is a key pair of a person's device (WebAuthn) by which they sign in. The register
// keeps its public half.
type Passkey struct {
	ID             string
	Person         custody.PersonID
	Name           string // that its owner gave
	Credential     []byte // its identifier, which the authenticator chose
	PublicKey      []byte // COSE_Key (RFC 9052 §7)
	Transports     string // separated by blanks, as the browser named them
	BackupEligible bool   // it may be copied to the owner's other devices
	SignCount      uint32 // that the authenticator gave last; 0 from those that do not count
	AddedAt        time.Time
	UsedAt         *time.Time // nil = never
}

// hash is what the log has of a passkey: another key in its row is found.
func (p Passkey) hash() string {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint16(nil, uint16(len(p.Credential))))
	h.Write(p.Credential)
	h.Write(p.PublicKey)
	return hex.EncodeToString(h.Sum(nil))
}

type passkeyRow struct {
	ID             string `db:"id"`
	Person         string `db:"person_id"`
	Name           string `db:"name"`
	Credential     []byte `db:"credential_id"`
	PublicKey      []byte `db:"public_key"`
	Transports     string `db:"transports"`
	BackupEligible bool   `db:"backup_eligible"`
	SignCount      int64  `db:"sign_count"`
	AddedAt        stamp  `db:"changed_at"`
	UsedAt         *stamp `db:"used_at"`
}

func (r passkeyRow) passkey() Passkey {
	return Passkey{ID: r.ID, Person: custody.PersonID(r.Person), Name: r.Name, Credential: r.Credential, PublicKey: r.PublicKey, Transports: r.Transports,
		BackupEligible: r.BackupEligible, SignCount: uint32(r.SignCount), AddedAt: r.AddedAt.Time, UsedAt: r.UsedAt.moment()}
}

var queryPasskeys = `SELECT p.id, p.person_id, ` + revealOf("c", "name") + ` AS name, p.credential_id, p.public_key, p.transports, p.backup_eligible, p.sign_count, c.changed_at, p.used_at
	FROM passkeys p JOIN passkey_changes c ON c.id = p.id WHERE p.school_id = ?`

// passkeyChangeColumns read a row of passkey_changes as one of account_changes.
const passkeyChangeColumns = `c.id, c.school_id, c.kind, c.person_id, COALESCE(c.subject_id, '') AS subject_id, COALESCE(c.secret_sha256, '') AS secret_sha256,
	'' AS scopes, CAST(NULL AS BIGINT) AS expires_at, COALESCE(c.changed_by, '') AS changed_by, c.changed_at, c.entry_index`

// Passkeys lists the passkeys of an account, the newest first.
func (s *Store) Passkeys(ctx context.Context, school custody.SchoolID, person custody.PersonID) ([]Passkey, error) {
	var rows []passkeyRow
	if err := s.reader.list(ctx, &rows, queryPasskeys+` AND p.person_id = ? ORDER BY c.entry_index DESC`, string(school), string(person)); err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	keys := make([]Passkey, 0, len(rows))
	for _, r := range rows {
		keys = append(keys, r.passkey())
	}
	return keys, nil
}

// PasskeyByCredential returns the passkey that an authenticator answers with, ErrNotFound
// when the school has none of that identifier.
func (s *Store) PasskeyByCredential(ctx context.Context, school custody.SchoolID, credential []byte) (Passkey, error) {
	var row passkeyRow
	err := s.reader.get(ctx, &row, queryPasskeys+` AND p.credential_id = ?`, string(school), credential)
	if errors.Is(err, sql.ErrNoRows) {
		return Passkey{}, custody.NotFound("passkey")
	}
	if err != nil {
		return Passkey{}, fmt.Errorf("read passkey: %w", err)
	}
	return row.passkey(), nil
}

// AddPasskey registers a passkey of the actor's own: name, and what the authenticator gave.
func (s *Store) AddPasskey(ctx context.Context, actor custody.Actor, p Passkey) error {
	if err := texts("name!", &p.Name); err != nil {
		return err
	}
	if len(p.Credential) == 0 || len(p.Credential) > 1023 || len(p.PublicKey) == 0 {
		return custody.Invalid("passkey", "identifier of %d bytes, key of %d", len(p.Credential), len(p.PublicKey))
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		var count int
		if err := t.get(ctx, &count, `SELECT COUNT(*) FROM passkeys WHERE school_id = ? AND person_id = ?`, string(t.school), string(actor.Person)); err != nil {
			return fmt.Errorf("count passkeys: %w", err)
		}
		if count >= MaxPasskeys {
			return custody.Conflict(custody.ReasonPasskeyMany, "most", strconv.Itoa(MaxPasskeys))
		}
		id, err := t.changePasskey(actor, custody.PasskeyAdded, accountChangeRow{Person: string(actor.Person), Secret: p.hash()}, p.Name)
		if err != nil {
			return err
		}
		return t.insertRow(`INSERT INTO passkeys (id, school_id, person_id, credential_id, public_key, transports, backup_eligible, sign_count)`,
			id, string(t.school), string(actor.Person), p.Credential, p.PublicKey, p.Transports, p.BackupEligible, int64(p.SignCount))
	})
}

// changePasskey writes what became of a passkey, and its entry. It returns the row's id.
func (t *tx) changePasskey(actor custody.Actor, kind custody.AccountChangeKind, row accountChangeRow, name string) (string, error) {
	row.rowBase, row.Kind, row.By, row.At = rowBase{ID: newID(), School: string(t.school)}, string(kind), string(actor.Person), at(t.now)
	var err error
	if row.Entry, err = t.append(signinglog.TypeAccountChange, actor, row.fields(), map[string]string{"name": name}); err != nil {
		return "", err
	}
	if err := t.insertRow(`INSERT INTO passkey_changes (id, school_id, kind, person_id, subject_id, secret_sha256, changed_by, changed_at, entry_index)`,
		row.ID, row.School, row.Kind, row.Person, orNull(row.Subject), orNull(row.Secret), orNull(row.By), row.At, row.Entry); err != nil {
		return "", fmt.Errorf("write change of passkey: %w", err)
	}
	return row.ID, nil
}

// endPasskeys ends those of a person that the condition finds, and returns how many.
func (t *tx) endPasskeys(actor custody.Actor, kind custody.AccountChangeKind, condition string, args ...any) (int, error) {
	var rows []passkeyRow
	if err := t.list(t.ctx, &rows, queryPasskeys+` AND `+condition+` ORDER BY c.entry_index`, append([]any{string(t.school)}, args...)...); err != nil {
		return 0, fmt.Errorf("read passkeys: %w", err)
	}
	for _, r := range rows {
		if _, err := t.changePasskey(actor, kind, accountChangeRow{Person: r.Person, Subject: r.ID}, r.Name); err != nil {
			return 0, err
		}
		if _, err := t.exec(t.ctx, `DELETE FROM passkeys WHERE school_id = ? AND id = ?`, string(t.school), r.ID); err != nil {
			return 0, fmt.Errorf("end passkey: %w", err)
		}
	}
	return len(rows), nil
}

// EndPasskey ends one of the actor's own passkeys for good.
func (s *Store) EndPasskey(ctx context.Context, actor custody.Actor, id string) error {
	return s.write(ctx, actor.School, func(t *tx) error {
		n, err := t.endPasskeys(actor, custody.PasskeyRemoved, `p.person_id = ? AND p.id = ?`, string(actor.Person), id)
		if err == nil && n == 0 {
			err = custody.NotFound("passkey")
		}
		return err
	})
}

// EndPasskeysOf ends all passkeys of somebody else, by who runs the register: an entry for
// each. It returns how many there were.
func (s *Store) EndPasskeysOf(ctx context.Context, actor custody.Actor, person custody.PersonID) (int, error) {
	if !actor.Roles.May(custody.RunRegister) {
		return 0, custody.NotFound("account")
	}
	ended := 0
	err := s.write(ctx, actor.School, func(t *tx) error {
		if err := t.requirePerson(person); err != nil {
			return err
		}
		var err error
		ended, err = t.endPasskeys(actor, custody.PasskeyRemoved, `p.person_id = ?`, string(person))
		return err
	})
	return ended, err
}

// UsePasskey notes that a passkey answered with that count. An authenticator that counts
// never gives a count twice: false says that it went back, so that there are two of it
// (WebAuthn §6.1.1), or that the passkey was ended meanwhile. One whose count went back is
// ended: an entry of the service's own.
func (s *Store) UsePasskey(ctx context.Context, school custody.SchoolID, id string, count uint32) (bool, error) {
	n, err := s.writer.exec(ctx, `UPDATE passkeys SET sign_count = ?, used_at = ? WHERE school_id = ? AND id = ? AND (sign_count < ? OR sign_count = 0 AND ? = 0)`,
		int64(count), at(s.now()), string(school), id, int64(count), int64(count))
	if err != nil {
		return false, fmt.Errorf("use passkey: %w", err)
	}
	if n == 1 {
		return true, nil
	}
	var left int
	err = s.reader.get(ctx, &left, `SELECT COUNT(*) FROM passkeys WHERE school_id = ? AND id = ?`, string(school), id)
	if err != nil || left == 0 {
		return false, err
	}
	return false, s.write(ctx, school, func(t *tx) error {
		_, err := t.endPasskeys(custody.Actor{School: school, Via: custody.ViaPage}, custody.PasskeyCloned, `p.id = ?`, id)
		return err
	})
}

// accounts compares what was done with accounts and passkeys with the entries of it, and the
// keys by which people sign in with those that they registered.
func (v *verification) accounts() error {
	seen := map[int64]bool{}
	accounts, err := walkTable[accountChangeRow](v, "account_changes c", accountChangeColumns, "c.", seen, nil)
	if err != nil {
		return err
	}
	passkeys, err := walkTable[accountChangeRow](v, "passkey_changes c", passkeyChangeColumns, "c.", seen, nil)
	if err != nil {
		return err
	}
	if err := v.complete(signinglog.TypeAccountChange, seen, accounts, passkeys); err != nil {
		return err
	}
	var rows []struct {
		ID         string `db:"id"`
		Person     string `db:"person_id"`
		Credential []byte `db:"credential_id"`
		PublicKey  []byte `db:"public_key"`
		Entry      int64  `db:"entry_index"`
		Of         string `db:"added_for"`
		Secret     string `db:"secret_sha256"`
		Ended      int    `db:"ended"`
	}
	if err := v.tx.SelectContext(v.ctx, &rows, v.tx.Rebind(`SELECT p.id, p.person_id, p.credential_id, p.public_key, COALESCE(c.entry_index, 0) AS entry_index,
		COALESCE(c.person_id, '') AS added_for, COALESCE(c.secret_sha256, '') AS secret_sha256, (SELECT COUNT(*) FROM passkey_changes x WHERE x.subject_id = p.id) AS ended
		FROM passkeys p LEFT JOIN passkey_changes c ON c.id = p.id AND c.school_id = p.school_id AND c.kind = 'passkey_added' WHERE p.school_id = ?`), v.school); err != nil {
		return fmt.Errorf("verify passkeys: %w", driverError(err))
	}
	for _, r := range rows {
		switch {
		case r.Of == "":
			v.found(v.report.Size-1, "nobody registered the passkey %s", r.ID) // no entry is wrong by it
		case r.Of != r.Person:
			v.found(r.Entry, "the passkey of this entry was given to somebody else")
		case r.Secret != (Passkey{Credential: r.Credential, PublicKey: r.PublicKey}).hash():
			v.found(r.Entry, "the passkey has another key than this entry")
		case r.Ended > 0:
			v.found(r.Entry, "the passkey of this entry was ended, and goes on")
		}
	}
	return nil
}
