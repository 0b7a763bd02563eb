package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// TokenTimeline is a token's whole life as the register knows it.
type TokenTimeline struct {
	TokenRow
	Custodies []CustodyThen      // oldest first
	Handed    *HandOverRow       // by which the present custody began; nil = in the safe
	Open      *HandOverRow       // the open offer
	Incidents []custody.Incident // oldest first
	Steps     []TimelineStep     // newest first, without what is counted in Months
	More      bool               // there are older steps than those
	Months    []SignatureMonth   // newest first
}

// TimelineStep is an entry about the token. What was told in confidence comes only
// with those the actor may see in the log.
type TimelineStep struct {
	LogRow
	Visible bool // the actor may open it in the log
}

// SignatureMonth counts the signatures recorded in a month of SchoolZone.
type SignatureMonth struct {
	Month string // 2026-10
	Count int64
}

// maxSteps bounds the steps of one answer; older ones are in the log.
const maxSteps = 400

// counted are the types of which a timeline has too many to list each.
var counted = []signinglog.Type{signinglog.TypeGrant, signinglog.TypeRefusal, signinglog.TypeAbandonment, signinglog.TypeSignature}

// stepTypes are the others, quoted for a query: they name no value of a request.
var stepTypes = func() string {
	var quoted []string
	for _, t := range signinglog.Types() {
		if !slices.Contains(counted, t) {
			quoted = append(quoted, "'"+string(t)+"'")
		}
	}
	return strings.Join(quoted, ", ")
}()

// Timeline returns a token's life to who manages the register, and of their own
// token to its custodian and its owner.
func (s *Store) Timeline(ctx context.Context, actor custody.Actor, id custody.TokenID) (TokenTimeline, error) {
	token, err := s.Token(ctx, actor, id)
	if err != nil {
		return TokenTimeline{}, err
	}
	if !actor.Roles.May(custody.ReadRegister) && token.Custodian != actor.Person && token.Owner != actor.Person {
		return TokenTimeline{}, custody.NotFound("token")
	}
	out := TokenTimeline{TokenRow: token}
	for _, read := range []func(context.Context, custody.Actor, *TokenTimeline) error{s.timelineCustodies, s.timelineHandOvers, s.timelineIncidents, s.timelineSteps, s.timelineMonths} {
		if err := read(ctx, actor, &out); err != nil {
			return TokenTimeline{}, err
		}
	}
	return out, nil
}

func (s *Store) timelineCustodies(ctx context.Context, actor custody.Actor, out *TokenTimeline) error {
	var rows []struct {
		custodyRow
		Name string `db:"name"`
	}
	err := s.reader.list(ctx, &rows, `SELECT k.id, k.school_id, k.token_id, k.person_id, k.since_at, k.entry_index, k.until_at, k.until_entry, `+
		fmt.Sprintf(nameOf, "k.person_id")+` AS name FROM custodies k WHERE k.school_id = ? AND k.token_id = ? ORDER BY k.entry_index`, string(actor.School), string(out.ID))
	if err != nil {
		return fmt.Errorf("read custodies: %w", err)
	}
	for _, row := range rows {
		out.Custodies = append(out.Custodies, CustodyThen{Custody: row.custody(), Name: row.Name, UntilEntry: indexOr0(row.UntilEntry)})
	}
	return nil
}

func (s *Store) timelineHandOvers(ctx context.Context, actor custody.Actor, out *TokenTimeline) error {
	// The rights are those to the token; the rows of others' offers are read for it.
	manager := actor
	manager.Roles.Admin = true
	rows, err := s.handOvers(ctx, manager, nil, ` AND h.token_id = ? AND (h.state = 'offered' OR h.decided_entry IN (SELECT k.entry_index FROM custodies k WHERE k.token_id = h.token_id AND k.until_at IS NULL))`, string(out.ID))
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.State == custody.Offered {
			row.MayAccept = custody.CanAccept(actor, row.HandOver, out.State == custody.Blocked) == nil
			out.Open = &row
		} else {
			out.Handed = &row
		}
	}
	return nil
}

func (s *Store) timelineIncidents(ctx context.Context, actor custody.Actor, out *TokenTimeline) error {
	var rows []incidentRow
	if err := s.reader.list(ctx, &rows, `SELECT `+incidentColumns+` FROM incidents i WHERE i.school_id = ? AND i.token_id = ? ORDER BY i.entry_index`,
		string(actor.School), string(out.ID)); err != nil {
		return fmt.Errorf("read incidents: %w", err)
	}
	for _, row := range rows {
		out.Incidents = append(out.Incidents, row.incident())
	}
	return nil
}

func (s *Store) timelineSteps(ctx context.Context, actor custody.Actor, out *TokenTimeline) error {
	var rows []logEntryRow
	if err := s.reader.list(ctx, &rows, `SELECT entry_index, entry_type, logged_at, bytes, hashes FROM log_entries
		WHERE school_id = ? AND token_id = ? AND entry_type IN (`+stepTypes+`) ORDER BY entry_index DESC LIMIT ?`, string(actor.School), string(out.ID), maxSteps+1); err != nil {
		return fmt.Errorf("read steps: %w", err)
	}
	if out.More = len(rows) > maxSteps; out.More {
		rows = rows[:maxSteps]
	}
	steps, err := s.withReveals(ctx, actor.School, rows)
	if err != nil {
		return err
	}
	for _, row := range steps {
		step := TimelineStep{LogRow: row, Visible: actor.Roles.May(custody.ReadRegister) || concerns(row, actor.Person)}
		if !step.Visible {
			step.Reveals = nil
		}
		out.Steps = append(out.Steps, step)
	}
	return nil
}

// concerns: the log shows an entry to who did it and to the other it is about.
func concerns(row LogRow, person custody.PersonID) bool {
	e, err := signinglog.Parse(row.Bytes)
	return err == nil && person != "" && (e.Actor() == string(person) || e.Subject() == string(person))
}

// timelineMonths counts by day in the database, which the index alone answers, and
// by month here: months have no fixed length.
func (s *Store) timelineMonths(ctx context.Context, actor custody.Actor, out *TokenTimeline) error {
	var days []struct {
		Day   int64 `db:"day"` // since 1970, of SchoolZone
		Count int64 `db:"signatures"`
	}
	if err := s.reader.list(ctx, &days, `SELECT (logged_at + 25200000000) / 86400000000 AS day, COUNT(*) AS signatures FROM log_entries
		WHERE school_id = ? AND token_id = ? AND entry_type = 'signature' GROUP BY (logged_at + 25200000000) / 86400000000`, string(actor.School), string(out.ID)); err != nil {
		return fmt.Errorf("count signatures: %w", err)
	}
	months := map[string]int64{}
	for _, day := range days {
		months[time.Unix(day.Day*86400, 0).UTC().Format("2006-01")] += day.Count
	}
	for month, n := range months {
		out.Months = append(out.Months, SignatureMonth{Month: month, Count: n})
	}
	slices.SortFunc(out.Months, func(a, b SignatureMonth) int { return cmp.Compare(b.Month, a.Month) })
	return nil
}
