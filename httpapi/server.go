package httpapi

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/httprate"

	"sokyso/custody"
	"sokyso/custody/notices"
	"sokyso/custody/revocation"
	"sokyso/custody/store"
)

// RevocationMode says what a certificate's revocation state means for grants.
type RevocationMode string

// The modes. With RevocationSoft, the default, a certificate known to be revoked
// is refused and an authority that does not answer is noted in the log only: a
// school's network must not stop its work. RevocationHard refuses then too.
const (
	RevocationOff  RevocationMode = "off"
	RevocationSoft RevocationMode = "soft"
	RevocationHard RevocationMode = "hard"
)

// Config says what the handler works with. Only Store is required.
type Config struct {
	Store *store.Store

	// Language of who states none: "vi" (default) or "en".
	Language string

	// PublicURL is the address that people and agents type, as
	// "https://sokyso.example". With https, cookies are sent over TLS only. Empty:
	// plain http on this machine.
	PublicURL string

	// Proxies are the networks of reverse proxies whose X-Forwarded-For is
	// believed. It matters for rate limits and the request log only.
	Proxies []netip.Prefix

	// Revocation: "" means RevocationSoft.
	Revocation RevocationMode

	// Issuers are certificates of issuing authorities, for revocation answers.
	// Others are fetched from the address in the certificate.
	Issuers []*x509.Certificate

	// Roots are those of the two worlds of certificates, where they are given: without
	// them the worlds are told apart by names.
	Roots custody.Roots

	// PrivateAuthority allows revocation addresses on this machine and in private
	// networks. Without it they are not contacted.
	PrivateAuthority bool

	// Checker asks about revocation, when it is shared with others; nil: one of its
	// own, with the two above.
	Checker *revocation.Checker

	// UnconfirmedAfter is how long after a grant admins are shown that nothing was
	// heard of it; never before it has expired.
	UnconfirmedAfter time.Duration

	// Logger gets one event per request and the cause of each answer 500. nil: none.
	Logger *slog.Logger

	// Observed is called with each answer, for counting; nil = nobody counts. The route is
	// the router's pattern, "" where there is none.
	Observed func(route, method string, status int, took time.Duration)

	// Now is the clock; nil = time.Now.
	Now func() time.Time
}

// server holds what the handlers share. All fields are set by New and read only.
type server struct {
	store                        *store.Store
	school                       custody.School
	language                     string
	publicURL                    string
	logger                       *slog.Logger
	observed                     func(route, method string, status int, took time.Duration)
	now                          func() time.Time
	words                        *catalogue
	told                         *notices.Words // words of notices
	pages                        *pageSet
	sessions                     *scs.SessionManager
	hashing                      chan struct{}         // one slot for each password hashed at a time
	rest                         *time.Timer           // frees the memory of hashing a while after the last
	signInRate                   *httprate.RateLimiter // for one account from one address
	addressRate                  *httprate.RateLimiter // for all accounts from one address
	pairRate                     *httprate.RateLimiter
	tokenSignInRate              *httprate.RateLimiter // of browsers at one address that begin to wait for a token
	alarmRate                    *httprate.RateLimiter // of alarms from one address; the store bounds them in total
	publicReading, publicJudging chan struct{}         // slots for files that anybody sends
	checkRate                    *httprate.RateLimiter // of such files from one address
	judging                      chan struct{}         // one slot for each file whose signatures are looked at
	revocation                   *revocation.Checker
	roots                        custody.Roots
	style                        string // address of the style sheet, with its content's hash
	proxies                      []netip.Prefix

	revocationMode   RevocationMode
	unconfirmedAfter time.Duration
}

// New returns the handler. The store must hold a school.
func New(cfg Config) (http.Handler, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, fmt.Errorf("http api: %w", err)
	}
	return s.routes()
}

func newServer(cfg Config) (*server, error) {
	if cfg.Store == nil {
		return nil, errors.New("no store")
	}
	s := &server{
		store: cfg.Store, language: cfg.Language, publicURL: cfg.PublicURL, logger: cfg.Logger, observed: cfg.Observed, now: cfg.Now, proxies: cfg.Proxies,
		unconfirmedAfter: cfg.UnconfirmedAfter, roots: cfg.Roots,
		hashing: make(chan struct{}, 2), judging: make(chan struct{}, 1), publicReading: make(chan struct{}, publicReaders), publicJudging: make(chan struct{}, 1), rest: time.AfterFunc(time.Hour, debug.FreeOSMemory),
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.language == "" {
		s.language = languages[0]
	}
	secure := false
	if cfg.PublicURL != "" {
		public, err := url.Parse(cfg.PublicURL)
		if err != nil || public.Host == "" || public.Scheme != "http" && public.Scheme != "https" {
			return nil, fmt.Errorf("public address %q is no http(s) address", cfg.PublicURL)
		}
		secure = public.Scheme == "https"
	}
	var err error
	if s.words, err = loadCatalogue(); err != nil {
		return nil, err
	}
	if s.told, err = notices.LoadWords(); err != nil {
		return nil, err
	}
	if !s.words.has(s.language) {
		return nil, fmt.Errorf("language %q is not one of %v", s.language, languages)
	}
	if s.style, err = styleAddress(); err != nil {
		return nil, err
	}
	if s.pages, err = loadTemplates(s.words, s.told); err != nil {
		return nil, err
	}
	if s.revocationMode, err = checkMode(cfg.Revocation); err != nil {
		return nil, err
	}
	if s.revocation = cfg.Checker; s.revocation == nil {
		s.revocation = revocation.New(revocation.Config{Issuers: cfg.Issuers, AllowPrivate: cfg.PrivateAuthority, Now: s.now})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if s.school, err = cfg.Store.School(ctx); err != nil {
		return nil, fmt.Errorf("read school: %w", err)
	}
	s.sessions = scs.New()
	s.sessions.Store = cfg.Store.Sessions()
	s.sessions.Lifetime = sessionLifetime
	s.sessions.Cookie.Name = "sokyso"
	s.sessions.Cookie.SameSite = http.SameSiteLaxMode
	s.sessions.Cookie.Secure = secure
	s.sessions.ErrorFunc = s.answerError // a session that can't be read or written
	s.signInRate = httprate.NewRateLimiter(10, time.Minute)
	s.addressRate = httprate.NewRateLimiter(60, time.Minute)
	s.pairRate = httprate.NewRateLimiter(20, time.Minute)
	s.tokenSignInRate = httprate.NewRateLimiter(30, time.Minute)
	s.checkRate = httprate.NewRateLimiter(20, 10*time.Minute)
	s.alarmRate = httprate.NewRateLimiter(5, 10*time.Minute)
	return s, nil
}
