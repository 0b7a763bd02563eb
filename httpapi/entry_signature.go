package httpapi

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/signer/validation"
)

// entrySignature is what the page of a signature's entry says of its certificate, its
// token and the kept CMS, which is verified anew each time.
type entrySignature struct {
	Subject, Issuer string // as RFC 4514 writes names
	Serial          string // hex
	From, Until     time.Time
	RevokedAt       *time.Time
	Broken          bool // the kept CMS does not verify with the certificate and digest
	store.LoggedSignature
}

func (s *server) entrySignature(ctx context.Context, actor custody.Actor, index int64) (*entrySignature, error) {
	logged, err := s.store.LoggedSignature(ctx, actor, index)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(logged.CertificateDER)
	if err != nil {
		return nil, fmt.Errorf("certificate of entry %d: %w", index, err)
	}
	digest, err := hex.DecodeString(logged.ByteRangeDigest)
	if err != nil {
		return nil, fmt.Errorf("digest of entry %d: %w", index, err)
	}
	out := &entrySignature{Subject: cert.Subject.String(), Issuer: cert.Issuer.String(), Serial: cert.SerialNumber.Text(16), From: cert.NotBefore, Until: cert.NotAfter,
		RevokedAt: logged.RevokedAt, LoggedSignature: logged}
	if err := validation.CheckCMS(logged.CMS, digest, cert); err != nil {
		requestOf(ctx).note("kept_cms", err.Error())
		out.Broken = true
	}
	return out, nil
}
