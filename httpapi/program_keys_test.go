package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

var shownKey = regexp.MustCompile(`skp_[a-z2-7]{52}`)

// ask sends a request with a key and returns its status and body.
func (s *school) ask(t *testing.T, method, path, key, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(content)
}

// A program reads with its key what the key's scopes say, and nothing else, until the key
// ends; it is shown once and listed with its last use. Made and ended stand in the log.
func TestProgramKeys(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		admin, deputy := s.visitor(t), s.visitor(t)
		admin.signIn(s.admin)
		deputy.signIn(s.deputy)
		form := url.Values{"name": {"Phần mềm thống kê"}, "scopes": {"log"}, "until": {"10/10/2026"}}
		if resp, _ := deputy.post("/program-keys", form); resp.StatusCode != http.StatusForbidden {
			t.Errorf("made by a deputy: %s", resp.Status)
		}
		for name, wrong := range map[string]url.Values{
			"no scope":       {"name": {"x"}, "until": {"31/12/2026"}},
			"a scope of all": {"name": {"x"}, "scopes": {"log", "admin"}, "until": {"31/12/2026"}},
			"a day gone":     {"name": {"x"}, "scopes": {"log"}, "until": {"01/01/2026"}},
			"too long":       {"name": {"x"}, "scopes": {"log"}, "until": {"31/12/2036"}},
			"no name":        {"scopes": {"log"}, "until": {"31/12/2026"}},
		} {
			if resp, page := admin.post("/program-keys", wrong); resp.StatusCode < 400 || shownKey.MatchString(page) {
				t.Errorf("%s: %s", name, resp.Status)
			}
		}
		makeKey := func(scopes ...string) string {
			form["scopes"] = scopes
			_, page := admin.post("/program-keys", form)
			key := shownKey.FindString(page)
			if key == "" {
				t.Fatalf("no key is shown:\n%s", page)
			}
			return key
		}
		log, registers, witness := makeKey("log"), makeKey("registers"), makeKey("witness")
		if _, page := admin.get("/program-keys"); shownKey.MatchString(page) || strings.Count(page, "Phần mềm thống kê") != 3 {
			t.Errorf("the list:\n%s", page)
		}
		const entries, people, proof = wire.PathEntries, wire.PathPeople, wire.PathConsistency + "?from=1&to=2"
		for _, c := range []struct {
			name, method, path, key, body string
			status                        int
		}{
			{"entries by log", "GET", entries, log, "", 200},
			{"people by log", "GET", people, log, "", 403},
			{"people by registers", "GET", people, registers, "", 200},
			{"tokens by registers", "GET", wire.PathTokens, registers, "", 200},
			{"register file by registers", "GET", strings.Replace(wire.PathRegister, "%s", "signatures", 1) + "?from=2026-01-01&until=2026-12-31&format=csv", registers, "", 200},
			{"entries by registers", "GET", entries, registers, "", 403},
			{"entries by witness", "GET", entries, witness, "", 403},
			{"a proof by witness", "GET", proof, witness, "", 200},
			{"a proof by registers", "GET", proof, registers, "", 403},
			{"people by witness", "GET", people, witness, "", 403},
			{"who it is", "GET", wire.PathSession, registers, "", 403},
			{"settings", "GET", wire.PathSettings, registers, "", 403},
			{"a person made", "POST", people, registers, `{"name":"Kẻ Lạ","username":"la","admin":true}`, 403},
			{"a pairing code", "POST", wire.PathPairingCode, log, `{}`, 403},
			{"an unknown key", "GET", entries, "skp_" + strings.Repeat("a", 52), "", 401},
		} {
			status, body := s.ask(t, c.method, c.path, c.key, c.body)
			if status != c.status || status == 403 && !strings.Contains(body, `"forbidden"`) {
				t.Errorf("%s: %d %s", c.name, status, body)
			}
		}
		if status, _ := s.ask(t, "GET", "/people", registers, ""); status != http.StatusSeeOther && status != http.StatusOK {
			t.Errorf("a page by a key: %d", status)
		}
		checkpoint, err := s.Checkpoint(ctx, s.School.ID)
		if err != nil {
			t.Fatal(err)
		}
		sent, err := json.Marshal(wire.SeenCheckpoint{Checkpoint: string(checkpoint)})
		if err != nil {
			t.Fatal(err)
		}
		seen := string(sent)
		if status, body := s.ask(t, "POST", wire.PathSeen, witness, seen); status != http.StatusNoContent {
			t.Errorf("a checkpoint by witness: %d %s", status, body)
		}
		if status, _ := s.ask(t, "POST", wire.PathSeen, log, seen); status != http.StatusForbidden {
			t.Errorf("a checkpoint by log: %d", status)
		}
		keys, err := s.ProgramKeys(ctx, s.admin.actor)
		if err != nil || len(keys) != 3 || keys[2].LastUsed == nil {
			t.Fatalf("keys %+v, %v", keys, err)
		}
		var found int
		if err := s.DB().Get(&found, s.DB().Rebind(`SELECT COUNT(*) FROM account_changes WHERE secret_sha256 = ?`), log); err != nil || found != 0 {
			t.Errorf("the key itself is kept: %v", err)
		}
		if resp, _ := admin.post("/program-keys/"+string(keys[2].ID)+"/end", url.Values{}); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("ending it: %s", resp.Status)
		}
		if status, body := s.ask(t, "GET", entries, log, ""); status != http.StatusUnauthorized || !strings.Contains(body, "Khóa này đã bị ngắt") {
			t.Errorf("after its end: %d %s", status, body)
		}
		s.Clock.Advance(5 * 24 * time.Hour)
		if status, _ := s.ask(t, "GET", people, registers, ""); status != http.StatusUnauthorized {
			t.Errorf("after its last day: %d", status)
		}
		if _, page := admin.get("/log?type=account_change"); strings.Count(page, "Tạo khóa cho chương trình") < 3 || !strings.Contains(page, "Ngắt khóa của chương trình") {
			t.Errorf("the log:\n%s", page)
		}
		s.CheckLog()
	})
}

// No operation is open to a program's key by accident: with all scopes each that changes
// the register, and each that names none, answers 403, or refuses an empty form first.
func TestWhatAProgramsKeyOpensIsNamed(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	key, err := s.MakeProgramKey(ctx, s.admin.actor, "mọi phạm vi", "log,registers,witness", "2026-12-31")
	if err != nil {
		t.Fatal(err)
	}
	open := []string{"entries", "entry", "receipt", "inclusionProof", "consistencyProof", "seeCheckpoint", "people", "tokens", "certificates", "staff", "timeline", "delegations",
		"overdueHandOvers", "incidents", "incident", "checks", "check", "papers", "register"}
	_, content := s.visitor(t).get(wire.PathOpenAPI)
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string                `json:"operationId"`
			Security    []map[string][]string `json:"security"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(content), &document); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for path, methods := range document.Paths {
		for method, op := range methods {
			named, says := slices.Contains(open, op.OperationID), false
			for _, scheme := range op.Security {
				if _, ok := scheme["program"]; ok {
					says = true
				}
			}
			if named != says {
				t.Errorf("%s: the description says %v", op.OperationID, op.Security)
			}
			if named || len(op.Security) == 0 {
				continue
			}
			body := ""
			if method == "post" {
				body = "{}"
			}
			path := strings.NewReplacer("{id}", string(s.deputy.actor.Person), "{index}", "1").Replace(path)
			switch status, answer := s.ask(t, strings.ToUpper(method), path, key, body); status {
			case http.StatusForbidden:
				if refused++; !strings.Contains(answer, "program_scope") {
					t.Errorf("%s: %s", op.OperationID, answer)
				}
			case http.StatusBadRequest, http.StatusUnprocessableEntity:
			default:
				t.Errorf("%s %s answers %d to a program's key: %s", method, path, status, answer)
			}
		}
	}
	if refused < 30 {
		t.Errorf("%d operations refused the key", refused)
	}
}

// The page of keys on a phone.
func TestPageOfProgramKeys(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	b := openBrowser(t, s, 360, 800)
	b.signIn(s.admin)
	b.visit("/program-keys")
	b.fill("#name", "Phần mềm thống kê")
	b.tick(`input[value="log"]`)
	b.press("main form button.big")
	b.mustSay("Chỉ hiện một lần", "Phần mềm thống kê", "Sổ ký: mục, biên nhận, bằng chứng", "Ngày cuối cùng dùng được", "07/10/2027")
	b.shoot("program-keys")
}
