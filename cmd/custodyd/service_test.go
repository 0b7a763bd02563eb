//go:build linux

package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const adminPassword = "Hoa-Sen-Trang-2026"

// service is a custodyd in a process of its own.
type service struct {
	t       *testing.T
	base    string
	process *os.Process
	said    *lockedBuffer // on both of its outputs
	ended   chan error
	http    *http.Client
}

// asProgram is a path by which this test's own binary is custodyd: see TestMain.
func asProgram(t *testing.T) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "custodyd")
	if err := os.Symlink(own, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// newSchool makes a register with an admin in a data folder; more are options of all commands.
func newSchool(t *testing.T, program, data string, more ...string) {
	t.Helper()
	for _, args := range [][]string{
		{"init", "--school-name", "Trường Mầm non Hoa Sen", "--school-code", "MNHS"},
		{"user", "add", "--username", "quantri", "--name", "Phạm Thu Hằng", "--admin", "--password-file", "-"},
	} {
		command := exec.Command(program, append(append([]string{"--data", data}, more...), args...)...)
		command.Stdin = strings.NewReader(adminPassword + "\n")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
}

// startService starts "serve" and waits until it listens. It is stopped with the test,
// unless that has been done, and must then end in order.
func startService(t *testing.T, program, data string, args ...string) *service {
	t.Helper()
	address := filepath.Join(t.TempDir(), "address")
	command := exec.Command(program, append([]string{"--data", data, "serve", "--listen", "127.0.0.1:0", "--listen-file", address}, args...)...)
	s := &service{t: t, said: &lockedBuffer{}, ended: make(chan error, 1), http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}}
	command.Stdout, command.Stderr = s.said, s.said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = command.Process
	go func() { s.ended <- command.Wait() }()
	t.Cleanup(func() {
		s.http.CloseIdleConnections()
		if err := s.process.Signal(syscall.SIGTERM); err != nil {
			return // it has ended, and the test has looked how
		}
		if err := <-s.ended; err != nil {
			t.Errorf("it did not stop in order: %v\n%s", err, s.said)
		}
	})
	scheme := "http://"
	if strings.Contains(strings.Join(args, " "), "--tls-cert") {
		scheme = "https://"
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if where, err := os.ReadFile(address); err == nil {
			s.base = scheme + strings.TrimSpace(string(where))
			return s
		}
	}
	t.Fatalf("it does not listen: %s", s.said)
	return nil
}

// get asks for a path; an error is status 0.
func (s *service) get(path string) (int, string) {
	resp, err := s.http.Get(s.base + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(content)
}

// until waits until a path answers with a status and a text.
func (s *service) until(path string, status int, text string) {
	s.t.Helper()
	var got int
	var content string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got, content = s.get(path); got == status && strings.Contains(content, text) {
			return
		}
	}
	s.t.Fatalf("%s stays at %d, want %d with %q: %s\n%s", path, got, status, text, content, s.said)
}

func (s *service) stop() error {
	s.t.Helper()
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	return <-s.ended
}
