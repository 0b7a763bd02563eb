package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"sokyso/custody/store/storetest"
	"sokyso/httpapi/wire"
)

var sources = os.DirFS(".")

func testServer(t *testing.T) (*server, chi.Routes) {
	t.Helper()
	r := storetest.Open(t, "sqlite")
	s, err := newServer(Config{Store: r.Store, Now: r.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return s, s
}

// openAPI is as much of a document as the test looks at.
type openAPI struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		OperationID string                     `json:"operationId"`
		Summary     string                     `json:"summary"`
		Tags        []string                   `json:"tags"`
		Security    []map[string][]string      `json:"security"`
		Responses   map[string]json.RawMessage `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`
}

func TestTheDocumentDescribesEveryRoute(t *testing.T) {
	_, routes := testServer(t)
	recorder := newRecorder()
	routes.(http.Handler).ServeHTTP(recorder, newRequest(t, "GET", wire.PathOpenAPI))
	var document openAPI
	if err := json.Unmarshal(recorder.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	if document.OpenAPI != "3.1.0" {
		t.Errorf("version %s", document.OpenAPI)
	}
	described := 0
	err := chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if !strings.HasPrefix(route, wire.Prefix) && route != wire.PathHealth && route != wire.PathReady {
			return nil
		}
		operation, ok := document.Paths[route][strings.ToLower(method)]
		if !ok {
			return fmt.Errorf("%s %s is not in the document", method, route)
		}
		described++
		if operation.OperationID == "" || operation.Summary == "" || len(operation.Responses) < 2 {
			t.Errorf("%s %s is described poorly: %+v", method, route, operation)
		}
		if len(operation.Tags) != 1 || operation.Tags[0] == "" {
			t.Errorf("%s %s has the tags %q", method, route, operation.Tags)
		}
		for _, status := range []string{"422", "500", "503"} {
			if answer := string(operation.Responses[status]); !strings.Contains(answer, "Codes: ") || !strings.Contains(answer, `"examples":{`) {
				t.Errorf("%s %s does not say with what codes it answers %s: %s", method, route, status, answer)
			}
		}
		if _, refuses := operation.Responses["401"]; refuses != (len(operation.Security) > 0 || operation.OperationID == "signIn") {
			t.Errorf("%s %s: 401 is described: %t", method, route, refuses)
		}
		if _, ok := operation.Responses["default"]; !ok {
			t.Errorf("%s %s has no problem", method, route)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	operations := 0
	ids := map[string]bool{}
	for _, path := range document.Paths {
		for _, operation := range path {
			operations++
			if ids[operation.OperationID] {
				t.Errorf("two operations are called %s", operation.OperationID)
			}
			ids[operation.OperationID] = true
		}
	}
	if operations != described {
		t.Errorf("%d operations are described, %d exist", operations, described)
	}
	reference := regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`)
	for _, found := range reference.FindAllStringSubmatch(recorder.Body.String(), -1) {
		if _, ok := document.Components.Schemas[found[1]]; !ok {
			t.Errorf("the schema %s is referred to and missing", found[1])
		}
	}
	legal := regexp.MustCompile(`^[a-zA-Z0-9._-]+$`) // OpenAPI 3.1 §4.8.7.1
	for name := range document.Components.Schemas {
		if !legal.MatchString(name) {
			t.Errorf("schema name %q", name)
		}
	}
}

// The page to read has every operation, for anybody, without a script.
func TestThePageOfTheAPIHasEveryOperation(t *testing.T) {
	_, routes := testServer(t)
	recorder := newRecorder()
	routes.(http.Handler).ServeHTTP(recorder, newRequest(t, "GET", wire.PathOpenAPI))
	var document openAPI
	if err := json.Unmarshal(recorder.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	recorder = newRecorder()
	routes.(http.Handler).ServeHTTP(recorder, newRequest(t, "GET", "/api/docs"))
	page := recorder.Body.String()
	if recorder.Code != http.StatusOK || strings.Contains(page, "<script") || strings.Contains(page, "style=") {
		t.Errorf("the page answers %d", recorder.Code)
	}
	for path, operations := range document.Paths {
		for _, operation := range operations {
			if !strings.Contains(page, `id="`+operation.OperationID+`"`) || !strings.Contains(page, "<code>"+path+"</code>") {
				t.Errorf("%s (%s) is not on the page", operation.OperationID, path)
			}
		}
	}
}

// The client knows every path there is, and the service every path of the client.
func TestEveryPathOfTheProtocolIsServed(t *testing.T) {
	_, routes := testServer(t)
	served := map[string]bool{}
	if err := chi.Walk(routes, func(_, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		served[strings.NewReplacer("{id}", "%s", "{index}", "%d").Replace(route)] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for name, path := range constants(t, "wire/paths.go", "Path") {
		if !served[path] {
			t.Errorf("%s %s is not served", name, path)
		}
	}
}

// Only what somebody who is not signed in needs is open.
func TestWhatIsOpenIsNamed(t *testing.T) {
	open := []string{
		"GET /readyz", "GET /api/docs", "GET /sign-in", "POST /sign-in", "GET /sign-in/code", "POST /sign-in/code", "POST /sign-in/token", "GET /sign-in/token/state", "POST /sign-in/token/finish", "GET /static/token_sign_in.js", "GET /from-department", "POST /from-department", "POST /sign-out", "POST /language", "GET /join/{secret}", "POST /join/{secret}", "GET /static/style.css", "GET /static/review.js", "GET /static/receipt.js", "GET /static/passkey.js", "GET /static/passkey_field.js", "POST /sign-in/passkey/field", "POST /sign-in/passkey", "POST /sign-in/passkey/answer", "GET /check/receipt", "GET " + wire.PathOpenAPI, "GET " + wire.PathHealth,
		"GET " + wire.PathSchool, "GET " + wire.PathCheckpoint, "POST " + wire.PathSession, "DELETE " + wire.PathSession, "POST " + wire.PathPair,
		"GET /checkpoint", "GET /checkpoint/witnessed", "GET /tile/*", // the log's hashes; entries ask who it is
		"GET /report-loss", "POST /report-loss", "GET /report-loss/sent", "POST " + wire.PathAlarms, "GET /check", "POST /check", "GET /check/s/{id}", "POST " + wire.PathCheckDocument,
	}
	_, routes := testServer(t)
	checked := 0
	err := chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if slices.Contains(open, method+" "+route) {
			return nil
		}
		recorder := newRecorder()
		routes.(http.Handler).ServeHTTP(recorder, newRequest(t, method, strings.NewReplacer("{id}", "x", "{index}", "1").Replace(route)))
		checked++
		switch {
		case strings.HasPrefix(route, "/api/"):
			// What is asked for is looked at first: a form that is not filled in gives 400 or 422.
			if recorder.Code != http.StatusUnauthorized && recorder.Code != http.StatusBadRequest && recorder.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s %s answers %d to nobody", method, route, recorder.Code)
			}
		case recorder.Code != http.StatusSeeOther || !strings.HasPrefix(recorder.Header().Get("Location"), "/sign-in"):
			t.Errorf("%s %s answers %d %s to nobody", method, route, recorder.Code, recorder.Header().Get("Location"))
		}
		return nil
	})
	if err != nil || checked < 40 {
		t.Errorf("%d routes checked: %v", checked, err)
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	_, routes := testServer(t)
	for _, path := range []string{"/sign-in", "/nothing", wire.PathSchool, wire.PathMyTokens, "/static/style.css"} {
		recorder := newRecorder()
		routes.(http.Handler).ServeHTTP(recorder, newRequest(t, "GET", path))
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Content-Security-Policy": "frame-ancestors 'none'",
		} {
			if !strings.Contains(recorder.Header().Get(name), want) {
				t.Errorf("%s: %s is %q", path, name, recorder.Header().Get(name))
			}
		}
		if strings.Contains(recorder.Header().Get("Content-Security-Policy"), "script-src") || strings.Contains(recorder.Body.String(), "<script") {
			t.Errorf("%s has a script", path)
		}
	}
}

func TestOnlyPathsOfThisSiteAreGoneTo(t *testing.T) {
	for next, want := range map[string]string{
		"/log?type=grant": "/log?type=grant", "": "/", "//evil.example": "/", "https://evil.example/": "/", "/\\evil.example": "/",
		"javascript:alert(1)": "/", "log": "/", "/a\r\nX: y": "/",
	} {
		if got := localPath(next); got != want {
			t.Errorf("localPath(%q) is %q, want %q", next, got, want)
		}
	}
}
