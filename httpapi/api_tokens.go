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
	return &body[wire.Tokens]{wireTokens(rows)}, nil
}

func (s *server) apiRegisterToken(ctx context.Context, actor custody.Actor, in *body[wire.NewToken]) (*body[wire.Token], error) {
	token, err := s.store.RegisterToken(ctx, actor, store.NewToken{
		Serial: in.Body.Serial, Label: in.Body.Label, Model: in.Body.Model, Kind: custody.TokenKind(in.Body.Kind),
		Certificate: in.Body.Certificate, Owner: custody.PersonID(in.Body.Owner),
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

func (s *server) apiIncidents(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.Incidents], error) {
	rows, err := s.store.Incidents(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := wire.Incidents{Incidents: make([]wire.Incident, len(rows))}
	for i, row := range rows {
		out.Incidents[i] = wireIncident(row)
	}
	return &body[wire.Incidents]{out}, nil
}

func (s *server) apiReportIncident(ctx context.Context, actor custody.Actor, in *body[wire.NewIncident]) (*body[wire.Incident], error) {
	row, err := s.store.ReportIncident(ctx, actor, store.NewIncident{
		Token: custody.TokenID(in.Body.TokenID), Kind: custody.IncidentKind(in.Body.Kind), DiscoveredAt: in.Body.DiscoveredAt,
		Place: in.Body.Place, Description: in.Body.Description, PINExposed: in.Body.PINExposed,
	})
	if err != nil {
		return nil, err
	}
	return &body[wire.Incident]{wireIncident(row)}, nil
}
