package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

func (s *server) apiIncidents(ctx context.Context, actor custody.Actor, in *Paged) (*body[wire.Incidents], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.store.IncidentsPage(ctx, actor, page)
	if err != nil {
		return nil, err
	}
	out := wire.Incidents{Incidents: make([]wire.Incident, len(rows)), Next: next(page)}
	for i, row := range rows {
		out.Incidents[i] = wireIncident(row)
	}
	return &body[wire.Incidents]{out}, nil
}

func (s *server) apiReportIncident(ctx context.Context, actor custody.Actor, in *body[wire.NewIncident]) (*body[wire.Incident], error) {
	n := store.NewIncident{
		Token: custody.TokenID(in.Body.TokenID), Kind: custody.IncidentKind(in.Body.Kind), DiscoveredAt: in.Body.DiscoveredAt,
		Place: in.Body.Place, Description: in.Body.Description, PIN: custody.PINExposure(in.Body.PIN),
	}
	if in.Body.PINExposed {
		n.PIN = custody.PINExposed
	}
	if in.Body.LastUsedAt != nil {
		n.LastUsedAt = *in.Body.LastUsedAt
	}
	row, err := s.store.ReportIncident(ctx, actor, n)
	if err != nil {
		return nil, err
	}
	return &body[wire.Incident]{wireIncident(row)}, nil
}

func (s *server) apiIncident(ctx context.Context, actor custody.Actor, in *ByID) (*body[wire.IncidentTrack], error) {
	row, err := s.store.IncidentTrack(ctx, actor, custody.IncidentID(in.ID))
	if err != nil {
		return nil, err
	}
	return &body[wire.IncidentTrack]{s.wireTrack(row)}, nil
}

func (s *server) apiIncidentStep(ctx context.Context, actor custody.Actor, in *struct {
	ByID
	Body wire.NewIncidentStep
}) (*body[wire.IncidentTrack], error) {
	day, err := custody.ParseDate(in.Body.PaperDate)
	if err != nil {
		return nil, invalid("paper_date", err)
	}
	n := store.NewStep{Step: custody.Step{Kind: custody.StepKind(in.Body.Step), PaperNumber: in.Body.PaperNumber, PaperDate: day, Addressee: in.Body.Addressee}, Note: in.Body.Note}
	if in.Body.DoneAt != nil {
		n.DoneAt = *in.Body.DoneAt
	}
	row, err := s.store.RecordStep(ctx, actor, custody.IncidentID(in.ID), n)
	if err != nil {
		return nil, err
	}
	return &body[wire.IncidentTrack]{s.wireTrack(row)}, nil
}

func (s *server) apiReview(ctx context.Context, actor custody.Actor, in *struct {
	ByID
	Body wire.NewReview
}) (*none, error) {
	return nil, s.store.ReviewSignature(ctx, actor, custody.IncidentID(in.ID), custody.SignatureID(in.Body.SignatureID), custody.Verdict(in.Body.Verdict), in.Body.Note)
}

func (s *server) apiAskAuthority(ctx context.Context, actor custody.Actor, in *struct {
	ByID
	Body nothing
}) (*body[wire.AuthorityAnswer], error) {
	answer, err := s.askAuthority(ctx, actor, custody.IncidentID(in.ID))
	if err != nil {
		return nil, err
	}
	row, err := s.store.IncidentTrack(ctx, actor, custody.IncidentID(in.ID))
	if err != nil {
		return nil, err
	}
	return &body[wire.AuthorityAnswer]{wire.AuthorityAnswer{Status: string(answer.status), RevokedAt: utcOrNil(answer.revokedAt), Source: answer.source, Track: s.wireTrack(row)}}, nil
}

func (s *server) apiIncidentDeadlines(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.IncidentDeadlines], error) {
	rows, err := s.store.IncidentDeadlines(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := wire.IncidentDeadlines{Deadlines: make([]wire.IncidentDeadline, len(rows))}
	for i, row := range rows {
		out.Deadlines[i] = s.wireDeadline(row.IncidentRow, row.Deadline)
	}
	return &body[wire.IncidentDeadlines]{out}, nil
}

// apiRaiseAlarm answers nothing: what is written can't be told from the answer.
func (s *server) apiRaiseAlarm(ctx context.Context, in *body[wire.NewAlarm]) (*none, error) {
	return nil, s.raiseAlarm(ctx, store.NewAlarm{Kind: custody.IncidentKind(in.Body.Kind), Name: in.Body.Name, Contact: in.Body.Contact, Description: in.Body.Description})
}

// raiseAlarm turns the store's bound into the answer of a rate limit.
func (s *server) raiseAlarm(ctx context.Context, n store.NewAlarm) error {
	err := s.store.RaiseAlarm(ctx, s.school.ID, n)
	var known *custody.Error
	if errors.As(err, &known) && known.Params["reason"] == custody.ReasonTooManyAlarms {
		return &failure{status: http.StatusTooManyRequests, code: wire.CodeRateLimited, params: known.Params, retry: time.Hour, err: err}
	}
	return err
}

func (s *server) apiAlarms(ctx context.Context, actor custody.Actor, in *Paged) (*body[wire.Alarms], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.store.AlarmsPage(ctx, actor, page)
	if err != nil {
		return nil, err
	}
	out := wire.Alarms{Alarms: make([]wire.Alarm, len(rows)), Next: next(page)}
	for i, row := range rows {
		out.Alarms[i] = wire.Alarm{ID: string(row.ID), Kind: string(row.Kind), Name: row.Name, Contact: row.Contact, Description: row.Description, ReceivedAt: row.ReceivedAt.UTC(),
			State: string(row.State), DecidedBy: row.DecidedByName, DecidedAt: utcOrNil(row.DecidedAt), Reason: row.Reason, IncidentID: string(row.Incident), Entry: row.Entry}
	}
	return &body[wire.Alarms]{out}, nil
}

func (s *server) apiBlockByAlarm(ctx context.Context, actor custody.Actor, in *struct {
	ByID
	Body wire.BlockByAlarm
}) (*body[wire.Incident], error) {
	row, err := s.store.BlockByAlarm(ctx, actor, custody.AlarmID(in.ID), custody.TokenID(in.Body.TokenID))
	if err != nil {
		return nil, err
	}
	return &body[wire.Incident]{wireIncident(row)}, nil
}

func (s *server) apiDismissAlarm(ctx context.Context, actor custody.Actor, in *struct {
	ByID
	Body wire.DismissAlarm
}) (*none, error) {
	return nil, s.store.DismissAlarm(ctx, actor, custody.AlarmID(in.ID), in.Body.Reason)
}

func utcOrNil(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	utc := at.UTC()
	return &utc
}

func wireIncident(i store.IncidentRow) wire.Incident {
	return wire.Incident{
		ID: string(i.ID), TokenID: string(i.Token), TokenLabel: i.TokenLabel, Kind: string(i.Kind), Reporter: i.ReporterName,
		DiscoveredAt: i.DiscoveredAt.UTC(), ReportedAt: i.ReportedAt.UTC(), LastUsedAt: utcOrNil(i.LastUsedAt), PIN: string(i.PIN), State: i.State, Entry: i.Entry,
	}
}

func (s *server) wireDeadline(i store.IncidentRow, d custody.Deadline) wire.IncidentDeadline {
	return wire.IncidentDeadline{Kind: string(d.Kind), Due: d.Due.UTC(), Met: utcOrNil(d.Met), Late: d.Late(s.now()), IncidentID: string(i.ID), TokenLabel: i.TokenLabel}
}

func (s *server) wireTrack(row store.TrackRow) wire.IncidentTrack {
	out := wire.IncidentTrack{Incident: wireIncident(row.IncidentRow), Custodian: row.CustodianName, Place: row.Place, Description: row.Description, Next: string(row.Track.Next()),
		Steps: make([]wire.IncidentStep, len(row.Steps)), Deadlines: make([]wire.IncidentDeadline, len(row.Deadlines)), Doubtful: make([]wire.DoubtfulSignature, len(row.Doubtful))}
	for i, x := range row.Steps {
		out.Steps[i] = wire.IncidentStep{Step: string(x.Kind), By: x.ByName, DoneAt: x.DoneAt.UTC(), RecordedAt: x.RecordedAt.UTC(), PaperNumber: x.PaperNumber, PaperDate: string(x.PaperDate),
			Addressee: x.Addressee, Note: x.Note, Source: x.Source, RevocationEntry: x.Revocation, Entry: x.Entry}
	}
	for i, d := range row.Deadlines {
		out.Deadlines[i] = s.wireDeadline(row.IncidentRow, d)
	}
	for i, x := range row.Doubtful {
		out.Doubtful[i] = wire.DoubtfulSignature{ID: string(x.ID), Entry: x.Entry, Signer: x.SignerName, Act: string(x.Act), Number: x.Number, Symbol: x.Symbol, Kind: x.Kind, Summary: x.Summary,
			RecordedAt: x.RecordedAt.UTC(), Doubt: string(x.Doubt), Verdict: string(x.Verdict), ReviewedBy: x.ReviewedBy, ReviewedAt: utcOrNil(x.ReviewedAt), Note: x.ReviewNote, MayReview: x.MayReview}
	}
	return out
}
