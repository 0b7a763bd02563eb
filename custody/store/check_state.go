package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sokyso/custody"
)

// checkState is a check as its rows tell it.
type checkState struct {
	row     checkRow
	closing *checkClosingRow
	states  []tokenState
}

// tokenState is what is known of a token of a check.
type tokenState struct {
	item    custody.CheckItem
	outcome custody.CheckOutcome
	entry   int64
	at      *time.Time
	seenBy  custody.PersonID
	witness custody.PersonID // named and not heard of yet, or, with outcome seen, who saw it too
	why     *checkStepRow    // the custodian's latest reason
	excuse  *checkStepRow
}

func (c *checkState) state(token custody.TokenID) (tokenState, bool) {
	i := slices.IndexFunc(c.states, func(s tokenState) bool { return s.item.Token == token })
	if i < 0 {
		return tokenState{}, false
	}
	return c.states[i], true
}

func (t *tx) readCheck(id custody.CheckID) (*checkState, error) {
	return readCheck(t.ctx, t, t.school, id)
}

type provenToken struct {
	Token string `db:"token_id"`
	Entry int64  `db:"entry_index"`
	At    stamp  `db:"proven_at"`
}

// readCheck reads a check and makes out what is known of each of its tokens: a
// proof outweighs two pairs of eyes, these an excuse.
func readCheck(ctx context.Context, q querier, school custody.SchoolID, id custody.CheckID) (*checkState, error) {
	var rows []checkRow
	if err := q.list(ctx, &rows, `SELECT `+checkColumns+` FROM checks c WHERE c.school_id = ? AND c.id = ?`, string(school), string(id)); err != nil {
		return nil, fmt.Errorf("read check: %w", err)
	}
	if len(rows) == 0 {
		return nil, custody.NotFound("check")
	}
	c := &checkState{row: rows[0]}
	var closings []checkClosingRow
	if err := q.list(ctx, &closings, `SELECT `+checkClosingColumns+` FROM check_closings z JOIN checks c ON c.id = z.check_id WHERE z.check_id = ?`, string(id)); err != nil {
		return nil, fmt.Errorf("read check's closing: %w", err)
	}
	end := int64(1) << 62
	if len(closings) > 0 {
		c.closing, end = &closings[0], closings[0].Entry
	}
	var proofs []provenToken
	if err := q.list(ctx, &proofs, `SELECT token_id, entry_index, proven_at FROM possessions WHERE school_id = ? AND entry_index > ? AND entry_index < ?
		ORDER BY entry_index`, string(school), c.row.Entry, end); err != nil {
		return nil, fmt.Errorf("read proofs: %w", err)
	}
	var steps []checkStepRow
	if err := q.list(ctx, &steps, `SELECT `+checkStepColumns+` FROM check_steps z WHERE z.check_id = ? ORDER BY z.entry_index`, string(id)); err != nil {
		return nil, fmt.Errorf("read check's steps: %w", err)
	}
	items, err := custody.ParseCheckItems(c.row.Items)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w: %w", id, ErrDamaged, err)
	}
	for _, item := range items {
		c.states = append(c.states, tokenStateOf(item, proofs, steps))
	}
	if c.closing == nil {
		return c, nil
	}
	results, err := custody.ParseCheckResults(c.closing.Results)
	if err == nil && len(results) != len(items) {
		err = fmt.Errorf("%d results for %d tokens", len(results), len(items))
	}
	if err != nil {
		return nil, fmt.Errorf("check %s: %w: %w", id, ErrDamaged, err)
	}
	for i, result := range results {
		c.states[i].outcome, c.states[i].entry = result.Outcome, result.Entry
	}
	return c, nil
}

func tokenStateOf(item custody.CheckItem, proofs []provenToken, steps []checkStepRow) tokenState {
	s := tokenState{item: item}
	for _, step := range steps {
		if step.Token != string(item.Token) {
			continue
		}
		switch custody.CheckStepKind(step.Kind) {
		case custody.StepSeen:
			s.seenBy, s.witness = custody.PersonID(step.By), custody.PersonID(step.Person)
		case custody.StepNotWitnessed:
			s.seenBy, s.witness = "", ""
		case custody.StepWitnessed:
			s.outcome, s.entry, s.at = custody.CheckSeen, step.Entry, step.At.moment()
		case custody.StepNotAtHand:
			s.why = &step
		case custody.StepExcused:
			s.excuse = &step
			if s.outcome == custody.CheckOpen {
				s.outcome, s.entry, s.at = custody.CheckExcused, step.Entry, step.At.moment()
			}
		}
	}
	for _, proof := range proofs {
		if proof.Token == string(item.Token) {
			s.outcome, s.entry, s.at = custody.CheckProved, proof.Entry, proof.At.moment()
			break
		}
	}
	return s
}

func (c *checkState) counts() CheckCounts {
	var n CheckCounts
	for _, s := range c.states {
		switch s.outcome {
		case custody.CheckProved:
			n.Proved++
		case custody.CheckSeen:
			n.Seen++
		case custody.CheckExcused:
			n.Excused++
		case custody.CheckMissing:
			n.Missing++
		default:
			n.Open++
		}
	}
	return n
}

func (c *checkState) check() custody.Check {
	out := c.row.check()
	if c.closing != nil {
		out.ClosedBy, out.ClosedAt, out.Closing = custody.PersonID(c.closing.ClosedBy), c.closing.ClosedAt.moment(), c.closing.Entry
	}
	return out
}

func (r checkRow) check() custody.Check {
	return custody.Check{ID: custody.CheckID(r.ID), Kind: custody.CheckKind(r.Kind), Period: r.Period, Due: r.DueOn,
		OpenedBy: custody.PersonID(r.OpenedBy), OpenedAt: r.OpenedAt.Time, Entry: r.Entry}
}

// concerns reports whether the actor has to do with a check: they run the register,
// hold a token of it, then or now, or are to see one.
func (c *checkState) concerns(actor custody.Actor, held map[custody.TokenID]bool) bool {
	return actor.Roles.May(custody.ReadRegister) || slices.ContainsFunc(c.states, func(s tokenState) bool { return s.concerns(actor, held) })
}

func (s tokenState) concerns(actor custody.Actor, held map[custody.TokenID]bool) bool {
	return actor.Roles.May(custody.ReadRegister) || actor.Person != "" && (s.item.Custodian == actor.Person || s.witness == actor.Person || held[s.item.Token])
}
