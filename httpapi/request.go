package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// Keys of the request event.
const (
	keyRequest  = "request"
	keyMethod   = "method"
	keyRoute    = "route"
	keyStatus   = "status"
	keyDuration = "duration"
	keyBytes    = "bytes"
	keyClient   = "client"
	keyPerson   = "person"
	keyVia      = "via"
	keyCode     = "code"
	keyError    = "error"
	keyStack    = "stack"
)

// requestTime bounds the work on one request.
const requestTime = 30 * time.Second

// request is what is known about one request while it is handled, and what its
// one log event will say. Only the request's own goroutine touches it.
type request struct {
	id       string
	language string
	agent    string        // User-Agent
	keys     []string      // Idempotency-Key, of which there is one or none
	actor    custody.Actor // Person "" when nobody is signed in
	me       store.Me      // of a session
	session  store.OpenSession
	authErr  error       // why nobody is
	passkey  *passkeyAsk // what the page that follows asks the browser for
	code     string      // of the problem answered with
	err      error       // its cause
	notes    []slog.Attr
	slow     *paced
}

// visiting reports whether a session from the department sends it.
func (q *request) visiting() bool { return q.session.Origin == custody.OriginDepartment }

type requestKey struct{}

// requestOf returns the request's state. The context carries it between the
// router's layers; below the handlers nobody looks.
func requestOf(ctx context.Context) *request {
	if req, ok := ctx.Value(requestKey{}).(*request); ok {
		return req
	}
	return &request{language: languages[0]}
}

// note adds something to the request's log event.
func (q *request) note(key string, value any) { q.notes = append(q.notes, slog.Any(key, value)) }

// observe is the outermost layer: it names the request, bounds its time, turns a
// panic into a 500 and logs one event when all is done.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id, err := uuid.NewV7()
		if err != nil {
			id = uuid.New()
		}
		state := &request{id: id.String(), language: s.languageOf(r), agent: r.UserAgent(), keys: r.Header.Values(wire.HeaderIdempotencyKey)}
		limit := requestTime
		if isTransfer(r.URL.Path) {
			if limit = transferTime; isPublicCheck(r.URL.Path) {
				limit = publicTime
			}
		}
		state.slow = pace(w, r, start.Add(limit+paceFirst))
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), requestKey{}, state), limit)
		defer cancel()
		r = r.WithContext(ctx)
		answer := middleware.NewWrapResponseWriter(state.slow, r.ProtoMajor)
		answer.Header().Set("X-Request-Id", state.id)
		func() {
			defer func() {
				p := recover()
				if p == nil {
					return
				}
				if p == http.ErrAbortHandler {
					panic(p)
				}
				state.note(keyStack, string(debug.Stack()))
				if answer.Status() == 0 {
					s.answerError(answer, r, fmt.Errorf("panic: %v", p))
				} else {
					state.err = fmt.Errorf("panic after the answer began: %v", p)
				}
			}()
			next.ServeHTTP(answer, r)
		}()
		state.slow.answered()
		s.log(r, state, answer, time.Since(start))
	})
}

// knownMethod keeps what strangers make up out of the counts.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

func (s *server) log(r *http.Request, state *request, answer middleware.WrapResponseWriter, took time.Duration) {
	// Not the path, also where no route has it: a link that was copied wrongly is one still.
	pattern := ""
	if matched := chi.RouteContext(r.Context()); matched != nil {
		pattern = matched.RoutePattern()
	}
	status := answer.Status()
	if status == 0 {
		status = http.StatusOK
	}
	if s.observed != nil {
		s.observed(pattern, knownMethod(r.Method), status, took)
	}
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String(keyRequest, state.id), slog.String(keyMethod, knownMethod(r.Method)), slog.String(keyRoute, pattern),
		slog.Int(keyStatus, status), slog.Duration(keyDuration, took), slog.Int(keyBytes, answer.BytesWritten()),
		slog.String(keyClient, middleware.GetClientIP(r.Context())),
	}
	if state.actor.Person != "" {
		attrs = append(attrs, slog.String(keyPerson, string(state.actor.Person)), slog.String(keyVia, string(state.actor.Via)))
	}
	if state.code != "" {
		attrs = append(attrs, slog.String(keyCode, state.code))
	}
	if state.err != nil {
		attrs = append(attrs, slog.String(keyError, causeOf(state.err, status)))
	}
	s.logger.LogAttrs(r.Context(), level, "request", append(attrs, state.notes...)...)
}

// quotedText is how Go's errors repeat what they complain of.
var quotedText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// causeOf words an error for the log. What is the sender's fault quotes what was sent, as
// a day that is none, or a name; somebody may have typed a password into that field.
func causeOf(err error, status int) string {
	if status >= 500 {
		return err.Error()
	}
	return quotedText.ReplaceAllString(err.Error(), `"…"`)
}

// guard sets the headers that every answer has. Pages need nothing from elsewhere
// and no script at all.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store") // static files set their own
		if s.sessions.Cookie.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}
