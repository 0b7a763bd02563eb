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
	c, err := s.store.CreateChallenge(ctx, actor, in.Body.TokenSerial, in.Body.CertificateSHA256, custody.ProofPurpose(in.Body.Purpose))
	if err != nil {
		return nil, err
	}
	return &body[wire.Challenge]{s.wireChallenge(c)}, nil
}

func (s *server) wireChallenge(c custody.Challenge) wire.Challenge {
	return wire.Challenge{
		ID: string(c.ID), School: s.school.Code, LogOrigin: s.school.Origin, PersonID: string(c.Person), TokenSerial: c.TokenSerial,
		CertificateSHA256: c.CertificateSHA256, Purpose: string(c.Purpose), Nonce: c.Nonce, IssuedAt: c.IssuedAt.UTC(), ExpiresAt: c.ExpiresAt.UTC(),
	}
}

type possessionInput struct {
	ByID
	Body wire.Possession
}

// apiProve takes a proof only when it is one by exactly the registered
// certificate over exactly the text of the challenge.
func (s *server) apiProve(ctx context.Context, actor custody.Actor, in *possessionInput) (*body[wire.Receipt], error) {
	c, der, err := s.store.Challenge(ctx, actor, custody.ChallengeID(in.ID))
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate of challenge %s: %w", in.ID, err)
	}
	text, err := s.wireChallenge(c).Text()
	if err != nil {
		return nil, fmt.Errorf("challenge %s: %w", in.ID, err)
	}
	if err := validation.CheckPossession(in.Body.CMS, text, cert); err != nil {
		return nil, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeSignatureInvalid, params: map[string]string{"what": "possession"}, err: err}
	}
	receipt, err := s.store.RecordPossession(ctx, actor, c, text, in.Body.CMS)
	if err != nil {
		return nil, err
	}
	return &body[wire.Receipt]{wireReceipt(receipt)}, nil
}
