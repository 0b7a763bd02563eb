package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

type erasureRow struct {
	rowBase
	Kind    string `db:"kind"`
	Person  string `db:"person_id"`
	Before  *int64 `db:"before_entry"`
	Removed int64  `db:"removed"`
	By      string `db:"erased_by"`
	At      stamp  `db:"erased_at"`
}

const erasureColumns = `w.id, w.school_id, w.kind, COALESCE(w.person_id, '') AS person_id, w.before_entry, w.removed, COALESCE(w.erased_by, '') AS erased_by, w.erased_at, w.entry_index`

func (r erasureRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeErasure, r.At.Time
}

func (r erasureRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: actorField(r.By), "erasure": r.ID, "kind": r.Kind, signinglog.FieldPerson: r.Person, "before_entry": countOrNone(r.Before),
		"removed": count(r.Removed)}
}

// namesOf are where values name a person: their own entry, the signer of signatures,
// the names of their computers. Each query has the person once for each ?.
var namesOf = []string{
	`entry_index = (SELECT p.entry_index FROM persons p WHERE p.id = ?)`,
	`field = 'signer' AND entry_index IN (SELECT s.entry_index FROM signatures s JOIN grants g ON g.id = s.grant_id WHERE g.person_id = ?)`,
	`field = 'device' AND entry_index IN (SELECT k.entry_index FROM api_keys k WHERE k.person_id = ?)`,
	`field = 'name' AND entry_index IN (SELECT c.entry_index FROM passkey_changes c WHERE c.person_id = ?)`,
	`field = 'device' AND entry_index IN (SELECT u.entry_index FROM unpairings u JOIN api_keys k ON k.id = u.api_key_id WHERE k.person_id = ?)`,
}

// accountsOf is what an account consists of, in the order in which it can be deleted.
var accountsOf = []string{"recovery_codes", "second_factors", "passkey_challenges", "passkeys", "saved_views", "account_sessions", "known_devices", "accounts"}

// ErasePerson erases for good what is kept of somebody who has left: name, address,
// telephone, the names of their computers, their account. Their entries stay, under an
// identifier that names nobody, and so does every proof. It returns how many values
// were erased.
func (s *Store) ErasePerson(ctx context.Context, actor custody.Actor, person custody.PersonID, reason string) (int64, error) {
	if err := texts("reason!", &reason); err != nil {
		return 0, err
	}
	var removed int64
	err := s.write(ctx, actor.School, func(t *tx) error {
		removed = 0
		if err := t.requirePerson(person); err != nil {
			return err
		}
		facts, err := t.erasureFacts(person)
		if err != nil {
			return err
		}
		if err := custody.CanErase(actor, person, facts); err != nil {
			return err
		}
		for _, where := range namesOf {
			n, err := t.exec(t.ctx, `DELETE FROM reveals WHERE school_id = ? AND `+where, string(t.school), string(person))
			if err != nil {
				return fmt.Errorf("erase person: %w", err)
			}
			removed += n
		}
		for _, table := range accountsOf {
			if _, err := t.exec(t.ctx, `DELETE FROM `+table+` WHERE person_id = ?`, string(person)); err != nil {
				return fmt.Errorf("erase account: %w", err)
			}
		}
		return t.writeErasure(actor, erasureRow{Kind: string(custody.ErasePerson), Person: string(person), Removed: removed}, reason)
	})
	return removed, err
}

func (t *tx) erasureFacts(person custody.PersonID) (custody.ErasureFacts, error) {
	row, err := optional[struct {
		Until  custody.Date `db:"until_on"`
		Opened int          `db:"accounts"`
		Holds  int          `db:"holds"`
		Named  int          `db:"named"`
	}](t, `SELECT COALESCE((SELECT MIN(e.until_on) FROM endings e WHERE e.person_id = p.id AND e.kind = 'account'), '') AS until_on,
		(SELECT COUNT(*) FROM accounts a WHERE a.person_id = p.id) AS accounts,
		(SELECT COUNT(*) FROM custodies k WHERE k.person_id = p.id AND k.until_at IS NULL) AS holds,
		(SELECT COUNT(*) FROM reveals v WHERE v.school_id = p.school_id AND v.entry_index = p.entry_index) AS named
		FROM persons p WHERE p.school_id = ? AND p.id = ?`, string(t.school), string(person))
	if err != nil {
		return custody.ErasureFacts{}, fmt.Errorf("read person: %w", err)
	}
	if row == nil {
		return custody.ErasureFacts{}, custody.NotFound("person")
	}
	goesOn := row.Opened > 0 && (row.Until == "" || custody.DateOf(t.now) <= row.Until)
	return custody.ErasureFacts{AccountGoesOn: goesOn, Holds: row.Holds, Erased: row.Named == 0 && row.Opened == 0}, nil
}

func (t *tx) writeErasure(actor custody.Actor, row erasureRow, reason string) error {
	row.rowBase, row.By, row.At = rowBase{ID: newID(), School: string(t.school)}, string(actor.Person), at(t.now)
	// Answers kept for repeats may name whom this is about.
	_, err := t.exec(t.ctx, `UPDATE idempotency_keys SET answer = NULL WHERE school_id = ?`, string(t.school))
	if err != nil {
		return fmt.Errorf("erase kept answers: %w", err)
	}
	if row.Entry, err = t.append(signinglog.TypeErasure, actor, row.fields(), map[string]string{"reason": reason}); err != nil {
		return err
	}
	if err := t.insertRow(`INSERT INTO erasures (id, school_id, kind, person_id, before_entry, removed, erased_by, erased_at, entry_index)`,
		row.ID, row.School, row.Kind, orNull(row.Person), row.Before, row.Removed, orNull(row.By), row.At, row.Entry); err != nil {
		return fmt.Errorf("write erasure: %w", err)
	}
	return nil
}

// EraseKept erases, by the school's setting, the values of entries that are older than
// the time of keeping: names, summaries, notes, the contents of papers and their signed
// copies. Who can still sign in keeps their name, a token in use its label. It does
// nothing without the setting, or where nothing is left to erase.
func (s *Store) EraseKept(ctx context.Context, actor custody.Actor) (int64, error) {
	settings, err := s.Settings(ctx, actor)
	if err != nil || settings.RetentionYears() == 0 {
		return 0, err
	}
	today, err := s.trustedTime(ctx, actor.School)
	if err != nil {
		return 0, err
	}
	before := today.AddDate(-settings.RetentionYears(), 0, 0)
	var last []int64
	if err := s.reader.list(ctx, &last, `SELECT entry_index FROM reveals WHERE school_id = ? AND `+erasable+` ORDER BY entry_index DESC LIMIT 1`,
		string(actor.School), at(before), string(custody.DateOf(before))); err != nil {
		return 0, fmt.Errorf("look for what is kept too long: %w", err)
	}
	if len(last) == 0 {
		return 0, nil
	}
	index := last[0] + 1
	var removed int64
	err = s.write(ctx, actor.School, func(t *tx) error {
		var err error
		if removed, err = t.exec(t.ctx, `DELETE FROM reveals WHERE school_id = ? AND `+erasable, string(t.school), at(before), string(custody.DateOf(before))); err != nil {
			return fmt.Errorf("erase what is kept too long: %w", err)
		}
		for _, query := range []string{
			`DELETE FROM signed_paper_parts WHERE signed_paper_id IN (SELECT s.id FROM signed_papers s WHERE s.school_id = ? AND s.kept_at < ?)`,
			`UPDATE papers SET facts = NULL WHERE school_id = ? AND issued_at < ? AND facts IS NOT NULL`,
		} {
			if _, err := t.exec(t.ctx, query, string(t.school), at(before)); err != nil {
				return fmt.Errorf("erase what is kept too long: %w", err)
			}
		}
		return t.writeErasure(actor, erasureRow{Kind: string(custody.EraseRetention), Before: &index, Removed: removed}, "")
	})
	return removed, err
}

// trustedEntries is how many of the latest entries the time of keeping is counted from.
const trustedEntries = 50

// trustedTime is the earliest time of the latest entries, and never later than now: a
// clock that has jumped ahead must not have everything erased.
func (s *Store) trustedTime(ctx context.Context, school custody.SchoolID) (time.Time, error) {
	now := s.now()
	var earliest []stamp
	if err := s.reader.list(ctx, &earliest, `SELECT logged_at FROM (SELECT logged_at FROM log_entries WHERE school_id = ? ORDER BY entry_index DESC LIMIT ?) AS latest ORDER BY logged_at LIMIT 1`,
		string(school), trustedEntries); err != nil {
		return now, fmt.Errorf("read the latest entries: %w", err)
	}
	if len(earliest) > 0 && earliest[0].Before(now) {
		return earliest[0].Time, nil
	}
	return now, nil
}

// erasable are values of entries logged before a moment, by each entry's own time. It
// leaves the names of people whose account has not ended before a day, and the labels of
// tokens that are not out of use. Moment and day are its parameters.
const erasable = `entry_index IN (SELECT e.entry_index FROM log_entries e WHERE e.school_id = reveals.school_id AND e.logged_at < ?)
	AND entry_index NOT IN (SELECT p.entry_index FROM persons p WHERE p.school_id = reveals.school_id
		AND NOT EXISTS (SELECT 1 FROM endings e WHERE e.person_id = p.id AND e.kind = 'account' AND e.until_on < ?))
	AND entry_index NOT IN (SELECT t.entry_index FROM tokens t WHERE t.school_id = reveals.school_id AND NOT EXISTS (SELECT 1 FROM retirements r WHERE r.token_id = t.id))`
