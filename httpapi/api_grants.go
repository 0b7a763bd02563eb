package httpapi

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

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
	if in.Key != "" && in.Key != in.Body.Request {
		return nil, invalid(wire.HeaderIdempotencyKey, nil)
	}
	outcome := s.requestGrants(ctx, actor, []wire.GrantRequest{in.Body})[0]
	if outcome.Err != nil {
		return nil, outcome.Err
	}
	return &body[wire.Grant]{s.wireGrant(outcome.Grant)}, nil
}

// requestGrants checks each request and asks for the leave of those in order.
func (s *server) requestGrants(ctx context.Context, actor custody.Actor, in []wire.GrantRequest) []store.GrantOutcome {
	outcomes := make([]store.GrantOutcome, len(in))
	var requests []custody.GrantRequest
	var asked []int
	registered := sync.OnceValues(func() (map[string][]byte, error) { return s.registeredCertificates(ctx, actor) })
	checked := map[[2]string]error{} // by token and certificate
	for i, b := range in {
		request, err := domainGrantRequest(b)
		if err == nil {
			same := [2]string{request.TokenSerial, string(request.Certificate)}
			known, before := checked[same]
			if err = known; !before {
				err = s.checkRevocation(ctx, actor, request)
				checked[same] = err
			}
		}
		if err == nil {
			request.VerifiedPrior, err = s.verifyPrior(ctx, registered, b.Prior)
		}
		if err != nil {
			outcomes[i].Err = err
			continue
		}
		requests, asked = append(requests, request), append(asked, i)
	}
	for n, outcome := range s.store.RequestGrants(ctx, actor, requests) {
		outcomes[asked[n]] = outcome
	}
	return outcomes
}

// domainGrantRequest checks the request's form; what it means is for the rules.
func domainGrantRequest(b wire.GrantRequest) (custody.GrantRequest, error) {
	fail := func(field string) (custody.GrantRequest, error) { return custody.GrantRequest{}, invalid(field, nil) }
	switch {
	case b.Request == "" || len(b.Request) > 64 || !isWordy(b.Request):
		return fail("request")
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
func (s *server) verifyPrior(ctx context.Context, certificates func() (map[string][]byte, error), prior []wire.PriorSignature) ([]custody.PriorSignature, error) {
	if len(prior) == 0 {
		return nil, nil
	}
	registered, err := certificates()
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

func (s *server) apiUnconfirmedGrants(ctx context.Context, actor custody.Actor, in *Paged) (*body[wire.Grants], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.store.UnconfirmedGrantsPage(ctx, actor, s.unconfirmedAfter, page)
	if err != nil {
		return nil, err
	}
	out := wire.Grants{Grants: make([]wire.Grant, len(rows)), Next: next(page)}
	for i, row := range rows {
		out.Grants[i] = s.wireGrant(row)
	}
	return &body[wire.Grants]{out}, nil
}

type recordInput struct {
	ByID
	Body wire.Record
}

func (s *server) apiRecord(ctx context.Context, actor custody.Actor, in *recordInput) (*body[wire.Receipt], error) {
	outcome := s.recordSignatures(ctx, actor, []wire.GrantRecord{{Grant: in.ID, Record: in.Body}})[0]
	if outcome.Err != nil {
		return nil, outcome.Err
	}
	return &body[wire.Receipt]{wireReceipt(outcome.Receipt)}, nil
}

// recordSignatures takes a finished signature only when the CMS is one by exactly
// the granted certificate over exactly the digest stated.
func (s *server) recordSignatures(ctx context.Context, actor custody.Actor, in []wire.GrantRecord) []store.RecordOutcome {
	outcomes := make([]store.RecordOutcome, len(in))
	ids := make([]custody.GrantID, len(in))
	for i, record := range in {
		ids[i] = custody.GrantID(record.Grant)
	}
	grants, err := s.store.Grants(ctx, actor, ids)
	var records []store.GrantRecord
	var asked []int
	for i, record := range in {
		grant, known := grants[ids[i]]
		switch {
		case err != nil:
			outcomes[i].Err = err
			continue
		case !known:
			outcomes[i].Err = custody.NotFound("grant")
			continue
		}
		if outcomes[i].Err = checkRecord(record.Record, grant); outcomes[i].Err != nil {
			continue
		}
		b := record.Record
		asked = append(asked, i)
		records = append(records, store.GrantRecord{Grant: grant.ID, Record: store.Record{
			CMS: b.CMS, ByteRangeDigest: b.ByteRangeDigest, SHA256Out: b.SHA256Out, Level: b.Level, Field: b.Field, SignedAt: b.SignedAt,
		}})
	}
	for n, outcome := range s.store.RecordSignatures(ctx, actor, records) {
		outcomes[asked[n]] = outcome
	}
	return outcomes
}

// checkRecord checks the record's form, then its signature.
func checkRecord(b wire.Record, grant store.GrantRow) error {
	switch {
	case !isDigest(b.ByteRangeDigest):
		return invalid("byte_range_digest", nil)
	case !isSHA256(b.SHA256Out):
		return invalid("sha256_out", nil)
	case len(b.CMS) == 0:
		return invalid("cms", nil)
	case b.Level == "" || len(b.Level) > 20:
		return invalid("level", nil)
	case b.Field == "" || len(b.Field) > 500:
		return invalid("field", nil)
	case b.SignedAt.IsZero():
		return invalid("signed_at", nil)
	}
	cert, err := x509.ParseCertificate(grant.CertificateDER)
	if err != nil {
		return fmt.Errorf("certificate of grant %s: %w", grant.ID, err)
	}
	digest, err := hex.DecodeString(b.ByteRangeDigest)
	if err != nil {
		return invalid("byte_range_digest", err)
	}
	if err := validation.CheckCMS(b.CMS, digest, cert); err != nil {
		return &failure{status: http.StatusUnprocessableEntity, code: wire.CodeSignatureInvalid, err: err}
	}
	return nil
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
