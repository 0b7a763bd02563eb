package revocation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Status is what the authority says of a certificate.
type Status string

// The statuses. Unknown always comes with the reason as an error.
const (
	Good    Status = "good"
	Revoked Status = "revoked"
	Unknown Status = "unknown"
)

const (
	// GoodFor is how long an answer "not revoked" counts; a school's day of signing
	// asks a few times and a revocation is seen within minutes.
	GoodFor = 5 * time.Minute
	// UnknownFor keeps an authority that does not answer from delaying each signature.
	UnknownFor = time.Minute
	// askFor bounds one question, all addresses together.
	askFor    = 8 * time.Second
	maxKnown  = 10000 // answers kept in memory
	maxIssuer = 64 << 10
)

// Answer is what was found out about one certificate.
type Answer struct {
	Status    Status
	RevokedAt time.Time // with Revoked
	Source    string    // the address that answered; "" with Unknown
	Next      time.Time // the authority has nothing newer before; zero = it does not say
	Err       error     // with Unknown
}

// Config says whom is asked.
type Config struct {
	// Issuers are certificates of issuing authorities. Others are fetched from the
	// address in the certificate.
	Issuers []*x509.Certificate
	// AllowPrivate allows addresses on this machine and in private networks.
	AllowPrivate bool
	Now          func() time.Time // nil = time.Now
}

// Checker asks, and remembers answers for a while. It may be used concurrently.
type Checker struct {
	config Config
	http   *http.Client

	mu    sync.Mutex // guards what follows
	known map[string]remembered
	lists map[string]keptList // by address
}

type remembered struct {
	answer Answer
	until  time.Time
}

// New returns a checker.
func New(c Config) *Checker {
	if c.Now == nil {
		c.Now = time.Now
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !c.AllowPrivate {
		dialer.Control = publicOnly
	}
	return &Checker{config: c, known: map[string]remembered{}, lists: map[string]keptList{}, http: &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, MaxIdleConns: 4, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
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

// HasSource reports whether the certificate says where to ask.
func HasSource(cert *x509.Certificate) bool {
	return len(cert.OCSPServer) > 0 || len(cert.CRLDistributionPoints) > 0
}

// Status answers from memory, or asks.
func (c *Checker) Status(ctx context.Context, cert *x509.Certificate) Answer {
	key, now := fingerprint(cert), c.config.Now()
	c.mu.Lock()
	kept, ok := c.known[key]
	c.mu.Unlock()
	if ok && now.Before(kept.until) {
		return kept.answer
	}
	return c.Ask(ctx, cert)
}

// Ask asks now, and remembers the answer.
func (c *Checker) Ask(ctx context.Context, cert *x509.Certificate) Answer {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	answer := Answer{Status: Unknown}
	issuer, err := c.issuer(ctx, cert)
	if err == nil {
		answer, err = c.ask(ctx, cert, issuer, 0)
	}
	kept := remembered{until: c.config.Now().Add(GoodFor)}
	if err != nil {
		answer = Answer{Status: Unknown, Err: fmt.Errorf("revocation of %s: %w", cert.Subject.CommonName, err)}
		kept.until = c.config.Now().Add(UnknownFor)
	}
	kept.answer = answer
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxKnown {
		clear(c.known)
	}
	c.known[fingerprint(cert)] = kept
	return answer
}

func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// issuer finds the certificate of the authority that issued cert: among those
// configured, else at the address in cert (RFC 5280 §4.2.2.1). What is fetched over
// plain http counts because cert's signature verifies with it.
func (c *Checker) issuer(ctx context.Context, cert *x509.Certificate) (*x509.Certificate, error) {
	for _, issuer := range c.config.Issuers {
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
	return nil, fmt.Errorf("issuer: %w", problem)
}

func (c *Checker) fetchIssuer(ctx context.Context, address string) (*x509.Certificate, error) {
	got, err := c.fetch(ctx, request{address: address, limit: maxIssuer})
	if err != nil {
		return nil, err
	}
	return ParseCertificate(got.body)
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

func isWeb(address string) bool {
	return strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://")
}
