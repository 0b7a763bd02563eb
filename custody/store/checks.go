package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// NewCheck is what OpenCheck opens.
type NewCheck struct {
	Kind custody.CheckKind
	Due  custody.Date
	Note string
}

// NewCheckStep is what StepCheck notes of a token.
type NewCheckStep struct {
	Token   custody.TokenID
	Kind    custody.CheckStepKind
	Witness custody.PersonID // of a sighting: the second person
	Reason  string
}

type checkRow struct {
	rowBase
	Kind     string       `db:"kind"`
	Period   string       `db:"period"`
	DueOn    custody.Date `db:"due_on"`
	Items    string       `db:"items"`
	OpenedBy string       `db:"opened_by"`
	OpenedAt stamp        `db:"opened_at"`
}

const checkColumns = `c.id, c.school_id, c.kind, c.period, c.due_on, c.items, COALESCE(c.opened_by, '') AS opened_by, c.opened_at, c.entry_index`

func (r checkRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeCheckOpening, r.OpenedAt.Time
}

func (r checkRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: actorField(r.OpenedBy), "check": r.ID, "kind": r.Kind, "period": r.Period, "due_on": string(r.DueOn), "items": r.Items}
}

type checkStepRow struct {
	rowBase
	Check  string `db:"check_id"`
	Token  string `db:"token_id"`
	Kind   string `db:"kind"`
	Person string `db:"person_id"` // whom it concerns: the witness, who saw it first, who is excused
	By     string `db:"stepped_by"`
	At     stamp  `db:"stepped_at"`
}

const checkStepColumns = `z.id, z.school_id, z.check_id, z.token_id, z.kind, COALESCE(z.person_id, '') AS person_id, COALESCE(z.stepped_by, '') AS stepped_by,
	z.stepped_at, z.entry_index`

func (r checkStepRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeCheckStep, r.At.Time
}

func (r checkStepRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: actorField(r.By), "check": r.Check, "step": r.ID, signinglog.FieldToken: r.Token, "kind": r.Kind, signinglog.FieldPerson: r.Person}
}

// checkClosingRow has the check's id for its own.
type checkClosingRow struct {
	rowBase
	Proved   int64  `db:"proved"`
	Seen     int64  `db:"seen"`
	Missing  int64  `db:"missing"`
	Excused  int64  `db:"excused"`
	Results  string `db:"results"`
	ClosedBy string `db:"closed_by"`
	ClosedAt stamp  `db:"closed_at"`
	Opening  int64  `db:"opening_entry"`
}

const checkClosingColumns = `z.check_id AS id, z.school_id, z.proved, z.seen, z.missing, z.excused, z.results, COALESCE(z.closed_by, '') AS closed_by,
	z.closed_at, z.entry_index, c.entry_index AS opening_entry`

func (r checkClosingRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeCheckClosing, r.ClosedAt.Time
}

func (r checkClosingRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: actorField(r.ClosedBy), "check": r.ID, "opening_entry": count(r.Opening), "proved": count(r.Proved),
		"seen": count(r.Seen), "missing": count(r.Missing), "excused": count(r.Excused), "results": r.Results}
}

// supportAndChecks compares support requests and custody checks with their entries.
func (v *verification) supportAndChecks() error {
	for _, check := range []func() error{
		func() error {
			return checkTable[supportRow](v, "support_requests q", supportColumns, "q.", signinglog.TypeSupportRequest, nil)
		},
		func() error { return v.orphans("support_steps", "support_requests", "request_id") },
		func() error {
			return checkTable[supportStepRow](v, supportStepsOf, supportStepColumns, "z.", signinglog.TypeSupportStep, nil)
		},
		func() error {
			return checkTable[checkRow](v, "checks c", checkColumns, "c.", signinglog.TypeCheckOpening, nil)
		},
		func() error { return v.orphans("check_steps", "checks", "check_id") },
		func() error {
			return checkTable[checkStepRow](v, "check_steps z", checkStepColumns, "z.", signinglog.TypeCheckStep, nil)
		},
		func() error { return v.orphans("check_closings", "checks", "check_id") },
		func() error {
			return checkTable[checkClosingRow](v, "check_closings z JOIN checks c ON c.id = z.check_id", checkClosingColumns, "z.", signinglog.TypeCheckClosing, nil)
		},
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// OpenCheck opens a custody check of all tokens that the register has and that are
// not retired. Which they are, and who holds each, is fixed by its entry.
func (s *Store) OpenCheck(ctx context.Context, actor custody.Actor, n NewCheck) (CheckRow, error) {
	if err := texts("note", &n.Note); err != nil {
		return CheckRow{}, err
	}
	if due, err := custody.ParseDate(string(n.Due)); err != nil || due == "" {
		return CheckRow{}, custody.Invalid("due", "day %.20q is not of the form 2006-01-02", string(n.Due))
	}
	var id custody.CheckID
	err := s.write(ctx, actor.School, func(t *tx) error {
		var err error
		id, err = t.openCheck(actor, n)
		return err
	})
	if err != nil {
		return CheckRow{}, err
	}
	return s.Check(ctx, actor, id)
}

// OpenDueCheck opens the monthly check when its day has come by the school's
// settings and the month has none yet, and reports whether it did. Called again, or
// by another service, it does nothing; nor while another check is open.
func (s *Store) OpenDueCheck(ctx context.Context, actor custody.Actor) (custody.CheckID, bool, error) {
	var id custody.CheckID
	err := s.write(ctx, actor.School, func(t *tx) error {
		id = ""
		settings, err := t.settings()
		if err != nil {
			return err
		}
		today := custody.DateOf(t.now)
		if !custody.MonthlyCheckDue(today, settings.CheckDay()) {
			return nil
		}
		var before int
		if err := t.get(t.ctx, &before, `SELECT COUNT(*) FROM checks c WHERE c.school_id = ? AND (c.kind = 'monthly' AND c.period = ?
			OR NOT EXISTS (SELECT 1 FROM check_closings z WHERE z.check_id = c.id))`, string(t.school), custody.MonthlyCheck.Period(today)); err != nil {
			return fmt.Errorf("read checks: %w", err)
		}
		if before > 0 {
			return nil
		}
		id, err = t.openCheck(actor, NewCheck{Kind: custody.MonthlyCheck, Due: settings.AddWorkingDays(today, custody.CheckDays)})
		var known *custody.Error
		if errors.As(err, &known) && known.Params["reason"] == custody.ReasonCheckEmpty {
			return nil // nothing to check yet
		}
		return err
	})
	return id, id != "" && err == nil, err
}

func (t *tx) openCheck(actor custody.Actor, n NewCheck) (custody.CheckID, error) {
	var open int
	if err := t.get(t.ctx, &open, `SELECT COUNT(*) FROM checks c WHERE c.school_id = ? AND NOT EXISTS (SELECT 1 FROM check_closings z WHERE z.check_id = c.id)`,
		string(t.school)); err != nil {
		return "", fmt.Errorf("read checks: %w", err)
	}
	var tokens []string
	if err := t.list(t.ctx, &tokens, `SELECT id FROM tokens WHERE school_id = ? ORDER BY entry_index`, string(t.school)); err != nil {
		return "", fmt.Errorf("read tokens: %w", err)
	}
	var items []custody.CheckItem
	for _, id := range tokens {
		f, err := t.tokenBy("id", id)
		if err != nil {
			return "", err
		}
		if f == nil || f.token.State == custody.Retired {
			continue
		}
		item := custody.CheckItem{Token: custody.TokenID(id)}
		if f.custody != nil {
			item.Custodian = custody.PersonID(f.custody.Person)
		}
		items = append(items, item)
	}
	today := custody.DateOf(t.now)
	if err := custody.CanOpenCheck(actor, n.Kind, n.Due, today, len(items), open > 0); err != nil {
		return "", err
	}
	row := checkRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Kind: string(n.Kind), Period: n.Kind.Period(today), DueOn: n.Due,
		Items: custody.FormatCheckItems(items), OpenedBy: string(actor.Person), OpenedAt: at(t.now)}
	var err error
	if row.Entry, err = t.append(signinglog.TypeCheckOpening, actor, row.fields(), map[string]string{"note": n.Note}); err != nil {
		return "", err
	}
	if err := t.insertRow(`INSERT INTO checks (id, school_id, kind, period, due_on, items, opened_by, opened_at, entry_index)`,
		row.ID, row.School, row.Kind, row.Period, row.DueOn, row.Items, orNull(row.OpenedBy), row.OpenedAt, row.Entry); err != nil {
		return "", fmt.Errorf("open check: %w", err)
	}
	return custody.CheckID(row.ID), nil
}

// StepCheck notes something of one token of a check: it was seen, is not at hand,
// or its custodian is excused. A proof of possession needs no step: it counts.
func (s *Store) StepCheck(ctx context.Context, actor custody.Actor, id custody.CheckID, n NewCheckStep) (CheckRow, error) {
	if err := texts("reason", &n.Reason); err != nil {
		return CheckRow{}, err
	}
	if !n.Kind.Valid() {
		return CheckRow{}, custody.Invalid("kind", "step %.40q", string(n.Kind))
	}
	err := s.write(ctx, actor.School, func(t *tx) error {
		check, err := t.readCheck(id)
		if err != nil {
			return err
		}
		state, ok := check.state(n.Token)
		if !ok {
			return custody.NotFound("token")
		}
		facts, err := t.checkFacts(check, state, n)
		if err != nil {
			return err
		}
		if err := custody.CanStepCheck(actor, facts, n.Kind, n.Witness, n.Reason); err != nil {
			return err
		}
		row := checkStepRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Check: string(id), Token: string(n.Token), Kind: string(n.Kind),
			By: string(actor.Person), At: at(t.now)}
		switch n.Kind {
		case custody.StepSeen:
			row.Person = string(n.Witness)
		case custody.StepWitnessed, custody.StepNotWitnessed:
			row.Person = string(facts.SeenBy)
		case custody.StepExcused:
			row.Person = string(facts.Holder)
		}
		if row.Entry, err = t.append(signinglog.TypeCheckStep, actor, row.fields(), map[string]string{"reason": n.Reason}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO check_steps (id, school_id, check_id, token_id, kind, person_id, stepped_by, stepped_at, entry_index)`,
			row.ID, row.School, row.Check, row.Token, row.Kind, orNull(row.Person), orNull(row.By), row.At, row.Entry); err != nil {
			return fmt.Errorf("write check step: %w", err)
		}
		return nil
	})
	if err != nil {
		return CheckRow{}, err
	}
	return s.Check(ctx, actor, id)
}

// checkFacts reads what the rules ask of a step.
func (t *tx) checkFacts(check *checkState, state tokenState, n NewCheckStep) (custody.CheckFacts, error) {
	facts := custody.CheckFacts{Closed: check.closing != nil, Item: state.item, Outcome: state.outcome, SeenBy: state.seenBy, Witness: state.witness}
	f, err := t.tokenBy("id", string(n.Token))
	if err != nil || f == nil {
		return facts, err
	}
	if f.custody != nil {
		facts.Holder = custody.PersonID(f.custody.Person)
	}
	certificates, err := t.certificates(string(n.Token))
	if err != nil {
		return facts, err
	}
	facts.Unprovable = true
	for _, c := range certificates {
		if provable(c, t.now) {
			facts.Unprovable = false
		}
	}
	if n.Witness != "" {
		err := t.requireAccount(n.Witness)
		if err != nil && !errors.Is(err, custody.ErrNotFound) && !errors.Is(err, custody.ErrUnauthenticated) && !errors.Is(err, custody.ErrInvalid) {
			return facts, err
		}
		facts.WitnessGood = err == nil
	}
	return facts, nil
}

// provable reports whether a proof with the certificate would be taken.
func provable(c custody.Certificate, now time.Time) bool {
	return c.RevokedAt == nil && !now.Before(c.NotBefore) && !now.After(c.NotAfter)
}

// CloseCheck fixes what a check has found. What is neither proven, nor seen, nor
// excused, is missing.
func (s *Store) CloseCheck(ctx context.Context, actor custody.Actor, id custody.CheckID, conclusion string) (CheckRow, error) {
	if err := texts("conclusion", &conclusion); err != nil {
		return CheckRow{}, err
	}
	err := s.write(ctx, actor.School, func(t *tx) error {
		check, err := t.readCheck(id)
		if err != nil {
			return err
		}
		if err := custody.CanCloseCheck(actor, check.closing != nil); err != nil {
			return err
		}
		row := checkClosingRow{rowBase: rowBase{ID: string(id), School: string(t.school)}, ClosedBy: string(actor.Person), ClosedAt: at(t.now), Opening: check.row.Entry}
		var results []custody.CheckResult
		for _, state := range check.states {
			result := custody.CheckResult{Token: state.item.Token, Outcome: state.outcome, Entry: state.entry}
			switch state.outcome {
			case custody.CheckProved:
				row.Proved++
			case custody.CheckSeen:
				row.Seen++
			case custody.CheckExcused:
				row.Excused++
			default:
				result.Outcome, result.Entry = custody.CheckMissing, 0
				row.Missing++
			}
			results = append(results, result)
		}
		row.Results = custody.FormatCheckResults(results)
		if row.Entry, err = t.append(signinglog.TypeCheckClosing, actor, row.fields(), map[string]string{"conclusion": conclusion}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO check_closings (check_id, school_id, proved, seen, missing, excused, results, closed_by, closed_at, entry_index)`,
			row.ID, row.School, row.Proved, row.Seen, row.Missing, row.Excused, row.Results, orNull(row.ClosedBy), row.ClosedAt, row.Entry); err != nil {
			return fmt.Errorf("close check: %w", err)
		}
		return nil
	})
	if err != nil {
		return CheckRow{}, err
	}
	return s.Check(ctx, actor, id)
}
