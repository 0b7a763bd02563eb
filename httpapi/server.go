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
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-webauthn/webauthn/webauthn"

	"sokyso/custody"
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

	// Site is what several schools of one process have in common; nil: its own.
	Site *Site

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

	// Department is who runs the service in which this is one of many schools; nil: the
	// school is served alone, or is the department itself.
	Department *Department

	// Schools are the addresses of the other schools of the service, at the department;
	// nil: there are none.
	Schools func() map[custody.SchoolID]string

	// Logger gets one event per request and the cause of each answer 500. nil: none.
	Logger *slog.Logger

	// Observed is called with each answer, for counting; nil = nobody counts. The route is
	// the router's pattern, "" where there is none.
	Observed func(route, method string, status int, took time.Duration)

	// Unready says why this service is not to be sent requests although its database
	// answers, or UnreadyNot; nil = it always is.
	Unready func() Unready

	// Now is the clock; nil = time.Now.
	Now func() time.Time
}

// server holds what the handlers share. All fields are set by New and read only.
type server struct {
	*Site
	*chi.Mux  // shared too
	store     *store.Store
	school    custody.School
	language  string
	publicURL string
	logger    *slog.Logger
	observed  func(route, method string, status int, took time.Duration)
	unready   func() Unready

	department       *Department
	departmentOrigin string // as browsers name it
	schools          func() map[custody.SchoolID]string

	passkeys     *webauthn.WebAuthn // nil = there are none at the public address
	passkeysNone string             // why
	now          func() time.Time
	sessions     *scs.SessionManager
	revocation   *revocation.Checker
	roots        custody.Roots

	clientAddress func(http.Handler) http.Handler
	origin        *http.CrossOriginProtection

	revocationMode   RevocationMode
	unconfirmedAfter time.Duration
}

// New returns the handler of a school. The store must hold it. It is a chi.Routes.
func New(cfg Config) (http.Handler, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, fmt.Errorf("http api: %w", err)
	}
	return s, nil
}

type serverKey struct{}

// serverOf is the server of the school that a request is for.
func serverOf(ctx context.Context) *server { return ctx.Value(serverKey{}).(*server) }

// ServeHTTP has the router that all schools share answer for this one.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), serverKey{}, s)))
}

func newServer(cfg Config) (*server, error) {
	if cfg.Store == nil {
		return nil, errors.New("no store")
	}
	s := &server{
		Site: cfg.Site, store: cfg.Store, language: cfg.Language, publicURL: cfg.PublicURL, logger: cfg.Logger, observed: cfg.Observed, unready: cfg.Unready, now: cfg.Now, clientAddress: clientAddress(cfg.Proxies), origin: http.NewCrossOriginProtection(),
		unconfirmedAfter: cfg.UnconfirmedAfter, roots: cfg.Roots,
		department: cfg.Department, schools: cfg.Schools,
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.unready == nil {
		s.unready = func() Unready { return UnreadyNot }
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.language == "" {
		s.language = languages[0]
	}
	s.origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answerError(w, r, errForeignPage) }))
	secure := false
	if cfg.PublicURL != "" {
		public, err := url.Parse(cfg.PublicURL)
		if err != nil || public.Host == "" || public.Scheme != "http" && public.Scheme != "https" {
			return nil, fmt.Errorf("public address %q is no http(s) address", cfg.PublicURL)
		}
		secure = public.Scheme == "https"
	}
	var err error
	if s.departmentOrigin, err = departmentOf(cfg.Department); err != nil {
		return nil, err
	}
	if s.department != nil {
		s.origin.AddInsecureBypassPattern("POST " + visitPath) // whose handler looks at the origin itself
	}
	if s.Site == nil {
		if s.Site, err = NewSite(); err != nil {
			return nil, err
		}
	}
	s.Mux = s.router
	if !s.words.has(s.language) {
		return nil, fmt.Errorf("language %q is not one of %v", s.language, languages)
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
	if s.passkeys, s.passkeysNone, err = newPasskeys(cfg.PublicURL, s.school.Name); err != nil {
		return nil, err
	}
	s.sessions = scs.New()
	s.sessions.Store = cfg.Store.Sessions()
	s.sessions.Lifetime = sessionLifetime
	s.sessions.Cookie.Name = sessionCookie
	s.sessions.Cookie.SameSite = http.SameSiteLaxMode
	s.sessions.Cookie.Secure = secure
	s.sessions.ErrorFunc = s.answerError // a session that can't be read or written
	return s, nil
}
