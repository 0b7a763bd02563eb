package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// failure is an error that arises here and nowhere deeper.
type failure struct {
	status int
	code   string
	params map[string]string
	retry  time.Duration // Retry-After
	err    error         // cause, for the log
}

func (f *failure) Error() string {
	if f.err != nil {
		return f.code + ": " + f.err.Error()
	}
	return f.code
}

func (f *failure) Unwrap() error { return f.err }

var (
	errUnauthenticated = &failure{status: http.StatusUnauthorized, code: wire.CodeUnauthenticated}
	errWrongPassword   = &failure{status: http.StatusUnauthorized, code: wire.CodeWrongPassword}
	errNotFound        = &failure{status: http.StatusNotFound, code: wire.CodeNotFound, params: map[string]string{"what": "page"}}
	errRateLimited     = &failure{status: http.StatusTooManyRequests, code: wire.CodeRateLimited} // the limiter says when to come back
	errMethod          = &failure{status: http.StatusMethodNotAllowed, code: wire.CodeNotFound, params: map[string]string{"what": "method"}}
	errNoSchool        = &failure{status: http.StatusNotFound, code: wire.CodeNotFound, params: map[string]string{"what": "school_address"}}
	errForeignPage     = &failure{status: http.StatusForbidden, code: wire.CodeForbidden, params: map[string]string{"reason": "cross_origin"}}
	errProgramScope    = &failure{status: http.StatusForbidden, code: wire.CodeForbidden, params: map[string]string{"reason": "program_scope"}}
	errAgentKey        = &failure{status: http.StatusForbidden, code: wire.CodeForbidden, params: map[string]string{"reason": "agent_key"}}
)

// invalid says that a field of a request is missing or malformed.
func invalid(field string, err error) error {
	return &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": field}, err: err}
}

// problemOf is the one place where errors become answers. What is not known is a
// fault of the service: it becomes a 500 that says nothing about its cause.
func (s *server) problemOf(err error, lang string) (wire.Problem, time.Duration) {
	var (
		own     *failure
		refusal *custody.Refusal
		known   *custody.Error
		tooBig  *http.MaxBytesError
	)
	switch {
	case errors.As(err, &own):
		return s.problem(lang, own.status, own.code, own.params), own.retry
	case errors.As(err, &refusal):
		return s.problem(lang, http.StatusForbidden, refusal.Code, refusal.Params), 0
	case errors.As(err, &known):
		status := statusOf(known)
		var retry time.Duration
		if status == http.StatusServiceUnavailable {
			retry = 10 * time.Second
		} else if known.Code == custody.CodeRequestRunning {
			retry = time.Second
		}
		return s.problem(lang, status, known.Code, known.Params), retry
	case errors.As(err, &tooBig):
		return s.problem(lang, http.StatusRequestEntityTooLarge, wire.CodeTooLarge, nil), 0
	case errors.Is(err, context.Canceled): // whoever asked has gone: nobody reads this
		return s.problem(lang, errCut.status, errCut.code, errCut.params), 0
	case errors.Is(err, store.ErrText):
		return s.problem(lang, http.StatusUnprocessableEntity, wire.CodeInvalid, nil), 0
	case errors.Is(err, context.DeadlineExceeded):
		return s.problem(lang, http.StatusServiceUnavailable, wire.CodeUnavailable, nil), 5 * time.Second
	}
	for _, trouble := range databaseTroubles {
		if errors.Is(err, trouble.err) {
			return s.problem(lang, http.StatusServiceUnavailable, wire.CodeUnavailable, map[string]string{"reason": trouble.reason}), trouble.retry
		}
	}
	return s.problem(lang, http.StatusInternalServerError, wire.CodeInternal, nil), 0
}

// databaseTroubles are faults of the database that pass, or that somebody at the
// server can mend: an answer 503, with when to try again where that may help.
var databaseTroubles = []struct {
	err    error
	reason string
	retry  time.Duration
}{
	{store.ErrFull, "database_full", 0},
	{store.ErrReadOnly, "database_read_only", 0},
	{store.ErrBusy, "database_busy", 5 * time.Second},
	// Three seconds: a connection that broke is made anew at once, and the five tries of an
	// agent still outlast a database that fails over.
	{store.ErrUnreachable, "database_unreachable", 3 * time.Second},
}

func statusOf(err *custody.Error) int {
	switch {
	case errors.Is(err.Kind, custody.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err.Kind, custody.ErrConflict):
		return http.StatusConflict
	case errors.Is(err.Kind, custody.ErrForbidden):
		return http.StatusForbidden
	case errors.Is(err.Kind, custody.ErrInvalid):
		return http.StatusUnprocessableEntity
	case errors.Is(err.Kind, custody.ErrUnauthenticated):
		return http.StatusUnauthorized
	case errors.Is(err.Kind, custody.ErrUnavailable):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// problem words a problem document. The reason, where there is one, has the more
// exact sentence; both say what to do next.
func (s *Site) problem(lang string, status int, code string, params map[string]string) wire.Problem {
	p := wire.Problem{Type: "about:blank", Title: s.words.sentence(lang, "status."+strconv.Itoa(status), nil), Status: status, Code: code, Params: params}
	spoken := s.spoken(lang, params)
	if reason := params["reason"]; reason != "" {
		if text, ok := s.words.find(lang, "reason."+reason, spoken); ok {
			p.Detail = text
		}
	}
	if p.Detail == "" && params["what"] != "" {
		if text, ok := s.words.find(lang, "problem."+code+"."+params["what"], spoken); ok {
			p.Detail = text
		}
	}
	if p.Detail == "" {
		p.Detail = s.words.sentence(lang, "problem."+code, spoken)
	}
	if field := params["field"]; field != "" {
		p.Fields = []wire.FieldProblem{{Field: field, Code: code, Message: p.Detail}}
	}
	return p
}

// spoken turns the values of parameters into words of the language: moments into
// local time, kinds and states into names.
func (s *Site) spoken(lang string, params map[string]string) map[string]string {
	spoken := make(map[string]string, len(params))
	for name, value := range params {
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			value = localTime(at)
		} else if day, err := time.Parse(time.DateOnly, value); err == nil {
			value = day.Format(dateLayout)
		} else if set, ok := paramSets[name]; ok {
			if text, ok := s.words.find(lang, set+"."+value, nil); ok {
				value = text
			}
		}
		spoken[name] = value
	}
	return spoken
}

// paramSets are the sets of names that parameters take their values from.
var paramSets = map[string]string{
	"act": "act", "capacity": "capacity", "field": "field_name", "kind": "incident_kind", "position": "position_kind", "state": "hand_over_state", "document": "document_state", "why": "route_why", "step": "step", "first": "step", "alarm": "alarm_state", "token": "token_kind",
	"token_step": "token_step", "token_state": "state",
}

const (
	dateLayout = "02/01/2006"
	timeLayout = "02/01/2006 15:04"
)

// localTime is a moment as people in Vietnam write it.
func localTime(at time.Time) string { return at.In(custody.SchoolZone).Format(timeLayout) }

// isAPI tells which of the two faces a request is for.
func isAPI(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == wire.PathHealth || r.URL.Path == wire.PathReady
}
