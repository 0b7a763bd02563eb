package httpapi

import (
	"context"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

func wireCheck(row store.CheckRow) wire.Check {
	out := wire.Check{
		ID: string(row.ID), Kind: string(row.Kind), Period: row.Period, Due: string(row.Due), OpenedBy: row.OpenedByName, OpenedAt: row.OpenedAt.UTC(),
		ClosedBy: row.ClosedByName, Late: row.Late, Proved: row.Counts.Proved, Seen: row.Counts.Seen, Excused: row.Counts.Excused, Missing: row.Counts.Missing,
		Open: row.Counts.Open, Note: row.Note, Conclusion: row.Conclusion, Entry: row.Entry, Closing: row.Closing,
	}
	if row.ClosedAt != nil {
		at := row.ClosedAt.UTC()
		out.ClosedAt = &at
	}
	for _, item := range row.Items {
		one := wire.CheckItem{
			TokenID: string(item.Token), Label: item.Label, Serial: item.Serial, Custodian: item.CustodianName, Outcome: string(item.Outcome), Entry: item.Entry,
			SeenBy: item.SeenByName, Witness: item.WitnessName, NotAtHand: item.NotAtHand, Excuse: item.Excuse,
		}
		if item.At != nil {
			at := item.At.UTC()
			one.At = &at
		}
		out.Items = append(out.Items, one)
	}
	return out
}

func (s *server) apiChecks(ctx context.Context, actor custody.Actor, in *Paged) (*body[wire.Checks], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.store.ChecksPage(ctx, actor, page)
	if err != nil {
		return nil, err
	}
	out := wire.Checks{Checks: make([]wire.Check, len(rows)), Next: next(page)}
	for i, row := range rows {
		out.Checks[i] = wireCheck(row)
	}
	return &body[wire.Checks]{out}, nil
}

func answerCheck(row store.CheckRow, err error) (*body[wire.Check], error) {
	if err != nil {
		return nil, err
	}
	return &body[wire.Check]{wireCheck(row)}, nil
}

func (s *server) apiCheck(ctx context.Context, actor custody.Actor, in *ByID) (*body[wire.Check], error) {
	return answerCheck(s.store.Check(ctx, actor, custody.CheckID(in.ID)))
}

func (s *server) apiOpenCheck(ctx context.Context, actor custody.Actor, in *body[wire.NewCheck]) (*body[wire.Check], error) {
	return answerCheck(s.store.OpenCheck(ctx, actor, store.NewCheck{Kind: custody.CheckKind(in.Body.Kind), Due: custody.Date(in.Body.Due), Note: in.Body.Note}))
}

type checkStepInput struct {
	ByID
	Body wire.NewCheckStep
}

func (s *server) apiStepCheck(ctx context.Context, actor custody.Actor, in *checkStepInput) (*body[wire.Check], error) {
	return answerCheck(s.store.StepCheck(ctx, actor, custody.CheckID(in.ID), store.NewCheckStep{
		Token: custody.TokenID(in.Body.TokenID), Kind: custody.CheckStepKind(in.Body.Kind), Witness: custody.PersonID(in.Body.WitnessID), Reason: in.Body.Reason,
	}))
}

type closeCheckInput struct {
	ByID
	Body wire.CloseCheck
}

func (s *server) apiCloseCheck(ctx context.Context, actor custody.Actor, in *closeCheckInput) (*body[wire.Check], error) {
	return answerCheck(s.store.CloseCheck(ctx, actor, custody.CheckID(in.ID), in.Body.Conclusion))
}
