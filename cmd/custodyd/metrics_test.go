package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMetrics scrapes a service that runs, and looks that strangers can't grow what it counts.
func TestMetrics(t *testing.T) {
	folder := t.TempDir()
	data, address := filepath.Join(folder, "data"), filepath.Join(folder, "address")
	var out bytes.Buffer
	for _, args := range [][]string{
		{"--data", data, "init", "--school-name", "Trường Mầm non Hoa Sen", "--school-code", "MNHS"},
		{"--data", data, "user", "add", "--username", "quantri", "--name", "Phạm Thu Hằng", "--admin", "--password-file", "-"},
	} {
		if status := Run(t.Context(), args, strings.NewReader("Hoa-Sen-Trang-2026\n"), &out, &out); status != 0 {
			t.Fatalf("%v: %s", args, &out)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	counting := free.Addr().String()
	free.Close()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	said := &lockedBuffer{}
	go func() {
		ended <- Run(ctx, []string{"--data", data, "serve", "--listen", "127.0.0.1:0", "--listen-file", address, "--metrics", counting}, strings.NewReader(""), said, said)
	}()
	defer func() {
		stop()
		if status := <-ended; status != 0 {
			t.Errorf("the service ended with %d: %s", status, said)
		}
	}()
	base := ""
	for range 1000 {
		if where, err := os.ReadFile(address); err == nil {
			base = "http://" + strings.TrimSpace(string(where))
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	ask := func(method, path string) string {
		t.Helper()
		r, err := http.NewRequest(method, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		content, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	for _, path := range []string{"/sign-in", "/check", "/tokens/01a21934-2b4b-7d09-ba5d-45a02993c3b3", "/khong-co-trang-nay", "/khong-co-trang-khac"} {
		ask("GET", base+path)
	}
	ask("BREW", base+"/sign-in")
	ask("STEEP", base+"/sign-in")
	text := ask("GET", "http://"+counting+"/metrics")
	for _, want := range []string{
		`sokyso_http_request_duration_seconds_count{method="GET",route="/sign-in",status="200"} 2`, // once by the redirect of a page,
		`sokyso_http_request_duration_seconds_count{method="GET",route="",status="404"} 2`,
		`sokyso_http_request_duration_seconds_count{method="other",`,
		"\nsokyso_log_size 2\n", "\nsokyso_log_refuses 0\n", "\nsokyso_register_unreachable 0\n", `sokyso_database_connections{state="idle"}`, "\ngo_goroutines ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("without %q", want)
		}
	}
	for _, personal := range []string{"01a21934", "khong-co", "quantri", "BREW", "Hằng", "MNHS"} {
		if strings.Contains(text, personal) {
			t.Errorf("with %q", personal)
		}
	}
	if t.Failed() {
		t.Log(regexp.MustCompile(`(?m)^(go|process|promhttp)_.*\n|^#.*\n|.*_bucket.*\n`).ReplaceAllString(text, ""))
	}
	if resp, err := http.Get(base + "/metrics"); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("figures at the public address: %v %v", resp, err)
	}
}
