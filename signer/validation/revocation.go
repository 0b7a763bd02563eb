package validation

import (
	"bytes"
	"context"
	"crypto/sha1" // the name of a responder by its key
	"crypto/x509"
	"crypto/x509/pkix"
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
	source string    // the URL it came from; SourceFile or SourceCMS

	ocsp      []byte               // the response; nil when a list answered
	list      *x509.RevocationList // nil when a responder answered
	responder *x509.Certificate    // that the issuer authorised; nil when the issuer answered itself
	made      time.Time            // thisUpdate
	revision  int                  // of the file, that brought the answer
	behind    *revocation          // the answer about responder; nil when none is needed
}

// moments are the times that an answer is held against.
type moments struct {
	needed time.Time // the answer must hold then, or be of later
	known  time.Time // the answer was there at the latest; its issuer's certificate must have been in force
}

// Revocation asks for the status of cert, which issuer issued: first by OCSP (RFC 6960), then by revocation list
// (RFC 5280 §6.3), at the addresses in the certificate. Answers are taken only when they are signed by the issuer or
// by a responder that the issuer authorised, are fresh, and are about this serial number. Good means: not revoked as
// of now. With Unknown the error says why; it is never nil then.
func Revocation(ctx context.Context, cert, issuer *x509.Certificate, opt Options) (RevocationStatus, time.Time, string, error) {
	r, err := askRevocation(ctx, cert, issuer, &opt, 0)
	if err != nil {
		return Unknown, time.Time{}, "", fmt.Errorf("revocation of %s: %w", cert.Subject.CommonName, err)
	}
	return r.status, r.at, r.source, nil
}

// askRevocation asks the network. depth counts responders of responders.
func askRevocation(ctx context.Context, cert, issuer *x509.Certificate, opt *Options, depth int) (revocation, error) {
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
			r.behind, err = responderStanding(r.responder, depth, func() (revocation, error) {
				return askRevocation(ctx, r.responder, issuer, opt, depth+1)
			})
		}
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
	var r revocation
	var until time.Time
	err = fetchKept(ctx, opt, url, "application/ocsp-request", request, maxOCSP, func(body []byte) (time.Time, error) {
		var err error
		r, until, err = readOCSP(body, cert, issuer, slices.Concat(opt.known, opt.Intermediates), moments{now, now})
		return earlier(until, now.Add(maxListAge)), err
	})
	if err != nil {
		return revocation{}, err
	}
	r.source = url
	opt.Cache.keepOCSP(key, r, until)
	return r, nil
}

// parseOCSP reads a response and checks that issuer signed it, or a responder whose certificate issuer signed. That one
// stands in the response, or is among others (RFC 6960 §4.2.1: certs is optional).
func parseOCSP(der []byte, cert, issuer *x509.Certificate, others []*x509.Certificate) (*ocsp.Response, error) {
	response, err := ocsp.ParseResponseForCert(der, cert, issuer)
	if err == nil {
		return response, nil
	}
	unsigned, unsignedErr := ocsp.ParseResponseForCert(der, cert, nil)
	if unsignedErr != nil || unsigned.Certificate != nil {
		return nil, err
	}
	for _, c := range others {
		key := sha1.Sum(publicKeyBits(c)) // as RFC 6960 §4.2.1 names a responder by its key
		named := len(unsigned.RawResponderName) > 0 && bytes.Equal(unsigned.RawResponderName, c.RawSubject) || bytes.Equal(unsigned.ResponderKeyHash, key[:])
		if !named || unsigned.CheckSignatureFrom(c) != nil {
			continue
		}
		if err := issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
			return nil, fmt.Errorf("the responder's certificate: %w", err)
		}
		unsigned.Certificate = c
		return unsigned, nil
	}
	return nil, err
}

// publicKeyBits is the bit string of the certificate's public key, without tag, length and unused bits.
func publicKeyBits(c *x509.Certificate) []byte {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &info); err != nil {
		return nil
	}
	return info.Key.RightAlign()
}

// readOCSP checks a response and answers how long it may be kept. The responder's certificate may be among others.
func readOCSP(der []byte, cert, issuer *x509.Certificate, others []*x509.Certificate, m moments) (revocation, time.Time, error) {
	response, err := parseOCSP(der, cert, issuer, others)
	if err != nil {
		return revocation{}, time.Time{}, fmt.Errorf("read response: %w", err)
	}
	r := revocation{ocsp: der, made: response.ThisUpdate}
	// The library leaves the delegate's authorisation to us (RFC 6960 §4.2.2.2): any certificate of the same
	// issuer could answer otherwise, that of the person asked about included.
	if d := response.Certificate; d != nil && !d.Equal(issuer) {
		switch {
		case !slices.Contains(d.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
			return revocation{}, time.Time{}, errors.New("the responder's certificate is not for OCSP")
		case !bytes.Equal(d.RawIssuer, issuer.RawSubject):
			return revocation{}, time.Time{}, errors.New("the responder's certificate is of another issuer")
		case outOfTime(d, m.known):
			return revocation{}, time.Time{}, errors.New("the responder's certificate is not in its validity")
		}
		r.responder = d
	}
	until, err := fresh(response.ThisUpdate, response.NextUpdate, m)
	if err == nil {
		err = speaksOfExpired(cert, issuer, response.ThisUpdate, m, response.Extensions, oidArchiveCutoff)
	}
	if err != nil {
		return revocation{}, time.Time{}, err
	}
	switch response.Status {
	case ocsp.Good:
		r.status = Good
		return r, until, nil
	case ocsp.Revoked:
		r.status, r.at = Revoked, response.RevokedAt
		return r, until, nil
	}
	return revocation{}, time.Time{}, errors.New("the responder does not know the certificate")
}

// maxResponders bounds responders whose own standing a responder tells.
const maxResponders = 1

// responderStanding asks for the standing of a responder's certificate, unless its issuer says that nobody need do so
// or gives no place to ask (RFC 6960 §4.2.2.2.1).
func responderStanding(responder *x509.Certificate, depth int, ask func() (revocation, error)) (*revocation, error) {
	if responder == nil || hasExtension(responder.Extensions, oidNoCheck) || len(responder.OCSPServer)+len(responder.CRLDistributionPoints) == 0 {
		return nil, nil
	}
	if depth >= maxResponders {
		return nil, errors.New("the responder's standing would have to be told by another responder")
	}
	r, err := ask()
	switch {
	case err != nil:
		return nil, fmt.Errorf("standing of the responder: %w", err)
	case r.status != Good:
		return nil, errors.New("the responder's certificate is revoked")
	}
	return &r, nil
}

func hasExtension(list []pkix.Extension, id asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(list, func(e pkix.Extension) bool { return e.Id.Equal(id) })
}

// speaksOfExpired tells whether an answer made at that time says anything of the certificate: of one that had expired
// by then most authorities have forgotten whether it was revoked, unless an extension says how far back they know
// (archive cutoff, RFC 6960 §4.4.4; expiredCertsOnCRL, X.509 §9.5.2.8). The issuer must have been in force.
func speaksOfExpired(cert, issuer *x509.Certificate, made time.Time, m moments, extensions []pkix.Extension, id asn1.ObjectIdentifier) error {
	// A root's validity is for those to judge who trust it.
	if !bytes.Equal(issuer.RawSubject, issuer.RawIssuer) && outOfTime(issuer, m.known) {
		return errors.New("the issuer's certificate is not in its validity")
	}
	if !made.After(cert.NotAfter) {
		return nil
	}
	for _, e := range extensions {
		var since time.Time
		if !e.Id.Equal(id) {
			continue
		}
		if rest, err := asn1.UnmarshalWithParams(e.Value, &since, "generalized"); err == nil && len(rest) == 0 && !since.After(cert.NotAfter) {
			return nil
		}
	}
	return errors.New("the certificate had expired before the answer was made")
}

// fresh checks thisUpdate and nextUpdate and answers until when the information holds.
func fresh(this, next time.Time, m moments) (time.Time, error) {
	if this.After(m.known.Add(clockSkew)) {
		return time.Time{}, fmt.Errorf("it is from the future: %s", this.Format(time.RFC3339))
	}
	if next.IsZero() {
		next = this.Add(maxAge)
	}
	if next.Before(m.needed.Add(-clockSkew)) {
		return time.Time{}, fmt.Errorf("it is out of date since %s", next.Format(time.RFC3339))
	}
	return next, nil
}

func askCRL(ctx context.Context, url string, cert, issuer *x509.Certificate, opt *Options) (revocation, error) {
	now := opt.now()
	key := url + " " + CertificateSHA256(issuer)
	crl := opt.Cache.list(key, now)
	if crl == nil {
		var until time.Time
		err := fetchKept(ctx, opt, url, "", nil, maxCRL, func(body []byte) (time.Time, error) {
			var err error
			crl, until, err = readCRL(body, issuer, moments{now, now})
			until = earlier(until, now.Add(maxListAge))
			return until, err
		})
		if err != nil {
			return revocation{}, err
		}
		opt.Cache.keepList(key, crl, until)
	}
	r, err := lookUp(crl, cert, issuer, moments{now, now})
	r.source = url
	return r, err
}

// lookUp finds the certificate in a list that readCRL took.
func lookUp(crl *x509.RevocationList, cert, issuer *x509.Certificate, m moments) (revocation, error) {
	if err := scope(crl, cert); err != nil {
		return revocation{}, err
	}
	r := revocation{status: Good, list: crl, made: crl.ThisUpdate}
	for _, e := range crl.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(cert.SerialNumber) == 0 {
			r.status, r.at = Revoked, e.RevocationTime
		}
	}
	if r.status == Revoked {
		return r, nil
	}
	return r, speaksOfExpired(cert, issuer, crl.ThisUpdate, m, crl.Extensions, oidExpiredOnList)
}

// readCRL checks a list against the issuer and answers how long it holds.
func readCRL(der []byte, issuer *x509.Certificate, m moments) (*x509.RevocationList, time.Time, error) {
	crl, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read list: %w", err)
	}
	until, err := checkCRL(crl, issuer, m)
	return crl, until, err
}

func checkCRL(crl *x509.RevocationList, issuer *x509.Certificate, m moments) (time.Time, error) {
	if err := ofIssuer(crl, issuer); err != nil {
		return time.Time{}, err
	}
	return fresh(crl.ThisUpdate, crl.NextUpdate, m)
}

func ofIssuer(crl *x509.RevocationList, issuer *x509.Certificate) error {
	// A certificate of an indirect list's third party is not accepted: the issuer itself signs its list.
	if !bytes.Equal(crl.RawIssuer, issuer.RawSubject) {
		return fmt.Errorf("the list is of %s", crl.Issuer)
	}
	if err := crl.CheckSignatureFrom(issuer); err != nil {
		return fmt.Errorf("signature of the list: %w", err)
	}
	return nil
}

var (
	oidIssuingDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidExpiredOnList            = asn1.ObjectIdentifier{2, 5, 29, 60}
	oidArchiveCutoff            = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 6}
	oidNoCheck                  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}
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
	for i, cert := range path[:len(path)-1] {
		subject := cert.Subject.CommonName
		r, err := v.standing(ctx, cert, path[i+1], s.BestTime)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case errors.Is(err, errOffline):
			s.noteOffline()
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

// standing asks for a certificate as it was at a time: the network, which knows of late revocations, as long as the
// certificate has not expired and there is one; else what the file holds. Without either the error is errOffline when
// there is no network.
func (v *run) standing(ctx context.Context, cert, issuer *x509.Certificate, at time.Time) (revocation, error) {
	current := !v.opt.Offline && !v.opt.at().After(cert.NotAfter)
	var r revocation
	err := errOffline
	opt := *v.opt
	opt.known = slices.Concat(v.sd.Certificates, v.proofs.certificates)
	if current {
		if r, err = askRevocation(ctx, cert, issuer, &opt, 0); err == nil {
			return r, nil
		}
	}
	embedded, missing := v.inFile(cert, issuer, at)
	switch {
	case missing == nil:
		return embedded, nil
	case current || v.opt.Offline:
		return r, err
	}
	return askRevocation(ctx, cert, issuer, &opt, 0)
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
