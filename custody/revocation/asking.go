package revocation

import (
	"bytes"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"
)

// Bounds on answers, in bytes, on their number and on their age.
const (
	maxOCSP     = 256 << 10
	maxCRL      = 32 << 20
	maxLists    = 16 // kept in memory
	maxCRLURLs  = 4
	maxOCSPURLs = 2
	// An answer without nextUpdate is taken for this long (RFC 6960 §4.2.2.1 leaves it open).
	maxAge = 24 * time.Hour
	// A list is asked for again after this long, even when it says that it holds for
	// months: a revocation shall be seen the same day. When it has not changed (ETag),
	// it is not sent again.
	listAge   = time.Hour
	clockSkew = 5 * time.Minute
)

var (
	errNoSource = errors.New("the certificate names neither an OCSP responder nor a revocation list")

	oidNoCheck                  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}
	oidIssuingDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidCertificateIssuer        = asn1.ObjectIdentifier{2, 5, 29, 29}
)

// ask asks at the addresses in the certificate. depth counts responders of responders.
func (c *Checker) ask(ctx context.Context, cert, issuer *x509.Certificate, depth int) (Answer, error) {
	now := c.config.Now()
	if now.After(cert.NotAfter) {
		return Answer{}, errors.New("the certificate has expired: authorities forget such")
	}
	var problems []error
	for i, address := range cert.OCSPServer {
		if i == maxOCSPURLs {
			break
		}
		answer, err := c.askOCSP(ctx, address, cert, issuer, depth)
		if err == nil {
			return answer, nil
		}
		problems = append(problems, fmt.Errorf("OCSP %s: %w", address, err))
	}
	for i, address := range cert.CRLDistributionPoints {
		if i == maxCRLURLs {
			break
		}
		answer, err := c.askCRL(ctx, address, cert, issuer)
		if err == nil {
			return answer, nil
		}
		problems = append(problems, fmt.Errorf("CRL %s: %w", address, err))
	}
	if len(problems) == 0 {
		return Answer{}, errNoSource
	}
	return Answer{}, errors.Join(problems...)
}

func (c *Checker) askOCSP(ctx context.Context, address string, cert, issuer *x509.Certificate, depth int) (Answer, error) {
	question, err := ocsp.CreateRequest(cert, issuer, nil)
	if err != nil {
		return Answer{}, fmt.Errorf("make request: %w", err)
	}
	got, err := c.fetch(ctx, request{address: address, contentType: "application/ocsp-request", content: question, limit: maxOCSP})
	if err != nil {
		return Answer{}, err
	}
	r, err := ocsp.ParseResponseForCert(got.body, cert, issuer)
	if err != nil {
		return Answer{}, fmt.Errorf("read response: %w", err)
	}
	next, err := fresh(r.ThisUpdate, r.NextUpdate, c.config.Now())
	if err != nil {
		return Answer{}, err
	}
	if d := r.Certificate; d != nil && !d.Equal(issuer) {
		if err := c.checkResponder(ctx, d, issuer, depth); err != nil {
			return Answer{}, err
		}
	}
	switch r.Status {
	case ocsp.Good:
		return Answer{Status: Good, Source: address, Next: next}, nil
	case ocsp.Revoked:
		return Answer{Status: Revoked, RevokedAt: r.RevokedAt, Source: address, Next: next}, nil
	}
	return Answer{}, errors.New("the responder does not know the certificate")
}

// checkResponder: the library leaves the delegate's authorisation to us (RFC 6960
// §4.2.2.2): any certificate of the same issuer could answer otherwise, that of the
// person asked about included.
func (c *Checker) checkResponder(ctx context.Context, d, issuer *x509.Certificate, depth int) error {
	now := c.config.Now()
	switch {
	case !slices.Contains(d.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return errors.New("the responder's certificate is not for OCSP")
	case !bytes.Equal(d.RawIssuer, issuer.RawSubject) || d.CheckSignatureFrom(issuer) != nil:
		return errors.New("the responder's certificate is of another issuer")
	case now.Before(d.NotBefore) || now.After(d.NotAfter):
		return errors.New("the responder's certificate is not in its validity")
	case slices.ContainsFunc(d.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidNoCheck) }) || !HasSource(d):
		return nil // its issuer says that nobody need ask, or gives no place to
	case depth > 0:
		return errors.New("the responder's standing would have to be told by another responder")
	}
	answer, err := c.ask(ctx, d, issuer, depth+1)
	switch {
	case err != nil:
		return fmt.Errorf("standing of the responder: %w", err)
	case answer.Status != Good:
		return errors.New("the responder's certificate is revoked")
	}
	return nil
}

// fresh checks thisUpdate and nextUpdate and answers until when the information holds.
func fresh(this, next, now time.Time) (time.Time, error) {
	if this.After(now.Add(clockSkew)) {
		return time.Time{}, fmt.Errorf("it is from the future: %s", this.Format(time.RFC3339))
	}
	if next.IsZero() {
		next = this.Add(maxAge)
	}
	if next.Before(now.Add(-clockSkew)) {
		return time.Time{}, fmt.Errorf("it is out of date since %s", next.Format(time.RFC3339))
	}
	return next, nil
}

// keptList is a list that was fetched and checked.
type keptList struct {
	list           *x509.RevocationList
	issuer         string // fingerprint of who signed it
	etag, modified string
	askAgain       time.Time
	next           time.Time // nextUpdate
}

func (c *Checker) askCRL(ctx context.Context, address string, cert, issuer *x509.Certificate) (Answer, error) {
	kept, err := c.list(ctx, address, issuer)
	if err != nil {
		return Answer{}, err
	}
	if err := covers(kept.list, cert); err != nil {
		return Answer{}, err
	}
	answer := Answer{Status: Good, Source: address, Next: kept.next}
	for _, e := range kept.list.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(cert.SerialNumber) == 0 {
			answer.Status, answer.RevokedAt = Revoked, e.RevocationTime
		}
	}
	return answer, nil
}

// list returns the list at the address, from memory while it is new enough.
func (c *Checker) list(ctx context.Context, address string, issuer *x509.Certificate) (keptList, error) {
	now := c.config.Now()
	c.mu.Lock()
	kept := c.lists[address]
	c.mu.Unlock()
	if kept.list != nil && kept.issuer == fingerprint(issuer) && now.Before(kept.askAgain) && now.Before(kept.next) {
		return kept, nil
	}
	q := request{address: address, limit: maxCRL}
	if kept.list != nil && kept.issuer == fingerprint(issuer) {
		q.etag, q.modified = kept.etag, kept.modified
	}
	got, err := c.fetch(ctx, q)
	if err != nil {
		return keptList{}, err
	}
	if !got.same {
		crl, err := x509.ParseRevocationList(got.body)
		if err != nil {
			return keptList{}, fmt.Errorf("read list: %w", err)
		}
		// A certificate of an indirect list's third party is not accepted: the issuer itself signs its list.
		if !bytes.Equal(crl.RawIssuer, issuer.RawSubject) {
			return keptList{}, fmt.Errorf("the list is of %s", crl.Issuer)
		}
		if err := crl.CheckSignatureFrom(issuer); err != nil {
			return keptList{}, fmt.Errorf("signature of the list: %w", err)
		}
		kept = keptList{list: crl, issuer: fingerprint(issuer), etag: got.etag, modified: got.modified}
	}
	if kept.next, err = fresh(kept.list.ThisUpdate, kept.list.NextUpdate, now); err != nil {
		return keptList{}, err
	}
	kept.askAgain = now.Add(listAge)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lists) >= maxLists {
		clear(c.lists)
	}
	c.lists[address] = kept
	return kept, nil
}

// issuingDistributionPoint is the extension that narrows a list (RFC 5280 §5.2.5).
type issuingDistributionPoint struct {
	DistributionPoint asn1.RawValue  `asn1:"optional,tag:0"`
	UserOnly          bool           `asn1:"optional,tag:1"`
	CAOnly            bool           `asn1:"optional,tag:2"`
	SomeReasons       asn1.BitString `asn1:"optional,tag:3"`
	Indirect          bool           `asn1:"optional,tag:4"`
	AttributeOnly     bool           `asn1:"optional,tag:5"`
}

// covers tells whether the list speaks about this certificate: absence from a list
// that does not cover it says nothing. Unknown critical extensions, delta lists among
// them, make a list unusable (RFC 5280 §5.2).
func covers(crl *x509.RevocationList, cert *x509.Certificate) error {
	for _, e := range crl.Extensions {
		if e.Id.Equal(oidIssuingDistributionPoint) {
			var p issuingDistributionPoint
			if rest, err := asn1.Unmarshal(e.Value, &p); err != nil || len(rest) > 0 {
				return errors.New("the list's distribution point can't be read")
			}
			if p.Indirect || p.AttributeOnly || p.SomeReasons.BitLength > 0 || p.UserOnly && cert.IsCA || p.CAOnly && !cert.IsCA {
				return errors.New("the list does not cover this certificate")
			}
			continue
		}
		if e.Critical {
			return fmt.Errorf("the list has an unknown critical extension %s", e.Id)
		}
	}
	for _, entry := range crl.RevokedCertificateEntries {
		for _, e := range entry.Extensions {
			if e.Critical || e.Id.Equal(oidCertificateIssuer) {
				return fmt.Errorf("the list has an entry with extension %s", e.Id)
			}
		}
	}
	return nil
}
