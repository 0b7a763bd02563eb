package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// apiPage is the description of the API to read.
type apiPage struct{ Groups []apiGroup }

// apiGroup is the operations on one kind of thing.
type apiGroup struct {
	Word       string
	Operations []apiOperation
}

type apiOperation struct {
	ID, Method, Path, Summary string
	Callers                   []string // none: anybody
	Parameters, Body          []apiField
	Media                     string // of the body
	Answers                   []apiAnswer
}

type apiField struct {
	Name, Type, Doc string
	Required        bool
}

type apiAnswer struct {
	Status, Text, Media string
	Fields              []apiField
}

// readable makes the page of the description, once.
func readable(document *huma.OpenAPI) apiPage {
	groups := map[string]*apiGroup{}
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		word, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, "/api/v1/"), "/"), "/")
		item := document.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Delete} {
			if op == nil {
				continue
			}
			if groups[word] == nil {
				groups[word] = &apiGroup{Word: word}
			}
			groups[word].Operations = append(groups[word].Operations, readableOperation(document, op))
		}
	}
	var page apiPage
	for _, word := range slices.Sorted(maps.Keys(groups)) {
		page.Groups = append(page.Groups, *groups[word])
	}
	return page
}

func readableOperation(document *huma.OpenAPI, op *huma.Operation) apiOperation {
	out := apiOperation{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary}
	for _, scheme := range op.Security {
		out.Callers = slices.AppendSeq(out.Callers, maps.Keys(scheme))
	}
	for _, p := range op.Parameters {
		out.Parameters = append(out.Parameters, apiField{Name: p.Name + " (" + p.In + ")", Type: typeName(p.Schema), Doc: p.Schema.Description, Required: p.Required})
	}
	if op.RequestBody != nil {
		out.Media, out.Body = readableContent(document, op.RequestBody.Content)
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		response := op.Responses[status]
		answer := apiAnswer{Status: status, Text: response.Description}
		answer.Media, answer.Fields = readableContent(document, response.Content)
		if status >= "400" {
			answer.Media, answer.Fields = "", nil // a problem document, always
		}
		out.Answers = append(out.Answers, answer)
	}
	return out
}

// readableContent names the media types of a content and the fields of its JSON.
func readableContent(document *huma.OpenAPI, content map[string]*huma.MediaType) (string, []apiField) {
	media := slices.Sorted(maps.Keys(content))
	var fields []apiField
	if described := content["application/json"]; described != nil && described.Schema != nil {
		schema := described.Schema
		if schema.Ref != "" {
			schema = document.Components.Schemas.SchemaFromRef(schema.Ref)
		}
		for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
			property := schema.Properties[name]
			fields = append(fields, apiField{Name: name, Type: typeName(property), Doc: property.Description, Required: slices.Contains(schema.Required, name)})
		}
	}
	return strings.Join(media, ", "), fields
}

// typeName is the type of a schema in a word or two.
func typeName(schema *huma.Schema) string {
	switch {
	case schema.Ref != "":
		return schema.Ref[strings.LastIndexByte(schema.Ref, '/')+1:]
	case schema.Items != nil:
		return "list of " + typeName(schema.Items)
	case schema.Format != "":
		return schema.Type + ", " + schema.Format
	case schema.ContentEncoding != "":
		return schema.Type + ", " + schema.ContentEncoding
	}
	return schema.Type
}

// pageAPI handles "GET /api/docs".
func pageAPI(page apiPage) func(s *server, w http.ResponseWriter, r *http.Request) error {
	return func(s *server, w http.ResponseWriter, r *http.Request) error {
		return s.show(w, r, http.StatusOK, "api", page)
	}
}
