package httpapi

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sokyso/custody"
	"sokyso/custody/revocation"
	"sokyso/httpapi/wire"
)

// authorityAnswer is what the authorities of an incident's certificates say.
type authorityAnswer struct {
	status    authorityStatus
	revokedAt *time.Time
	source    string
}

type authorityStatus string

const (
	authorityRevoked authorityStatus = "revoked"
	authorityGood    authorityStatus = "good"
)

// askAuthority asks now whether the certificates of an incident's token are revoked,
// whatever was answered a while ago, and has the register know it: the incident goes
// on by itself then. Only who manages the register sends the service out.
func (s *server) askAuthority(ctx context.Context, actor custody.Actor, id custody.IncidentID) (authorityAnswer, error) {
	if !actor.Roles.May(custody.RunRegister) {
		return authorityAnswer{}, custody.Forbidden(custody.ReasonManagersOnly)
	}
	facts, err := s.store.IncidentFacts(ctx, actor, id)
	if err != nil {
		return authorityAnswer{}, err
	}
	answer := authorityAnswer{status: authorityRevoked}
	asked := 0
	for _, c := range facts.Certificates {
		if c.RevokedAt != nil {
			answer.revokedAt = c.RevokedAt
			continue
		}
		cert, err := x509.ParseCertificate(c.DER)
		if err != nil {
			return authorityAnswer{}, fmt.Errorf("registered certificate %s: %w", c.SHA256, err)
		}
		if s.now().After(c.NotAfter) || !revocation.HasSource(cert) {
			continue
		}
		asked++
		found := s.revocation.Ask(ctx, cert)
		answer.source = found.Source
		switch found.Status {
		case revocation.Revoked:
			if err := s.store.SetRevocation(ctx, custody.SystemActor(actor.School), c.SHA256, &found.RevokedAt, found.Source); err != nil {
				return authorityAnswer{}, err
			}
			answer.revokedAt = &found.RevokedAt
		case revocation.Unknown:
			requestOf(ctx).note("revocation_unknown", found.Err.Error())
			return authorityAnswer{}, &failure{status: http.StatusServiceUnavailable, code: wire.CodeUnavailable, retry: revocation.UnknownFor,
				params: map[string]string{"reason": "authority_silent"}, err: found.Err}
		default:
			answer.status = authorityGood
		}
	}
	if asked == 0 && answer.revokedAt == nil {
		return authorityAnswer{}, &failure{status: http.StatusConflict, code: wire.CodeConflict, params: map[string]string{"reason": "nobody_to_ask"},
			err: errors.New("no certificate names an OCSP or CRL address")}
	}
	return answer, nil
}
