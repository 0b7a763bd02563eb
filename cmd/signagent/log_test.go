//go:build linux

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExportedLogIsChecked exports the log of a real school with the service's own
// program and recomputes it with the agent's; then entries are altered, the tree is
// rebuilt by a forger, and the checkpoint goes back.
func TestExportedLogIsChecked(t *testing.T) {
	s := testSchool(t)
	export := func(folder string) string {
		t.Helper()
		out, err := exec.Command(s.template.custodyd, "--data", filepath.Join(s.dir, "data"), "log", "export", folder).CombinedOutput()
		if err != nil {
			t.Fatalf("export: %v\n%s", err, out)
		}
		_, key, _ := strings.Cut(string(out), "--log-key ")
		return strings.TrimSpace(key)
	}
	check := func(want int, code, folder string, args ...string) logFindings {
		t.Helper()
		cmd := s.agent("principal", append([]string{"log", "check", folder, "--json"}, args...)...)
		out, _ := cmd.Output()
		var found logFindings
		if err := json.Unmarshal(out, &found); err != nil {
			t.Fatalf("log check %s: %v\n%s", folder, err, out)
		}
		if status := cmd.ProcessState.ExitCode(); status != want || found.Code != code {
			t.Errorf("log check %s %v: status %d, %+v", folder, args, status, found)
		}
		return found
	}
	before := filepath.Join(s.dir, "before")
	key := export(before)
	if _, status := s.signFile(t, "principal", "thong-bao.pdf"); status != 0 {
		t.Fatalf("sign: %d", status)
	}
	after := filepath.Join(s.dir, "after")
	export(after)
	found := check(0, "", after)
	if found.Entries["signature"] != 1 || !found.Kept {
		t.Errorf("%+v", found)
	}
	check(0, "", after, "--log-key", key, "--checkpoint", filepath.Join(before, "checkpoint"))

	// The agent has seen more than the older copy shows.
	check(3, "log_forked", before)

	files, err := filepath.Glob(filepath.Join(after, "tile", "entries", "*.p", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	altered := strings.Replace(string(content), "act approve", "act initial", 1)
	if altered == string(content) {
		t.Fatal("no approval in the log")
	}
	if err := os.WriteFile(files[0], []byte(altered), 0o644); err != nil {
		t.Fatal(err)
	}
	if found := check(3, "log_bad", after); found.BadAt == nil || *found.BadAt == 0 {
		t.Errorf("altered entry: %+v", found)
	}
	check(1, "log_missing", filepath.Join(s.dir, "nowhere"))
}
