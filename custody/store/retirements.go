package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// Retire takes a token out of use for good, with a reason and, where there is one,
// the number of the paper. A custody that goes on, of a token that is blocked and
// does not come back, ends in that moment.
func (s *Store) Retire(ctx context.Context, actor custody.Actor, n NewRetirement) error {
	if err := texts("reason!", &n.Reason, "paper", &n.Paper); err != nil {
		return err
	}
	if !n.Kind.Valid() {
		return custody.Invalid("kind", "kind of retirement %.40q", string(n.Kind))
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		f, err := t.visibleToken(actor, n.Token)
		if err != nil {
			return err
		}
		return t.retire(actor, f, n)
	})
}

// retire is Retire inside a transaction that may do more.
func (t *tx) retire(actor custody.Actor, f *tokenFacts, n NewRetirement) error {
	if err := custody.CanRetire(actor, f.rules()); err != nil {
		return err
	}
	row := retirementRow{rowBase: rowBase{ID: string(f.token.ID), School: string(t.school)}, Kind: string(n.Kind), Paper: n.Paper, RetiredAt: at(t.now)}
	fields := row.fields()
	if f.custody != nil {
		row.Ends = &f.custody.Entry
		fields = row.fields()
		fields[signinglog.FieldPerson] = f.custody.Person
	}
	return t.takeStep(f, custody.TokenRetire, func() error {
		var err error
		if row.Entry, err = t.append(signinglog.TypeRetirement, actor, fields, map[string]string{"reason": n.Reason}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO retirements (token_id, school_id, kind, paper, ends, retired_at, entry_index)`,
			row.ID, row.School, row.Kind, row.Paper, row.Ends, row.RetiredAt, row.Entry); err != nil {
			return fmt.Errorf("retire token: %w", err)
		}
		return t.endCustody(f, row.Entry, row.RetiredAt)
	})
}

// WriteOff records that a token's custodian does not bring it back. It is blocked
// from that moment on; should it come after all, it goes to the safe and out of use.
func (s *Store) WriteOff(ctx context.Context, actor custody.Actor, token custody.TokenID, reason string) error {
	if err := texts("reason!", &reason); err != nil {
		return err
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		f, err := t.visibleToken(actor, token)
		if err != nil {
			return err
		}
		return t.writeOff(actor, f, reason)
	})
}

func (t *tx) writeOff(actor custody.Actor, f *tokenFacts, reason string) error {
	if err := custody.CanWriteOff(actor, f.rules()); err != nil {
		return err
	}
	row := writeOffRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Token: string(f.token.ID), Person: f.custody.Person,
		CustodyEntry: f.custody.Entry, WrittenOffAt: at(t.now)}
	return t.takeStep(f, custody.TokenWriteOff, func() error {
		var err error
		if row.Entry, err = t.append(signinglog.TypeWriteOff, actor, row.fields(), map[string]string{"reason": reason}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO write_offs (id, school_id, token_id, person_id, custody_entry, written_off_at, entry_index)`,
			row.ID, row.School, row.Token, row.Person, row.CustodyEntry, row.WrittenOffAt, row.Entry); err != nil {
			return fmt.Errorf("write token off: %w", err)
		}
		return nil
	})
}

type retirementRow struct {
	rowBase          // ID is the token's
	Kind      string `db:"kind"`
	Paper     string `db:"paper"`
	Ends      *int64 `db:"ends"`
	RetiredAt stamp  `db:"retired_at"`
}

const retirementColumns = `token_id AS id, school_id, kind, paper, ends, retired_at, entry_index`

func (r retirementRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeRetirement, r.RetiredAt.Time
}

func (r retirementRow) fields() map[string]string {
	f := map[string]string{signinglog.FieldToken: r.ID, "kind": r.Kind, "paper": r.Paper}
	if r.Ends != nil {
		f["ends"] = count(*r.Ends)
	}
	return f
}

type writeOffRow struct {
	rowBase
	Token        string `db:"token_id"`
	Person       string `db:"person_id"`
	CustodyEntry int64  `db:"custody_entry"`
	WrittenOffAt stamp  `db:"written_off_at"`
}

const writeOffColumns = `id, school_id, token_id, person_id, custody_entry, written_off_at, entry_index`

func (r writeOffRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeWriteOff, r.WrittenOffAt.Time
}

func (r writeOffRow) fields() map[string]string {
	return map[string]string{"write_off": r.ID, signinglog.FieldToken: r.Token, signinglog.FieldPerson: r.Person, "custody_entry": count(r.CustodyEntry)}
}
