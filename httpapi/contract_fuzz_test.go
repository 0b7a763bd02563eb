package httpapi_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sokyso/httpapi/wire"
)

// The bytes of a JSON body reach an operation, as its admin or as an agent: no answer is a
// fault of the service, and every refusal is a problem with a known code.
func FuzzBodies(f *testing.F) {
	c := newContract(f, "sqlite", 1)
	var operations []*contractOperation
	for _, op := range c.operations {
		if body, ok := op.described["requestBody"].(map[string]any); ok && body["content"].(map[string]any)["application/json"] != nil && op.id != "signIn" {
			operations = append(operations, op)
		}
	}
	admin, agent := c.session(c.admin), c.key(c.principal)
	for i, op := range operations {
		f.Add(byte(i), i%2 == 0, []byte(`{}`))
		for range 3 {
			c.random = rand.New(rand.NewPCG(uint64(i), 2))
			f.Add(byte(i), i%2 == 0, c.draw(op).body)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, byAgent bool, body []byte) {
		c.TB, c.t = t, t
		op := operations[int(which)%len(operations)]
		request := drawn{method: op.method, path: op.path, header: http.Header{}, body: body}
		request.path = strings.ReplaceAll(request.path, "{id}", url.PathEscape(c.text(c.identifier(firstWord(op.path)))))
		for name, values := range map[bool]http.Header{false: admin, true: agent}[byAgent] {
			request.header[name] = values
		}
		request.header.Set("Content-Type", "application/json")
		status, _, content := c.send(request)
		if status == http.StatusInternalServerError {
			t.Fatalf("%s %s: %s", op.method, request.path, content)
		}
		if status >= 400 {
			var problem wire.Problem
			if err := json.Unmarshal(content, &problem); err != nil || !c.codes[problem.Code] {
				t.Fatalf("%s %s: %d %s", op.method, request.path, status, content)
			}
		}
	})
}
