package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"

	"sokyso/custody"
	"sokyso/httpapi/wire"
)

// Bounds of request bodies in bytes: the grant's holds the signatures that a
// document already carries.
const (
	maxBody      = 256 << 10
	maxGrantBody = 4 << 20
)

const (
	schemeAgent   = "agent"
	schemeSession = "session"
	schemeProgram = "program"
)

// newAPI makes the API on a router. Its document is complete once all operations
// are registered.
func (s *Site) newAPI(router chi.Router, bodies *bodies) huma.API {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Sổ Ký Số", Version: "1",
				Description: "Custody of signing tokens, grants, and the signing log of a school. " +
					"Errors are RFC 9457 problem documents with a stable `code`; `detail` follows Accept-Language (vi, en).",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					schemeAgent:   {Type: "http", Scheme: "bearer", Description: "API key of a paired agent"},
					schemeProgram: {Type: "http", Scheme: "bearer", Description: "key of a program, made by an admin (skp_…): reads within its scopes, elsewhere 403 forbidden, reason program_scope"},
					schemeSession: {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "session of a signed-in person"},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": bodies.format(), "json": bodies.format()},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{s.wordProblems},
	}
	return humachi.New(router, config)
}

// document returns the OpenAPI document of the operations registered.
func document(api huma.API) ([]byte, error) {
	// huma registers the schema of its own error type, which is never answered.
	delete(api.OpenAPI().Components.Schemas.Map(), "ErrorModel")
	delete(api.OpenAPI().Components.Schemas.Map(), "ErrorDetail")
	doc, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("marshal OpenAPI document: %w", err)
	}
	return doc, nil
}

// operation describes one operation of the API. Its path is one of package wire,
// with %s or %d.
type operation struct {
	method  string
	name    string
	path    string
	summary string
	status  int // of success
	maxBody int64
	rate    *httprate.RateLimiter  // of tries from one address; nil: no limit
	answers []string               // media types of success, where it is no JSON
	takes   string                 // media type of the body, where it is no JSON
	scopes  []custody.ProgramScope // any of which opens it to a program's key; none: it is closed to them
	keyless bool                   // takes no Idempotency-Key: see repeatable
	secret  bool                   // the answer is shown once, and not kept for repeats
}

func get(name, path, summary string) operation {
	return operation{method: http.MethodGet, name: name, path: path, summary: summary, status: http.StatusOK, maxBody: maxBody}
}

func post(name, path, summary string) operation {
	return operation{method: http.MethodPost, name: name, path: path, summary: summary, status: http.StatusOK, maxBody: maxBody}
}

func create(name, path, summary string) operation {
	op := post(name, path, summary)
	op.status = http.StatusCreated
	return op
}

func (op operation) silent() operation          { op.status = http.StatusNoContent; return op }
func (op operation) upTo(bytes int64) operation { op.maxBody = bytes; return op }

// readBy opens an operation to programs' keys with one of the scopes.
func (op operation) readBy(scopes ...custody.ProgramScope) operation { op.scopes = scopes; return op }

// file says that the answer is no JSON; taking that the body is none.
func (op operation) file(media ...string) operation { op.answers = media; return op }
func (op operation) taking(media string) operation  { op.takes = media; return op }

// repeatable says of an operation with a body that it takes no Idempotency-Key: it changes
// nothing, or its content says which request it is. once says that its answer is a secret.
func (op operation) repeatable() operation { op.keyless = true; return op }
func (op operation) once() operation       { op.secret = true; return op }

// keyed: who is signed in may give the operation's requests a key.
func (op operation) keyed() bool { return op.method != http.MethodGet && !op.keyless }

// limited bounds how often an address may try.
func (op operation) limited(rate *httprate.RateLimiter) operation { op.rate = rate; return op }

// body is the input or output that has nothing but a body.
type body[T any] struct{ Body T }

// none is the input or output that has nothing.
type none struct{}

// nothing is the empty object that a step without a form is sent with.
type nothing struct{}

// ByID is the input (exported because huma looks at exported embedded fields only) of operations on one thing.
type ByID struct {
	ID string `path:"id" maxLength:"64"`
}

// private registers an operation for somebody signed in, in person or by their
// agent; public one for anybody.
func private[I, O any](s *Site, api huma.API, op operation, handle func(*server, context.Context, custody.Actor, *I) (*O, error)) {
	schemes := []string{schemeAgent, schemeSession}
	if len(op.scopes) > 0 {
		schemes = append(schemes, schemeProgram)
	}
	register(s, api, op, schemes, func(s *server, ctx context.Context, in *I) (*O, error) {
		actor, err := requestOf(ctx).signedIn()
		if err != nil {
			return nil, err
		}
		if actor.Via == custody.ViaProgram && !actor.Scopes.Has(op.scopes) {
			return nil, errProgramScope
		}
		return carryOut(s, ctx, op, actor, in, handle)
	})
}

// inPerson registers an operation for somebody who has signed in with the
// password. An agent's key lies in a file and lasts: whoever copies it must not
// be able to make more keys, people or tokens of it, nor to move a token.
func inPerson[I, O any](s *Site, api huma.API, op operation, handle func(*server, context.Context, custody.Actor, *I) (*O, error)) {
	register(s, api, op, []string{schemeSession}, func(s *server, ctx context.Context, in *I) (*O, error) {
		actor, err := requestOf(ctx).signedIn()
		if err != nil {
			return nil, err
		}
		switch actor.Via {
		case custody.ViaAgent:
			return nil, errAgentKey
		case custody.ViaProgram:
			return nil, errProgramScope
		}
		return carryOut(s, ctx, op, actor, in, handle)
	})
}

func public[I, O any](s *Site, api huma.API, op operation, handle func(*server, context.Context, *I) (*O, error)) {
	register(s, api, op, nil, handle)
}

func register[I, O any](s *Site, api huma.API, op operation, schemes []string, handle func(*server, context.Context, *I) (*O, error)) {
	path := strings.NewReplacer("%s", "{id}", "%d", "{index}").Replace(op.path)
	problem := &huma.Response{
		Description: "Problem",
		Content: map[string]*huma.MediaType{"application/problem+json": {
			Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[wire.Problem](), true, "Problem"),
		}},
	}
	word, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, wire.Prefix), "/"), "/")
	described := huma.Operation{
		Tags:        []string{word},
		OperationID: op.name, Method: op.method, Path: path, Summary: op.summary, DefaultStatus: op.status,
		MaxBodyBytes: op.maxBody, BodyReadTimeout: requestTime, Responses: map[string]*huma.Response{"default": problem},
	}
	if op.rate != nil {
		described.Middlewares = huma.Middlewares{limitOperation(op.rate)}
	}
	if len(schemes) > 0 && op.keyed() {
		described.Parameters = append(described.Parameters, idempotencyParameter(op))
	}
	for _, scheme := range schemes {
		described.Security = append(described.Security, map[string][]string{scheme: {}})
	}
	huma.Register(api, described, func(ctx context.Context, in *I) (*O, error) {
		s := serverOf(ctx)
		out, err := handle(s, ctx, in)
		if err != nil {
			return nil, s.answer(ctx, err)
		}
		return out, nil
	})
	inDocument := operationOf(api, op.method, path)
	describeFiles(inDocument, op)
	s.describeProblems(api, inDocument, op.rate != nil)
}

// answered is a problem on its way out through huma.
type answered struct {
	wire.Problem
	retry time.Duration
}

func (a *answered) Error() string                { return a.Code }
func (a *answered) GetStatus() int               { return a.Status }
func (a *answered) ContentType(string) string    { return "application/problem+json" }
func (a *answered) MarshalJSON() ([]byte, error) { return json.Marshal(a.Problem) }

// GetHeaders implements huma.HeadersError.
func (a *answered) GetHeaders() http.Header {
	h := http.Header{}
	if a.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(a.retry.Seconds())))
	}
	if a.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="sokyso"`)
	}
	return h
}

// answer turns an error into a problem and leaves its cause for the log.
func (s *server) answer(ctx context.Context, err error) *answered {
	state := requestOf(ctx)
	problem, retry := s.problemOf(err, state.language)
	problem.Instance = "urn:uuid:" + state.id
	state.code, state.err = problem.Code, err
	return &answered{Problem: problem, retry: retry}
}

// wordProblems replaces the errors that huma finds by itself, such as a missing
// field, by problems with our codes and sentences. What the client sent is not
// echoed: it may be a password.
func (s *Site) wordProblems(ctx huma.Context, status string, v any) (any, error) {
	found, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	state := requestOf(ctx.Context())
	if state.slow != nil && state.slow.cut { // huma takes that for a fault of the service
		return &serverOf(ctx.Context()).answer(ctx.Context(), errCut).Problem, nil
	}
	code := wire.CodeInvalid
	switch found.Status {
	case http.StatusRequestEntityTooLarge:
		code = wire.CodeTooLarge
	case http.StatusInternalServerError:
		code = wire.CodeInternal
	}
	problem := s.problem(state.language, found.Status, code, nil)
	problem.Instance = "urn:uuid:" + state.id
	var causes []error
	for i, detail := range found.Errors {
		if i == maxFields {
			break
		}
		causes = append(causes, fmt.Errorf("%s: %s", detail.Location, detail.Message))
		problem.Fields = append(problem.Fields, s.fieldProblem(state.language, detail))
	}
	state.code, state.err = code, errors.Join(append(causes, errors.New(found.Detail))...)
	return &problem, nil
}

// maxFields bounds how many fields a problem complains of.
const maxFields = 20

func (s *Site) fieldProblem(lang string, detail *huma.ErrorDetail) wire.FieldProblem {
	field := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(detail.Location, "body."), "query."), "path.")
	code := "malformed"
	switch {
	case strings.HasPrefix(detail.Message, "expected required property "):
		code = "missing"
		name, _, _ := strings.Cut(strings.TrimPrefix(detail.Message, "expected required property "), " ")
		if field == "body" {
			field = name
		} else {
			field += "." + name
		}
	case strings.HasPrefix(detail.Message, "unexpected property"), strings.HasPrefix(detail.Message, "unknown query parameter"):
		code = "unknown"
	}
	return wire.FieldProblem{Field: field, Code: code, Message: s.words.sentence(lang, "field."+code, map[string]string{"field": field})}
}

// answerError writes an error outside huma: as a problem document to programs, as
// a page to people.
func (s *server) answerError(w http.ResponseWriter, r *http.Request, err error) {
	if !isAPI(r) {
		s.errorPage(w, r, err)
		return
	}
	problem := s.answer(r.Context(), err)
	for name, values := range problem.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(problem.Status)
	if err := json.NewEncoder(w).Encode(problem.Problem); err != nil {
		s.logger.LogAttrs(r.Context(), slog.LevelDebug, "answer not taken", slog.String(keyError, err.Error()))
	}
}
