//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestKilledInABatch ends the program by SIGKILL while several files are in hand, one ahead of its turn, one at the
// token, one behind. The next start settles them all, and the same command given again signs what is not signed yet:
// each file ends up signed once, and nothing else is left.
func TestKilledInABatch(t *testing.T) {
	for _, step := range []string{"after-intent", "after-sign", "after-stage", "after-signed", "after-rename", "after-committed"} {
		t.Run(step, func(t *testing.T) {
			s := testSchool(t)
			var files []string
			for i := range 5 {
				files = append(files, fmt.Sprintf("to-%d.pdf", i+1))
				if err := os.WriteFile(filepath.Join(s.dir, files[i]), simplePDF(i+1, ""), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			args := append([]string{"sign", "--standalone", "--token", s.template.serials["principal"], "--pin-file", s.pin("principal"),
				"--roots", s.template.roots, "--json"}, files...)
			killed := s.agent("principal", args...)
			killed.Env = append(killed.Env, killVariable+"="+step)
			out, err := killed.CombinedOutput()
			if status, ok := killed.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
				t.Fatalf("not killed: %v\n%s", err, out)
			}
			if pending := s.pendingOf(t, "principal"); len(pending) != 0 {
				t.Fatalf("pending: %+v", pending)
			}
			if left, _ := filepath.Glob(filepath.Join(s.dir, ".sokyso-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}

			out, err = s.agent("principal", args...).Output()
			var answer struct{ Files []signedFile }
			if err != nil || json.Unmarshal(out, &answer) != nil || len(answer.Files) != len(files) {
				t.Fatalf("%v: %s", err, out)
			}
			verify := []string{"verify", "--roots", s.template.roots}
			for i, file := range answer.Files {
				if want := fmt.Sprintf("to-%d.signed.pdf", i+1); file.Status != "signed" || file.Output != want {
					t.Errorf("%+v", file)
				}
				verify = append(verify, file.Output)
			}
			if found, _ := filepath.Glob(filepath.Join(s.dir, "*.signed*.pdf")); len(found) != len(files) {
				t.Errorf("outputs: %v", found)
			}
			if out, err := s.agent("principal", verify...).CombinedOutput(); err != nil {
				t.Errorf("verify: %v\n%s", err, out)
			}
		})
	}
}
