package httpapi

import (
	"context"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

func wireSupport(row store.SupportRow) wire.SupportRequest {
	out := wire.SupportRequest{
		ID: string(row.ID), TokenID: string(row.Token), TokenLabel: row.TokenLabel, TokenSerial: row.TokenSerial, Kind: string(row.Kind), Form: row.Kind.Form(),
		State: string(row.State), Person: row.PersonName, AskedBy: row.AskedByName, AskedAt: row.AskedAt.UTC(), Description: row.Description,
		Present: row.Present, Wanted: row.Wanted, Due: string(row.Due), Late: row.Late, Entry: row.Entry,
	}
	for _, step := range row.Steps {
		out.Steps = append(out.Steps, wire.SupportStep{
			State: string(step.To), Addressee: step.Addressee, PaperNumber: step.PaperNumber, PaperOn: string(step.PaperOn), Due: string(step.Due),
			Note: step.Note, By: step.ByName, At: step.At.UTC(), Entry: step.Entry,
		})
	}
	return out
}

type supportQuery struct {
	Paged
	State string `query:"state" maxLength:"20"`
	Kind  string `query:"kind" maxLength:"20"`
	Token string `query:"token" maxLength:"64"`
}

func (s *server) apiSupportRequests(ctx context.Context, actor custody.Actor, in *supportQuery) (*body[wire.SupportRequests], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	filter := store.SupportFilter{State: in.State, Kind: custody.SupportKind(in.Kind), Token: custody.TokenID(in.Token), Limit: in.Limit}
	if page.After != nil {
		filter.From = *page.After
	}
	rows, following, err := s.store.SupportRequests(ctx, actor, filter)
	if err != nil {
		return nil, err
	}
	if following != 0 {
		page.Next = &following
	}
	out := wire.SupportRequests{Requests: make([]wire.SupportRequest, len(rows)), Next: next(page)}
	for i, row := range rows {
		out.Requests[i] = wireSupport(row)
	}
	return &body[wire.SupportRequests]{out}, nil
}

func (s *server) apiSupportRequest(ctx context.Context, actor custody.Actor, in *ByID) (*body[wire.SupportRequest], error) {
	row, err := s.store.Support(ctx, actor, custody.SupportID(in.ID))
	if err != nil {
		return nil, err
	}
	return &body[wire.SupportRequest]{wireSupport(row)}, nil
}

func (s *server) apiAskSupport(ctx context.Context, actor custody.Actor, in *body[wire.NewSupportRequest]) (*body[wire.SupportRequest], error) {
	row, err := s.store.AskSupport(ctx, actor, store.NewSupport{
		Token: custody.TokenID(in.Body.TokenID), Kind: custody.SupportKind(in.Body.Kind), Description: in.Body.Description, Present: in.Body.Present, Wanted: in.Body.Wanted,
		LockPIN: in.Body.LockPIN,
	})
	if err != nil {
		return nil, err
	}
	return &body[wire.SupportRequest]{wireSupport(row)}, nil
}

type supportStepInput struct {
	ByID
	Body wire.NewSupportStep
}

func (s *server) apiStepSupport(ctx context.Context, actor custody.Actor, in *supportStepInput) (*body[wire.SupportRequest], error) {
	row, err := s.store.StepSupport(ctx, actor, custody.SupportID(in.ID), custody.SupportStep{
		To: custody.SupportState(in.Body.State), Addressee: in.Body.Addressee, PaperNumber: in.Body.PaperNumber, PaperOn: custody.Date(in.Body.PaperOn),
		Due: custody.Date(in.Body.Due), Note: in.Body.Note,
	})
	if err != nil {
		return nil, err
	}
	return &body[wire.SupportRequest]{wireSupport(row)}, nil
}
