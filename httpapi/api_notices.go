package httpapi

import (
	"context"

	"sokyso/custody"
	"sokyso/custody/notices"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

type noticesInput struct {
	Before string `query:"before" maxLength:"64"`
}

func (s *server) apiNotices(ctx context.Context, actor custody.Actor, in *noticesInput) (*body[wire.Notices], error) {
	rows, err := s.store.Notices(ctx, actor, custody.NoticeID(in.Before))
	if err != nil {
		return nil, err
	}
	unread, err := s.store.UnreadNotices(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := wire.Notices{Unread: unread, Notices: make([]wire.Notice, len(rows))}
	for i, row := range rows {
		out.Notices[i] = s.wireNotice(requestOf(ctx).language, row)
	}
	return &body[wire.Notices]{out}, nil
}

func (s *server) wireNotice(lang string, n store.NoticeRow) wire.Notice {
	story := storyOf(n)
	text := s.told.Tell(lang, story)
	return wire.Notice{ID: string(n.ID), Kind: string(n.Kind), At: n.At.UTC(), Urgent: n.Urgent, TokenID: string(n.Token), Entry: n.Entry, ReadAt: n.ReadAt,
		Title: text.Title, Text: text.Body, Next: text.Next, Path: notices.Path(story)}
}

func (s *server) apiReadNotice(ctx context.Context, actor custody.Actor, in *ByID) (*none, error) {
	return nil, s.store.ReadNotice(ctx, actor, custody.NoticeID(in.ID))
}

func (s *server) apiReadNotices(ctx context.Context, actor custody.Actor, in *body[wire.ReadNotices]) (*none, error) {
	return nil, s.store.ReadNotices(ctx, actor, custody.NoticeID(in.Body.UpTo))
}

func (s *server) apiBackground(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.Background], error) {
	jobs, err := s.store.Jobs(ctx, actor)
	if err != nil {
		return nil, err
	}
	waiting, err := s.store.WaitingDeliveries(ctx, actor)
	if err != nil {
		return nil, err
	}
	given, err := s.store.GivenUp(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := wire.Background{Jobs: make([]wire.Job, len(jobs)), Waiting: waiting, GivenUp: make([]wire.Delivery, len(given))}
	for i, j := range jobs {
		out.Jobs[i] = wire.Job{Name: j.Name, Running: j.HeldUntil != nil, DueAt: j.Due.UTC(), StartedAt: j.StartedAt, FinishedAt: j.FinishedAt, SucceededAt: j.SucceededAt,
			Outcome: j.Outcome, Done: j.Done, Failures: j.Failures, Late: j.Late(s.now())}
	}
	for i, d := range given {
		out.GivenUp[i] = wire.Delivery{ID: d.ID, Channel: string(d.Channel), Attempts: d.Attempts, Error: d.LastError, GivenUpAt: *d.GivenUpAt, Recipient: d.Name,
			Title: s.told.Tell(requestOf(ctx).language, storyOf(d.Notice)).Title}
	}
	return &body[wire.Background]{out}, nil
}

func (s *server) apiRetryDelivery(ctx context.Context, actor custody.Actor, in *ByID) (*none, error) {
	return nil, s.store.RetryDelivery(ctx, actor, in.ID)
}
