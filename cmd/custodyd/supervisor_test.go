//go:build linux

package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSystemdIsTold: ready once it answers, alive while it is, stopping before it stops; and
// the key of the log comes as systemd hands it over.
func TestSystemdIsTold(t *testing.T) {
	program, data, folder := asProgram(t), filepath.Join(t.TempDir(), "data"), t.TempDir()
	newSchool(t, program, data)
	if err := os.Rename(filepath.Join(data, "log.key"), filepath.Join(folder, "secrets_log-key")); err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(folder, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", filepath.Join(folder, "notify"))
	t.Setenv("WATCHDOG_USEC", "600000")
	t.Setenv("CREDENTIALS_DIRECTORY", folder)
	s := startService(t, program, data)
	told := func() string {
		t.Helper()
		if err := socket.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		message := make([]byte, 1000)
		n, err := socket.Read(message)
		if err != nil {
			t.Fatalf("nothing is told: %v\n%s", err, s.said)
		}
		return strings.TrimSpace(string(message[:n]))
	}
	if got := told(); got != "READY=1" {
		t.Errorf("first %q is told", got)
	}
	if status, _ := s.get("/readyz"); status != http.StatusOK {
		t.Errorf("it said that it is ready, and answers %d", status)
	}
	for range 3 {
		if got := told(); got != "WATCHDOG=1" {
			t.Errorf("%q is told of a service that is alive", got)
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("%v\n%s", err, s.said)
	}
	for {
		if got := told(); got == "STOPPING=1" {
			break
		} else if got != "WATCHDOG=1" {
			t.Errorf("%q is told at the end", got)
		}
	}
}
