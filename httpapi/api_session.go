package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

func (s *server) apiSignIn(ctx context.Context, in *body[wire.SignIn]) (*body[wire.Me], error) {
	if try, ok := ctx.Value(attemptKey{}).(*attempt); ok && s.tooManySignIns(try.w, try.r, in.Body.Username) {
		return nil, errRateLimited
	}
	me, actor, err := s.signIn(ctx, in.Body.Username, in.Body.Password, in.Body.Code, custody.ViaAPI)
	if err != nil {
		return nil, err
	}
	return &body[wire.Me]{s.wireMe(actor, me)}, nil
}

func (s *server) apiMe(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.Me], error) {
	_, me, err := s.store.ActorOf(ctx, actor.School, actor.Person, actor.Via)
	if err != nil {
		return nil, err
	}
	return &body[wire.Me]{s.wireMe(actor, me)}, nil
}

func (s *server) apiSignOut(ctx context.Context, _ *none) (*none, error) {
	return &none{}, s.endSession(ctx)
}

func (s *server) apiSchool(context.Context, *none) (*body[wire.School], error) {
	return &body[wire.School]{s.wireSchool()}, nil
}

// apiHealth touches the database: without it there is nothing to serve.
func (s *server) apiHealth(ctx context.Context, _ *none) (*body[wire.Health], error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if _, err := s.store.School(ctx); err != nil {
		return nil, &failure{status: http.StatusServiceUnavailable, code: wire.CodeUnavailable, retry: 10 * time.Second, err: err}
	}
	if err := s.store.CheckMark(ctx, s.school.ID); err != nil {
		return nil, err // it is there and takes no changes
	}
	late, err := s.store.LateJobs(ctx)
	if err != nil {
		return nil, &failure{status: http.StatusServiceUnavailable, code: wire.CodeUnavailable, retry: 10 * time.Second, err: err}
	}
	return &body[wire.Health]{wire.Health{Status: "ok", LateJobs: late}}, nil
}

func (s *server) apiPair(ctx context.Context, in *body[wire.Pair]) (*body[wire.Paired], error) {
	device := strings.TrimSpace(in.Body.Device)
	if device == "" || len(device) > 200 {
		return nil, invalid("device", nil)
	}
	key, actor, err := s.store.Pair(ctx, s.school.ID, in.Body.Code, device)
	if err != nil {
		return nil, err
	}
	_, me, err := s.store.ActorOf(ctx, actor.School, actor.Person, actor.Via)
	if err != nil {
		return nil, err
	}
	checkpoint, err := s.store.Checkpoint(ctx, actor.School)
	if err != nil {
		return nil, err
	}
	return &body[wire.Paired]{wire.Paired{APIKey: key, Me: s.wireMe(actor, me), Checkpoint: string(checkpoint)}}, nil
}

func (s *server) apiPairingCode(ctx context.Context, actor custody.Actor, _ *body[nothing]) (*body[wire.PairingCode], error) {
	code, expires, err := s.store.CreatePairingCode(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &body[wire.PairingCode]{wire.PairingCode{Code: code, ExpiresAt: expires.UTC()}}, nil
}

func (s *server) apiMyPairings(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.Pairings], error) {
	return s.apiPairings(ctx, actor, &ByID{ID: string(actor.Person)})
}

func (s *server) apiPairings(ctx context.Context, actor custody.Actor, in *ByID) (*body[wire.Pairings], error) {
	person, err := s.store.Person(ctx, actor, custody.PersonID(in.ID)) // no list of nobody's
	if err != nil {
		return nil, err
	}
	rows, err := s.store.Pairings(ctx, actor, person.ID)
	if err != nil {
		return nil, err
	}
	return &body[wire.Pairings]{wirePairings(rows)}, nil
}

// pairingStep is the input of a step: the pairing and an empty object.
type pairingStep struct {
	ByID
	Body nothing
}

func (s *server) apiEndPairing(ctx context.Context, actor custody.Actor, in *pairingStep) (*none, error) {
	return &none{}, s.store.EndPairing(ctx, actor, custody.APIKeyID(in.ID))
}

// clientKey is what limits are counted by: the address, an IPv6 one by its /64.
func clientKey(r *http.Request) (string, error) {
	return httprate.CanonicalizeIP(middleware.GetClientIP(r.Context())), nil
}

type attemptKey struct{}

// attempt is one try with a secret: what a limit by the name typed in needs.
type attempt struct {
	w http.ResponseWriter
	r *http.Request
}

// tooManyFrom counts tries from one address. Faces that share a rate share its
// count.
func (s *server) tooManyFrom(rate *httprate.RateLimiter, w http.ResponseWriter, r *http.Request) bool {
	client, err := clientKey(r)
	return err != nil || rate.OnLimit(w, r, client)
}

// limitPage bounds the tries of an address at a page.
func limitPage(rate *httprate.RateLimiter) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return answer(func(s *server, w http.ResponseWriter, r *http.Request) {
			if s.tooManyFrom(rate, w, r) {
				s.answerError(w, r, errRateLimited)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// limitOperation bounds the tries of an address at an operation.
func limitOperation(rate *httprate.RateLimiter) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		s := serverOf(r.Context())
		if s.tooManyFrom(rate, w, r) {
			s.answerError(w, r, errRateLimited)
			return
		}
		next(huma.WithValue(ctx, attemptKey{}, &attempt{w, r}))
	}
}

// tooManySignIns counts tries for one account from one address, whichever face
// they come to and however its name is typed.
func (s *server) tooManySignIns(w http.ResponseWriter, r *http.Request, username string) bool {
	client, err := clientKey(r)
	return err != nil || s.signInRate.OnLimit(w, r, client+" "+string(s.school.ID)+" "+store.Username(username))
}
