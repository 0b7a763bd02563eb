package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// OfferHandOver offers a token to a person, or back to the safe.
func (s *Store) OfferHandOver(ctx context.Context, actor custody.Actor, n NewHandOver) (HandOverRow, error) {
	if err := texts("reason", &n.Reason, "condition", &n.Condition, "accessories", &n.Accessories, "permission_number", &n.PermissionNumber,
		"permission_signer", &n.PermissionSigner); err != nil {
		return HandOverRow{}, err
	}
	for field, day := range map[string]custody.Date{"permission_date": n.PermissionDate, "since": n.Since, "until": n.Until} {
		if _, err := custody.ParseDate(string(day)); err != nil {
			return HandOverRow{}, custody.Invalid(field, "%v", err)
		}
	}
	id := newID()
	err := s.write(ctx, actor.School, func(t *tx) error {
		f, err := t.visibleToken(actor, n.Token)
		if err != nil {
			return err
		}
		if n.ReasonKind == "" {
			n.ReasonKind = custody.DefaultReason(actor, f.rules(), n.To)
		}
		offer, err := t.offer(n)
		if err != nil {
			return err
		}
		if err := custody.CanOffer(actor, f.rules(), offer); err != nil {
			return err
		}
		row := handOverRow{rowBase: rowBase{ID: id, School: string(t.school)}, Token: string(n.Token), Kind: string(custody.ToPerson), Receiver: string(n.To),
			OfferedBy: string(actor.Person), PermissionNumber: n.PermissionNumber, PermissionOn: n.PermissionDate, ReasonKind: string(n.ReasonKind),
			Since: n.Since, Until: n.Until, Witness: string(n.Witness), OfferedAt: at(t.now), State: string(custody.Offered)}
		step := custody.TokenOffer
		if n.To == "" {
			row.Kind, step = string(custody.Return), custody.TokenOfferReturn
		}
		if f.custody != nil {
			row.Giver = f.custody.Person
		}
		return t.takeStep(f, step, func() error {
			if row.Entry, err = t.append(signinglog.TypeOffer, actor, row.fields(), map[string]string{"reason": n.Reason, "condition": n.Condition,
				"accessories": n.Accessories, "permission_signer": n.PermissionSigner}); err != nil {
				return err
			}
			if err := t.insertRow(`INSERT INTO hand_overs (id, school_id, token_id, kind, giver_id, receiver_id, offered_by, permission_number, permission_on,
				reason_kind, since_on, until_on, witness_id, offered_at, entry_index, state)`,
				row.ID, row.School, row.Token, row.Kind, orNull(row.Giver), orNull(row.Receiver), orNull(row.OfferedBy), row.PermissionNumber, row.PermissionOn,
				row.ReasonKind, row.Since, row.Until, orNull(row.Witness), row.OfferedAt, row.Entry, row.State); err != nil {
				return fmt.Errorf("offer hand-over: %w", err)
			}
			return nil
		})
	})
	if err != nil {
		return HandOverRow{}, err
	}
	return s.HandOver(ctx, actor, custody.HandOverID(id))
}

// offer reads what the rules ask about receiver and witness.
func (t *tx) offer(n NewHandOver) (custody.Offer, error) {
	offer := custody.Offer{To: n.To, Kind: n.ReasonKind, Today: custody.DateOf(t.now), Reason: n.Reason, PermissionNumber: n.PermissionNumber,
		PermissionDate: n.PermissionDate, PermissionSigner: n.PermissionSigner, Since: n.Since, Until: n.Until}
	if n.Witness != "" {
		if err := t.requireOwn(n.Witness); err != nil {
			return offer, err
		}
	}
	if n.To == "" {
		return offer, nil
	}
	if err := t.requireOwn(n.To); err != nil {
		return offer, err
	}
	err := t.requireAccount(n.To)
	if errors.Is(err, custody.ErrUnauthenticated) {
		offer.Left, err = true, nil
	}
	if err != nil {
		return offer, err
	}
	positions, _, err := t.personFacts(n.To)
	if err != nil {
		return offer, err
	}
	_, offer.Positioned = custody.PositionOn(positions, offer.Today)
	return offer, nil
}

// AcceptHandOver accepts an offer: the receiver's custody begins and the giver's
// ends in the same moment.
func (s *Store) AcceptHandOver(ctx context.Context, actor custody.Actor, id custody.HandOverID) (HandOverRow, error) {
	return s.Accept(ctx, actor, id, Acceptance{})
}

// Accept is AcceptHandOver with what the receiver says besides.
func (s *Store) Accept(ctx context.Context, actor custody.Actor, id custody.HandOverID, said Acceptance) (HandOverRow, error) {
	return s.decide(ctx, actor, id, custody.Accepted, said)
}

// DeclineHandOver declines an offer: the token stays with its giver.
func (s *Store) DeclineHandOver(ctx context.Context, actor custody.Actor, id custody.HandOverID) (HandOverRow, error) {
	return s.decide(ctx, actor, id, custody.Declined, Acceptance{})
}

// WithdrawHandOver takes an offer back.
func (s *Store) WithdrawHandOver(ctx context.Context, actor custody.Actor, id custody.HandOverID) (HandOverRow, error) {
	return s.decide(ctx, actor, id, custody.Withdrawn, Acceptance{})
}

func (s *Store) decide(ctx context.Context, actor custody.Actor, id custody.HandOverID, state custody.HandOverState, said Acceptance) (HandOverRow, error) {
	err := s.write(ctx, actor.School, func(t *tx) error {
		row, f, err := t.handOver(actor, id)
		if err != nil {
			return err
		}
		return t.decide(actor, row, f, state, said)
	})
	if err != nil {
		return HandOverRow{}, err
	}
	return s.HandOver(ctx, actor, id)
}

// handOver reads a hand-over that the actor has to do with, and its token.
func (t *tx) handOver(actor custody.Actor, id custody.HandOverID) (*handOverRow, *tokenFacts, error) {
	row, err := optional[handOverRow](t, `SELECT `+handOverColumns+` FROM hand_overs h WHERE h.school_id = ? AND h.id = ?`, string(t.school), string(id))
	if err != nil {
		return nil, nil, fmt.Errorf("read hand-over: %w", err)
	}
	if row == nil || !seesHandOver(actor, *row) {
		return nil, nil, custody.NotFound("hand_over")
	}
	f, err := t.tokenBy("id", row.Token)
	return row, f, err
}

// decisions are the entries and steps that decide an offer.
var decisions = map[custody.HandOverState]struct {
	entry signinglog.Type
	step  custody.TokenStep
}{
	custody.Accepted:  {signinglog.TypeAcceptance, custody.TokenAccept},
	custody.Declined:  {signinglog.TypeDecline, custody.TokenDecline},
	custody.Withdrawn: {signinglog.TypeWithdrawal, custody.TokenWithdraw},
}

func (t *tx) decide(actor custody.Actor, row *handOverRow, f *tokenFacts, state custody.HandOverState, said Acceptance) error {
	var err error
	switch state {
	case custody.Accepted:
		err = custody.CanAccept(actor, row.handOver(), f.rules().Reported)
	case custody.Declined:
		err = custody.CanDecline(actor, row.handOver())
	default:
		err = custody.CanWithdraw(actor, row.handOver())
	}
	if err != nil {
		return err
	}
	fields, begins := row.sides(), ""
	fields["offer"] = count(row.Entry)
	step := decisions[state].step
	if state == custody.Accepted {
		if f.custody != nil {
			fields["ends"] = count(f.custody.Entry)
		}
		if row.Receiver != "" {
			begins = newID()
			fields["custody"] = begins
		} else {
			step, said.PINChanged = custody.TokenAcceptReturn, nil
		}
		fields["pin_changed"] = yesOrNo(said.PINChanged)
	}
	return t.takeStep(f, step, func() error {
		index, err := t.append(decisions[state].entry, actor, fields, nil)
		if err != nil {
			return err
		}
		now := at(t.now)
		changed, err := t.exec(t.ctx, `UPDATE hand_overs SET state = ?, decided_by = ?, decided_at = ?, decided_entry = ?, pin_changed = ? WHERE id = ? AND state = 'offered'`,
			string(state), orNull(actor.Person), now, index, fields["pin_changed"], row.ID)
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
}

// moveToken ends the present custody and begins the receiver's.
func (t *tx) moveToken(f *tokenFacts, h *handOverRow, begins string, index int64, now stamp) error {
	err := t.endCustody(f, index, now)
	if err != nil || begins == "" {
		return err
	}
	err = t.insertRow(`INSERT INTO custodies (id, school_id, token_id, person_id, since_at, entry_index)`, begins, h.School, h.Token, h.Receiver, now, index)
	if err != nil {
		return fmt.Errorf("begin custody: %w", err)
	}
	return nil
}

// endCustody ends the present custody, if there is one, by that entry.
func (t *tx) endCustody(f *tokenFacts, index int64, now stamp) error {
	if f.custody == nil {
		return nil
	}
	if _, err := t.exec(t.ctx, `UPDATE custodies SET until_at = ?, until_entry = ? WHERE id = ?`, now, index, f.custody.ID); err != nil {
		return fmt.Errorf("end custody: %w", err)
	}
	return nil
}

func seesHandOver(actor custody.Actor, row handOverRow) bool {
	p := string(actor.Person)
	return actor.Roles.May(custody.ReadRegister) || p != "" && (p == row.Giver || p == row.Receiver || p == row.OfferedBy)
}

type listedHandOver struct {
	handOverRow
	Label       string `db:"label"`
	Serial      string `db:"serial"`
	TokenKind   string `db:"token_kind"`
	FromName    string `db:"from_name"`
	ToName      string `db:"to_name"`
	ByName      string `db:"by_name"`
	DeciderName string `db:"decider_name"`
	WitnessName string `db:"witness_name"`
	Reason      string `db:"reason"`
	Condition   string `db:"offer_condition"`
	Accessories string `db:"accessories"`
	Signer      string `db:"permission_signer"`
	Blocked     bool   `db:"blocked"`
	HeldOn      bool   `db:"held_on"` // the custody that it began goes on
	OfferBytes  []byte `db:"offer_bytes"`

	Giving      *int64  `db:"giving_entry"`
	GivingWith  *string `db:"giving_certificate"`
	GivingAt    *stamp  `db:"giving_at"`
	Receiving   *int64  `db:"receiving_entry"`
	ReceiveWith *string `db:"receiving_certificate"`
	ReceiveAt   *stamp  `db:"receiving_at"`
}

var queryHandOvers = `SELECT ` + handOverColumns + `, t.serial, t.kind AS token_kind, COALESCE(l.value, '') AS label, ` + fmt.Sprintf(nameOf, "h.giver_id") + ` AS from_name, ` +
	fmt.Sprintf(nameOf, "h.receiver_id") + ` AS to_name, ` + fmt.Sprintf(nameOf, "h.offered_by") + ` AS by_name, ` + fmt.Sprintf(nameOf, "h.decided_by") + ` AS decider_name, ` +
	fmt.Sprintf(nameOf, "h.witness_id") + ` AS witness_name, ` + revealOf("h", "reason") + ` AS reason, ` + revealOf("h", "condition") + ` AS offer_condition, ` +
	revealOf("h", "accessories") + ` AS accessories, ` + revealOf("h", "permission_signer") + ` AS permission_signer,
	(EXISTS (SELECT 1 FROM incidents i WHERE i.token_id = h.token_id AND i.state = 'open') OR EXISTS (SELECT 1 FROM write_offs w WHERE w.token_id = h.token_id)) AS blocked,
	EXISTS (SELECT 1 FROM custodies k WHERE k.token_id = h.token_id AND k.entry_index = h.decided_entry AND k.until_at IS NULL) AS held_on,
	e.bytes AS offer_bytes, g.entry_index AS giving_entry, g.certificate_sha256 AS giving_certificate, g.confirmed_at AS giving_at,
	c.entry_index AS receiving_entry, c.certificate_sha256 AS receiving_certificate, c.confirmed_at AS receiving_at
	FROM hand_overs h JOIN tokens t ON t.id = h.token_id
	JOIN log_entries e ON e.school_id = h.school_id AND e.entry_index = h.entry_index
	LEFT JOIN confirmations g ON g.hand_over_id = h.id AND g.side = 'giving'
	LEFT JOIN confirmations c ON c.hand_over_id = h.id AND c.side = 'receiving'
	LEFT JOIN reveals l ON l.school_id = t.school_id AND l.entry_index = t.entry_index AND l.field = 'label'
	WHERE h.school_id = ?`

func (r listedHandOver) row(actor custody.Actor) HandOverRow {
	h := r.handOver()
	row := HandOverRow{HandOver: h, TokenLabel: r.Label, TokenSerial: r.Serial, TokenKind: custody.TokenKind(r.TokenKind), FromName: r.FromName, ToName: r.ToName,
		OfferedByName: r.ByName, DecidedByName: r.DeciderName, WitnessName: r.WitnessName, Reason: r.Reason, Condition: r.Condition, Accessories: r.Accessories,
		PermissionSigner: r.Signer, OfferLeaf: signinglog.LeafHash(r.OfferBytes), Ended: !r.HeldOn, MayAccept: custody.CanAccept(actor, h, r.Blocked) == nil}
	if r.Giving != nil {
		row.Giving = &Confirmation{Certificate: *r.GivingWith, At: r.GivingAt.Time, Entry: *r.Giving}
	}
	if r.Receiving != nil {
		row.Receiving = &Confirmation{Certificate: *r.ReceiveWith, At: r.ReceiveAt.Time, Entry: *r.Receiving}
	}
	return row
}

func (s *Store) handOvers(ctx context.Context, actor custody.Actor, page *Page, condition string, args ...any) ([]HandOverRow, error) {
	query := queryHandOvers + condition
	all := append([]any{string(actor.School)}, args...)
	if !actor.Roles.May(custody.ReadRegister) {
		p := string(actor.Person)
		query, all = query+` AND (h.giver_id = ? OR h.receiver_id = ? OR h.offered_by = ?)`, append(all, p, p, p)
	}
	var listed []listedHandOver
	query, all = page.order(query, all, "h.entry_index", false)
	if err := s.reader.list(ctx, &listed, query, all...); err != nil {
		return nil, fmt.Errorf("list hand-overs: %w", err)
	}
	listed = cut(page, listed, func(r *listedHandOver) int64 { return r.Entry })
	rows := make([]HandOverRow, 0, len(listed))
	for _, r := range listed {
		rows = append(rows, r.row(actor))
	}
	return rows, nil
}

// HandOvers lists the open offers that the actor gives or may accept; who manages
// the register sees all open ones.
func (s *Store) HandOvers(ctx context.Context, actor custody.Actor) ([]HandOverRow, error) {
	return s.HandOversPage(ctx, actor, nil)
}

// HandOversPage is a page of HandOvers.
func (s *Store) HandOversPage(ctx context.Context, actor custody.Actor, page *Page) ([]HandOverRow, error) {
	return s.handOvers(ctx, actor, page, ` AND h.state = 'offered'`)
}

// OverdueHandOvers lists the temporary hand-overs whose last day has passed and
// whose token has not come back, the longest overdue first: all for who manages the
// register, for others their own.
func (s *Store) OverdueHandOvers(ctx context.Context, actor custody.Actor) ([]HandOverRow, error) {
	rows, err := s.OverdueHandOversPage(ctx, actor, nil)
	slices.SortStableFunc(rows, func(a, b HandOverRow) int { return strings.Compare(string(a.Until), string(b.Until)) })
	return rows, err
}

// OverdueHandOversPage is a page of OverdueHandOvers, in the order of the offers.
func (s *Store) OverdueHandOversPage(ctx context.Context, actor custody.Actor, page *Page) ([]HandOverRow, error) {
	return s.handOvers(ctx, actor, page, ` AND h.state = 'accepted' AND h.until_on < ?
		AND EXISTS (SELECT 1 FROM custodies k WHERE k.token_id = h.token_id AND k.entry_index = h.decided_entry AND k.until_at IS NULL)`, string(custody.DateOf(s.now())))
}

// HandOver returns an offer, open or decided, that the actor has to do with.
func (s *Store) HandOver(ctx context.Context, actor custody.Actor, id custody.HandOverID) (HandOverRow, error) {
	rows, err := s.handOvers(ctx, actor, nil, ` AND h.id = ?`, string(id))
	if err != nil {
		return HandOverRow{}, err
	}
	if len(rows) == 0 {
		return HandOverRow{}, custody.NotFound("hand_over")
	}
	return rows[0], nil
}
