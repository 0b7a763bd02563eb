//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sokyso/httpapi/wire"
	"sokyso/signer/agent"
)

// signed is what sign --json says of one file.
type signedFile struct {
	Input, Output, Status, Code, Message string
	SHA256Out                            string `json:"sha256_out"`
	EntryIndex                           *int64 `json:"entry_index"`
}

// signFile signs one file at a desk and returns the answer and the exit status.
func (s *school) signFile(t *testing.T, role, file string, args ...string) (signedFile, int) {
	t.Helper()
	cmd := s.signCommand(role, file, args...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var answer struct{ Files []signedFile }
	if err := json.Unmarshal(out, &answer); err != nil || len(answer.Files) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	return answer.Files[0], cmd.ProcessState.ExitCode()
}

func (s *school) signCommand(role, file string, args ...string) *exec.Cmd {
	args = append([]string{"sign", file, "--token", s.template.serials[role], "--pin-file", s.pin(role), "--roots", s.template.roots,
		"--kind", "TB", "--purpose", "Thông báo", "--json"}, args...)
	return s.agent(role, args...)
}

// pendingOf asks a desk for what is waiting; asking sends it.
func (s *school) pendingOf(t *testing.T, role string) []agent.Pending {
	t.Helper()
	out, err := s.agent(role, "outbox", "--json").Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var answer struct{ Pending []agent.Pending }
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return answer.Pending
}

func (s *school) mustEntries(t *testing.T, kind string) []wire.Entry {
	t.Helper()
	entries, err := s.entries(kind)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// mustBeWhole checks what has to hold after everything is settled: the outputs
// named are there, each valid, with its receipt and exactly one entry of the
// log; no other output, no temporary file, nothing unfinished in the journal.
func (s *school) mustBeWhole(t *testing.T, role string, outputs ...string) {
	t.Helper()
	if pending := s.pendingOf(t, role); len(pending) != 0 {
		t.Errorf("still pending: %+v", pending)
	}
	for pattern, want := range map[string]int{".sokyso-*": 0, "*.signed*.pdf": len(outputs), "*.receipt": len(outputs)} {
		found, err := filepath.Glob(filepath.Join(s.dir, pattern))
		if err != nil || len(found) != want {
			t.Errorf("%s: %v instead of %d", pattern, found, want)
		}
	}
	logged := map[string]int{}
	for _, entry := range s.mustEntries(t, "signature") {
		for line := range strings.Lines(string(entry.Bytes)) {
			if sum, ok := strings.CutPrefix(strings.TrimSpace(line), "sha256_out "); ok {
				logged[sum]++
			}
		}
	}
	if len(logged) != len(outputs) {
		t.Errorf("the log has %d signatures instead of %d: %v", len(logged), len(outputs), logged)
	}
	for _, output := range outputs {
		content, err := os.ReadFile(filepath.Join(s.dir, output))
		if err != nil {
			t.Error(err)
			continue
		}
		if n := logged[sumOf(content)]; n != 1 {
			t.Errorf("%s is in the log %d times", output, n)
		}
		out, err := s.agent(role, "verify", output, "--roots", s.template.roots, "--json").CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"receipt_valid"`) {
			t.Errorf("%s: %v\n%s", output, err, out)
		}
	}
	for _, check := range (agent.Examination{Config: agent.Config{Home: s.home(role), Module: "none"}}).Run(t.Context()).Checks {
		if check.Name == "journal" && check.Verdict != agent.VerdictOK {
			t.Errorf("%+v", check)
		}
	}
}

// TestKilledAtEachStep ends the real program by SIGKILL after each step, starts
// it again, and gives the same command again. The document ends up signed once,
// the signature in the log once.
func TestKilledAtEachStep(t *testing.T) {
	for _, test := range []struct {
		step      string
		made      bool // the signature survives; else it was never handed out
		abandoned int
	}{
		{"after-intent", false, 1},
		{"after-sign", false, 1},
		{"after-stage", false, 1},
		{"after-signed", true, 0},
		{"after-rename", true, 0},
		{"after-committed", true, 0},
		{"after-record", true, 0},
		{"after-receipt", true, 0},
	} {
		t.Run(test.step, func(t *testing.T) {
			s := testSchool(t)
			killed := s.signCommand("principal", "thong-bao.pdf")
			killed.Env = append(killed.Env, killVariable+"="+test.step)
			out, err := killed.CombinedOutput()
			if status, ok := killed.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
				t.Fatalf("not killed: %v\n%s", err, out)
			}

			// The next start settles it, whatever it was started for.
			if pending := s.pendingOf(t, "principal"); len(pending) != 0 {
				t.Fatalf("pending: %+v", pending)
			}
			if n := len(s.mustEntries(t, "abandonment")); n != test.abandoned {
				t.Errorf("%d abandoned grants instead of %d", n, test.abandoned)
			}
			if test.made {
				s.mustBeWhole(t, "principal", "thong-bao.signed.pdf")
			} else {
				s.mustBeWhole(t, "principal")
			}

			// The person, who was told nothing, gives the command again.
			result, status := s.signFile(t, "principal", "thong-bao.pdf")
			if status != 0 || result.Status != "signed" || result.Output != "thong-bao.signed.pdf" || result.EntryIndex == nil {
				t.Errorf("status %d, %+v", status, result)
			}
			if test.made != strings.Contains(result.Message, "không ký lại") {
				t.Errorf("%q", result.Message)
			}
			s.mustBeWhole(t, "principal", "thong-bao.signed.pdf")

			// From now on it is a wish for a second signature.
			result, status = s.signFile(t, "principal", "thong-bao.pdf")
			if status != 0 || result.Output != "thong-bao.signed (2).pdf" {
				t.Errorf("status %d, %+v", status, result)
			}
			s.mustBeWhole(t, "principal", "thong-bao.signed.pdf", "thong-bao.signed (2).pdf")
		})
	}
}

// TestKilledInRecovery ends the program again while it settles what the first
// end left: recovery is as safe as the work itself.
func TestKilledInRecovery(t *testing.T) {
	s := testSchool(t)
	for _, step := range []string{"after-signed", "after-rename", "after-committed", "after-record", "after-receipt", "after-receipt"} {
		killed := s.signCommand("principal", "thong-bao.pdf")
		killed.Env = append(killed.Env, killVariable+"="+step)
		if out, err := killed.CombinedOutput(); err == nil {
			t.Fatalf("%s: not killed\n%s", step, out)
		}
	}
	s.mustBeWhole(t, "principal", "thong-bao.signed.pdf")
}

// TestMovedAfterAKill: the program ends between the output's name and the journal
// (or just after both), and the person, who sees a signed file, moves it. The
// signature reaches the log once all the same, and nothing is abandoned.
func TestMovedAfterAKill(t *testing.T) {
	for _, step := range []string{"after-rename", "after-committed"} {
		t.Run(step, func(t *testing.T) {
			s := testSchool(t)
			killed := s.signCommand("principal", "thong-bao.pdf")
			killed.Env = append(killed.Env, killVariable+"="+step)
			if out, err := killed.CombinedOutput(); err == nil {
				t.Fatalf("not killed\n%s", out)
			}
			moved := filepath.Join(s.dir, "thu-muc", "da-chuyen.pdf")
			if err := os.Rename(filepath.Join(s.dir, "thong-bao.signed.pdf"), moved); err != nil {
				t.Fatal(err)
			}
			// Another file under its name is not taken for it.
			other := filepath.Join(s.dir, "thong-bao.signed.pdf")
			if err := os.WriteFile(other, []byte("khác"), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := s.agent("principal", "outbox").CombinedOutput()
			if err != nil || !strings.Contains(string(out), "không thấy tệp đã ký ở "+other) {
				t.Errorf("%v\n%s", err, out)
			}
			receipts, err := filepath.Glob(filepath.Join(s.home("principal"), "receipts", "*.receipt"))
			if err != nil || len(receipts) != 1 || !strings.Contains(string(out), receipts[0]) {
				t.Fatalf("%v, %v\n%s", receipts, err, out)
			}
			if n := len(s.mustEntries(t, "abandonment")); n != 0 {
				t.Errorf("%d abandoned grants", n)
			}
			// Put beside the file, it is its receipt.
			if err := os.Rename(receipts[0], other+".receipt"); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(moved, other); err != nil {
				t.Fatal(err)
			}
			s.mustBeWhole(t, "principal", "thong-bao.signed.pdf")
		})
	}
}

// TestKilledStandalone: without a service the same, but for the log.
func TestKilledStandalone(t *testing.T) {
	s := testSchool(t)
	nobody := "SOKYSO_HOME=" + filepath.Join(s.dir, "nobody")
	for _, step := range []string{"after-sign", "after-signed"} {
		killed := s.signCommand("principal", "thong-bao.pdf", "--standalone")
		killed.Env = append(killed.Env, nobody, killVariable+"="+step)
		if out, err := killed.CombinedOutput(); err == nil {
			t.Fatalf("%s: not killed\n%s", step, out)
		}
	}
	again := s.signCommand("principal", "thong-bao.pdf", "--standalone")
	again.Env = append(again.Env, nobody)
	out, err := again.Output()
	if err != nil || !strings.Contains(string(out), `"output": "thong-bao.signed.pdf"`) {
		t.Errorf("%v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(s.dir, "*.signed*.pdf"))
	if err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	if n := len(s.mustEntries(t, "signature")); n != 0 {
		t.Errorf("%d signatures in the log", n)
	}
}
