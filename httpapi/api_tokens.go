package httpapi

import (
	"context"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

func (s *server) apiTokens(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.Tokens], error) {
	rows, err := s.store.Tokens(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &body[wire.Tokens]{wireTokens(rows)}, nil
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
