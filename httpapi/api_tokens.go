package httpapi

import (
	"context"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

func (s *server) apiTokens(ctx context.Context, actor custody.Actor, in *Paged) (*body[wire.Tokens], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.store.TokensPage(ctx, actor, page)
	if err != nil {
		return nil, err
	}
	out := wireTokens(rows)
	out.Next = next(page)
	return &body[wire.Tokens]{out}, nil
}

func (s *server) apiMyTokens(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.Tokens], error) {
	rows, err := s.store.TokensOf(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := wireTokens(rows)
	check, err := s.store.OpenCheckOf(ctx, actor)
	if err != nil {
		return nil, err
	}
	for i := range out.Tokens {
		if check != nil && check.WaitsFor(custody.TokenID(out.Tokens[i].ID)) {
			out.Tokens[i].CheckDue = string(check.Due)
		}
	}
	return &body[wire.Tokens]{out}, nil
}

func (s *server) apiRegisterToken(ctx context.Context, actor custody.Actor, in *body[wire.NewToken]) (*body[wire.Token], error) {
	token, err := s.store.RegisterToken(ctx, actor, store.NewToken{
		Serial: in.Body.Serial, Label: in.Body.Label, Model: in.Body.Model, Kind: custody.TokenKind(in.Body.Kind),
		Certificate: in.Body.Certificate, Chain: in.Body.Chain, Provider: in.Body.Provider, Place: in.Body.Place, Owner: custody.PersonID(in.Body.Owner),
	})
	if err != nil {
		return nil, err
	}
	row, err := s.store.Token(ctx, actor, token.ID)
	if err != nil {
		return nil, err
	}
	return &body[wire.Token]{wireToken(row)}, nil
}

type pinStepInput struct {
	ByID
	Body wire.PINStep
}

func (s *server) apiStepPIN(ctx context.Context, actor custody.Actor, in *pinStepInput) (*none, error) {
	day, err := custody.ParseDate(in.Body.FormDate)
	if err != nil {
		return nil, invalid("form_date", err)
	}
	token := custody.TokenID(in.ID)
	switch custody.PINStep(in.Body.Step) {
	case custody.PINStepLocked:
		return &none{}, s.store.LockPIN(ctx, actor, token, in.Body.Note)
	case custody.PINStepAsked:
		return &none{}, s.store.AskRecovery(ctx, actor, token, in.Body.FormNumber, day)
	case custody.PINStepRecovered:
		return &none{}, s.store.RecoverPIN(ctx, actor, token, in.Body.Note)
	}
	return nil, invalid("step", nil)
}

type retirementInput struct {
	ByID
	Body wire.Retirement
}

func (s *server) apiRetire(ctx context.Context, actor custody.Actor, in *retirementInput) (*none, error) {
	return &none{}, s.store.Retire(ctx, actor, store.NewRetirement{Token: custody.TokenID(in.ID), Kind: custody.RetirementKind(in.Body.Kind),
		Reason: in.Body.Reason, Paper: in.Body.Paper})
}

type writeOffInput struct {
	ByID
	Body wire.WriteOff
}

func (s *server) apiWriteOff(ctx context.Context, actor custody.Actor, in *writeOffInput) (*none, error) {
	return &none{}, s.store.WriteOff(ctx, actor, custody.TokenID(in.ID), in.Body.Reason)
}
