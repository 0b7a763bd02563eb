package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

type delegationRow struct {
	rowBase
	Grantor     string       `db:"grantor_id"`
	Delegate    string       `db:"delegate_id"`
	Capacity    string       `db:"capacity"`
	Absence     bool         `db:"absence"`
	Kinds       string       `db:"kinds"`
	From        custody.Date `db:"from_on"`
	Until       custody.Date `db:"until_on"`
	PaperNumber string       `db:"paper_number"`
	PaperOn     custody.Date `db:"paper_on"`
	CreatedAt   stamp        `db:"created_at"`
	Ended       *int64       `db:"ended_entry"` // read with delegationsAsEnded only
}

const delegationColumns = `id, school_id, grantor_id, delegate_id, capacity, absence, kinds, from_on, until_on, paper_number, paper_on, created_at, entry_index`

// delegationsAsEnded are the delegations with the last day that holds, as
// positionsAsEnded.
const delegationsAsEnded = `(SELECT d.id, d.school_id, d.grantor_id, d.delegate_id, d.capacity, d.absence, d.kinds, d.from_on,
	COALESCE((SELECT MIN(e.until_on) FROM delegation_endings e WHERE e.delegation_id = d.id), d.until_on) AS until_on, d.paper_number, d.paper_on, d.created_at, d.entry_index,
	(SELECT MAX(e.entry_index) FROM delegation_endings e WHERE e.delegation_id = d.id) AS ended_entry FROM delegations d) AS delegations`

func (r delegationRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeDelegation, r.CreatedAt.Time
}

func (r delegationRow) fields() map[string]string {
	return map[string]string{signinglog.FieldPerson: r.Delegate, "grantor": r.Grantor, "delegation": r.ID, "capacity": r.Capacity, "absence": flag(r.Absence),
		"kinds": r.Kinds, "from": string(r.From), "until": string(r.Until), "paper_number": r.PaperNumber, "paper_on": string(r.PaperOn)}
}

func (r delegationRow) delegation() custody.Delegation {
	return custody.Delegation{ID: custody.DelegationID(r.ID), Grantor: custody.PersonID(r.Grantor), Delegate: custody.PersonID(r.Delegate),
		Capacity: custody.Capacity(r.Capacity), Absence: r.Absence, Kinds: splitList(r.Kinds), From: r.From, Until: r.Until,
		PaperNumber: r.PaperNumber, PaperOn: r.PaperOn, Entry: r.Entry, Ended: indexOr0(r.Ended)}
}

// delegationEndingRow is an early end with the delegate, whom its entry names.
type delegationEndingRow struct {
	rowBase
	Delegation string       `db:"delegation_id"`
	Delegate   string       `db:"delegate_id"`
	Until      custody.Date `db:"until_on"`
	EndedAt    stamp        `db:"ended_at"`
}

const delegationEndingColumns = `x.id, x.school_id, x.delegation_id, COALESCE((SELECT d.delegate_id FROM delegations d WHERE d.id = x.delegation_id), '') AS delegate_id, x.until_on, x.ended_at, x.entry_index`

func (r delegationEndingRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeDelegationEnding, r.EndedAt.Time
}

func (r delegationEndingRow) fields() map[string]string {
	return map[string]string{signinglog.FieldPerson: r.Delegate, "ending": r.ID, "delegation": r.Delegation, "until": string(r.Until)}
}

// AddDelegation registers a paper by which the head has somebody sign: see
// custody.CanDelegate. Kinds of an absence are all there are.
func (s *Store) AddDelegation(ctx context.Context, actor custody.Actor, d custody.Delegation) (custody.Delegation, error) {
	if err := custody.CanRegister(actor); err != nil {
		return custody.Delegation{}, err
	}
	if err := texts("paper_number!", &d.PaperNumber, "paper_signer", &d.PaperSigner, "content", &d.Content); err != nil {
		return custody.Delegation{}, err
	}
	if d.Absence {
		d.Kinds = []string{custody.AnyKind}
	}
	if err := checkDays(d.From, d.Until); err != nil {
		return custody.Delegation{}, err
	}
	if day, err := custody.ParseDate(string(d.PaperOn)); err != nil || day == "" {
		return custody.Delegation{}, custody.Invalid("paper_on", "day %.20q is not of the form 2006-01-02", string(d.PaperOn))
	}
	if err := d.Scope().Validate(); err != nil {
		return custody.Delegation{}, err
	}
	row := delegationRow{rowBase: rowBase{ID: newID(), School: string(actor.School)}, Grantor: string(d.Grantor), Delegate: string(d.Delegate),
		Capacity: string(d.Capacity), Absence: d.Absence, Kinds: joinList(d.Kinds), From: d.From, Until: d.Until, PaperNumber: d.PaperNumber, PaperOn: d.PaperOn}
	err := s.write(ctx, actor.School, func(t *tx) error {
		facts, err := t.delegationFacts(d)
		if err != nil {
			return err
		}
		if err := custody.CanDelegate(actor, d, facts); err != nil {
			return err
		}
		row.CreatedAt = at(t.now)
		if row.Entry, err = t.append(signinglog.TypeDelegation, actor, row.fields(), map[string]string{"paper_signer": d.PaperSigner, "content": d.Content}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO delegations (id, school_id, grantor_id, delegate_id, capacity, absence, kinds, from_on, until_on, paper_number, paper_on, created_at, entry_index)`,
			row.ID, row.School, row.Grantor, row.Delegate, row.Capacity, row.Absence, row.Kinds, row.From, row.Until, row.PaperNumber, row.PaperOn, row.CreatedAt, row.Entry); err != nil {
			return fmt.Errorf("add delegation: %w", err)
		}
		return nil
	})
	if err != nil {
		return custody.Delegation{}, err
	}
	return s.Delegation(ctx, actor, custody.DelegationID(row.ID))
}

// delegationFacts reads what the rules ask about the two people of a delegation.
func (t *tx) delegationFacts(d custody.Delegation) (custody.DelegationFacts, error) {
	f := custody.DelegationFacts{Today: custody.DateOf(t.now)}
	for person, positions := range map[custody.PersonID]*[]custody.Position{d.Grantor: &f.GrantorPositions, d.Delegate: &f.DelegatePositions} {
		if err := t.requireOwn(person); err != nil {
			return f, err
		}
		var err error
		if *positions, _, err = t.personFacts(person); err != nil {
			return f, err
		}
	}
	for column, out := range map[string]*[]custody.Delegation{"grantor_id": &f.Others, "delegate_id": &f.GrantorPowers} {
		var rows []delegationRow
		if err := t.list(t.ctx, &rows, `SELECT `+delegationColumns+` FROM `+delegationsAsEnded+` WHERE school_id = ? AND `+column+` = ?`,
			string(t.school), string(d.Grantor)); err != nil {
			return f, fmt.Errorf("read delegations: %w", err)
		}
		for _, row := range rows {
			*out = append(*out, row.delegation())
		}
	}
	return f, nil
}

// EndDelegation ends a delegation after a day that is before its last: see
// custody.CanEndDelegation.
func (s *Store) EndDelegation(ctx context.Context, actor custody.Actor, id custody.DelegationID, until custody.Date, reason string) error {
	if err := texts("reason!", &reason); err != nil {
		return err
	}
	if day, err := custody.ParseDate(string(until)); err != nil || day == "" {
		return custody.Invalid("until", "day %.20q is not of the form 2006-01-02", string(until))
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		row, err := optional[delegationRow](t, `SELECT `+delegationColumns+` FROM `+delegationsAsEnded+` WHERE school_id = ? AND id = ?`, string(t.school), string(id))
		if err != nil {
			return fmt.Errorf("read delegation: %w", err)
		}
		if row == nil {
			return custody.NotFound("delegation")
		}
		if err := custody.CanEndDelegation(actor, row.delegation(), until); err != nil {
			return err
		}
		ending := delegationEndingRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Delegation: row.ID, Delegate: row.Delegate, Until: until, EndedAt: at(t.now)}
		if ending.Entry, err = t.append(signinglog.TypeDelegationEnding, actor, ending.fields(), map[string]string{"reason": reason}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO delegation_endings (id, school_id, delegation_id, until_on, ended_at, entry_index)`,
			ending.ID, ending.School, ending.Delegation, ending.Until, ending.EndedAt, ending.Entry); err != nil {
			return fmt.Errorf("end delegation: %w", err)
		}
		return nil
	})
}

type listedDelegation struct {
	delegationRow
	GrantorName  string `db:"grantor_name"`
	DelegateName string `db:"delegate_name"`
	PaperSigner  string `db:"paper_signer"`
	Content      string `db:"content"`
}

var queryDelegations = `SELECT ` + delegationColumns + `, ended_entry, ` + fmt.Sprintf(nameOf, "delegations.grantor_id") + ` AS grantor_name, ` +
	fmt.Sprintf(nameOf, "delegations.delegate_id") + ` AS delegate_name,
	COALESCE((SELECT r.value FROM reveals r WHERE r.school_id = delegations.school_id AND r.entry_index = delegations.entry_index AND r.field = 'paper_signer'), '') AS paper_signer,
	COALESCE((SELECT r.value FROM reveals r WHERE r.school_id = delegations.school_id AND r.entry_index = delegations.entry_index AND r.field = 'content'), '') AS content
	FROM ` + delegationsAsEnded + ` WHERE school_id = ?`

func (s *Store) delegations(ctx context.Context, actor custody.Actor, page *Page, condition string, args ...any) ([]custody.Delegation, error) {
	query, all := queryDelegations+condition, append([]any{string(actor.School)}, args...)
	if !actor.Roles.May(custody.ReadRegister) {
		query, all = query+` AND (grantor_id = ? OR delegate_id = ?)`, append(all, string(actor.Person), string(actor.Person))
	}
	var listed []listedDelegation
	query, all = page.order(query, all, "entry_index", true)
	if err := s.reader.list(ctx, &listed, query, all...); err != nil {
		return nil, fmt.Errorf("list delegations: %w", err)
	}
	listed = cut(page, listed, func(r *listedDelegation) int64 { return r.Entry })
	out := make([]custody.Delegation, 0, len(listed))
	for _, row := range listed {
		d := row.delegation()
		d.GrantorName, d.DelegateName, d.PaperSigner, d.Content = row.GrantorName, row.DelegateName, row.PaperSigner, row.Content
		out = append(out, d)
	}
	return out, nil
}

// Delegations lists the delegations, the newest first: all to who manages the
// register, one's own to others. on limits them to those in force on that day; "" =
// all there were.
func (s *Store) Delegations(ctx context.Context, actor custody.Actor, on custody.Date) ([]custody.Delegation, error) {
	return s.DelegationsPage(ctx, actor, on, nil)
}

// DelegationsPage is a page of Delegations.
func (s *Store) DelegationsPage(ctx context.Context, actor custody.Actor, on custody.Date, page *Page) ([]custody.Delegation, error) {
	if on == "" {
		return s.delegations(ctx, actor, page, "")
	}
	return s.delegations(ctx, actor, page, ` AND from_on <= ? AND (until_on IS NULL OR until_on >= ?)`, string(on), string(on))
}

// Delegation returns one delegation that the actor may see.
func (s *Store) Delegation(ctx context.Context, actor custody.Actor, id custody.DelegationID) (custody.Delegation, error) {
	found, err := s.delegations(ctx, actor, nil, ` AND id = ?`, string(id))
	if err != nil {
		return custody.Delegation{}, err
	}
	if len(found) == 0 {
		return custody.Delegation{}, custody.NotFound("delegation")
	}
	return found[0], nil
}
