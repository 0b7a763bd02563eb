package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
)

// StaffRow is who somebody is on a day: certificates carry no titles, this does.
type StaffRow struct {
	PersonRow
	Today      []custody.Position   // in force on that day, the weightiest first
	Delegated  []custody.Delegation // to them, in force on that day
	Holds      []HeldToken          // at any time of that day
	HadAccount bool                 // not ended before that day
}

// HeldToken is a token that a person held.
type HeldToken struct {
	ID     custody.TokenID
	Label  string
	Serial string
	Kind   custody.TokenKind
	Since  time.Time
	Entry  int64 // of the acceptance
}

// Staff lists the school's people as they are on a day, in the order of their
// positions' weight, then of their registration. What others hold is told to who
// manages the register.
func (s *Store) Staff(ctx context.Context, actor custody.Actor, on custody.Date) ([]StaffRow, error) {
	return s.StaffPage(ctx, actor, on, nil)
}

// StaffPage is a page of Staff, in the order of registration.
func (s *Store) StaffPage(ctx context.Context, actor custody.Actor, on custody.Date, page *Page) ([]StaffRow, error) {
	people, err := s.people(ctx, actor, "", page)
	if err != nil {
		return nil, err
	}
	delegations, err := s.Delegations(ctx, actor, on)
	if err != nil {
		return nil, err
	}
	held, err := s.heldOn(ctx, actor, on)
	if err != nil {
		return nil, err
	}
	rows := make([]StaffRow, 0, len(people))
	for _, p := range people {
		row := StaffRow{PersonRow: p, Today: custody.PositionsOn(p.Positions, on), Holds: held[p.ID],
			HadAccount: p.Username != "" && (p.AccountUntil == "" || p.AccountUntil >= on)}
		for _, d := range delegations {
			if d.Delegate == p.ID {
				row.Delegated = append(row.Delegated, d)
			}
		}
		rows = append(rows, row)
	}
	if page != nil {
		return rows, nil
	}
	custody.ByWeight(rows, func(r StaffRow) []custody.Position { return r.Today })
	return rows, nil
}

// heldOn reads who held what on a day; to who does not manage the register, what
// they held themselves.
func (s *Store) heldOn(ctx context.Context, actor custody.Actor, on custody.Date) (map[custody.PersonID][]HeldToken, error) {
	begin, err := time.ParseInLocation(time.DateOnly, string(on), custody.SchoolZone)
	if err != nil {
		return nil, custody.Invalid("on", "day %.20q is not of the form 2006-01-02", string(on))
	}
	query, args := `SELECT k.person_id, t.id, t.serial, t.kind, COALESCE(l.value, '') AS label, k.since_at, k.entry_index
		FROM custodies k JOIN tokens t ON t.id = k.token_id
		LEFT JOIN reveals l ON l.school_id = t.school_id AND l.entry_index = t.entry_index AND l.field = 'label'
		WHERE k.school_id = ? AND k.since_at < ? AND (k.until_at IS NULL OR k.until_at >= ?)`, []any{string(actor.School), at(begin.AddDate(0, 0, 1)), at(begin)}
	if !actor.Roles.May(custody.ReadRegister) {
		query, args = query+` AND k.person_id = ?`, append(args, string(actor.Person))
	}
	var rows []struct {
		Person custody.PersonID  `db:"person_id"`
		ID     custody.TokenID   `db:"id"`
		Serial string            `db:"serial"`
		Kind   custody.TokenKind `db:"kind"`
		Label  string            `db:"label"`
		Since  stamp             `db:"since_at"`
		Entry  int64             `db:"entry_index"`
	}
	if err := s.reader.list(ctx, &rows, query+` ORDER BY k.entry_index`, args...); err != nil {
		return nil, fmt.Errorf("list custodies: %w", err)
	}
	held := map[custody.PersonID][]HeldToken{}
	for _, r := range rows {
		held[r.Person] = append(held[r.Person], HeldToken{ID: r.ID, Label: r.Label, Serial: r.Serial, Kind: r.Kind, Since: r.Since.Time, Entry: r.Entry})
	}
	return held, nil
}
