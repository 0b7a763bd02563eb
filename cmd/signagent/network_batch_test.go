//go:build linux

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sokyso/httpapi/wire"
)

// mustSettle checks that the log knows of each grant whether it was used, after a
// start has given back what was left.
func (s *school) mustSettle(t *testing.T) {
	t.Helper()
	if pending := s.pendingOf(t, "principal"); len(pending) != 0 {
		t.Errorf("still pending: %+v", pending)
	}
	grants, signed, unused := len(s.allEntries(t, "grant")), len(s.allEntries(t, "signature")), len(s.allEntries(t, "abandonment"))
	if grants != signed+unused {
		t.Errorf("%d grants, %d signatures, %d given back: of %d nothing is known", grants, signed, unused, grants-signed-unused)
	}
}

// TestNetworkLostInABatch loses requests of a batch before they arrive and answers
// after they took effect, twice each; the third try goes through. The batch ends as
// an undisturbed one does.
func TestNetworkLostInABatch(t *testing.T) {
	for _, path := range []string{wire.PathBulkGrants, wire.PathBulkRecords} {
		for name, arrives := range map[string]bool{"request lost": false, "answer lost": true} {
			t.Run(strings.TrimPrefix(path, "/")+" "+name, func(t *testing.T) {
				const count = 12
				s := testSchool(t)
				args := s.batchFiles(t, count)
				var tries atomic.Int32
				s.proxy(t, func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
					if r.URL.Path != path || tries.Add(1) > 2 {
						return false
					}
					if arrives {
						forward.ServeHTTP(httptest.NewRecorder(), r)
					}
					hangUp(w)
					return true
				})
				files, status := s.results(t, args...)
				if status != 0 || len(files) != count || tries.Load() < 3 {
					t.Errorf("status %d, %d files, %d tries", status, len(files), tries.Load())
				}
				s.mustPair(t, count)
				s.mustSettle(t)
				if n := len(s.allEntries(t, "grant")); n != count {
					t.Errorf("%d grants for %d files", n, count)
				}
			})
		}
	}
}

// TestServiceGoneInABatch: the service ends in the middle of a batch, once before
// and once after it has taken the last thing that it was told, and is back later.
// What is signed stays and is reported then; resume signs the rest.
func TestServiceGoneInABatch(t *testing.T) {
	for name, at := range map[string]struct {
		path    string
		after   int32 // requests that are answered before
		arrives bool
	}{
		"asked for leave":                 {wire.PathBulkGrants, 1, false},
		"asked for leave, answer lost":    {wire.PathBulkGrants, 1, true},
		"told of signatures":              {wire.PathBulkRecords, 0, false},
		"told of signatures, answer lost": {wire.PathBulkRecords, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			const count = 60
			s := testSchool(t)
			args := s.batchFiles(t, count)
			var seen atomic.Int32
			var gone atomic.Bool
			s.proxy(t, func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
				if !gone.Load() && (r.URL.Path != at.path || seen.Add(1) <= at.after) {
					return false
				}
				if !gone.Swap(true) && at.arrives {
					forward.ServeHTTP(httptest.NewRecorder(), r)
				}
				hangUp(w)
				return true
			})
			files, status := s.results(t, args...)
			if !gone.Load() || len(files) != count {
				t.Fatalf("gone %v, status %d, %d files", gone.Load(), status, len(files))
			}
			signed := s.countOutputs(t)
			for _, file := range files {
				if file.Status == "signed" && file.EntryIndex == nil && file.Code != "not_yet_logged" {
					t.Errorf("%+v", file)
				}
			}
			gone.Store(false)
			seen.Store(-1 << 20)
			if signed < count { // all may be signed by then: that is told at once
				if status != 1 {
					t.Errorf("status %d with %d of %d signed", status, signed, count)
				}
				files, status = s.results(t, "resume", "--pin-file", s.pin("principal"), "--json")
				if status != 0 || len(files) != count {
					t.Errorf("status %d, %d files", status, len(files))
				}
			}
			s.mustSettle(t)
			s.mustPair(t, count)
			t.Logf("%d of %d were signed when it went", signed, count)
		})
	}
}

// TestKilledWhileTheServiceAnswers ends the program while the service gives it
// leave, for one file and for several: the grant that it never heard of is given
// back by the next start.
func TestKilledWhileTheServiceAnswers(t *testing.T) {
	for _, path := range []string{wire.PathGrants, wire.PathBulkGrants} {
		t.Run(path, func(t *testing.T) {
			s := testSchool(t)
			cmd := s.agent("principal", s.batchFiles(t, 6)...)
			begun := make(chan struct{})
			var once atomic.Bool
			s.proxy(t, func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
				if r.URL.Path != path || once.Swap(true) {
					return false
				}
				<-begun
				forward.ServeHTTP(httptest.NewRecorder(), r)
				_ = syscall.Kill(cmd.Process.Pid, syscall.SIGKILL)
				hangUp(w)
				return true
			})
			err := cmd.Start()
			close(begun)
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Fatal("it was through before")
			}
			if n := len(s.allEntries(t, "grant")); n == 0 {
				t.Fatal("the service has given no leave")
			}
			s.mustSettle(t)
			files, status := s.results(t, "resume", "--pin-file", s.pin("principal"), "--json")
			if status != 0 || len(files) != 6 {
				t.Errorf("status %d, %+v", status, files)
			}
			s.mustPair(t, 6)
			s.mustSettle(t)
		})
	}
}

// TestChangedBehindItsTime: a file that leave was asked for is changed between two
// runs of its batch and gets its old size and time back. It is not signed: what was
// granted is not what it says now.
func TestChangedBehindItsTime(t *testing.T) {
	const count = 12
	s := testSchool(t)
	args := s.batchFiles(t, count)
	last := filepath.Join(s.dir, "dot", "0008.pdf") // of the first portion, which is asked for at once
	cmd := s.agent("principal", args...)
	begun := make(chan struct{})
	var once atomic.Bool
	s.proxy(t, func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
		if r.URL.Path != wire.PathBulkGrants || once.Swap(true) {
			return false
		}
		<-begun
		forward.ServeHTTP(httptest.NewRecorder(), r)
		_ = syscall.Kill(cmd.Process.Pid, syscall.SIGKILL)
		hangUp(w)
		return true
	})
	err := cmd.Start()
	close(begun)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("it was through before")
	}
	info, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(content), "(Trang 1)", "(Trang 9)", 1)
	if changed == string(content) {
		t.Fatal("nothing to change")
	}
	if err := os.WriteFile(last, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(last, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	files, status := s.results(t, "resume", "--pin-file", s.pin("principal"), "--json")
	if status != 1 || len(files) != count {
		t.Fatalf("status %d, %d files", status, len(files))
	}
	for i, file := range files {
		want := "signed"
		if i == 7 {
			want = "changed_meanwhile"
		}
		if got := file.Status; got != want && file.Code != want {
			text, _ := json.Marshal(file)
			t.Errorf("file %d: %s", i+1, text)
		}
	}
	if _, err := os.Stat(filepath.Join(s.dir, "dot", "0008.signed.pdf")); err == nil {
		t.Error("signed all the same")
	}
	s.mustSettle(t)
}
