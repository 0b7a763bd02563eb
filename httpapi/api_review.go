package httpapi

import (
	"context"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

func wireReviewItems(items []store.ReviewItem) []wire.ReviewItem {
	out := make([]wire.ReviewItem, len(items))
	for i, item := range items {
		out[i] = wire.ReviewItem{Entry: item.Entry, Type: string(item.Type), At: item.At.UTC(), Person: item.WhoseName, TokenID: string(item.Token), Kind: item.Kind, Number: item.Number,
			Symbol: item.Symbol, Summary: item.Summary, State: string(item.Last), Note: item.Note}
		for _, point := range item.Points {
			out[i].Points = append(out[i].Points, string(point))
		}
	}
	return out
}

func (s *server) apiReviewOfLog(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.Review], error) {
	span, err := s.store.Review(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &body[wire.Review]{wire.Review{From: span.From, Until: span.Until, Size: span.Size, Signatures: span.Signatures, Unseen: span.Unseen(),
		Items: wireReviewItems(span.Items), Earlier: wireReviewItems(span.Earlier)}}, nil
}

func (s *server) apiReviewStep(ctx context.Context, actor custody.Actor, in *body[wire.ReviewStep]) (*none, error) {
	return nil, s.store.StepReview(ctx, actor, in.Body.Entries, custody.ReviewStepKind(in.Body.Step), in.Body.Note)
}

func (s *server) apiFinishReview(ctx context.Context, actor custody.Actor, in *body[wire.FinishReview]) (*none, error) {
	return nil, s.store.FinishReview(ctx, actor, in.Body.From, in.Body.Until, in.Body.Note)
}
