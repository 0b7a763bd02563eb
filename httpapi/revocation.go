package httpapi

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"net/http"

	"sokyso/custody"
	"sokyso/custody/revocation"
	"sokyso/httpapi/wire"
)

// checkMode refuses a mode that there is not; "" is RevocationSoft.
func checkMode(mode RevocationMode) (RevocationMode, error) {
	switch mode {
	case "":
		return RevocationSoft, nil
	case RevocationOff, RevocationSoft, RevocationHard:
		return mode, nil
	}
	return "", fmt.Errorf("revocation %q is not off, soft or hard", mode)
}

// ParseCertificate reads one certificate as DER or PEM.
func ParseCertificate(content []byte) (*x509.Certificate, error) {
	return revocation.ParseCertificate(content)
}

// checkRevocation looks up the certificate that a grant is asked for, when it is
// that of a token the actor holds: addresses in certificates that anyone may send
// are not contacted. A revocation that is found goes into the register, where the
// rules refuse it, now and later.
func (s *server) checkRevocation(ctx context.Context, actor custody.Actor, request custody.GrantRequest) error {
	if s.revocationMode == RevocationOff {
		return nil
	}
	rows, err := s.store.TokensOf(ctx, actor)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Serial != request.TokenSerial || !bytes.Equal(row.Certificate.DER, request.Certificate) || row.Certificate.RevokedAt != nil {
			continue
		}
		cert, err := x509.ParseCertificate(row.Certificate.DER)
		if err != nil {
			return fmt.Errorf("registered certificate %s: %w", row.Certificate.SHA256, err)
		}
		if !revocation.HasSource(cert) {
			return nil
		}
		answer := s.revocation.Status(ctx, cert)
		switch answer.Status {
		case revocation.Revoked:
			return s.store.SetRevocation(ctx, custody.SystemActor(actor.School), row.Certificate.SHA256, &answer.RevokedAt, answer.Source)
		case revocation.Unknown:
			requestOf(ctx).note("revocation_unknown", answer.Err.Error())
			if s.revocationMode == RevocationHard {
				return &failure{
					status: http.StatusServiceUnavailable, code: wire.CodeUnavailable, retry: revocation.UnknownFor,
					params: map[string]string{"reason": "revocation_unknown"}, err: answer.Err,
				}
			}
		}
		return nil
	}
	return nil
}
