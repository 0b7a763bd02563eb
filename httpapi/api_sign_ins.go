package httpapi

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5/middleware"

	"sokyso/custody"
	"sokyso/httpapi/wire"
	"sokyso/signer/validation"
)

// unknownAddress stands in a statement where the browser's address is not known.
const unknownAddress = "unknown"

// apiClaimSignIn tells an agent, by the code that a waiting browser shows, what its
// person's token is to sign.
func (s *server) apiClaimSignIn(ctx context.Context, actor custody.Actor, in *body[wire.ClaimSignIn]) (*body[wire.SignInStatement], error) {
	claimed, err := s.store.ClaimSignIn(ctx, actor, in.Body.Code, in.Body.TokenSerial, in.Body.CertificateSHA256)
	if err != nil {
		return nil, err
	}
	statement := s.wireSignIn(claimed)
	statement.SameAddress = claimed.Address != "" && claimed.Address == middleware.GetClientIP(ctx)
	return &body[wire.SignInStatement]{statement}, nil
}

func (s *server) wireSignIn(c custody.SignIn) wire.SignInStatement {
	return wire.SignInStatement{
		ID: string(c.ID), School: s.school.Code, LogOrigin: s.school.Origin, Site: c.Site, PersonID: string(c.Person), TokenSerial: c.TokenSerial,
		CertificateSHA256: c.CertificateSHA256, Browser: c.Device, Address: cmp.Or(c.Address, unknownAddress), Nonce: c.Nonce,
		IssuedAt: c.IssuedAt.UTC(), ExpiresAt: c.ExpiresAt.UTC(),
	}
}

// apiAnswerSignIn takes the signature of exactly the registered certificate over exactly
// the statement, and answers with the number that its person types in the browser.
func (s *server) apiAnswerSignIn(ctx context.Context, actor custody.Actor, in *struct {
	ByID
	Body wire.SignInAnswer
}) (*body[wire.SignInNumber], error) {
	claimed, der, err := s.store.SignIn(ctx, actor, custody.SignInID(in.ID))
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate of sign-in %s: %w", in.ID, err)
	}
	text, err := s.wireSignIn(claimed).Text()
	if err != nil {
		return nil, fmt.Errorf("sign-in %s: %w", in.ID, err)
	}
	if err := validation.CheckSignIn(in.Body.CMS, text, cert); err != nil {
		return nil, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeSignatureInvalid, params: map[string]string{"what": "sign_in"}, err: err}
	}
	if err := s.checkRevocation(ctx, actor, custody.GrantRequest{TokenSerial: claimed.TokenSerial, Certificate: der}); err != nil {
		return nil, err
	}
	number, err := s.store.AnswerSignIn(ctx, actor, claimed.ID, in.Body.CMS)
	if err != nil {
		return nil, err
	}
	return &body[wire.SignInNumber]{wire.SignInNumber{Number: number}}, nil
}
