//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sokyso/httpapi/wire"
)

func TestExitStatus(t *testing.T) {
	data := filepath.Join(t.TempDir(), "d")
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"--version"}, 0}, {[]string{"--help"}, 0}, {nil, 0}, {[]string{"nonsense"}, 2}, {[]string{"serve", "--port", "1"}, 2}, {[]string{"init"}, 2},
		{[]string{"backup"}, 2}, {[]string{"report", "--year", "2026"}, 2}, {[]string{"--data", data, "report", "--year", "2026", "--output", data + ".pdf"}, 1}, {[]string{"--data", data, "log", "verify"}, 1}, {[]string{"--data", data, "serve"}, 1},
	} {
		var stdout, stderr bytes.Buffer
		if got := Run(context.Background(), c.args, strings.NewReader(""), &stdout, &stderr); got != c.want {
			t.Errorf("custodyd %v: status %d, want %d\n%s%s", c.args, got, c.want, &stdout, &stderr)
		}
		if c.want != 0 && stderr.Len() == 0 {
			t.Errorf("custodyd %v says nothing", c.args)
		}
	}
}

// builtProgram is the program as it is shipped: without cgo and without what tests need.
func builtProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "custodyd")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return program
}

// maxIdle is what the service may hold in memory when nobody asks anything.
const maxIdle = 60 << 20

// maxOwn is what of that no other use can be made of: pages of the program's own file, 35 MB
// where all have been looked at, go when somebody else needs the room.
const maxOwn = 32 << 20

// The real program, built without cgo, serves, is signed in to, and rests.
func TestTheProgramRunsInLittleMemory(t *testing.T) {
	folder, program := t.TempDir(), builtProgram(t)
	data, address := filepath.Join(folder, "data"), filepath.Join(folder, "address")
	run := func(stdin string, args ...string) {
		t.Helper()
		cmd := exec.Command(program, append([]string{"--data", data}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	run("", "init", "--school-name", "Trường Mầm non Hoa Sen", "--school-code", "MNHS")
	run("Hoa-Sen-Trang-2026\n", "user", "add", "--username", "quantri", "--name", "Phạm Thu Hằng", "--admin", "--password-file", "-")
	serve := exec.Command(program, "--data", data, "serve", "--listen", "127.0.0.1:0", "--listen-file", address)
	var output bytes.Buffer
	serve.Stdout, serve.Stderr = &output, &output
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := serve.Wait(); err != nil {
			t.Errorf("did not stop in order: %v\n%s", err, &output)
		}
	}()
	var where []byte
	for deadline := time.Now().Add(20 * time.Second); len(where) == 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		where, _ = os.ReadFile(address) // not there yet
	}
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			client, err := wire.NewClient(wire.ClientConfig{URL: "http://" + strings.TrimSpace(string(where))})
			if err == nil {
				_, err = client.SignIn(context.Background(), wire.SignIn{Username: "quantri", Password: "Hoa-Sen-Trang-2026"})
			}
			if err == nil {
				_, err = client.Entries(context.Background(), wire.EntriesQuery{})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	var own int64
	for range 20 { // hashing passwords takes memory, which is given back
		time.Sleep(500 * time.Millisecond)
		if own = memoryOf(t, serve.Process.Pid, "RssAnon"); own < maxOwn {
			t.Logf("own: %d MB, with the program's file %d MB", own>>20, memoryOf(t, serve.Process.Pid, "VmRSS")>>20)
			return
		}
	}
	t.Errorf("its own memory stays at %d MB, may be %d MB", own>>20, maxOwn>>20)
}

// memoryOf reads what the system knows of a process: VmRSS now, RssAnon without files,
// VmHWM the most ever.
func memoryOf(t *testing.T, pid int, what string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, what+":"); ok {
			var kilobytes int64
			if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	t.Fatalf("no %s", what)
	return 0
}
