package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// asker sends requests by itself, as a program in any language does.
type asker struct {
	tb     testing.TB
	url    string
	header http.Header
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	body   []byte
	wire.Problem
}

// by is an asker with an agent's key of the member.
func (s *school) by(m *member) *asker {
	s.TB.Helper()
	code, _, err := s.CreatePairingCode(ctx, m.actor)
	if err != nil {
		s.TB.Fatal(err)
	}
	paired, err := s.client(wire.ClientConfig{}).Pair(ctx, wire.Pair{Code: code, Device: "chương trình"})
	if err != nil {
		s.TB.Fatal(err)
	}
	return &asker{s.TB, s.server.URL, http.Header{"Authorization": {"Bearer " + paired.APIKey}}}
}

// inPerson is an asker with the member's session.
func (s *school) inPerson(m *member, code string) *asker {
	s.TB.Helper()
	a := &asker{s.TB, s.server.URL, http.Header{}}
	got := a.post(wire.PathSession, "", wire.SignIn{Username: m.username, Password: password, Code: code})
	if got.status != http.StatusOK {
		s.TB.Fatalf("sign in: %d %s", got.status, got.body)
	}
	a.header.Set("Cookie", strings.SplitN(got.header.Get("Set-Cookie"), ";", 2)[0])
	return a
}

// post sends JSON, or a PDF, under a key; "" = none.
func (a *asker) post(path, key string, content any) answered {
	a.tb.Helper()
	body, kind := []byte(nil), "application/pdf"
	switch content := content.(type) {
	case []byte:
		body = content
	default:
		var err error
		if body, err = json.Marshal(content); err != nil {
			a.tb.Fatal(err)
		}
		kind = "application/json"
	}
	req, err := http.NewRequest(http.MethodPost, a.url+path, bytes.NewReader(body))
	if err != nil {
		a.tb.Fatal(err)
	}
	req.Header = a.header.Clone()
	req.Header.Set("Content-Type", kind)
	if key != "" {
		req.Header[wire.HeaderIdempotencyKey] = strings.Split(key, "|")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.tb.Fatal(err)
	}
	defer resp.Body.Close()
	got := answered{status: resp.StatusCode, header: resp.Header}
	if got.body, err = io.ReadAll(resp.Body); err != nil {
		a.tb.Fatal(err)
	}
	if got.status >= 400 {
		if err := json.Unmarshal(got.body, &got.Problem); err != nil {
			a.tb.Fatalf("%s: %v", got.body, err)
		}
	}
	return got
}

func (got answered) is(t *testing.T, status int, code, reason string) {
	t.Helper()
	if got.status != status || got.Code != code || got.Params["reason"] != reason || code != "" && len(got.Detail) < 20 {
		t.Errorf("%d %s, want %d %s %s", got.status, got.body, status, code, reason)
	}
}

func (got answered) same(t *testing.T, first answered) {
	t.Helper()
	if got.status != first.status || !bytes.Equal(got.body, first.body) {
		t.Errorf("%d %s\nthe first time: %d %s", got.status, got.body, first.status, first.body)
	}
}

func TestRequestsWithAKey(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		agent := s.by(s.deputy)
		loss := wire.NewIncident{TokenID: string(s.deputy.token.ID), Kind: "misplaced", DiscoveredAt: s.Clock.Now(), Description: "không thấy trong tủ"}
		first := agent.post(wire.PathIncidents, "k1", loss)
		first.is(t, http.StatusCreated, "", "")
		agent.post(wire.PathIncidents, "k1", loss).same(t, first)
		loss.Description = "không thấy trong ngăn kéo"
		agent.post(wire.PathIncidents, "k1", loss).is(t, http.StatusConflict, wire.CodeConflict, "request_reused")
		agent.post(wire.PathChallenges, "k1", wire.NewChallenge{TokenSerial: "A1002"}).is(t, http.StatusConflict, wire.CodeConflict, "request_reused")
		loss.Description = "không thấy trong tủ"
		// Another agent of the same person has keys of its own, and without a key each is a new one.
		s.by(s.deputy).post(wire.PathIncidents, "k1", loss).is(t, http.StatusCreated, "", "")
		agent.post(wire.PathIncidents, "", loss).is(t, http.StatusCreated, "", "")
		if rows, err := s.Incidents(ctx, s.System); err != nil || len(rows) != 3 {
			t.Errorf("%d incidents, %v", len(rows), err)
		}
		for _, key := range []string{strings.Repeat("k", 65), "a b", "khóa", "a|b", " "} {
			got := agent.post(wire.PathIncidents, key, loss)
			got.is(t, http.StatusUnprocessableEntity, wire.CodeInvalid, "")
			if len(got.Fields) != 1 || got.Fields[0].Field != wire.HeaderIdempotencyKey {
				t.Errorf("key %q: %s", key, got.body)
			}
		}

		// The answer was lost between the change and its keeping.
		if _, err := s.DB().Exec(`UPDATE idempotency_keys SET answer = NULL, held_until_at = ` + fmt.Sprint(s.Clock.Now().Add(3*time.Second).UnixMicro())); err != nil {
			t.Fatal(err)
		}
		running := agent.post(wire.PathIncidents, "k1", loss)
		running.is(t, http.StatusConflict, wire.CodeRequestRunning, "")
		if running.header.Get("Retry-After") == "" {
			t.Error("nothing says when to come back")
		}
		s.Clock.Advance(4 * time.Second)
		done := agent.post(wire.PathIncidents, "k1", loss)
		done.is(t, http.StatusConflict, wire.CodeRequestDone, "")
		var incident wire.Incident
		if err := json.Unmarshal(first.body, &incident); err != nil || done.Params["entry"] != fmt.Sprint(incident.Entry) {
			t.Errorf("entry %q, the incident's is %d, %v", done.Params["entry"], incident.Entry, err)
		}
		s.Clock.Advance(24 * time.Hour)
		if got := agent.post(wire.PathIncidents, "k1", loss); got.status != http.StatusCreated || bytes.Equal(got.body, first.body) {
			t.Errorf("a day later: %d %s", got.status, got.body)
		}
	})
}

// Nothing that is shown once is kept: a repeat says how to get another.
func TestSecretsAreNotKept(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		page := s.inPerson(s.deputy, "")
		first := page.post(wire.PathPairingCode, "k1", struct{}{})
		first.is(t, http.StatusCreated, "", "")
		var code wire.PairingCode
		if err := json.Unmarshal(first.body, &code); err != nil {
			t.Fatal(err)
		}
		again := page.post(wire.PathPairingCode, "k1", struct{}{})
		again.is(t, http.StatusConflict, wire.CodeRequestDone, "")
		if !strings.Contains(again.Detail, "mã mới") {
			t.Errorf("%s", again.Detail)
		}
		var kept [][]byte
		if err := s.DB().Select(&kept, `SELECT answer FROM idempotency_keys`); err != nil || len(kept) != 1 || kept[0] != nil {
			t.Errorf("kept: %q, %v", kept, err)
		}
		// The first code is good still.
		if _, err := s.client(wire.ClientConfig{}).Pair(ctx, wire.Pair{Code: code.Code, Device: "máy"}); err != nil {
			t.Error(err)
		}
		// Nor is the link to an account that was made with a person.
		admin := s.inPerson(s.admin, "")
		person := wire.NewPerson{Name: "Hồ Thị Cúc", Username: "cuc"}
		registered := admin.post(wire.PathPeople, "k1", person)
		registered.is(t, http.StatusCreated, "", "")
		if !strings.Contains(string(registered.body), "/join/") {
			t.Errorf("no link: %s", registered.body)
		}
		admin.post(wire.PathPeople, "k1", person).is(t, http.StatusConflict, wire.CodeRequestDone, "")
		person.Name = "Hồ Thị Đào"
		admin.post(wire.PathPeople, "k1", person).is(t, http.StatusConflict, wire.CodeConflict, "request_reused")
	})
}

// A file counts as content, read to its end.
func TestFilesUnderAKey(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		agent, content := s.by(s.officeHead), samplePDF(t, "ke-hoach.pdf")
		first := agent.post(wire.PathDocumentFiles, "k1", content)
		first.is(t, http.StatusCreated, "", "")
		agent.post(wire.PathDocumentFiles, "k1", content).same(t, first)
		agent.post(wire.PathDocumentFiles, "k1", append(bytes.Clone(content), '\n')).is(t, http.StatusConflict, wire.CodeConflict, "request_reused")

		d := s.submit(s.officeHead.agent, content, step(s.principal, wire.ActApprove, ""))
		signed, entry := s.signs(s.principal, d, content)
		signer, path := s.by(s.principal), fmt.Sprintf(wire.PathDocumentSigned, d.ID)+"?entry="+fmt.Sprint(entry)
		sent := signer.post(path, "k1", signed)
		sent.is(t, http.StatusOK, "", "")
		signer.post(path, "k1", signed).same(t, sent)
		signer.post(path, "k1", content).is(t, http.StatusConflict, wire.CodeConflict, "request_reused")
	})
}

// A code of the second factor is good once; a repeat is answered all the same.
func TestARepeatNeedsNoOtherCode(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		v := s.visitor(t)
		v.signIn(s.deputy)
		v.post("/second-factor/begin", url.Values{})
		_, shown := v.get("/second-factor")
		secret := strings.ReplaceAll(shownSecret.FindStringSubmatch(shown)[1], " ", "")
		v.post("/second-factor", url.Values{"code": {s.code(t, secret)}})
		s.Clock.Advance(30 * time.Second)
		page := s.inPerson(s.deputy, s.code(t, secret))
		s.Clock.Advance(30 * time.Second)
		offer := wire.NewHandOver{TokenID: string(s.deputy.token.ID), Condition: "tốt", Code: s.code(t, secret)}
		first := page.post(wire.PathHandOvers, "k1", offer)
		first.is(t, http.StatusCreated, "", "")
		page.post(wire.PathHandOvers, "k1", offer).same(t, first)
		page.post(wire.PathHandOvers, "k2", offer).is(t, http.StatusUnauthorized, wire.CodeFactorWrong, "")
	})
}

// Two services on one database get one request at the same time, many times over.
func TestOneRequestAtTwoServices(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		config := s.Config
		config.MarkFile = filepath.Join(t.TempDir(), "mark")
		other, err := store.Open(ctx, config)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		handler, err := httpapi.New(httpapi.Config{Store: other, Now: s.Clock.Now, Revocation: httpapi.RevocationOff})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(handler)
		defer server.Close()
		here := s.inPerson(s.admin, "")
		there := &asker{t, server.URL, here.header}
		check := wire.NewCheck{Kind: "monthly", Due: s.Clock.Now().AddDate(0, 0, 7).Format(time.DateOnly), Note: "hỏi hai nơi"}
		var mu sync.Mutex
		var group sync.WaitGroup
		answers := map[string]int{}
		for i := range 12 {
			group.Go(func() {
				got := []*asker{here, there}[i%2].post(wire.PathChecks, "k1", check)
				if got.status != http.StatusCreated && got.Code != wire.CodeRequestRunning {
					t.Errorf("%d %s", got.status, got.body)
				}
				mu.Lock()
				defer mu.Unlock()
				if got.status == http.StatusCreated {
					answers[string(got.body)]++
				}
			})
		}
		group.Wait()
		first, again := here.post(wire.PathChecks, "k1", check), there.post(wire.PathChecks, "k1", check)
		first.is(t, http.StatusCreated, "", "")
		again.same(t, first)
		if len(answers) != 1 || answers[string(first.body)] == 0 {
			t.Errorf("answers: %v", answers)
		}
		if rows, err := s.Checks(ctx, s.admin.actor); err != nil || len(rows) != 1 {
			t.Errorf("%d of them, %v", len(rows), err)
		}
	})
}

// Every operation that changes something for somebody signed in takes a key, but for those
// that are named here with their reason.
func TestWhichOperationsTakeAKey(t *testing.T) {
	without := []string{
		"signIn", "signOut", "pair", "checkDocument", "raiseAlarm", // nobody is signed in, so it is nobody's key
		"recordSignature", "abandonGrant", "requestGrants", "recordSignatures", "abandonGrants", "answerSignIn", // what they are about says which request it is
		"draftPaper", "previewPaper", // change nothing
	}
	c := newContract(t, "sqlite", 1)
	var found []string
	with := 0
	for _, op := range c.operations {
		takes := false
		parameters, _ := op.described["parameters"].([]any)
		for _, parameter := range parameters {
			takes = takes || parameter.(map[string]any)["name"] == wire.HeaderIdempotencyKey
		}
		switch {
		case op.method == http.MethodGet:
			if takes {
				t.Errorf("%s changes nothing and takes a key", op.id)
			}
		case takes:
			with++
		default:
			found = append(found, op.id)
		}
	}
	slices.Sort(found)
	slices.Sort(without)
	if !slices.Equal(found, without) || with < 50 {
		t.Errorf("%d operations take a key; without are %q\nwant %q", with, found, without)
	}
}
