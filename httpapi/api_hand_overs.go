package httpapi

import (
	"context"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

func (s *server) apiHandOvers(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.HandOvers], error) {
	rows, err := s.store.HandOvers(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := wire.HandOvers{HandOvers: make([]wire.HandOver, len(rows))}
	for i, row := range rows {
		out.HandOvers[i] = wireHandOver(row)
	}
	return &body[wire.HandOvers]{out}, nil
}

func (s *server) apiOfferHandOver(ctx context.Context, actor custody.Actor, in *body[wire.NewHandOver]) (*body[wire.HandOver], error) {
	day, err := custody.ParseDate(in.Body.PermissionDate)
	if err != nil {
		return nil, invalid("permission_date", err)
	}
	row, err := s.store.OfferHandOver(ctx, actor, store.NewHandOver{
		Token: custody.TokenID(in.Body.TokenID), To: custody.PersonID(in.Body.To), Reason: in.Body.Reason, Condition: in.Body.Condition,
		PermissionNumber: in.Body.PermissionNumber, PermissionDate: day,
	})
	if err != nil {
		return nil, err
	}
	return &body[wire.HandOver]{wireHandOver(row)}, nil
}

func (s *server) apiHandOver(ctx context.Context, actor custody.Actor, in *ByID) (*body[wire.HandOver], error) {
	row, err := s.store.HandOver(ctx, actor, custody.HandOverID(in.ID))
	if err != nil {
		return nil, err
	}
	return &body[wire.HandOver]{wireHandOver(row)}, nil
}

// handOverStep is the input of a step: the hand-over and an empty object.
type handOverStep struct {
	ByID
	Body nothing
}

// decideHandOver makes the handler of a step from the store's.
func decideHandOver(take func(context.Context, custody.Actor, custody.HandOverID) (store.HandOverRow, error)) func(context.Context, custody.Actor, *handOverStep) (*body[wire.HandOver], error) {
	return func(ctx context.Context, actor custody.Actor, in *handOverStep) (*body[wire.HandOver], error) {
		row, err := take(ctx, actor, custody.HandOverID(in.ID))
		if err != nil {
			return nil, err
		}
		return &body[wire.HandOver]{wireHandOver(row)}, nil
	}
}
