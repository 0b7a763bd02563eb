package httpapi

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"

	"sokyso/custody/notices"
)

// Site is what the handlers of several schools in one process have in common: words and
// pages, which are the same for all, and bounds that are the machine's or an address's and
// not a school's, so that a thousand schools take no more memory at once than one, and an
// address has no more tries for having more schools to try them at.
type Site struct {
	router *chi.Mux

	words *catalogue
	told  *notices.Words // words of notices
	pages *pageSet
	style string // address of the style sheet, with its content's hash

	hashing                      chan struct{} // one slot for each password hashed at a time
	rest                         *time.Timer   // frees the memory of hashing a while after the last
	publicReading, publicJudging chan struct{} // slots for files that anybody sends
	judging                      chan struct{} // one slot for each file whose signatures are looked at
	intake                       *intake

	signInRate      *httprate.RateLimiter // for one account from one address
	addressRate     *httprate.RateLimiter // for all accounts from one address
	pairRate        *httprate.RateLimiter
	tokenSignInRate *httprate.RateLimiter // of browsers at one address that begin to wait for a token
	passkeyRate     *httprate.RateLimiter // of sign-ins with a passkey that are begun from one address
	visitRate       *httprate.RateLimiter // of ways from the department to schools, from one address
	alarmRate       *httprate.RateLimiter // of alarms from one address; the store bounds them in total
	checkRate       *httprate.RateLimiter // of files from one address that anybody sends
}

// NoSchool answers at addresses at which no school is; cfg is that of the school which runs
// the service.
func NoSchool(cfg Config) (http.Handler, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, fmt.Errorf("http api: %w", err)
	}
	s.Mux = chi.NewRouter()
	s.Use(each((*server).address), each((*server).observe), each((*server).guard), limitBody, middleware.GetHead)
	s.Get("/"+styleFile, answer((*server).serveStyle))
	absent := answer(func(s *server, w http.ResponseWriter, r *http.Request) { s.answerError(w, r, errNoSchool) })
	s.NotFound(absent)
	s.MethodNotAllowed(absent)
	return s, nil
}

// NewSite loads words and pages.
func NewSite() (*Site, error) {
	s := &Site{
		hashing: make(chan struct{}, 2), judging: make(chan struct{}, 1), intake: newIntake(),
		publicReading: make(chan struct{}, publicReaders), publicJudging: make(chan struct{}, 1),
		rest:            time.AfterFunc(time.Hour, debug.FreeOSMemory),
		signInRate:      httprate.NewRateLimiter(10, time.Minute),
		addressRate:     httprate.NewRateLimiter(60, time.Minute),
		tokenSignInRate: httprate.NewRateLimiter(30, time.Minute),
		passkeyRate:     httprate.NewRateLimiter(60, time.Minute),
		pairRate:        httprate.NewRateLimiter(20, time.Minute),
		checkRate:       httprate.NewRateLimiter(20, 10*time.Minute),
		visitRate:       httprate.NewRateLimiter(60, time.Minute),
		alarmRate:       httprate.NewRateLimiter(5, 10*time.Minute),
	}
	var err error
	if s.words, err = loadCatalogue(); err != nil {
		return nil, err
	}
	if s.told, err = notices.LoadWords(); err != nil {
		return nil, err
	}
	if s.style, err = styleAddress(); err != nil {
		return nil, err
	}
	if s.pages, err = loadTemplates(s.words, s.told); err != nil {
		return nil, err
	}
	if s.router, err = s.newRouter(); err != nil {
		return nil, err
	}
	return s, nil
}
