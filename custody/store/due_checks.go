package store

import (
	"fmt"
	"strconv"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// Days after which what is overdue is reminded of again.
const (
	checkAgain   = 2
	supportAgain = 3
)

// dueChecks: who is waited for in the open custody check, on the day before it is due,
// on that day, and again every other day after. Custodians are told of their own token,
// witnesses of the one that they are to see, the principal and admins of what lies in
// the safe; once it is overdue, of everything that is left.
func dueChecks(t *tx, _ custody.Settings) ([]Due, error) {
	var ids []string
	if err := t.list(t.ctx, &ids, `SELECT c.id FROM checks c WHERE c.school_id = ? AND NOT EXISTS (SELECT 1 FROM check_closings z WHERE z.check_id = c.id)`, string(t.school)); err != nil {
		return nil, err
	}
	var due []Due
	today := custody.DateOf(t.now)
	for _, id := range ids {
		check, err := t.readCheck(custody.CheckID(id))
		if err != nil {
			return nil, err
		}
		late := daysUntil(check.row.DueOn, today)
		step := "soon"
		switch {
		case late < -1:
			continue
		case late >= 0:
			step = strconv.Itoa(late / checkAgain)
		}
		for _, state := range check.states {
			if state.outcome != custody.CheckOpen {
				continue
			}
			f, err := t.tokenBy("id", string(state.item.Token))
			if err != nil {
				return nil, err
			}
			if f == nil || f.incident != nil {
				continue // its loss is followed elsewhere
			}
			n := custody.Notice{Kind: custody.NoticeCheckWaits, Origin: fmt.Sprintf("check/%s/%s/%s", id, state.item.Token, step), Token: state.item.Token, At: t.now,
				Params: map[string]string{"check": id, "due_on": string(check.row.DueOn)}}
			to := []custody.Audience{custody.TellCustodian}
			switch {
			case state.witness != "":
				n.Kind, n.Params[signinglog.FieldPerson], to = custody.NoticeCheckWitnessWaits, string(state.witness), []custody.Audience{custody.TellPerson}
				n.Origin += "/" + string(state.witness)
			case f.custody == nil:
				to = []custody.Audience{custody.TellManagers}
			}
			if late > 0 {
				to = append(to, custody.TellManagers)
			}
			due = append(due, Due{n, to})
		}
	}
	return due, nil
}

// dueSupport: requests whose next step is overdue, and again every third day, to who
// runs the register.
func dueSupport(t *tx, settings custody.Settings) ([]Due, error) {
	var rows []struct {
		ID        string       `db:"id"`
		Token     string       `db:"token_id"`
		State     string       `db:"state"`
		AskedAt   stamp        `db:"asked_at"`
		SteppedAt *stamp       `db:"stepped_at"`
		DueOn     custody.Date `db:"due_on"`
	}
	if err := t.list(t.ctx, &rows, `SELECT q.id, q.token_id, COALESCE(z.state, 'asked') AS state, q.asked_at, z.stepped_at, z.due_on FROM support_requests q
		LEFT JOIN support_steps z ON z.request_id = q.id AND z.entry_index = (SELECT MAX(y.entry_index) FROM support_steps y WHERE y.request_id = q.id)
		WHERE q.school_id = ?`+supportStates["open"]+` ORDER BY q.entry_index`, string(t.school)); err != nil {
		return nil, err
	}
	var due []Due
	today := custody.DateOf(t.now)
	for _, row := range rows {
		since := row.AskedAt
		if row.SteppedAt != nil {
			since = *row.SteppedAt
		}
		day := custody.SupportDue(custody.SupportState(row.State), custody.DateOf(since.Time), row.DueOn, settings)
		late := daysUntil(day, today)
		if day == "" || late <= 0 {
			continue
		}
		due = append(due, Due{custody.Notice{Kind: custody.NoticeSupportLate, Origin: fmt.Sprintf("support/%s/%s/%d", row.ID, day, (late-1)/supportAgain), Token: custody.TokenID(row.Token),
			At: t.now, Params: map[string]string{"support": row.ID, "state": row.State, "due_on": string(day)}}, []custody.Audience{custody.TellManagers}})
	}
	return due, nil
}
