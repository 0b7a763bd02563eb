package validation

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// RevocationStatus is what an OCSP responder or a revocation list says of a certificate.
type RevocationStatus string

// The statuses. Unknown always comes with the reason as an error.
const (
	Good    RevocationStatus = "good"
	Revoked RevocationStatus = "revoked"
	Unknown RevocationStatus = "unknown"
)

// Bounds on answers, in bytes, and on their age.
const (
	maxOCSP     = 256 << 10
	maxCRL      = 32 << 20
	maxCRLURLs  = 4
	maxOCSPURLs = 2
	// An answer without nextUpdate is taken for this long (RFC 6960 §4.2.2.1 leaves it open).
	maxAge = 24 * time.Hour
	// How long a certificate list is kept without asking again, even when it says that it holds for months: a
	// revocation shall be seen the same day.
	maxListAge = time.Hour
)

var (
	errNoSource = errors.New("the certificate names neither an OCSP responder nor a revocation list")
	errOffline  = errors.New("offline")
)

// revocation is an answer about one certificate.
type revocation struct {
	status RevocationStatus
	at     time.Time // of the revocation
	source string    // the URL it came from
}

// Revocation asks for the status of cert, which issuer issued: first by OCSP (RFC 6960), then by revocation list
// (RFC 5280 §6.3), at the addresses in the certificate. Answers are taken only when they are signed by the issuer or
// by a responder that the issuer authorised, are fresh, and are about this serial number. Good means: not revoked as
// of now. With Unknown the error says why; it is never nil then.
func Revocation(ctx context.Context, cert, issuer *x509.Certificate, opt Options) (RevocationStatus, time.Time, string, error) {
	r, err := askRevocation(ctx, cert, issuer, &opt)
	if err != nil {
		return Unknown, time.Time{}, "", fmt.Errorf("revocation of %s: %w", cert.Subject.CommonName, err)
	}
	return r.status, r.at, r.source, nil
}

func askRevocation(ctx context.Context, cert, issuer *x509.Certificate, opt *Options) (revocation, error) {
	if opt.Offline {
		return revocation{}, errOffline
	}
	var problems []error
	for i, url := range cert.OCSPServer {
		if i >= maxOCSPURLs {
			break
		}
		r, err := askOCSP(ctx, url, cert, issuer, opt)
		if err == nil {
			return r, nil
		}
		problems = append(problems, fmt.Errorf("OCSP %s: %w", url, err))
	}
	urls := slices.DeleteFunc(slices.Clone(cert.CRLDistributionPoints), func(u string) bool { return !strings.HasPrefix(u, "http") })
	for i, url := range urls {
		if i >= maxCRLURLs {
			break
		}
		r, err := askCRL(ctx, url, cert, issuer, opt)
		if err == nil {
			return r, nil
		}
		problems = append(problems, fmt.Errorf("CRL %s: %w", url, err))
	}
	if len(problems) == 0 {
		return revocation{}, errNoSource
	}
	return revocation{}, errors.Join(problems...)
}

func askOCSP(ctx context.Context, url string, cert, issuer *x509.Certificate, opt *Options) (revocation, error) {
	now := opt.now()
	key := url + " " + CertificateSHA256(issuer) + " " + cert.SerialNumber.String()
	if r, ok := opt.Cache.ocsp(key, now); ok {
		return r, nil
	}
	request, err := ocsp.CreateRequest(cert, issuer, nil)
	if err != nil {
		return revocation{}, fmt.Errorf("make request: %w", err)
	}
	body, err := fetch(ctx, opt, url, "application/ocsp-request", request, maxOCSP)
	if err != nil {
		return revocation{}, err
	}
	r, until, err := readOCSP(body, cert, issuer, now)
	if err != nil {
		return revocation{}, err
	}
	r.source = url
	opt.Cache.keepOCSP(key, r, until)
	return r, nil
}

// readOCSP checks a response and answers how long it may be kept.
func readOCSP(der []byte, cert, issuer *x509.Certificate, now time.Time) (revocation, time.Time, error) {
	// Checks the serial number, and the signature by issuer or by a certificate that issuer signed.
	response, err := ocsp.ParseResponseForCert(der, cert, issuer)
	if err != nil {
		return revocation{}, time.Time{}, fmt.Errorf("read response: %w", err)
	}
	// The library leaves the delegate's authorisation to us (RFC 6960 §4.2.2.2): any certificate of the same
	// issuer could answer otherwise, that of the person asked about included.
	if d := response.Certificate; d != nil && !d.Equal(issuer) {
		switch {
		case !slices.Contains(d.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
			return revocation{}, time.Time{}, errors.New("the responder's certificate is not for OCSP")
		case !bytes.Equal(d.RawIssuer, issuer.RawSubject):
			return revocation{}, time.Time{}, errors.New("the responder's certificate is of another issuer")
		case outOfTime(d, now):
			return revocation{}, time.Time{}, errors.New("the responder's certificate is not in its validity")
		}
	}
	until, err := fresh(response.ThisUpdate, response.NextUpdate, now)
	if err != nil {
		return revocation{}, time.Time{}, err
	}
	switch response.Status {
	case ocsp.Good:
		return revocation{status: Good}, until, nil
	case ocsp.Revoked:
		return revocation{status: Revoked, at: response.RevokedAt}, until, nil
	}
	return revocation{}, time.Time{}, errors.New("the responder does not know the certificate")
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

func askCRL(ctx context.Context, url string, cert, issuer *x509.Certificate, opt *Options) (revocation, error) {
	now := opt.now()
	key := url + " " + CertificateSHA256(issuer)
	crl := opt.Cache.list(key, now)
	if crl == nil {
		body, err := fetch(ctx, opt, url, "", nil, maxCRL)
		if err != nil {
			return revocation{}, err
		}
		var until time.Time
		if crl, until, err = readCRL(body, issuer, now); err != nil {
			return revocation{}, err
		}
		if limit := now.Add(maxListAge); until.After(limit) {
			until = limit
		}
		opt.Cache.keepList(key, crl, until)
	}
	if err := scope(crl, cert); err != nil {
		return revocation{}, err
	}
	r := revocation{status: Good, source: url}
	for _, e := range crl.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(cert.SerialNumber) == 0 {
			r.status, r.at = Revoked, e.RevocationTime
		}
	}
	return r, nil
}

// readCRL checks a list against the issuer and answers how long it holds.
func readCRL(der []byte, issuer *x509.Certificate, now time.Time) (*x509.RevocationList, time.Time, error) {
	crl, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read list: %w", err)
	}
	// A certificate of an indirect list's third party is not accepted: the issuer itself signs its list.
	if !bytes.Equal(crl.RawIssuer, issuer.RawSubject) {
		return nil, time.Time{}, fmt.Errorf("the list is of %s", crl.Issuer)
	}
	if err := crl.CheckSignatureFrom(issuer); err != nil {
		return nil, time.Time{}, fmt.Errorf("signature of the list: %w", err)
	}
	until, err := fresh(crl.ThisUpdate, crl.NextUpdate, now)
	return crl, until, err
}

var (
	oidIssuingDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidCertificateIssuer        = asn1.ObjectIdentifier{2, 5, 29, 29}
)

// issuingDistributionPoint is the extension that narrows a list (RFC 5280 §5.2.5).
type issuingDistributionPoint struct {
	DistributionPoint asn1.RawValue  `asn1:"optional,tag:0"`
	UserOnly          bool           `asn1:"optional,tag:1"`
	CAOnly            bool           `asn1:"optional,tag:2"`
	SomeReasons       asn1.BitString `asn1:"optional,tag:3"`
	Indirect          bool           `asn1:"optional,tag:4"`
	AttributeOnly     bool           `asn1:"optional,tag:5"`
}

// scope tells whether the list speaks about this certificate: absence from a list that does not cover it says
// nothing. Unknown critical extensions, delta lists among them, make a list unusable (RFC 5280 §5.2).
func scope(crl *x509.RevocationList, cert *x509.Certificate) error {
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

// revocation judges the certificates of the path below the root.
func (v *run) revocation(ctx context.Context, path []*x509.Certificate) error {
	s := &v.sig
	if path == nil {
		return nil
	}
	if v.opt.Offline {
		s.noteOffline()
		return nil
	}
	for i, cert := range path[:len(path)-1] {
		subject := cert.Subject.CommonName
		r, err := askRevocation(ctx, cert, path[i+1], v.opt)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case err != nil:
			s.judge(Indeterminate, TryLater, detail(DetailRevocationUnknown, "subject", subject, "reason", err.Error()))
		case r.status == Revoked && r.at.After(s.BestTime):
			s.note(DetailRevokedLater, "subject", subject, "revoked_at", r.at.Format(time.RFC3339), "source", r.source)
		case r.status == Revoked:
			sub := RevokedNoPOE
			if i > 0 {
				sub = RevokedCANoPOE
			}
			s.revoked(sub, detail(DetailRevoked, "subject", subject, "revoked_at", r.at.Format(time.RFC3339), "source", r.source))
		default:
			s.note(DetailRevocationGood, "subject", subject, "source", r.source)
		}
	}
	return nil
}

// revoked is judge, but takes the place of a mere "try later": what is known outweighs what is not.
func (s *Signature) revoked(sub string, d Detail) {
	if s.Indication == Indeterminate && s.SubIndication == TryLater {
		s.SubIndication = sub
	}
	s.judge(Indeterminate, sub, d)
}

// noteOffline says once that revocation is not asked for, be it the signer's or the time-stamping authority's.
func (s *Signature) noteOffline() {
	if !slices.ContainsFunc(s.Details, func(d Detail) bool { return d.Code == DetailRevocationSkipped }) {
		s.note(DetailRevocationSkipped)
	}
}
