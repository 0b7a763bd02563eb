package store

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"sokyso/custody"
)

// tokenFacts are a token and where it is, read inside a transaction.
type tokenFacts struct {
	token    custody.Token
	custody  *custodyRow
	last     *custodyRow // the latest that ended
	offer    *handOverRow
	incident *incidentRow // the first open one
	lifeRow
}

// lifeRow is what the register knows of a token besides custody, offers and incidents.
type lifeRow struct {
	PIN        string `db:"pin_step"` // the latest; "" = none
	WrittenOff bool   `db:"written_off"`
	Retired    bool   `db:"retired"` // by itself, or by an incident that was closed

	// Steps of open incidents.
	RevocationAsked bool `db:"revocation_asked"`
	Revoked         bool `db:"revoked"`
}

// lifeColumns read a lifeRow of the token t.
const lifeColumns = `COALESCE((SELECT p.step FROM pin_steps p WHERE p.token_id = t.id ORDER BY p.entry_index DESC LIMIT 1), '') AS pin_step,
	EXISTS (SELECT 1 FROM write_offs w WHERE w.token_id = t.id) AS written_off,
	(EXISTS (SELECT 1 FROM retirements x WHERE x.token_id = t.id) OR EXISTS (SELECT 1 FROM incidents i WHERE i.token_id = t.id AND i.state = 'closed')) AS retired,
	EXISTS (SELECT 1 FROM incidents i JOIN incident_steps s ON s.incident_id = i.id WHERE i.token_id = t.id AND i.state = 'open' AND s.step = 'revocation_asked') AS revocation_asked,
	EXISTS (SELECT 1 FROM incidents i JOIN incident_steps s ON s.incident_id = i.id WHERE i.token_id = t.id AND i.state = 'open' AND s.step = 'certificate_revoked') AS revoked`

// condition is what the token's state follows from.
func (f tokenFacts) condition() custody.Condition {
	rules := f.rules()
	return custody.Condition{Retired: f.Retired, Reported: f.incident != nil, WrittenOff: f.WrittenOff, RevocationAsked: f.RevocationAsked, Revoked: f.Revoked,
		Offer: rules.Offer, PIN: custody.PINStep(f.PIN), Custody: rules.Custody}
}

func (f tokenFacts) rules() custody.CustodyFacts {
	out := custody.CustodyFacts{Token: f.token, Reported: f.incident != nil || f.WrittenOff}
	if f.custody != nil {
		held := f.custody.custody()
		out.Custody = &held
	}
	if f.offer != nil {
		offer := f.offer.handOver()
		out.Offer = &offer
	}
	return out
}

// optional reads one row or none.
func optional[T any](t *tx, query string, args ...any) (*T, error) {
	var row T
	err := t.get(t.ctx, &row, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &row, nil
}

// tokenBy reads a token by a column (id or serial); nil when there is none.
func (t *tx) tokenBy(column, value string) (*tokenFacts, error) {
	row, err := optional[struct {
		tokenRow
		lifeRow
	}](t, `SELECT `+tokenColumns+`, `+lifeColumns+` FROM tokens t WHERE t.school_id = ? AND t.`+column+` = ?`, string(t.school), value)
	if err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	if row == nil {
		return nil, nil
	}
	f := &tokenFacts{token: custody.Token{ID: custody.TokenID(row.ID), Serial: row.Serial, Model: row.Model,
		Kind: custody.TokenKind(row.Kind), Owner: custody.PersonID(row.Owner)}, lifeRow: row.lifeRow}
	if f.custody, err = optional[custodyRow](t, `SELECT `+custodyColumns+` FROM custodies WHERE token_id = ? AND until_at IS NULL`, row.ID); err != nil {
		return nil, fmt.Errorf("read custody: %w", err)
	}
	if f.custody == nil {
		f.last, err = optional[custodyRow](t, `SELECT `+custodyColumns+` FROM custodies WHERE token_id = ? ORDER BY until_entry DESC LIMIT 1`, row.ID)
		if err != nil {
			return nil, fmt.Errorf("read custody: %w", err)
		}
	}
	if f.offer, err = optional[handOverRow](t, `SELECT `+handOverColumns+` FROM hand_overs h WHERE h.token_id = ? AND h.state = 'offered'`, row.ID); err != nil {
		return nil, fmt.Errorf("read hand-over: %w", err)
	}
	f.incident, err = optional[incidentRow](t, `SELECT `+incidentColumns+` FROM incidents i WHERE i.token_id = ? AND i.state = 'open' ORDER BY i.entry_index LIMIT 1`, row.ID)
	if err != nil {
		return nil, fmt.Errorf("read incident: %w", err)
	}
	f.token.State = custody.StateOf(f.condition())
	return f, nil
}

// visibleToken reads a token that the actor may do something with.
func (t *tx) visibleToken(actor custody.Actor, id custody.TokenID) (*tokenFacts, error) {
	f, err := t.tokenBy("id", string(id))
	if err != nil {
		return nil, err
	}
	if f == nil || custody.CanReport(actor, f.rules()) != nil {
		return nil, custody.NotFound("token")
	}
	return f, nil
}

// takeStep takes a token through a step of its life: refused when the table does not
// have it (custody.Next). Every change of a token's state goes through here; what
// write made of the token must be a state that the table names, or nothing of it
// is recorded.
func (t *tx) takeStep(f *tokenFacts, step custody.TokenStep, write func() error) error {
	may, err := custody.Next(f.token.State, step)
	if err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	after, err := t.tokenBy("id", string(f.token.ID))
	if err != nil {
		return err
	}
	if !slices.Contains(may, after.token.State) {
		return fmt.Errorf("token %s was %s and became %s by %s, which the table does not know", f.token.ID, f.token.State, after.token.State, step)
	}
	return nil
}
