package store

import (
	"context"
	"errors"
	"fmt"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// OfferHandOver offers a token to a person, or back to the safe.
func (s *Store) OfferHandOver(ctx context.Context, actor custody.Actor, n NewHandOver) (HandOverRow, error) {
	if err := texts("reason", &n.Reason, "condition", &n.Condition, "permission_number", &n.PermissionNumber); err != nil {
		return HandOverRow{}, err
	}
	if _, err := custody.ParseDate(string(n.PermissionDate)); err != nil {
		return HandOverRow{}, custody.Invalid("permission_date", "%v", err)
	}
	id := newID()
	err := s.write(ctx, actor.School, func(t *tx) error {
		f, err := t.visibleToken(actor, n.Token)
		if err != nil {
			return err
		}
		offer := custody.Offer{To: n.To, Today: custody.DateOf(t.now), Reason: n.Reason, PermissionNumber: n.PermissionNumber, PermissionDate: n.PermissionDate}
		if n.To != "" {
			err := t.requireAccount(n.To)
			if errors.Is(err, custody.ErrUnauthenticated) {
				offer.Left, err = true, nil
			}
			if err != nil {
				return err
			}
			positions, _, err := t.personFacts(n.To)
			if err != nil {
				return err
			}
			_, offer.Positioned = custody.PositionOn(positions, offer.Today)
		}
		if err := custody.CanOffer(actor, f.rules(), offer); err != nil {
			return err
		}
		row := handOverRow{rowBase: rowBase{ID: id, School: string(t.school)}, Token: string(n.Token), Kind: string(custody.ToPerson), Receiver: string(n.To),
			OfferedBy: string(actor.Person), PermissionNumber: n.PermissionNumber, PermissionOn: n.PermissionDate, OfferedAt: at(t.now), State: string(custody.Offered)}
		if n.To == "" {
			row.Kind = string(custody.Return)
		}
		if f.custody != nil {
			row.Giver = f.custody.Person
		}
		if row.Entry, err = t.append(signinglog.TypeOffer, actor, row.fields(), map[string]string{"reason": n.Reason, "condition": n.Condition}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO hand_overs (id, school_id, token_id, kind, giver_id, receiver_id, offered_by, permission_number, permission_on, offered_at, entry_index, state)`,
			row.ID, row.School, row.Token, row.Kind, orNull(row.Giver), orNull(row.Receiver), orNull(row.OfferedBy), row.PermissionNumber, row.PermissionOn,
			row.OfferedAt, row.Entry, row.State); err != nil {
			return fmt.Errorf("offer hand-over: %w", err)
		}
		return nil
	})
	if err != nil {
		return HandOverRow{}, err
	}
	return s.HandOver(ctx, actor, custody.HandOverID(id))
}

// AcceptHandOver accepts an offer: the receiver's custody begins and the giver's
// ends in the same moment.
func (s *Store) AcceptHandOver(ctx context.Context, actor custody.Actor, id custody.HandOverID) (HandOverRow, error) {
	return s.decide(ctx, actor, id, custody.Accepted)
}

// DeclineHandOver declines an offer: the token stays with its giver.
func (s *Store) DeclineHandOver(ctx context.Context, actor custody.Actor, id custody.HandOverID) (HandOverRow, error) {
	return s.decide(ctx, actor, id, custody.Declined)
}

// WithdrawHandOver takes an offer back.
func (s *Store) WithdrawHandOver(ctx context.Context, actor custody.Actor, id custody.HandOverID) (HandOverRow, error) {
	return s.decide(ctx, actor, id, custody.Withdrawn)
}

var decisionTypes = map[custody.HandOverState]signinglog.Type{
	custody.Accepted:  signinglog.TypeAcceptance,
	custody.Declined:  signinglog.TypeDecline,
	custody.Withdrawn: signinglog.TypeWithdrawal,
}

func (s *Store) decide(ctx context.Context, actor custody.Actor, id custody.HandOverID, state custody.HandOverState) (HandOverRow, error) {
	err := s.write(ctx, actor.School, func(t *tx) error {
		row, err := optional[handOverRow](t, `SELECT `+handOverColumns+` FROM hand_overs h WHERE h.school_id = ? AND h.id = ?`, string(t.school), string(id))
		if err != nil {
			return fmt.Errorf("read hand-over: %w", err)
		}
		if row == nil || !seesHandOver(actor, *row) {
			return custody.NotFound("hand_over")
		}
		f, err := t.tokenBy("id", row.Token)
		if err != nil {
			return err
		}
		switch state {
		case custody.Accepted:
			err = custody.CanAccept(actor, row.handOver(), f.incident != nil)
		case custody.Declined:
			err = custody.CanDecline(actor, row.handOver())
		default:
			err = custody.CanWithdraw(actor, row.handOver())
		}
		if err != nil {
			return err
		}
		fields := row.sides()
		fields["offer"] = count(row.Entry)
		begins := ""
		if state == custody.Accepted {
			if f.custody != nil {
				fields["ends"] = count(f.custody.Entry)
			}
			if row.Receiver != "" {
				begins = newID()
				fields["custody"] = begins
			}
		}
		index, err := t.append(decisionTypes[state], actor, fields, nil)
		if err != nil {
			return err
		}
		now := at(t.now)
		changed, err := t.exec(t.ctx, `UPDATE hand_overs SET state = ?, decided_by = ?, decided_at = ?, decided_entry = ? WHERE id = ? AND state = 'offered'`,
			string(state), orNull(actor.Person), now, index, row.ID)
		if err != nil {
			return fmt.Errorf("decide hand-over: %w", err)
		}
		if changed != 1 {
			return custody.Conflict(custody.ReasonHandOverDecided)
		}
		if state != custody.Accepted {
			return nil
		}
		return t.moveToken(f, row, begins, index, now)
	})
	if err != nil {
		return HandOverRow{}, err
	}
	return s.HandOver(ctx, actor, id)
}

// moveToken ends the present custody and begins the receiver's.
func (t *tx) moveToken(f *tokenFacts, h *handOverRow, begins string, index int64, now stamp) error {
	if f.custody != nil {
		if _, err := t.exec(t.ctx, `UPDATE custodies SET until_at = ?, until_entry = ? WHERE id = ?`, now, index, f.custody.ID); err != nil {
			return fmt.Errorf("end custody: %w", err)
		}
	}
	if begins == "" {
		return nil
	}
	err := t.insertRow(`INSERT INTO custodies (id, school_id, token_id, person_id, since_at, entry_index)`, begins, h.School, h.Token, h.Receiver, now, index)
	if err != nil {
		return fmt.Errorf("begin custody: %w", err)
	}
	return nil
}

func seesHandOver(actor custody.Actor, row handOverRow) bool {
	p := string(actor.Person)
	return actor.Roles.Manages() || p != "" && (p == row.Giver || p == row.Receiver || p == row.OfferedBy)
}

type listedHandOver struct {
	handOverRow
	Label      string `db:"label"`
	FromName   string `db:"from_name"`
	ToName     string `db:"to_name"`
	Reason     string `db:"reason"`
	Condition  string `db:"offer_condition"`
	IncidentNo int    `db:"open_incidents"`
}

var queryHandOvers = `SELECT ` + handOverColumns + `, COALESCE(l.value, '') AS label, ` + fmt.Sprintf(nameOf, "h.giver_id") + ` AS from_name, ` +
	fmt.Sprintf(nameOf, "h.receiver_id") + ` AS to_name, COALESCE(r.value, '') AS reason, COALESCE(c.value, '') AS offer_condition,
	(SELECT COUNT(*) FROM incidents i WHERE i.token_id = h.token_id AND i.state = 'open') AS open_incidents
	FROM hand_overs h JOIN tokens t ON t.id = h.token_id
	LEFT JOIN reveals l ON l.school_id = t.school_id AND l.entry_index = t.entry_index AND l.field = 'label'
	LEFT JOIN reveals r ON r.school_id = h.school_id AND r.entry_index = h.entry_index AND r.field = 'reason'
	LEFT JOIN reveals c ON c.school_id = h.school_id AND c.entry_index = h.entry_index AND c.field = 'condition'
	WHERE h.school_id = ?`

func (s *Store) handOvers(ctx context.Context, actor custody.Actor, condition string, args ...any) ([]HandOverRow, error) {
	query := queryHandOvers + condition
	all := append([]any{string(actor.School)}, args...)
	if !actor.Roles.Manages() {
		p := string(actor.Person)
		query, all = query+` AND (h.giver_id = ? OR h.receiver_id = ? OR h.offered_by = ?)`, append(all, p, p, p)
	}
	var listed []listedHandOver
	if err := s.reader.list(ctx, &listed, query+` ORDER BY h.entry_index`, all...); err != nil {
		return nil, fmt.Errorf("list hand-overs: %w", err)
	}
	rows := make([]HandOverRow, 0, len(listed))
	for _, r := range listed {
		h := r.handOver()
		rows = append(rows, HandOverRow{HandOver: h, TokenLabel: r.Label, FromName: r.FromName, ToName: r.ToName, Reason: r.Reason, Condition: r.Condition,
			MayAccept: custody.CanAccept(actor, h, r.IncidentNo > 0) == nil})
	}
	return rows, nil
}

// HandOvers lists the open offers that the actor gives or may accept; who manages
// the register sees all open ones.
func (s *Store) HandOvers(ctx context.Context, actor custody.Actor) ([]HandOverRow, error) {
	return s.handOvers(ctx, actor, ` AND h.state = 'offered'`)
}

// HandOver returns an offer, open or decided, that the actor has to do with.
func (s *Store) HandOver(ctx context.Context, actor custody.Actor, id custody.HandOverID) (HandOverRow, error) {
	rows, err := s.handOvers(ctx, actor, ` AND h.id = ?`, string(id))
	if err != nil {
		return HandOverRow{}, err
	}
	if len(rows) == 0 {
		return HandOverRow{}, custody.NotFound("hand_over")
	}
	return rows[0], nil
}
