package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sokyso/custody"
	"sokyso/custody/store/storetest"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// contractTime bounds the test of the contract; SOKYSO_CONTRACT_TIME=10m makes it longer,
// SOKYSO_CONTRACT_SEED=7 repeats a run.
const contractTime = 12 * time.Second

// Requests are drawn from the description that the service hands out, and sent as each kind
// of caller. No answer is a 500, each has a status that its operation is described with, its
// body fits the schema of that answer, and what is refused is a problem with a known code.
func TestTheServiceKeepsItsContract(t *testing.T) {
	took := contractTime
	if text := os.Getenv("SOKYSO_CONTRACT_TIME"); text != "" {
		var err error
		if took, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	} else if testing.Short() {
		took /= 3
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SOKYSO_CONTRACT_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	databases := storetest.Databases()
	if testing.Short() {
		databases = databases[:1]
	}
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			t.Logf("SOKYSO_CONTRACT_SEED=%d", seed)
			c := newContract(t, database, seed)
			end := time.Now().Add(took / time.Duration(len(databases)))
			rounds := 0
			for time.Now().Before(end) && !t.Failed() {
				c.round(end)
				rounds++
			}
			c.CheckLog()
			good, again := 0, 0
			for _, op := range c.operations {
				if op.taken > 0 {
					good++
				}
				if op.repeated > 0 {
					again++
				}
			}
			t.Logf("%d rounds, %d requests; %d of %d operations were granted at least once, %d sent again under a key", rounds, c.sent, good, len(c.operations), again)
			if rounds > 3 && good < len(c.operations)/3 {
				t.Errorf("only %d of %d operations were ever granted: the requests say nothing", good, len(c.operations))
			}
		})
	}
}

// contract is a school whose service is held against its own description.
type contract struct {
	*school
	t          testing.TB
	random     *rand.Rand
	document   map[string]any
	compiler   *jsonschema.Compiler
	operations []*contractOperation
	callers    []*caller
	pool       map[string][]any // values that answers have held, by the word for them
	codes      map[string]bool
	admitted   int // members made anew
	sent       int
}

// contractOperation is an operation as it is described.
type contractOperation struct {
	method, path, id string
	described        map[string]any
	answers          map[string]*jsonschema.Schema // by status and media type; nil: no JSON
	taken, repeated  int                           // requests that it has granted, and that were sent again
}

// caller is one kind of sender.
type caller struct {
	name   string
	header http.Header
	renew  func() http.Header
	probe  string // answers 200 as long as the caller is one
}

func newContract(t testing.TB, database string, seed uint64) *contract {
	s := newSchool(t, storetest.Open(t, database), httpapi.Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	s.give()
	if _, err := s.principal.agent.ReportIncident(ctx, wire.NewIncident{TokenID: string(s.deputyTwo.token.ID), Kind: "misplaced", DiscoveredAt: s.Clock.Now(), Description: "không thấy trong tủ"}); err != nil {
		t.Fatal(err)
	}
	s.principal.sign(t, s, newDocument("QĐ"), "approve", "")
	c := &contract{school: s, t: t, random: rand.New(rand.NewPCG(seed, 1)), pool: map[string][]any{}, codes: map[string]bool{}}
	for _, known := range wire.ProblemCodes {
		c.codes[known.Code] = true
	}
	for _, m := range []*member{s.principal, s.deputy, s.officeHead} {
		c.learn("token_serial", m.token.Serial)
		c.learn("certificate", m.cert.Raw)
	}
	c.describe()
	c.callers = []*caller{
		{name: "nobody"},
		{name: "agent", probe: wire.PathSession, renew: func() http.Header { return c.key(s.principal) }},
		{name: "program", probe: wire.PathPeople, renew: c.programKey},
		{name: "custodian", probe: wire.PathSession, renew: func() http.Header { return c.session(s.officeHead) }},
		{name: "admin", probe: wire.PathSession, renew: func() http.Header { return c.session(s.admin) }},
	}
	return c
}

// describe reads the description as it is served.
func (c *contract) describe() {
	resp, err := http.Get(c.server.URL + wire.PathOpenAPI)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	document, err := jsonschema.UnmarshalJSON(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	c.document = document.(map[string]any)
	c.compiler = jsonschema.NewCompiler()
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource("openapi.json", document); err != nil {
		c.t.Fatal(err)
	}
	paths := c.document["paths"].(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		methods := paths[path].(map[string]any)
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			described := methods[method].(map[string]any)
			op := &contractOperation{method: strings.ToUpper(method), path: path, id: described["operationId"].(string), described: described, answers: map[string]*jsonschema.Schema{}}
			for status, answer := range described["responses"].(map[string]any) {
				op.answers[status] = nil
				content, _ := answer.(map[string]any)["content"].(map[string]any)
				for media := range content {
					op.answers[status+" "+media] = nil
					if !strings.HasSuffix(media, "json") {
						continue
					}
					at := "openapi.json#/paths/" + pointer(path) + "/" + method + "/responses/" + status + "/content/" + pointer(media) + "/schema"
					if op.answers[status+" "+media], err = c.compiler.Compile(at); err != nil {
						c.t.Fatal(err)
					}
				}
			}
			c.operations = append(c.operations, op)
		}
	}
}

// pointer writes a name as it stands in a JSON pointer in an address.
func pointer(name string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
}

// round sends some requests to each operation, in another order each time.
func (c *contract) round(end time.Time) {
	for _, i := range c.random.Perm(len(c.operations)) {
		op := c.operations[i]
		for _, caller := range c.callers {
			c.refresh(caller)
			for range 2 {
				if time.Now().After(end) {
					return
				}
				c.try(op, caller)
			}
		}
	}
}

// refresh gives a caller whose key or session has ended another one.
func (c *contract) refresh(caller *caller) {
	if caller.renew == nil {
		return
	}
	if caller.header != nil {
		if status, _, _ := c.send(drawn{method: http.MethodGet, path: caller.probe, header: caller.header}); status == http.StatusOK {
			return
		}
	}
	caller.header = caller.renew()
}

// key pairs an agent with a member.
func (c *contract) key(m *member) http.Header {
	code, _, err := c.CreatePairingCode(ctx, m.actor)
	if err != nil { // their account was ended: another takes their place
		*m = *c.another()
		return c.key(m)
	}
	paired, err := c.client(wire.ClientConfig{}).Pair(ctx, wire.Pair{Code: code, Device: "máy thử"})
	if err != nil {
		*m = *c.another()
		return c.key(m)
	}
	return http.Header{"Authorization": {"Bearer " + paired.APIKey}}
}

func (c *contract) programKey() http.Header {
	key, err := c.MakeProgramKey(ctx, c.admin.actor, "Phần mềm", "log registers", custody.DateOf(c.Clock.Now()).AddDays(30))
	if err != nil {
		*c.admin = *c.another()
		return c.programKey()
	}
	return http.Header{"Authorization": {"Bearer " + key}}
}

// session signs a member in.
func (c *contract) session(m *member) http.Header {
	text, err := json.Marshal(wire.SignIn{Username: m.username, Password: password})
	if err != nil {
		c.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, c.server.URL+wire.PathSession, bytes.NewReader(text))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "X-Forwarded-For": {c.address()}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		*m = *c.another()
		return c.session(m)
	}
	header := http.Header{}
	for _, cookie := range resp.Cookies() {
		header.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	return header
}

// another is a new admin, in the place of somebody whose account was ended.
func (c *contract) another() *member {
	c.admitted++
	if c.admitted > 100 {
		c.t.Fatal("nobody can sign in any more")
	}
	return c.member("Đỗ Thị Lan", "lan"+strconv.Itoa(c.admitted), "")
}

// address is one that no limit of tries has heard of.
func (c *contract) address() string {
	return fmt.Sprintf("10.%d.%d.%d", c.random.IntN(256), c.random.IntN(256), c.random.IntN(256))
}

// try sends one request and judges the answer.
func (c *contract) try(op *contractOperation, caller *caller) {
	request := c.draw(op)
	for name, values := range caller.header {
		request.header[name] = values
	}
	status, header, content := c.send(request)
	if status == 0 {
		return // what net/http does not even send
	}
	c.sent++
	wrong := func(format string, args ...any) {
		c.t.Helper()
		c.t.Errorf("%s %s (%s) as %s: %s\nbody (%s, %d bytes): %.600q\nanswer %d (%s): %.600s", request.method, request.path, op.id, caller.name, fmt.Sprintf(format, args...),
			request.header.Get("Content-Type"), len(request.body), request.body, status, header.Get("Content-Type"), content)
	}
	if status == http.StatusInternalServerError {
		wrong("a fault of the service")
		return
	}
	if _, ok := op.answers[strconv.Itoa(status)]; !ok {
		wrong("the status is not described")
		return
	}
	media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if status >= 400 {
		var problem wire.Problem
		if err := json.Unmarshal(content, &problem); err != nil || media != "application/problem+json" {
			wrong("no problem document: %v", err)
			return
		}
		if problem.Status != status || !slices.Contains(wire.CodesOf(status), problem.Code) || problem.Detail == "" {
			wrong("status %d, code %q, detail %q", problem.Status, problem.Code, problem.Detail)
		}
	} else {
		op.taken++
		c.repeat(op, request, status, content, wrong)
	}
	if len(content) == 0 && media == "" {
		return
	}
	schema, ok := op.answers[strconv.Itoa(status)+" "+media]
	if !ok {
		wrong("the media type is not described")
		return
	}
	if schema == nil {
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		wrong("no JSON: %v", err)
		return
	}
	if err := schema.Validate(value); err != nil {
		wrong("not as described: %v", err)
	}
	if status < 300 {
		c.harvest(firstWord(op.path), value)
	}
}

// repeat sends what was granted again, where it has a key: with the same answer, unless
// that is a secret; and then something else under the key, which is refused.
func (c *contract) repeat(op *contractOperation, request drawn, status int, content []byte, wrong func(string, ...any)) {
	if request.header.Get(wire.HeaderIdempotencyKey) == "" || op.id == "requestGrant" {
		return
	}
	again, _, answer := c.send(request)
	secret := slices.Contains([]string{"createPairingCode", "createTicket", "createPerson", "makeAccountLink"}, op.id)
	if secret && (again != http.StatusConflict || !bytes.Contains(answer, []byte(wire.CodeRequestDone))) || !secret && (again != status || !bytes.Equal(answer, content)) {
		wrong("sent again, it is answered with %d: %.600s", again, answer)
	}
	c.sent++
	op.repeated++
	if len(request.body) == 0 || request.body[0] != '{' {
		return
	}
	other := c.draw(op)
	other.header = request.header
	if again, _, answer := c.send(other); again > 0 && again < 400 && !bytes.Equal(answer, content) {
		wrong("its key was taken for %s %.600q as well: %d: %.600s", other.path, other.body, again, answer)
	}
}

// drawn is a request.
type drawn struct {
	method, path string
	header       http.Header
	body         []byte
}

func (c *contract) send(request drawn) (int, http.Header, []byte) {
	within, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(within, request.method, c.server.URL+request.path, bytes.NewReader(request.body))
	if err != nil {
		return 0, nil, nil
	}
	req.Header = request.header.Clone()
	req.Header.Set("X-Forwarded-For", c.address())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if strings.Contains(err.Error(), "invalid header") {
			return 0, nil, nil
		}
		c.t.Fatalf("%s %s: %v", request.method, request.path, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", request.method, request.path, err)
	}
	return resp.StatusCode, resp.Header, content
}
