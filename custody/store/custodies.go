package store

import (
	"database/sql"
	"errors"
	"fmt"

	"sokyso/custody"
)

// tokenFacts are a token and where it is, read inside a transaction.
type tokenFacts struct {
	token    custody.Token
	custody  *custodyRow
	last     *custodyRow // the latest that ended
	offer    *handOverRow
	incident *incidentRow // the first open one
	retired  bool         // an incident of it was closed
}

func (f tokenFacts) rules() custody.CustodyFacts {
	out := custody.CustodyFacts{Token: f.token, Reported: f.incident != nil}
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
	row, err := optional[tokenRow](t, `SELECT `+tokenColumns+` FROM tokens t WHERE t.school_id = ? AND t.`+column+` = ?`, string(t.school), value)
	if err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	if row == nil {
		return nil, nil
	}
	f := &tokenFacts{token: custody.Token{ID: custody.TokenID(row.ID), Serial: row.Serial, Model: row.Model,
		Kind: custody.TokenKind(row.Kind), Owner: custody.PersonID(row.Owner)}}
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
	var closed int
	if err := t.get(t.ctx, &closed, `SELECT COUNT(*) FROM incidents WHERE token_id = ? AND state = 'closed'`, row.ID); err != nil {
		return nil, fmt.Errorf("read incidents: %w", err)
	}
	f.retired = closed > 0
	f.token.State = custody.StateOf(f.retired, f.incident != nil, f.rules().Custody, f.rules().Offer)
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
