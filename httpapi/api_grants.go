package httpapi

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
	"sokyso/signer/validation"
)

const (
	// maxPrior bounds the earlier signatures of one document that are looked at.
	maxPrior = 64
	maxText  = 2000 // characters of one document fact
)

// reasonsOfAbandoning are the words that an agent may give.
var reasonsOfAbandoning = []string{"wrong_pin", "pin_locked", "token_gone", "cancelled", "self_check_failed", "disk_full", "not_finished", "other"}

type grantInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"64" doc:"same as request"`
	Body wire.GrantRequest
}

func (s *server) apiRequestGrant(ctx context.Context, actor custody.Actor, in *grantInput) (*body[wire.Grant], error) {
	request, err := domainGrantRequest(in)
	if err != nil {
		return nil, err
	}
	if err := s.checkRevocation(ctx, actor, request); err != nil {
		return nil, err
	}
	if request.VerifiedPrior, err = s.verifyPrior(ctx, actor, in.Body.Prior); err != nil {
		return nil, err
	}
	row, err := s.store.RequestGrant(ctx, actor, request)
	if err != nil {
		return nil, err
	}
	return &body[wire.Grant]{wireGrant(row)}, nil
}

// domainGrantRequest checks the request's form; what it means is for the rules.
func domainGrantRequest(in *grantInput) (custody.GrantRequest, error) {
	b := in.Body
	fail := func(field string) (custody.GrantRequest, error) { return custody.GrantRequest{}, invalid(field, nil) }
	switch {
	case b.Request == "" || len(b.Request) > 64 || !isWordy(b.Request):
		return fail("request")
	case in.Key != "" && in.Key != b.Request:
		return fail(wire.HeaderIdempotencyKey)
	case b.TokenSerial == "" || len(b.TokenSerial) > 200:
		return fail("token_serial")
	case !isSHA256(b.SHA256In):
		return fail("sha256_in")
	case !custody.Act(b.Act).Valid():
		return fail("act")
	case !custody.Capacity(b.Capacity).Valid():
		return fail("capacity")
	case len(b.Prior) > maxPrior:
		return fail("prior")
	}
	if _, err := x509.ParseCertificate(b.Certificate); err != nil {
		return custody.GrantRequest{}, invalid("certificate", err)
	}
	d := b.Document
	for _, fact := range []struct{ name, value string }{
		{"number", d.Number}, {"symbol", d.Symbol}, {"kind", d.Kind}, {"summary", d.Summary}, {"purpose", d.Purpose}, {"file_name", d.FileName},
	} {
		if len([]rune(fact.value)) > maxText {
			return fail("document." + fact.name)
		}
	}
	return custody.GrantRequest{
		Request: b.Request, TokenSerial: b.TokenSerial, Certificate: b.Certificate, SHA256In: b.SHA256In,
		Document: custody.Document{Number: d.Number, Symbol: d.Symbol, Kind: d.Kind, Summary: d.Summary, Purpose: d.Purpose, FileName: d.FileName},
		Act:      custody.Act(b.Act), Capacity: custody.Capacity(b.Capacity),
	}, nil
}

// isWordy: printable ASCII without spaces, as identifiers that clients make are.
func isWordy(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

func isSHA256(s string) bool { return len(s) == 64 && isHex(s) }

// isDigest: SHA-256, SHA-384 or SHA-512 in hexadecimal digits, as a signature may be made with.
func isDigest(s string) bool { return (len(s) == 64 || len(s) == 96 || len(s) == 128) && isHex(s) }

func isHex(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') }) < 0
}

// verifyPrior keeps those of the document's earlier signatures that are made by a
// registered certificate over the digest stated. The agent's word counts for
// nothing: a signature that can't be verified is left out and noted. Whether the
// signer was competent is for the rules.
func (s *server) verifyPrior(ctx context.Context, actor custody.Actor, prior []wire.PriorSignature) ([]custody.PriorSignature, error) {
	if len(prior) == 0 {
		return nil, nil
	}
	registered, err := s.registeredCertificates(ctx, actor)
	if err != nil {
		return nil, err
	}
	var verified []custody.PriorSignature
	for _, p := range prior {
		der, ok := registered[p.CertificateSHA256]
		if !ok {
			continue // somebody else's signature: parents, an authority, another school
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("registered certificate %s: %w", p.CertificateSHA256, err)
		}
		digest, err := hex.DecodeString(p.ByteRangeDigest)
		if err != nil {
			return nil, invalid("prior.byte_range_digest", err)
		}
		if err := validation.CheckCMS(p.CMS, digest, cert); err != nil {
			requestOf(ctx).note("prior_not_verified", err.Error())
			continue
		}
		verified = append(verified, custody.PriorSignature{CertificateSHA256: p.CertificateSHA256, Digest: p.ByteRangeDigest})
	}
	return verified, nil
}

// registeredCertificates returns the school's certificates by SHA-256. The office
// head, who seals what others signed, sees only the seal: so the service looks,
// and nothing of it goes back to the client.
func (s *server) registeredCertificates(ctx context.Context, actor custody.Actor) (map[string][]byte, error) {
	rows, err := s.store.Tokens(ctx, custody.SystemActor(actor.School))
	if err != nil {
		return nil, err
	}
	certificates := make(map[string][]byte, len(rows))
	for _, row := range rows {
		certificates[row.Certificate.SHA256] = row.Certificate.DER
	}
	return certificates, nil
}

func (s *server) apiUnconfirmedGrants(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.Grants], error) {
	rows, err := s.store.UnconfirmedGrants(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := wire.Grants{Grants: make([]wire.Grant, len(rows))}
	for i, row := range rows {
		out.Grants[i] = wireGrant(row)
	}
	return &body[wire.Grants]{out}, nil
}

type recordInput struct {
	ByID
	Body wire.Record
}

// apiRecord takes a finished signature only when the CMS is one by exactly the
// granted certificate over exactly the digest stated.
func (s *server) apiRecord(ctx context.Context, actor custody.Actor, in *recordInput) (*body[wire.Receipt], error) {
	b := in.Body
	switch {
	case !isDigest(b.ByteRangeDigest):
		return nil, invalid("byte_range_digest", nil)
	case !isSHA256(b.SHA256Out):
		return nil, invalid("sha256_out", nil)
	case len(b.CMS) == 0:
		return nil, invalid("cms", nil)
	case b.Level == "" || len(b.Level) > 20:
		return nil, invalid("level", nil)
	case b.Field == "" || len(b.Field) > 500:
		return nil, invalid("field", nil)
	case b.SignedAt.IsZero():
		return nil, invalid("signed_at", nil)
	}
	grant, err := s.store.Grant(ctx, actor, custody.GrantID(in.ID))
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(grant.CertificateDER)
	if err != nil {
		return nil, fmt.Errorf("certificate of grant %s: %w", in.ID, err)
	}
	digest, err := hex.DecodeString(b.ByteRangeDigest)
	if err != nil {
		return nil, invalid("byte_range_digest", err)
	}
	if err := validation.CheckCMS(b.CMS, digest, cert); err != nil {
		return nil, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeSignatureInvalid, err: err}
	}
	receipt, err := s.store.RecordSignature(ctx, actor, grant.ID, store.Record{
		CMS: b.CMS, ByteRangeDigest: b.ByteRangeDigest, SHA256Out: b.SHA256Out, Level: b.Level, Field: b.Field, SignedAt: b.SignedAt,
	})
	if err != nil {
		return nil, err
	}
	return &body[wire.Receipt]{wireReceipt(receipt)}, nil
}

type abandonInput struct {
	ByID
	Body wire.Abandon
}

func (s *server) apiAbandon(ctx context.Context, actor custody.Actor, in *abandonInput) (*none, error) {
	if !slices.Contains(reasonsOfAbandoning, in.Body.Reason) {
		return nil, invalid("reason", nil)
	}
	return &none{}, s.store.AbandonGrant(ctx, actor, custody.GrantID(in.ID), in.Body.Reason)
}
