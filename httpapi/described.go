package httpapi

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sokyso/httpapi/wire"
)

// describeProblems adds the refusals that an operation can answer with, each with
// the codes of its status and an example in both languages.
func (s *Site) describeProblems(api huma.API, described *huma.Operation, limited bool) {
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[wire.Problem](), true, "Problem")
	for _, status := range problemStatuses(described, limited) {
		codes := wire.CodesOf(status)
		examples := map[string]*huma.Example{}
		for _, code := range codes {
			for _, lang := range languages {
				problem := s.problem(lang, status, code, nil)
				problem.Instance = "urn:uuid:01a21adc-18ac-7533-aa48-cc8610138eb4"
				examples[code+"."+lang] = &huma.Example{Value: problem}
			}
			if status == http.StatusForbidden && described.OperationID != "requestGrant" && code == wire.CodeFactorUnset {
				break // what follows are refusals of grants
			}
		}
		described.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: s.words.sentence("en", "status."+strconv.Itoa(status), nil) + ". Codes: " + strings.Join(codes, ", "),
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: schema, Examples: examples}},
		}
	}
}

// problemStatuses are those that an operation can refuse with. Every operation looks at
// its query, touches the database, and can fail.
func problemStatuses(described *huma.Operation, limited bool) []int {
	statuses := []int{http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable}
	changes := described.Method != http.MethodGet
	signsIn := described.OperationID == "signIn"
	if described.RequestBody != nil {
		statuses = append(statuses, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if len(described.Security) > 0 || signsIn {
		statuses = append(statuses, http.StatusUnauthorized)
	}
	if len(described.Security) > 0 || changes { // a page of another site changes nothing
		statuses = append(statuses, http.StatusForbidden)
	}
	if strings.Contains(described.Path, "{") || changes { // what a body names may be missing
		statuses = append(statuses, http.StatusNotFound)
	}
	if changes {
		statuses = append(statuses, http.StatusConflict)
	}
	if limited || signsIn {
		statuses = append(statuses, http.StatusTooManyRequests)
	}
	return statuses
}

// operationOf is the description of what was registered at a path.
func operationOf(api huma.API, method, path string) *huma.Operation {
	item := api.OpenAPI().Paths[path]
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodDelete:
		return item.Delete
	}
	return item.Post
}

// describeFiles corrects the media types of what is no JSON: huma takes every body for it.
func describeFiles(described *huma.Operation, op operation) {
	bytes := func(media string) *huma.MediaType {
		if strings.HasPrefix(media, "text/") {
			return &huma.MediaType{Schema: &huma.Schema{Type: "string"}}
		}
		return &huma.MediaType{Schema: &huma.Schema{Extensions: map[string]any{"contentMediaType": media}}} // OpenAPI 3.1 §4.8.14.2
	}
	if len(op.answers) > 0 {
		content := map[string]*huma.MediaType{}
		for _, media := range op.answers {
			content[media] = bytes(media)
		}
		described.Responses[strconv.Itoa(op.status)].Content = content
	}
	if op.takes != "" {
		described.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{op.takes: bytes(op.takes)}}
	}
}
