//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sokyso/signer/agent"
)

// pairedDesk is a signing desk in a process of its own, asked as its page asks.
type pairedDesk struct {
	t            *testing.T
	base, secret string
}

// sitDown starts a person's desk with files.
func (s *school) sitDown(t *testing.T, role string, files ...string) *pairedDesk {
	t.Helper()
	cmd := s.agent(role, append([]string{"--lang", "vi", "serve", "--no-open"}, files...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the desk ended with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(strings.TrimSpace(strings.TrimPrefix(line, "Bàn ký: ")))
	if err != nil || address.Fragment == "" {
		t.Fatalf("%q: %v", line, err)
	}
	return &pairedDesk{t, "http://" + address.Host, address.Fragment}
}

// ask sends a request and reads the answer, which must be one.
func (d *pairedDesk) ask(method, path string, body, into any) {
	d.t.Helper()
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			d.t.Fatal(err)
		}
		content = bytes.NewReader(encoded)
	}
	req, err := http.NewRequest(method, d.base+path, content)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		d.t.Fatalf("%s: %d %s, %v", path, resp.StatusCode, answer, err)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		d.t.Fatalf("%s: %v in %s", path, err, answer)
	}
}

// sign signs the open document at its proposed place with the person's own token, and waits for what becomes of it.
func (d *pairedDesk) sign(serial, act string, document, issue map[string]string) agent.Result {
	d.t.Helper()
	var tokens struct {
		Tokens []struct {
			Serial       string
			Certificates []struct{ SHA256, Subject string }
		}
	}
	d.ask("GET", "/api/tokens", nil, &tokens)
	var places struct{ Places []map[string]any }
	d.ask("GET", "/api/documents/1/places?act="+act, nil, &places)
	request := map[string]any{"act": act, "token": serial, "certificate": "", "image": "", "pin": testPIN, "final_try": false, "level": ""}
	for _, token := range tokens.Tokens {
		if len(token.Certificates) != 1 { // the issuers' are on the token too, and sign nothing
			d.t.Errorf("certificates to choose from: %+v", token)
		}
		if token.Serial == serial {
			request["certificate"] = token.Certificates[0].SHA256
		}
	}
	file := map[string]any{"id": "1", "document": document, "capacity": "", "place": nil, "issue": issue}
	if issue == nil {
		delete(file, "issue")
	}
	if len(places.Places) > 0 {
		place := map[string]any{"page": places.Places[0]["page"], "rect": places.Places[0]["rect"]}
		if field := places.Places[0]["field"]; field != nil {
			place["field"] = field
		}
		file["place"] = place
	}
	request["files"] = []any{file}
	var begun struct{ Task string }
	d.ask("POST", "/api/sign", request, &begun)
	for range 600 {
		var task struct {
			Over    bool
			Results []agent.Result
		}
		if d.ask("GET", "/api/tasks/"+begun.Task, nil, &task); task.Over {
			return task.Results[0]
		}
		time.Sleep(100 * time.Millisecond)
	}
	d.t.Fatal("the task does not end")
	return agent.Result{}
}

// TestPairedDesk: two desks of a school with its service. The principal prepares and signs a draft; the office numbers,
// dates and seals it; both are in the log, each with its receipt, and everybody can check the document.
func TestPairedDesk(t *testing.T) {
	s := testSchool(t)
	principal := s.sitDown(t, "principal", "du-thao.pdf")
	var state struct {
		School, Person string
		Standalone     bool
	}
	if principal.ask("GET", "/api/state", nil, &state); state.School == "" || state.Person != "Nguyễn Văn Nghĩa" || state.Standalone {
		t.Errorf("%+v", state)
	}
	var made struct{ ID, Path string }
	principal.ask("POST", "/api/documents/1/prepare", map[string]any{}, &made)
	principal.ask("POST", "/api/documents/1/close", map[string]any{}, new(any))
	leader := s.sitDown(t, "principal", made.Path)
	signed := leader.sign(s.template.serials["principal"], "approve", map[string]string{"symbol": "TB-MNMT", "kind": "TB", "summary": "Ngày hội", "purpose": "Thông báo"}, nil)
	if signed.Status != agent.StatusSigned || signed.EntryIndex == nil {
		t.Fatalf("%+v", signed)
	}
	office := s.sitDown(t, "office", signed.Output)
	var issue struct{ State, Number, Date string }
	if office.ask("GET", "/api/documents/1/issue?kind=TB", nil, &issue); issue.State != "ready" || issue.Number != "01" || issue.Date == "" {
		t.Fatalf("%+v", issue)
	}
	issued := office.sign(s.template.serials["office"], "issue", map[string]string{"number": issue.Number, "symbol": "TB-MNMT", "kind": "TB", "summary": "Ngày hội"},
		map[string]string{"number": issue.Number, "date": issue.Date})
	if issued.Status != agent.StatusSigned || issued.EntryIndex == nil || *issued.EntryIndex <= *signed.EntryIndex {
		t.Fatalf("%+v", issued)
	}
	for _, result := range []agent.Result{signed, issued} {
		if _, err := os.Stat(result.Output + ".receipt"); err != nil {
			t.Errorf("no receipt: %v", err)
		}
	}
	entries, err := s.entries("signature")
	if err != nil || len(entries) != 2 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	report, err := s.agent("office", "--lang", "vi", "verify", issued.Output, "--roots", s.template.roots, "--json").Output()
	if err != nil || strings.Count(string(report), `"TOTAL-PASSED"`) != 2 || !strings.Contains(string(report), `"later_changes": "permitted"`) || !strings.Contains(string(report), "receipt_valid") {
		t.Errorf("%v\n%s", err, report)
	}
	var history struct {
		Entries []struct {
			There, Receipt bool
			Index          *int64 `json:"entry_index"`
		}
		Pending int
	}
	office.ask("GET", "/api/history", nil, &history)
	if len(history.Entries) != 1 || !history.Entries[0].Receipt || history.Entries[0].Index == nil || history.Pending != 0 {
		t.Errorf("%+v", history)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, ".sokyso-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
