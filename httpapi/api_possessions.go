package httpapi

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"

	"sokyso/custody"
	"sokyso/httpapi/wire"
	"sokyso/signer/validation"
)

type challengeInput struct{ Body wire.NewChallenge }

func (s *server) apiCreateChallenge(ctx context.Context, actor custody.Actor, in *challengeInput) (*body[wire.Challenge], error) {
	c, err := s.challenge(ctx, actor, in.Body)
	if err != nil {
		return nil, err
	}
	return &body[wire.Challenge]{s.wireChallenge(c)}, nil
}

func (s *server) challenge(ctx context.Context, actor custody.Actor, in wire.NewChallenge) (custody.Challenge, error) {
	purpose := custody.ProofPurpose(in.Purpose)
	if purpose.Side() == "" {
		return s.store.CreateChallenge(ctx, actor, in.TokenSerial, in.CertificateSHA256, purpose)
	}
	row, err := s.store.HandOver(ctx, actor, custody.HandOverID(in.HandOverID))
	if err != nil {
		return custody.Challenge{}, err
	}
	minutes, err := s.minutes(row)
	if err != nil {
		return custody.Challenge{}, err
	}
	return s.store.CreateHandOverChallenge(ctx, actor, row.ID, purpose.Side(), in.TokenSerial, in.CertificateSHA256, minutes)
}

func (s *server) wireChallenge(c custody.Challenge) wire.Challenge {
	return wire.Challenge{
		ID: string(c.ID), School: s.school.Code, LogOrigin: s.school.Origin, PersonID: string(c.Person), TokenSerial: c.TokenSerial,
		CertificateSHA256: c.CertificateSHA256, Purpose: string(c.Purpose), Nonce: c.Nonce, IssuedAt: c.IssuedAt.UTC(), ExpiresAt: c.ExpiresAt.UTC(),
		HandOverID: string(c.HandOver), MinutesSHA256: c.MinutesSHA256,
	}
}

type possessionInput struct {
	ByID
	Body wire.Possession
}

// apiProve takes a proof only when it is one by exactly the registered
// certificate over exactly the text of the challenge.
func (s *server) apiProve(ctx context.Context, actor custody.Actor, in *possessionInput) (*body[wire.Receipt], error) {
	c, text, err := s.checkAnswer(ctx, actor, in.ID, in.Body.CMS)
	if err != nil {
		return nil, err
	}
	receipt, err := s.store.RecordPossession(ctx, actor, c, text, in.Body.CMS)
	if err != nil {
		return nil, err
	}
	return &body[wire.Receipt]{wireReceipt(receipt)}, nil
}

// checkAnswer returns a challenge of the actor's and its text, over which the CMS is
// a signature by the challenge's certificate.
func (s *server) checkAnswer(ctx context.Context, actor custody.Actor, id string, cms []byte) (custody.Challenge, []byte, error) {
	c, der, err := s.store.Challenge(ctx, actor, custody.ChallengeID(id))
	if err != nil {
		return custody.Challenge{}, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return custody.Challenge{}, nil, fmt.Errorf("certificate of challenge %s: %w", id, err)
	}
	text, err := s.wireChallenge(c).Text()
	if err != nil {
		return custody.Challenge{}, nil, fmt.Errorf("challenge %s: %w", id, err)
	}
	if err := validation.CheckPossession(cms, text, cert); err != nil {
		return custody.Challenge{}, nil, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeSignatureInvalid, params: map[string]string{"what": "possession"}, err: err}
	}
	return c, text, nil
}
