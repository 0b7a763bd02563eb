package validation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// fetchTimeout bounds one request with its redirects.
const fetchTimeout = 15 * time.Second

// Bounds on what one file can make the network do: it may have hundreds of signatures, each with addresses of its own.
const (
	maxRequests = 64
	maxWaiting  = time.Minute
)

// network counts what a validation asks.
type network struct {
	requests int
	waited   time.Duration
	failed   map[diskKey]error // asked once is enough: signatures of one person name the same addresses
}

var errTooMany = errors.New("the file asks for too much from the network")

// ErrAddress says that a certificate or file names an address that must not be asked.
var ErrAddress = errors.New("address is not allowed")

// publicClient asks public addresses only, privateClient any. No proxy from the environment: the address that is
// checked must be the one that is asked.
var (
	publicClient  = newClient(public)
	privateClient = newClient(nil)
)

// newClient connects to addresses that allowed lets pass, all if it is nil.
func newClient(allowed func(netip.Addr) bool) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if allowed != nil {
		// Control sees the resolved address just before the connection, so a name can't change its mind in between.
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("%w: %s", ErrAddress, address)
			}
			if !allowed(ap.Addr().Unmap()) {
				return fmt.Errorf("%w: %s is not public", ErrAddress, ap.Addr())
			}
			return nil
		}
	}
	return &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second,
			ResponseHeaderTimeout: 10 * time.Second, MaxIdleConns: 8, IdleConnTimeout: 30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) >= 3 {
				return errors.New("too many redirects")
			}
			return checkURL(r.URL)
		},
	}
}

var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
}

// public tells whether an address belongs to the open internet.
func public(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

func checkURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("%w: %s", ErrAddress, u.Redacted())
	}
	return nil
}

// fetch gets the URL, or posts the body to it, and answers at most limit bytes.
func fetch(ctx context.Context, opt *Options, address, contentType string, body []byte, limit int64) ([]byte, error) {
	n := opt.network
	if n == nil {
		return ask(ctx, opt, address, contentType, body, limit)
	}
	key := keyOf(address, body)
	if err := n.failed[key]; err != nil {
		return nil, err
	}
	if n.requests++; n.requests > maxRequests || n.waited > maxWaiting {
		return nil, errTooMany
	}
	began := time.Now()
	answer, err := ask(ctx, opt, address, contentType, body, limit)
	n.waited += time.Since(began)
	if err != nil {
		if n.failed == nil {
			n.failed = map[diskKey]error{}
		}
		n.failed[key] = err
	}
	return answer, err
}

func ask(ctx context.Context, opt *Options, address, contentType string, body []byte, limit int64) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrAddress, address)
	}
	if err := checkURL(u); err != nil {
		return nil, err
	}
	client := opt.HTTP
	switch {
	case client != nil:
		// A client of the caller's has its own ways to connect; the name alone can be looked at.
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && !opt.AllowPrivate && !public(a.Unmap()) {
			return nil, fmt.Errorf("%w: %s is not public", ErrAddress, a)
		}
	case opt.AllowPrivate:
		client = privateClient
	default:
		client = publicClient
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	method, payload := http.MethodGet, io.Reader(nil)
	if body != nil {
		method, payload = http.MethodPost, bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, payload)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("answer of more than %d bytes", limit)
	}
	return b, nil
}
