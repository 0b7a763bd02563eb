//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sokyso/httpapi/wire"
)

// killsVariable asks for a long run of TestKilledAtRandomAndResumed: files,kills.
const killsVariable = "SOKYSO_TEST_KILLS"

// batchFiles writes documents that all differ and returns the command that signs them.
func (s *school) batchFiles(t testing.TB, count int, args ...string) []string {
	t.Helper()
	folder := filepath.Join(s.dir, "dot")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range count {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%04d.pdf", i+1)), simplePDF(1, fmt.Sprintf("/So %d ", i)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return append([]string{"sign", "dot", "--token", s.template.serials["principal"], "--pin-file", s.pin("principal"),
		"--roots", s.template.roots, "--kind", "TB", "--purpose", "Thông báo", "--json"}, args...)
}

// results runs signagent and reads what it says of the files.
func (s *school) results(t *testing.T, args ...string) ([]signedFile, int) {
	t.Helper()
	cmd := s.agent("principal", args...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var answer struct{ Files []signedFile }
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%v: %s%s", err, out, stderrOf(err))
	}
	return answer.Files, cmd.ProcessState.ExitCode()
}

func stderrOf(err error) []byte {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.Stderr
	}
	return nil
}

// mustPair checks that there is exactly one output for each input, that it
// continues that input, and that exactly one entry of the log names the two
// together; and that nothing is left over.
func (s *school) mustPair(t *testing.T, count int) {
	t.Helper()
	folder := filepath.Join(s.dir, "dot")
	for pattern, want := range map[string]int{".sokyso-*": 0, "*.signed*.pdf": count, "*.signed.pdf": count, "*.receipt": count} {
		if found, err := filepath.Glob(filepath.Join(folder, pattern)); err != nil || len(found) != want {
			t.Errorf("%s: %d instead of %d", pattern, len(found), want)
		}
	}
	logged := map[string]int{}
	entries := 0
	for _, entry := range s.allEntries(t, "signature") {
		entries++
		in, out := "", ""
		for line := range strings.Lines(string(entry.Bytes)) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "sha256_in "); ok {
				in = value
			}
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "sha256_out "); ok {
				out = value
			}
		}
		logged[in+" "+out]++
	}
	if entries != count {
		t.Errorf("the log has %d signatures for %d files", entries, count)
	}
	for i := range count {
		in, err := os.ReadFile(filepath.Join(folder, fmt.Sprintf("%04d.pdf", i+1)))
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.ReadFile(filepath.Join(folder, fmt.Sprintf("%04d.signed.pdf", i+1)))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.HasPrefix(string(out), string(in)) {
			t.Errorf("output %d does not continue its input", i+1)
		}
		if n := logged[sumOf(in)+" "+sumOf(out)]; n != 1 {
			t.Errorf("file %d and its output stand %d times in the log", i+1, n)
		}
	}
	if left, err := os.ReadDir(filepath.Join(s.home("principal"), "batches")); err != nil || len(left) > 0 {
		t.Errorf("batches left: %v, %v", left, err)
	}
}

func (s *school) countOutputs(t *testing.T) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, "dot", "*.signed.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// allEntries reads the log page by page.
func (s *school) allEntries(t *testing.T, kind string) []wire.Entry {
	t.Helper()
	admin, err := s.signIn(t.Context(), "admin")
	if err != nil {
		t.Fatal(err)
	}
	var all []wire.Entry
	for from := int64(0); ; from += 100 { // a page covers so many indexes, whatever their types
		page, err := admin.Entries(t.Context(), wire.EntriesQuery{From: &from, Limit: 100, Type: kind})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Entries...)
		if from+100 >= page.Size {
			return all
		}
	}
}

// TestKilledAtRandomAndResumed ends a batch by SIGKILL at moments that chance
// chooses, and has it resumed, killed again, and so on. In the end each file has
// one output and one entry of the log, and the entry names exactly those two.
func TestKilledAtRandomAndResumed(t *testing.T) {
	count, kills := 60, 6
	if long := os.Getenv(killsVariable); long != "" {
		first, second, _ := strings.Cut(long, ",")
		var err, err2 error
		count, err = strconv.Atoi(first)
		kills, err2 = strconv.Atoi(second)
		if err != nil || err2 != nil {
			t.Fatalf("%s is files,kills", killsVariable)
		}
	}
	s := testSchool(t)
	args := s.batchFiles(t, count)
	killed := 0
	for killed < kills {
		cmd := s.agent("principal", args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Most ends come a moment after some outputs more are there, with others in
		// hand, all over the batch; some come before, in the start and its recovery.
		goal := min(s.countOutputs(t)+1+rand.IntN(count/kills), count)
		early := killed > 0 && rand.IntN(4) == 0
		for deadline := time.Now().Add(time.Minute); !early && s.countOutputs(t) < goal && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if early {
			time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
		}
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
			t.Logf("it was through before end %d", killed+1)
			break
		}
		killed++
		args = []string{"resume", "--pin-file", s.pin("principal"), "--json"}
	}
	t.Logf("ended %d times, the last with %d outputs", killed, s.countOutputs(t))
	if killed < min(kills, 3) {
		t.Errorf("ended only %d times: more files are needed", killed)
	}
	if killed == kills {
		files, status := s.results(t, args...)
		if status != 0 || len(files) != count {
			t.Fatalf("status %d, %d files", status, len(files))
		}
		for i, file := range files {
			if file.Status != "signed" || file.EntryIndex == nil || filepath.Base(file.Output) != fmt.Sprintf("%04d.signed.pdf", i+1) {
				t.Errorf("%+v", file)
			}
		}
	}
	s.mustPair(t, count)
	// Leave that was in hand when the program ended was given back; only what an
	// end caught between the service's answer and the journal may be left.
	grants, unused := len(s.allEntries(t, "grant")), len(s.allEntries(t, "abandonment"))
	t.Logf("%d grants, %d given back, %d of which nothing is known", grants, unused, grants-unused-count)
}
