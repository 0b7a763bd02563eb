package httpapi

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"sokyso/custody"
	"sokyso/httpapi/wire"
	"sokyso/signer/validation"
)

const (
	// goodFor is how long an answer "not revoked" counts; a school's day of
	// signing asks a few times and a revocation is seen within minutes.
	goodFor = 5 * time.Minute
	// unknownFor keeps an authority that does not answer from delaying each signature.
	unknownFor = time.Minute
	// askFor bounds one question, all addresses together.
	askFor    = 8 * time.Second
	maxIssuer = 64 << 10
)

// revocationChecker asks for the state of registered certificates.
type revocationChecker struct {
	mode    RevocationMode
	issuers []*x509.Certificate
	private bool
	http    *http.Client
	now     func() time.Time

	mu    sync.Mutex
	known map[string]revocationAnswer // by SHA-256 of the certificate; guarded by mu
}

type revocationAnswer struct {
	status    validation.RevocationStatus
	revokedAt time.Time
	source    string
	err       error // with Unknown
	until     time.Time
}

func newRevocationChecker(cfg Config, now func() time.Time) (*revocationChecker, error) {
	c := &revocationChecker{mode: cfg.Revocation, issuers: cfg.Issuers, private: cfg.PrivateAuthority, now: now, known: map[string]revocationAnswer{}}
	switch c.mode {
	case "":
		c.mode = RevocationSoft
	case RevocationOff, RevocationSoft, RevocationHard:
	default:
		return nil, fmt.Errorf("revocation %q is not off, soft or hard", c.mode)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !c.private {
		dialer.Control = publicOnly
	}
	c.http = &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, MaxIdleConns: 4, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// publicOnly refuses connections to this machine and to private networks: the
// addresses come out of certificates.
func publicOnly(_, address string, _ syscall.RawConn) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	if ip := parsed.Addr().Unmap(); !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return fmt.Errorf("address %s is not public", ip)
	}
	return nil
}

// status answers from memory or asks the authority.
func (c *revocationChecker) status(ctx context.Context, cert *x509.Certificate) revocationAnswer {
	key := certificateSHA256(cert)
	now := c.now()
	c.mu.Lock()
	answer, ok := c.known[key]
	c.mu.Unlock()
	if ok && now.Before(answer.until) {
		return answer
	}
	answer = c.ask(ctx, cert)
	answer.until = now.Add(goodFor)
	if answer.status == validation.Unknown {
		answer.until = now.Add(unknownFor)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= 10000 {
		clear(c.known)
	}
	c.known[key] = answer
	return answer
}

func (c *revocationChecker) ask(ctx context.Context, cert *x509.Certificate) revocationAnswer {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	issuer, err := c.issuer(ctx, cert)
	if err != nil {
		return revocationAnswer{status: validation.Unknown, err: err}
	}
	status, at, source, err := validation.Revocation(ctx, cert, issuer, validation.Options{Now: c.now, AllowPrivate: c.private})
	return revocationAnswer{status: status, revokedAt: at, source: source, err: err}
}

// issuer finds the certificate of the authority that issued cert: among those
// configured, else at the address in cert (RFC 5280 §4.2.2.1). What is fetched
// over plain http counts because cert's signature verifies with it.
func (c *revocationChecker) issuer(ctx context.Context, cert *x509.Certificate) (*x509.Certificate, error) {
	for _, issuer := range c.issuers {
		if bytes.Equal(issuer.RawSubject, cert.RawIssuer) && cert.CheckSignatureFrom(issuer) == nil {
			return issuer, nil
		}
	}
	problem := errors.New("the certificate does not say where its issuer's is")
	for i, address := range cert.IssuingCertificateURL {
		if i == 2 {
			break
		}
		var issuer *x509.Certificate
		if issuer, problem = c.fetchIssuer(ctx, address); problem != nil {
			continue
		}
		if !bytes.Equal(issuer.RawSubject, cert.RawIssuer) {
			problem = errors.New("another authority's certificate")
			continue
		}
		if problem = cert.CheckSignatureFrom(issuer); problem == nil {
			return issuer, nil
		}
	}
	return nil, fmt.Errorf("issuer of %s: %w", cert.Subject.CommonName, problem)
}

func (c *revocationChecker) fetchIssuer(ctx context.Context, address string) (*x509.Certificate, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxIssuer))
	if err != nil {
		return nil, err
	}
	return ParseCertificate(content)
}

// ParseCertificate reads one certificate as DER or PEM.
func ParseCertificate(content []byte) (*x509.Certificate, error) {
	if block, _ := pem.Decode(content); block != nil {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("the file holds a %s, not a certificate", block.Type)
		}
		content = block.Bytes
	}
	return x509.ParseCertificate(content)
}

// checkRevocation looks up the certificate that a grant is asked for, when it is
// that of a token the actor holds: addresses in certificates that anyone may send
// are not contacted. A revocation that is found goes into the register, where the
// rules refuse it, now and later.
func (s *server) checkRevocation(ctx context.Context, actor custody.Actor, request custody.GrantRequest) error {
	if s.revocation.mode == RevocationOff {
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
		if len(cert.OCSPServer) == 0 && len(cert.CRLDistributionPoints) == 0 {
			return nil
		}
		answer := s.revocation.status(ctx, cert)
		switch answer.status {
		case validation.Revoked:
			return s.store.SetRevocation(ctx, custody.SystemActor(actor.School), row.Certificate.SHA256, &answer.revokedAt, answer.source)
		case validation.Unknown:
			requestOf(ctx).note("revocation_unknown", answer.err.Error())
			if s.revocation.mode == RevocationHard {
				return &failure{
					status: http.StatusServiceUnavailable, code: wire.CodeUnavailable, retry: unknownFor,
					params: map[string]string{"reason": "revocation_unknown"}, err: answer.err,
				}
			}
		}
		return nil
	}
	return nil
}
