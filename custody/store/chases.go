package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// chaseSources find what is late or about to be, with the lists that the pages show.
// Each origin names the step, so that a thing is chased again now and then and not each
// hour.
var chaseSources = []struct {
	name string
	find func(ctx context.Context, s *Store, actor custody.Actor, settings custody.Settings, now time.Time) ([]Due, error)
}{
	{"temporary hand-overs", chaseHandOvers},
	{"incidents", chaseIncidents},
}

// chases asks all sources.
func (s *Store) chases(ctx context.Context, school custody.SchoolID) ([]Due, error) {
	actor := custody.SystemActor(school)
	settings, err := s.Settings(ctx, actor)
	if err != nil {
		return nil, err
	}
	var all []Due
	for _, source := range chaseSources {
		due, err := source.find(ctx, s, actor, settings, s.now())
		if err != nil {
			return nil, fmt.Errorf("what is late of %s: %w", source.name, err)
		}
		all = append(all, due...)
	}
	return all, nil
}

// chaseHandOvers: a token that was lent until a day and has not come back.
func chaseHandOvers(ctx context.Context, s *Store, actor custody.Actor, settings custody.Settings, now time.Time) ([]Due, error) {
	rows, err := s.OverdueHandOvers(ctx, actor)
	if err != nil {
		return nil, err
	}
	var all []Due
	every := max(int(settings.OfferWithin()/(24*time.Hour)), 1)
	for _, row := range rows {
		late := daysUntil(row.Until, custody.DateOf(now))
		n := custody.Notice{Kind: custody.NoticeHandOverOverdue, Origin: fmt.Sprintf("overdue/%s/%d", row.ID, (late-1)/every), Token: row.Token, Urgent: true, At: now,
			Params: map[string]string{"until": string(row.Until), "days": strconv.Itoa(late), "hand_over": string(row.ID)}}
		for name, id := range map[string]custody.PersonID{signinglog.FieldGiver: row.From, signinglog.FieldReceiver: row.To} {
			if id != "" {
				n.Params[name] = string(id)
			}
		}
		all = append(all, Due{n, []custody.Audience{custody.TellReceiver, custody.TellGiver, custody.TellManagers}})
	}
	return all, nil
}

// chaseIncidents: each day that a deadline of an open incident is missed.
func chaseIncidents(ctx context.Context, s *Store, actor custody.Actor, _ custody.Settings, now time.Time) ([]Due, error) {
	rows, err := s.IncidentDeadlines(ctx, actor)
	if err != nil {
		return nil, err
	}
	var all []Due
	for _, row := range rows {
		if !row.Late(now) {
			continue
		}
		all = append(all, Due{custody.Notice{Kind: custody.NoticeDeadlineMissed, Origin: fmt.Sprintf("deadline/%s/%s/%s", row.ID, row.Deadline.Kind, custody.DateOf(now)),
			Token: row.Token, Urgent: true, At: now,
			Params: map[string]string{"kind": string(row.Deadline.Kind), "since": row.Due.UTC().Format(time.RFC3339), "incident": string(row.ID)}}, []custody.Audience{custody.TellManagers}})
	}
	return all, nil
}
