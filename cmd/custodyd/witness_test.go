package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// A department's witness and a school's service, as they are started: what the witness
// prints is what the school is given, and within seconds the log is cosigned.
func TestWitnessOfASchool(t *testing.T) {
	folder := t.TempDir()
	data := filepath.Join(folder, "data")
	run := func(stdin string, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if status := Run(t.Context(), args, strings.NewReader(stdin), &stdout, &stderr); status != 0 {
			t.Fatalf("%v: %d\n%s%s", args, status, &stdout, &stderr)
		}
		return stdout.String()
	}
	started := run("", "--data", data, "init", "--school-name", "Trường Mầm non Hoa Sen", "--school-code", "MNHS")
	logKey := regexp.MustCompile(`sokyso/mnhs-\S+\+[0-9a-f]{8}\+\S+`).FindString(started)
	if logKey == "" {
		t.Fatalf("no key of the log in %s", started)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 2)
	start := func(address string, args ...string) (string, *lockedBuffer) {
		t.Helper()
		out := &lockedBuffer{}
		go func() {
			ended <- Run(ctx, append(args, "--listen", "127.0.0.1:0", "--listen-file", address), strings.NewReader(""), out, out)
		}()
		for range 1000 {
			if where, err := os.ReadFile(address); err == nil {
				return strings.TrimSpace(string(where)), out
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("it does not listen: %s", out)
		return "", nil
	}
	key := filepath.Join(folder, "witness.key")
	_, said := start(filepath.Join(folder, "witness-address"), "witness", "--key", key, "--name", "phong-giao-duc.example/nhan-chung", "--folder", filepath.Join(folder, "seen"), "--log", logKey)
	var option string
	for range 100 {
		if option = regexp.MustCompile(`--witness (\S+)`).FindString(said.String()); option != "" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info, err)
	}
	address, log := start(filepath.Join(folder, "address"), "--data", data, "serve", "--witness", strings.TrimPrefix(option, "--witness "))
	cosigned := ""
	for range 150 {
		resp, err := http.Get("http://" + address + "/checkpoint/witnessed")
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK {
			cosigned = string(content)
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if !strings.Contains(cosigned, "\n— phong-giao-duc.example/nhan-chung ") {
		t.Errorf("not cosigned: %q\n%s", cosigned, log)
	}
	stop()
	for range 2 {
		if status := <-ended; status != 0 {
			t.Errorf("status %d", status)
		}
	}
	for _, bad := range [][]string{{"witness", "--key", filepath.Join(folder, "none"), "--folder", folder, "--log", logKey}, {"witness", "--key", key, "--folder", folder, "--log", "x"},
		{"--data", data, "serve", "--witness", "x@https://y"}} {
		var stdout, stderr bytes.Buffer
		if status := Run(context.Background(), bad, strings.NewReader(""), &stdout, &stderr); status != 1 || stderr.Len() == 0 {
			t.Errorf("%v: %d %s", bad, status, &stderr)
		}
	}
}

// lockedBuffer is written by a program that runs and read by the test.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
