package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// ActivityQuery chooses whose and which token's signatures are counted, over whole days.
type ActivityQuery struct {
	From, Until custody.Date // both are counted
	Person      custody.PersonID
	Token       custody.TokenID
}

// Activity counts what was signed and what was refused.
type Activity struct {
	Days     map[custody.Date]DayActivity // days with any
	Kinds    map[string]int               // signatures by kind of document; "" is a document without one
	Refusals map[string]int               // by code
}

// DayActivity counts what happened on a day.
type DayActivity struct {
	Signatures int
	Refusals   int
}

// zoneMicroseconds is the distance of the school's zone from UTC, which has no other
// since 1975; dayMicroseconds are a day's.
const (
	zoneMicroseconds = 7 * int64(time.Hour/time.Microsecond)
	dayMicroseconds  = 24 * int64(time.Hour/time.Microsecond)
)

func dayOf(number int64) custody.Date {
	return custody.Date(time.Unix(number*24*60*60, 0).UTC().Format(time.DateOnly))
}

// scannedWhole is the size up to which a log is counted whole. In a larger one the
// entries of a period are looked for by halving first, which takes the clock for one that
// goes on: what was logged while it had gone back by more than the period may be missed.
const scannedWhole = 50_000

// entriesAround are the entries among which those of a period stand.
func (s *Store) entriesAround(ctx context.Context, school custody.SchoolID, first, end time.Time) (low, high int64, err error) {
	h, err := s.head(ctx, school)
	if err != nil || h.Size <= scannedWhole {
		return 0, h.Size, err
	}
	for moment, index := range map[time.Time]*int64{first: &low, end: &high} {
		from, to := int64(0), h.Size
		for from < to {
			middle := (from + to) / 2
			var logged stamp
			if err := s.reader.get(ctx, &logged, `SELECT logged_at FROM log_entries WHERE school_id = ? AND entry_index = ?`, string(school), middle); err != nil {
				return 0, 0, fmt.Errorf("read log entry %d: %w", middle, err)
			}
			if logged.Before(moment) {
				from = middle + 1
			} else {
				to = middle
			}
		}
		*index = from
	}
	return low, high, nil
}

// Activity counts signatures and refusals of a period of at most 400 days, for who runs
// the register; others count their own.
func (s *Store) Activity(ctx context.Context, actor custody.Actor, q ActivityQuery) (Activity, error) {
	first, err := time.ParseInLocation(time.DateOnly, string(q.From), custody.SchoolZone)
	if err != nil {
		return Activity{}, custody.Invalid("from", "%v", err)
	}
	last, err := time.ParseInLocation(time.DateOnly, string(q.Until), custody.SchoolZone)
	if err != nil || last.Before(first) || last.Sub(first) > 400*24*time.Hour {
		return Activity{}, custody.Invalid("until", "period %s to %s", q.From, q.Until)
	}
	if !actor.Roles.May(custody.ReadLog) {
		q.Person = actor.Person
	}
	end := last.AddDate(0, 0, 1)
	low, high, err := s.entriesAround(ctx, actor.School, first, end)
	if err != nil {
		return Activity{}, err
	}
	out := Activity{Days: map[custody.Date]DayActivity{}, Kinds: map[string]int{}, Refusals: map[string]int{}}
	condition, args := "", []any{zoneMicroseconds, dayMicroseconds, string(actor.School), low, high, at(first), at(end)}
	if q.Person != "" {
		condition, args = condition+` AND g.person_id = ?`, append(args, string(q.Person))
	}
	if q.Token != "" {
		condition, args = condition+` AND g.token_id = ?`, append(args, string(q.Token))
	}
	var counted []struct {
		Day   int64  `db:"day"`
		Kind  string `db:"document_kind"`
		Count int    `db:"n"`
	}
	if err := s.reader.list(ctx, &counted, `SELECT day, document_kind, COUNT(*) AS n FROM (SELECT (s.recorded_at + ?) / ? AS day, g.document_kind
		FROM signatures s JOIN grants g ON g.id = s.grant_id WHERE s.school_id = ? AND s.entry_index >= ? AND s.entry_index < ? AND s.recorded_at >= ? AND s.recorded_at < ?`+condition+`) AS counted
		GROUP BY day, document_kind`, args...); err != nil {
		return Activity{}, fmt.Errorf("count signatures: %w", err)
	}
	for _, c := range counted {
		day := out.Days[dayOf(c.Day)]
		day.Signatures += c.Count
		out.Days[dayOf(c.Day)] = day
		out.Kinds[c.Kind] += c.Count
	}
	return out, s.countRefusals(ctx, actor, q, []any{low, high, at(first), at(end)}, &out)
}

// countRefusals reads refusals, which are few, by their entries.
func (s *Store) countRefusals(ctx context.Context, actor custody.Actor, q ActivityQuery, bounds []any, out *Activity) error {
	query, args := `SELECT entry_index, entry_type, logged_at, bytes, hashes FROM log_entries WHERE school_id = ? AND entry_type = ? AND entry_index >= ? AND entry_index < ? AND logged_at >= ? AND logged_at < ?`,
		append([]any{string(actor.School), string(signinglog.TypeRefusal)}, bounds...)
	if q.Person != "" {
		query, args = query+` AND actor_id = ?`, append(args, string(q.Person))
	}
	if q.Token != "" {
		query, args = query+` AND token_id = ?`, append(args, string(q.Token))
	}
	var rows []logEntryRow
	if err := s.reader.list(ctx, &rows, query, args...); err != nil {
		return fmt.Errorf("count refusals: %w", err)
	}
	for _, row := range rows {
		e, err := signinglog.Parse(row.Bytes)
		if err != nil {
			return fmt.Errorf("entry %d: %w", row.Index, err)
		}
		day := out.Days[custody.DateOf(row.At.Time)]
		day.Refusals++
		out.Days[custody.DateOf(row.At.Time)] = day
		out.Refusals[e.Fields["code"]]++
	}
	return nil
}
