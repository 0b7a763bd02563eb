package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// LockPIN records that a token's PIN is found locked. Nobody gets a grant for it
// until it works again.
func (s *Store) LockPIN(ctx context.Context, actor custody.Actor, token custody.TokenID, note string) error {
	return s.stepPIN(ctx, actor, pinStepRow{Token: string(token), Step: string(custody.PINStepLocked)}, note)
}

// AskRecovery records that the provider was asked to unlock a token, by the form
// 06 of that number and day.
func (s *Store) AskRecovery(ctx context.Context, actor custody.Actor, token custody.TokenID, formNumber string, formDate custody.Date) error {
	if err := texts("form_number", &formNumber); err != nil {
		return err
	}
	if _, err := custody.ParseDate(string(formDate)); err != nil {
		return custody.Invalid("form_date", "%v", err)
	}
	return s.stepPIN(ctx, actor, pinStepRow{Token: string(token), Step: string(custody.PINStepAsked), FormNumber: formNumber, FormOn: formDate}, "")
}

// RecoverPIN records that a token's PIN works again.
func (s *Store) RecoverPIN(ctx context.Context, actor custody.Actor, token custody.TokenID, note string) error {
	return s.stepPIN(ctx, actor, pinStepRow{Token: string(token), Step: string(custody.PINStepRecovered)}, note)
}

func (s *Store) stepPIN(ctx context.Context, actor custody.Actor, row pinStepRow, note string) error {
	if err := texts("note", &note); err != nil {
		return err
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		f, err := t.visibleToken(actor, custody.TokenID(row.Token))
		if err != nil {
			return err
		}
		return t.stepPIN(actor, f, row, note)
	})
}

// stepPIN takes the step if the actor may and the token's state has it.
func (t *tx) stepPIN(actor custody.Actor, f *tokenFacts, row pinStepRow, note string) error {
	step := custody.PINStep(row.Step)
	var err error
	switch step {
	case custody.PINStepLocked:
		err = custody.CanLockPIN(actor, f.rules())
	case custody.PINStepAsked:
		err = custody.CanAskRecovery(actor, row.FormNumber, row.FormOn, custody.DateOf(t.now))
	default:
		err = custody.CanRecover(actor, f.rules())
	}
	if err != nil {
		return err
	}
	row.rowBase, row.TakenAt = rowBase{ID: newID(), School: string(t.school)}, at(t.now)
	fields := row.fields()
	if f.custody != nil {
		fields[signinglog.FieldPerson] = f.custody.Person
	}
	return t.takeStep(f, step.TokenStep(), func() error {
		if row.Entry, err = t.append(signinglog.TypePIN, actor, fields, map[string]string{"note": note}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO pin_steps (id, school_id, token_id, step, form_number, form_on, taken_at, entry_index)`,
			row.ID, row.School, row.Token, row.Step, row.FormNumber, row.FormOn, row.TakenAt, row.Entry); err != nil {
			return fmt.Errorf("write step of PIN: %w", err)
		}
		return nil
	})
}

type pinStepRow struct {
	rowBase
	Token      string       `db:"token_id"`
	Step       string       `db:"step"`
	FormNumber string       `db:"form_number"`
	FormOn     custody.Date `db:"form_on"`
	TakenAt    stamp        `db:"taken_at"`
}

const pinStepColumns = `id, school_id, token_id, step, form_number, form_on, taken_at, entry_index`

func (r pinStepRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypePIN, r.TakenAt.Time
}

func (r pinStepRow) fields() map[string]string {
	return map[string]string{"pin_step": r.ID, signinglog.FieldToken: r.Token, "step": r.Step, "form_number": r.FormNumber, "form_on": string(r.FormOn)}
}
