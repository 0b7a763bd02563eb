//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/httpapi/wire"
	"sokyso/signer/agent"
)

// runningDesk is "signagent serve" or "signagent open" at a person's computer.
type runningDesk struct {
	t      *testing.T
	cmd    *exec.Cmd
	page   string // address with the secret
	ended  chan struct{}
	stderr bytes.Buffer
}

func (s *school) desk(t *testing.T, role string, environment []string, args ...string) *runningDesk {
	t.Helper()
	d := &runningDesk{t: t, cmd: s.agent(role, args...), ended: make(chan struct{})}
	d.cmd.Env = append(d.cmd.Env, append(environment, "HOME="+filepath.Join(s.dir, "home-"+role))...)
	if err := os.MkdirAll(filepath.Join(s.dir, "home-"+role), 0o700); err != nil {
		t.Fatal(err)
	}
	d.cmd.Stderr = &d.stderr
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() { _ = d.cmd.Wait(); close(d.ended) }()
	t.Cleanup(d.stop)
	if _, address, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && err == nil {
		d.page = address
		return d
	}
	d.stop()
	t.Fatalf("the desk says %q, %v\n%s", line, err, d.stderr.String())
	return nil
}

func (d *runningDesk) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(15 * time.Second):
		_ = d.cmd.Process.Kill()
		<-d.ended
	}
}

// ask calls the desk as its page does.
func (d *runningDesk) ask(method, path string, body, answer any) (int, string) {
	d.t.Helper()
	base, secret, _ := strings.Cut(d.page, "/#")
	content, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	req, err := http.NewRequest(method, base+path, bytes.NewReader(content))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	if answer != nil && resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, answer); err != nil {
			d.t.Fatalf("%s: %v\n%s", path, err, text)
		}
	}
	return resp.StatusCode, string(text)
}

type waitingList struct {
	Paired    bool
	Offline   string
	Documents []struct{ ID, Act, Open string }
	Returns   []struct{ State, Message, Output string }
}

func (d *runningDesk) waiting() waitingList {
	d.t.Helper()
	var list waitingList
	if status, text := d.ask(http.MethodGet, "/api/waiting", nil, &list); status != http.StatusOK {
		d.t.Fatalf("%d %s", status, text)
	}
	return list
}

// arrived waits for the only document that is on its way and returns its name at the desk.
func (d *runningDesk) arrived() (document, problem string) {
	d.t.Helper()
	for range 200 {
		var list struct {
			Fetches []struct {
				Over     bool
				Document string
				Problem  *struct{ Code, Message string }
			}
		}
		d.ask(http.MethodGet, "/api/waiting/fetches", nil, &list)
		if n := len(list.Fetches); n > 0 && list.Fetches[n-1].Over {
			last := list.Fetches[n-1]
			if last.Problem != nil {
				return "", last.Problem.Message
			}
			return last.Document, ""
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.t.Fatal("the document does not come")
	return "", ""
}

// sign signs an open document with the role's token; a desk that is ended on the way gives no answer.
func (d *runningDesk) sign(s *school, role, document, act string) (status, message string) {
	d.t.Helper()
	var task struct{ Task string }
	code, text := d.ask(http.MethodPost, "/api/sign", map[string]any{
		"files": []map[string]any{{"id": document, "document": map[string]string{"kind": "KH", "number": "21", "symbol": "KH-MNHS", "summary": "Kế hoạch năm học"}, "capacity": ""}},
		"act":   act, "token": s.template.serials[role], "certificate": "", "pin": testPIN,
	}, &task)
	if code != http.StatusOK {
		return "", text
	}
	for range 400 {
		var view struct {
			Over    bool
			Results []struct{ Status, Message string }
		}
		if code, text := d.ask(http.MethodGet, "/api/tasks/"+task.Task, nil, &view); code != http.StatusOK {
			return "", text
		}
		if view.Over {
			return view.Results[0].Status, view.Results[0].Message
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.t.Fatal("signing does not end")
	return "", ""
}

// submitted is a document that waits for people, submitted by the deputy.
func (s *school) submitted(t *testing.T, roles ...string) wire.Submission {
	t.Helper()
	ctx := context.Background()
	by, err := s.signIn(ctx, "hoa")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(s.dir, "ke-hoach.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := by.StageFile(ctx, bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	n := wire.NewSubmission{File: file.ID, Document: wire.DocumentFacts{Kind: "KH", Number: "21", Symbol: "KH-MNHS", Summary: "Kế hoạch năm học", FileName: "ke-hoach.pdf"}, Note: "xin ký trong hôm nay"}
	for _, role := range roles {
		act := wire.ActApprove
		if role == "office" {
			act = wire.ActIssue
		}
		n.Route = append(n.Route, wire.RouteStep{PersonID: s.pairing(t, role).PersonID, Act: act})
	}
	d, err := by.Submit(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (s *school) pairing(t *testing.T, role string) *agent.Pairing {
	t.Helper()
	pairing, err := agent.ReadPairing(s.home(role))
	if err != nil || pairing == nil {
		t.Fatalf("pairing of %s: %v", role, err)
	}
	return pairing
}

// ticket is what the site shows when the person presses "Open on my computer".
func (s *school) ticket(t *testing.T, username, document string) wire.Ticket {
	t.Helper()
	own, err := s.signIn(context.Background(), username)
	if err != nil {
		t.Fatal(err)
	}
	pairings, err := own.MyPairings(context.Background())
	if err != nil || len(pairings) == 0 {
		t.Fatalf("%v, %v", pairings, err)
	}
	ticket, err := own.CreateTicket(context.Background(), document, wire.NewTicket{Pairing: pairings[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

// became waits until the site says that of a document.
func (s *school) became(t *testing.T, id, state string, step int) wire.Submission {
	t.Helper()
	own, err := s.signIn(context.Background(), "hoa")
	if err != nil {
		t.Fatal(err)
	}
	var d wire.Submission
	for range 150 {
		if d, err = own.Submission(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		if d.State == state && d.Step == step {
			return d
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s is %s at step %d, not %s at %d", id, d.State, d.Step, state, step)
	return d
}

func (s *school) mustSteps(t *testing.T, want string) {
	t.Helper()
	var steps []string
	for _, entry := range s.mustEntries(t, "document_step") {
		for line := range strings.Lines(string(entry.Bytes)) {
			if step, ok := strings.CutPrefix(strings.TrimSpace(line), "step "); ok {
				steps = append(steps, step)
			}
		}
	}
	if got := strings.Join(steps, " "); got != want {
		t.Errorf("the log has the steps %q instead of %q", got, want)
	}
}

// TestHandOff goes the whole way: opened by an address of the site, signed with the token, back by itself; then sealed
// by the office head, who opens it from the list.
func TestHandOff(t *testing.T) {
	s := testSchool(t)
	d := s.submitted(t, "principal", "office")
	address := "sokyso:open?ticket=" + s.ticket(t, "nghia", d.ID).Ticket
	desk := s.desk(t, "principal", nil, "open", address, "--no-open") // no desk is running: it becomes one
	document, problem := desk.arrived()
	if problem != "" {
		t.Fatal(problem)
	}
	list := desk.waiting()
	if len(list.Documents) != 1 || list.Documents[0].Open != document || list.Documents[0].Act != "approve" {
		t.Fatalf("%+v", list)
	}
	if _, text := desk.sign(s, "principal", document, wire.ActInitial); !strings.Contains(text, "other_task") {
		t.Errorf("another act than was asked for: %s", text)
	}
	if status, message := desk.sign(s, "principal", document, wire.ActApprove); status != "signed" {
		t.Fatalf("%s %s", status, message)
	}
	d = s.became(t, d.ID, "waiting", 2)
	if list = desk.waiting(); len(list.Documents) != 0 || len(list.Returns) != 1 || list.Returns[0].State != "sent" {
		t.Errorf("%+v", list)
	}

	office := s.desk(t, "office", nil, "serve", "--no-open")
	var begun struct{ ID string }
	if status, text := office.ask(http.MethodPost, "/api/waiting/open", map[string]string{"id": d.ID}, &begun); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	if document, problem = office.arrived(); problem != "" {
		t.Fatal(problem)
	}
	if status, message := office.sign(s, "office", document, wire.ActIssue); status != "signed" {
		t.Fatalf("%s %s", status, message)
	}
	d = s.became(t, d.ID, "signed", 0)
	var final bytes.Buffer
	own, err := s.signIn(context.Background(), "hoa")
	if err != nil {
		t.Fatal(err)
	}
	if err := own.DocumentBytes(context.Background(), d, &final); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, "final.pdf")
	if err := os.WriteFile(path, final.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := s.agent("principal", "verify", path, "--roots", s.template.roots, "--json").CombinedOutput()
	if err != nil || strings.Count(string(out), `"TOTAL-PASSED"`) < 2 {
		t.Errorf("%v\n%s", err, out)
	}
	s.mustSteps(t, "fetched signed fetched signed")
}

// TestHandOffKilled ends the agent by SIGKILL between the signature and its way back. The next start brings it back,
// once; so does the next run of "signagent outbox" when no desk is started.
func TestHandOffKilled(t *testing.T) {
	for _, test := range []struct {
		at   string
		next []string
	}{{"after-committed", []string{"serve", "--no-open"}}, {"after-record", []string{"serve", "--no-open"}}, {"after-hand-off", []string{"serve", "--no-open"}}, {"after-hand-off", []string{"outbox"}}} {
		t.Run(test.at+" "+test.next[0], func(t *testing.T) {
			s := testSchool(t)
			d := s.submitted(t, "principal")
			desk := s.desk(t, "principal", []string{killVariable + "=" + test.at}, "serve", "--no-open")
			if status, text := desk.ask(http.MethodPost, "/api/waiting/open", map[string]string{"invitation": s.ticket(t, "nghia", d.ID).Code}, nil); status != http.StatusOK {
				t.Fatalf("%d %s", status, text)
			}
			document, problem := desk.arrived()
			if problem != "" {
				t.Fatal(problem)
			}
			desk.sign(s, "principal", document, wire.ActApprove)
			<-desk.ended
			if status, ok := desk.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
				t.Fatalf("not killed: %v\n%s", desk.cmd.ProcessState, desk.stderr.String())
			}
			s.became(t, d.ID, "in_hand", 1)
			if test.next[0] == "outbox" {
				if out, err := s.agent("principal", test.next...).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			} else {
				s.desk(t, "principal", nil, test.next...)
			}
			s.became(t, d.ID, "signed", 0)
			if out, err := s.agent("principal", "outbox").CombinedOutput(); err != nil { // nothing is left, and nothing is sent again
				t.Errorf("%v\n%s", err, out)
			}
			s.mustSteps(t, "fetched signed")
			if n := len(s.mustEntries(t, "signature")); n != 1 {
				t.Errorf("%d signatures", n)
			}
		})
	}
}

// TestHandOffWithdrawnMeanwhile: the document is withdrawn while it is in hand. What was signed stays signed, the person
// keeps the file and is told that the site does not take it.
func TestHandOffWithdrawnMeanwhile(t *testing.T) {
	s := testSchool(t)
	d := s.submitted(t, "principal")
	desk := s.desk(t, "principal", nil, "serve", "--no-open")
	desk.ask(http.MethodPost, "/api/waiting/open", map[string]string{"id": d.ID}, nil)
	document, problem := desk.arrived()
	if problem != "" {
		t.Fatal(problem)
	}
	own, err := s.signIn(context.Background(), "hoa")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.WithdrawDocument(context.Background(), d.ID, wire.WhyNot{Reason: "gửi nhầm"}); err != nil {
		t.Fatal(err)
	}
	if status, message := desk.sign(s, "principal", document, wire.ActApprove); status != "signed" {
		t.Fatalf("%s %s", status, message)
	}
	for range 100 {
		if list := desk.waiting(); len(list.Returns) == 1 && list.Returns[0].State == "refused" {
			if !strings.Contains(list.Returns[0].Message, "không còn chờ ký") {
				t.Errorf("%+v", list)
			}
			if _, err := os.Stat(list.Returns[0].Output); err != nil {
				t.Errorf("the person's signed file is gone: %v", err)
			}
			s.mustSteps(t, "fetched withdrawn")
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("the refusal is not told: %+v", desk.waiting())
}

// TestHandOffOffline: the service is gone when the file should come back; it comes back when the service does.
func TestHandOffOffline(t *testing.T) {
	s := testSchool(t)
	d := s.submitted(t, "principal")
	desk := s.desk(t, "principal", nil, "serve", "--no-open")
	desk.ask(http.MethodPost, "/api/waiting/open", map[string]string{"id": d.ID}, nil)
	if _, problem := desk.arrived(); problem != "" {
		t.Fatal(problem)
	}
	desk.stop()
	// The record is settled by hand of a run that dies right after it, so that only the way back is left.
	desk = s.desk(t, "principal", []string{killVariable + "=after-hand-off"}, "serve", "--no-open")
	desk.ask(http.MethodPost, "/api/waiting/open", map[string]string{"id": d.ID}, nil)
	document, problem := desk.arrived()
	if problem != "" {
		t.Fatal(problem)
	}
	desk.sign(s, "principal", document, wire.ActApprove)
	<-desk.ended
	s.stop()
	desk = s.desk(t, "principal", nil, "serve", "--no-open")
	list := desk.waiting()
	if list.Offline == "" || len(list.Returns) != 1 || list.Returns[0].State == "sent" {
		t.Fatalf("%+v", list)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	s.became(t, d.ID, "signed", 0)
	s.mustSteps(t, "fetched signed")
}

// TestOpenHandsOver: with a desk running, "signagent open" hands the document to it and ends; what is no invitation is
// refused before anything is asked, whatever a page has put into the address.
func TestOpenHandsOver(t *testing.T) {
	s := testSchool(t)
	d := s.submitted(t, "principal")
	desk := s.desk(t, "principal", []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus"}, "serve", "--no-open", "--tray")
	info, err := os.Stat(filepath.Join(s.home("principal"), "desk-running.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	ticket := s.ticket(t, "nghia", d.ID)
	for _, text := range []string{
		"sokyso:open?ticket=x", "sokyso:run?ticket=" + ticket.Ticket, "sokyso:open?ticket=" + ticket.Ticket + "%22%20--address%20x", "https://evil.example/", "sokyso:", "",
		"sokyso:open?ticket=" + ticket.Ticket + ";rm", "../../etc/passwd", "ABC", ticket.Code + "X",
	} {
		out, err := s.agent("principal", "open", "--no-open", "--", text).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "không đúng dạng") {
			t.Errorf("%q: %v\n%s", text, err, out)
		}
	}
	out, err := s.agent("principal", "open", "--no-open", "--", "SOKYSO://open/?ticket="+ticket.Ticket).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Bàn ký đang chạy") {
		t.Fatalf("%v\n%s", err, out)
	}
	if document, problem := desk.arrived(); document == "" {
		t.Fatal(problem)
	}
	// The same address once more: the page tells that it was used.
	if out, err := s.agent("principal", "open", "--no-open", "--", "sokyso:open?ticket="+ticket.Ticket).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	time.Sleep(200 * time.Millisecond)
	if _, problem := desk.arrived(); !strings.Contains(problem, "đã dùng") {
		t.Errorf("replayed: %q", problem)
	}
	// Another person's computer with the same address.
	other := s.desk(t, "deputy", nil, "serve", "--no-open")
	fresh := s.ticket(t, "nghia", d.ID)
	if out, err := s.agent("deputy", "open", "--no-open", "--", "sokyso:open?ticket="+fresh.Ticket).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, problem := other.arrived(); !strings.Contains(problem, "người khác") {
		t.Errorf("at another person's computer: %q", problem)
	}
	// Who does not have the secret does not get in.
	base, _, _ := strings.Cut(desk.page, "/#")
	resp, err := http.Post(base+"/channel/open", "application/json", strings.NewReader(`{"files":["/etc/hostname"]}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the secret: %s", resp.Status)
	}
	desk.stop()
	if said := desk.stderr.String(); !strings.Contains(said, "không có khay hệ thống") || desk.cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("without a tray: %v\n%s", desk.cmd.ProcessState, said)
	}
	if _, err := os.Stat(filepath.Join(s.home("principal"), "desk-running.json")); !os.IsNotExist(err) {
		t.Errorf("an ended desk is still announced: %v", err)
	}
}

// TestHandOffInTheBrowser: the person signs in on the site, opens the document, signs it on the desk's page, and reads
// on the site that it is done.
func TestHandOffInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("pages are looked at in the full run")
	}
	s := testSchool(t)
	d := s.submitted(t, "principal")
	desk := s.desk(t, "principal", nil, "serve", "--no-open", "--roots", s.template.roots)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "vi"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	text := func() string {
		said, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
		if err != nil {
			return err.Error()
		}
		return said
	}
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%v\n%s", err, text())
		}
	}
	shots := 0
	shot := func(name string) {
		folder := os.Getenv("SOKYSO_SCREENSHOTS")
		if folder == "" {
			return
		}
		picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		shots++
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("hand-off-%02d-%s.png", shots, name)), picture, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	until := func(what, condition string) {
		t.Helper()
		for range 300 {
			holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
			if err == nil && holds {
				shot(what)
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		shot("stuck")
		t.Fatalf("%s does not come\n%s", what, text())
	}
	run := func(script string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("(()=>{"+script+"; return true})()")); err != nil {
			t.Fatalf("%v\n%s", err, text())
		}
	}

	do(chromedp.EmulateViewport(1366, 768), chromedp.Navigate(s.url+"/sign-in?next=/documents/"+d.ID))
	run(`document.querySelector("[name=username]").value = "nghia"; document.querySelector("[name=password]").value = "mat-khau-rat-dai"; document.querySelector("main form").submit()`)
	until("the document on the site", `document.querySelector('form[action$="/open"]')`)
	run(`document.querySelector('form[action$="/open"] button').click()`)
	until("the ticket", `document.querySelector("#open-here")`)
	address, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("#open-here").href`))
	if err != nil {
		t.Fatal(err)
	}
	// The browser would ask the system, which runs this:
	if out, err := s.agent("principal", "open", "--no-open", "--", address).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	do(chromedp.Navigate("about:blank"), chromedp.Navigate(desk.page))
	until("the document on the desk", `document.querySelector(".notice.task") && document.querySelector("#fact-number")?.value === "21" && document.querySelector(".box")`)
	if said := text(); !strings.Contains(said, "xin ký trong hôm nay") {
		t.Errorf("the note is not shown\n%s", said)
	}
	run(`document.querySelector("#sign").click()`)
	until("the question for the PIN", `document.activeElement?.id === "pin"`)
	do(chromedp.KeyEvent(testPIN + "\r"))
	until("the end", `document.querySelector(".results li.signed")`)
	do(chromedp.KeyEvent("\r"))
	until("the desk again", `!document.querySelector("dialog[open]")`)
	run(`[...document.querySelectorAll("#tabs .tab")].find((b) => b.innerText.startsWith("Chờ tôi ký")).click()`)
	until("the way back", `document.querySelector(".return.sent")`)
	do(chromedp.EmulateViewport(390, 844))
	until("phone", `document.documentElement.scrollWidth <= 390`)
	do(chromedp.EmulateViewport(1366, 768), chromedp.Navigate(s.url+"/documents/"+d.ID))
	until("done on the site", `document.querySelector(".notice.good")?.innerText.includes("Đã ký xong") && document.querySelector(".badge.verdict-intact")`)
	s.mustSteps(t, "fetched signed")
}
