package signer

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"sokyso/signer/cms"
	"sokyso/signer/validation"
)

// Stamping says how time-stamping authorities are asked, and remembers what they answered. The zero value has the
// defaults, which are made for the government's authority: it was seen to take from 2 to 131 seconds. One Stamping may
// be used by several goroutines; its exported fields must not be changed once it is in use.
type Stamping struct {
	Timeout time.Duration // of one try, from when it is sent; 0 = 180 s
	Tries   int           // 0 = 3; an authority that answers wrongly, or says no, is not asked again
	Pause   time.Duration // before the second try, twice as long before each further one; 0 = 2 s
	AtOnce  int           // requests under way to one authority; further ones wait; 0 = 4

	mu          sync.Mutex
	authorities map[string]*stampAuthority
}

// processStamping is for those who bring none of their own: the queue in front of an authority is one for the process.
var processStamping = &Stamping{}

// stampAuthority is what is known of one authority.
type stampAuthority struct {
	slots chan struct{}

	trial sync.Mutex // held while a trial time-stamp is under way, so that a batch makes one only
	mu    sync.Mutex
	first *cms.Timestamp // the trial time-stamp
	size  int            // of the longest token seen, in bytes
}

func (s *Stamping) authority(url string) *stampAuthority {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.authorities[url]
	if a == nil {
		if s.authorities == nil {
			s.authorities = map[string]*stampAuthority{}
		}
		a = &stampAuthority{slots: make(chan struct{}, positive(s.AtOnce, 4))}
		s.authorities[url] = a
	}
	return a
}

func positive[T int | time.Duration](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}

// seen notes the size of a token.
func (a *stampAuthority) seen(ts *cms.Timestamp) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.size = max(a.size, len(ts.Raw))
}

// room is kept for a token of this authority, in bytes. Tokens of one authority differ by a few bytes, unless it changes
// to a certificate with a longer chain.
func (a *stampAuthority) room() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.size*3/2 + 1024
}

func (o *Options) stamping() *Stamping {
	if o.Stamping != nil {
		return o.Stamping
	}
	return processStamping
}

// ask gets a token over digest, made with SHA-256: it waits for its turn, and tries again when trying again may help.
// The token's own signature, imprint, nonce and certificate were checked. Errors are those of cms.RequestTimestamp and
// of ctx.
func (s *Stamping) ask(ctx context.Context, client *http.Client, url string, digest []byte) (*cms.Timestamp, error) {
	a := s.authority(url)
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	pause := positive(s.Pause, 2*time.Second)
	for n := 1; ; n++ {
		try, cancel := context.WithTimeout(ctx, positive(s.Timeout, 180*time.Second))
		ts, err := cms.RequestTimestamp(try, client, url, crypto.SHA256, digest)
		cancel()
		switch {
		case err == nil:
			a.seen(ts)
			return ts, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case n >= positive(s.Tries, 3) || !passing(err):
			return nil, fmt.Errorf("try %d: %w", n, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		pause *= 2
	}
}

// passing tells whether an error of an authority may be over in a moment.
func passing(err error) bool {
	if refused, ok := errors.AsType[*cms.RefusedError](err); ok {
		const waiting, timeNotAvailable, systemFailure = 3, 14, 25 // RFC 3161 §2.4.2
		return refused.Status == waiting || refused.Failure == timeNotAvailable || refused.Failure == systemFailure
	}
	if status, ok := errors.AsType[*cms.StatusError](err); ok {
		return status.Code >= 500 || status.Code == http.StatusTooManyRequests || status.Code == http.StatusRequestTimeout
	}
	for _, wrong := range []error{
		cms.ErrMalformed, cms.ErrUnsupported, cms.ErrAttributes, cms.ErrDigest, cms.ErrSignature, cms.ErrNoCertificate,
		cms.ErrSigningCertificate, cms.ErrTimestamp,
	} {
		if errors.Is(err, wrong) {
			return false
		}
	}
	return true // of the network
}

// timestamp asks opt.TSA for a token and judges it as a validator would: its keys and hashes, its time, and where its
// certificate leads. The path is nil without roots. The error is an *Error.
func (o *Options) timestamp(ctx context.Context, digest []byte) (*cms.Timestamp, []*x509.Certificate, error) {
	ts, err := o.stamping().ask(ctx, o.HTTP, o.TSA, digest)
	if ctx.Err() != nil {
		return nil, nil, fail(CodeCancelled, ctx.Err())
	}
	refuse := func(code string, err error) (*cms.Timestamp, []*x509.Certificate, error) {
		return nil, nil, fail(code, fmt.Errorf("time-stamp from %s: %w", o.TSA, err), "url", o.TSA)
	}
	if err != nil {
		return refuse(CodeTimestampFailed, err)
	}
	if key := cms.WeakKey(ts.Certificate); key != "" {
		return refuse(CodeTimestampFailed, fmt.Errorf("its authority has an %s key", key))
	}
	if weak := ts.WeakHash(); weak != 0 {
		return refuse(CodeTimestampFailed, fmt.Errorf("it uses %v", weak))
	}
	if ahead := ts.GenTime.Sub(o.now()); ahead > maxAhead {
		return refuse(CodeTimestampFailed, fmt.Errorf("it is of %s, %s from now", ts.GenTime.Format(time.RFC3339), ahead.Round(time.Second)))
	}
	path, err := o.stampPath(ts)
	if err != nil {
		return refuse(CodeTimestampUntrusted, err)
	}
	return ts, path, nil
}

// maxAhead is how far the clock of an authority may be ahead of the own; validation takes no more.
const maxAhead = 5 * time.Minute

// stampPath finds the way from a time-stamp to the roots.
func (o *Options) stampPath(ts *cms.Timestamp) ([]*x509.Certificate, error) {
	if o.Roots == nil {
		return nil, nil
	}
	path, err := validation.Path(ts.Certificate, ts.SignedData.Certificates, ts.GenTime, o.validation())
	if err != nil {
		return nil, err
	}
	for _, c := range path {
		if key := cms.WeakKey(c); key != "" {
			return nil, fmt.Errorf("certificate of %s has an %s key", c.Subject.CommonName, key)
		}
	}
	return path, nil
}

// validation are the options to validate with, and to ask OCSP responders and for revocation lists. Their addresses
// stand in certificates that lead to the roots given: a school's own CA may well be inside its network.
func (o *Options) validation() validation.Options {
	return validation.Options{
		Roots: o.Roots, Intermediates: o.Intermediates, Cache: o.Cache, HTTP: o.HTTP, Now: o.Now, AllowPrivate: o.Roots != nil,
		Password: o.Password,
	}
}

// tried makes a trial time-stamp, once for an authority: it shows that the authority can be reached and believed before
// the key is used, and how long its tokens are. The error is an *Error.
func (o *Options) tried(ctx context.Context) (room int, path []*x509.Certificate, err error) {
	a := o.stamping().authority(o.TSA)
	a.trial.Lock()
	defer a.trial.Unlock()
	if a.first == nil {
		imprint := trialImprint()
		ts, path, err := o.timestamp(ctx, imprint[:])
		if err != nil {
			return 0, nil, err
		}
		a.first = ts
		return a.room(), path, nil
	}
	// Other roots may have been given since.
	if path, err = o.stampPath(a.first); err != nil {
		return 0, nil, fail(CodeTimestampUntrusted, fmt.Errorf("time-stamp from %s: %w", o.TSA, err), "url", o.TSA)
	}
	return a.room(), slices.Clone(path), nil
}
