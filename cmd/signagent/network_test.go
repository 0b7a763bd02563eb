//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sokyso/httpapi/wire"
)

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// proxy stands between the school's agents and its service. Meddle sees each
// request and may answer in the service's place (true).
func (s *school) proxy(t *testing.T, meddle func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool) {
	t.Helper()
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !meddle(w, r, forward) {
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	if err := s.repoint(server.URL); err != nil {
		t.Fatal(err)
	}
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
		connection.Close()
	}
}

func isRecord(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/record") }

// TestNetworkLostWhileRecording drops requests before they arrive, and answers
// after they took effect. The signature reaches the log once.
func TestNetworkLostWhileRecording(t *testing.T) {
	for name, arrives := range map[string]bool{"request lost": false, "answer lost": true} {
		t.Run(name, func(t *testing.T) {
			s := testSchool(t)
			var tries atomic.Int32
			s.proxy(t, func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
				if !isRecord(r) || tries.Add(1) > 2 {
					return false
				}
				if arrives {
					forward.ServeHTTP(httptest.NewRecorder(), r)
				}
				hangUp(w)
				return true
			})
			result, status := s.signFile(t, "principal", "thong-bao.pdf")
			if status != 0 || result.Status != "signed" || result.EntryIndex == nil || tries.Load() != 3 {
				t.Errorf("status %d after %d tries, %+v", status, tries.Load(), result)
			}
			s.mustBeWhole(t, "principal", "thong-bao.signed.pdf")
		})
	}
}

// TestNetworkLostWhileAskingForAGrant: the same request answers with the same grant.
func TestNetworkLostWhileAskingForAGrant(t *testing.T) {
	s := testSchool(t)
	var tries atomic.Int32
	s.proxy(t, func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
		if r.URL.Path != wire.PathGrants || tries.Add(1) > 2 {
			return false
		}
		forward.ServeHTTP(httptest.NewRecorder(), r)
		hangUp(w)
		return true
	})
	if result, status := s.signFile(t, "principal", "thong-bao.pdf"); status != 0 {
		t.Errorf("%+v", result)
	}
	if n := len(s.mustEntries(t, "grant")); n != 1 {
		t.Errorf("%d grants", n)
	}
	s.mustBeWhole(t, "principal", "thong-bao.signed.pdf")
}

// TestGrantRunsOutBeforeThePIN: nothing is signed under a grant that is over.
func TestGrantRunsOutBeforeThePIN(t *testing.T) {
	s := testSchool(t)
	s.proxy(t, func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
		if r.URL.Path != wire.PathGrants {
			return false
		}
		recorder := httptest.NewRecorder()
		forward.ServeHTTP(recorder, r)
		var grant wire.Grant
		if err := json.Unmarshal(recorder.Body.Bytes(), &grant); err != nil {
			panic(err)
		}
		grant.ExpiresAt = grant.GrantedAt.Add(time.Millisecond)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(recorder.Code)
		_ = json.NewEncoder(w).Encode(grant)
		return true
	})
	result, status := s.signFile(t, "principal", "thong-bao.pdf")
	if status != 1 || result.Status != "refused" || result.Code != wire.CodeGrantExpired {
		t.Errorf("status %d, %+v", status, result)
	}
	if n := len(s.mustEntries(t, "abandonment")); n != 1 {
		t.Errorf("%d abandoned grants", n)
	}
	s.mustBeWhole(t, "principal")
}

// TestServiceGoneAfterSigning: the signature stays, waits, and is sent by the
// next start; the same command then does not sign again.
func TestServiceGoneAfterSigning(t *testing.T) {
	s := testSchool(t)
	var gone atomic.Bool
	gone.Store(true)
	s.proxy(t, func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
		if gone.Load() && isRecord(r) {
			hangUp(w)
			return true
		}
		return false
	})
	result, status := s.signFile(t, "principal", "thong-bao.pdf")
	if status != 0 || result.Status != "signed" || result.Code != "not_yet_logged" || result.EntryIndex != nil ||
		!strings.Contains(result.Message, "chưa ghi được vào nhật ký") {
		t.Errorf("status %d, %+v", status, result)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "thong-bao.signed.pdf")); err != nil {
		t.Error(err)
	}
	if pending := s.pendingOf(t, "principal"); len(pending) != 1 || filepath.Base(pending[0].Output) != "thong-bao.signed.pdf" {
		t.Errorf("%+v", pending)
	}
	// Again while it is still gone: not signed a second time.
	if again, status := s.signFile(t, "principal", "thong-bao.pdf"); status != 0 || again.SHA256Out != result.SHA256Out || again.Code != "not_yet_logged" {
		t.Errorf("status %d, %+v", status, again)
	}
	gone.Store(false)
	again, status := s.signFile(t, "principal", "thong-bao.pdf")
	if status != 0 || again.SHA256Out != result.SHA256Out || again.EntryIndex == nil {
		t.Errorf("status %d, %+v", status, again)
	}
	s.mustBeWhole(t, "principal", "thong-bao.signed.pdf")
}

// TestKeyEndedBetweenGrantAndRecord: the signature stays and waits; it reaches the
// log once, after the desk was paired again.
func TestKeyEndedBetweenGrantAndRecord(t *testing.T) {
	s := testSchool(t)
	var ended atomic.Bool
	s.proxy(t, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if isRecord(r) && ended.CompareAndSwap(false, true) {
			if err := s.unpair("nghia"); err != nil {
				t.Error(err)
			}
		}
		return false
	})
	result, status := s.signFile(t, "principal", "thong-bao.pdf")
	if status != 1 || result.Status != "signed" || result.Code != wire.CodeKeyEnded || result.EntryIndex != nil || !strings.Contains(result.Message, "chưa ghi được vào nhật ký") {
		t.Errorf("status %d, %+v", status, result)
	}
	if pending := s.pendingOf(t, "principal"); len(pending) != 1 {
		t.Errorf("%+v", pending)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	own, err := s.signIn(ctx, "nghia")
	if err != nil {
		t.Fatal(err)
	}
	code, err := own.CreatePairingCode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := s.agent("principal", "pair", s.url, code.Code, "--device", "máy cũ, khóa mới").CombinedOutput(); err != nil {
		t.Fatalf("pair: %v\n%s", err, out)
	}
	if out, err := s.agent("principal", "outbox").CombinedOutput(); err != nil {
		t.Fatalf("outbox: %v\n%s", err, out)
	}
	s.mustBeWhole(t, "principal", "thong-bao.signed.pdf")
}

// TestServiceAnsweringNonsense: whatever answers in the service's place, nothing
// is signed, and the error is not that the service is down.
func TestServiceAnsweringNonsense(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"a portal's page": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>Đăng nhập Wi-Fi</html>")
		},
		"a redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(http.StatusFound)
		},
		"not JSON": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, "{\"id\":")
		},
		"other JSON": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"id":"x","request":"another"}`)
		},
		"an error without a problem": func(w http.ResponseWriter) { http.Error(w, "no", http.StatusTeapot) },
	} {
		t.Run(name, func(t *testing.T) {
			s := testSchool(t)
			s.proxy(t, func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if r.URL.Path != wire.PathGrants {
					return false
				}
				answer(w)
				return true
			})
			for lang, words := range map[string]string{"vi": "không giống dịch vụ sổ ký số", "en": "does not answer like"} {
				result, status := s.signFile(t, "principal", "thong-bao.pdf", "--lang", lang)
				if status != 1 || result.Status != "refused" || result.Code != "service_nonsense" || !strings.Contains(result.Message, words) {
					t.Errorf("status %d, %+v", status, result)
				}
			}
			s.mustBeWhole(t, "principal")
		})
	}
}

// meddleReceipt lets the service record a signature and changes what it answers.
func meddleReceipt(change func(*wire.Receipt)) func(http.ResponseWriter, *http.Request, http.Handler) bool {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
		if !isRecord(r) {
			return false
		}
		recorder := httptest.NewRecorder()
		forward.ServeHTTP(recorder, r)
		var receipt wire.Receipt
		if err := json.Unmarshal(recorder.Body.Bytes(), &receipt); err != nil {
			panic(err)
		}
		change(&receipt)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(recorder.Code)
		_ = json.NewEncoder(w).Encode(receipt)
		return true
	}
}

// TestTamperedReceiptIsRefused: the output stays, since it is signed, but nothing
// is believed, the batch stops, and the exit status says so.
func TestTamperedReceiptIsRefused(t *testing.T) {
	for name, change := range map[string]func(*wire.Receipt){
		"another index": func(r *wire.Receipt) { r.Index-- },
		"changed entry": func(r *wire.Receipt) {
			r.Entry = bytes.Replace(r.Entry, []byte("act approve"), []byte("act initial"), 1)
		},
		"no proof":           func(r *wire.Receipt) { r.Proof = nil },
		"changed checkpoint": func(r *wire.Receipt) { r.Checkpoint = strings.Replace(r.Checkpoint, "\n", "\n1", 1) },
		"nothing":            func(r *wire.Receipt) { *r = wire.Receipt{} },
	} {
		t.Run(name, func(t *testing.T) {
			s := testSchool(t)
			s.proxy(t, meddleReceipt(change))
			result, status := s.signFile(t, "principal", "thong-bao.pdf")
			if status != 1 || result.Status != "signed" || result.Code != "receipt_invalid" || !strings.Contains(result.Message, "Đừng ký thêm") {
				t.Errorf("status %d, %+v", status, result)
			}
			if found, _ := filepath.Glob(filepath.Join(s.dir, "*.receipt")); len(found) != 0 {
				t.Errorf("a receipt was stored: %v", found)
			}
			if pending := s.pendingOf(t, "principal"); len(pending) != 1 || pending[0].Code != "receipt_invalid" {
				t.Errorf("%+v", pending)
			}
			// An honest service again: the same signature, once.
			if err := s.repoint(s.url); err != nil {
				t.Fatal(err)
			}
			s.mustBeWhole(t, "principal", "thong-bao.signed.pdf")
		})
	}
}

// TestForkedLogIsRefused restores the service's data from before two signatures,
// as an attacker who wants them forgotten would, its own mark included. An agent
// that has seen the longer log signs nothing into the shorter one.
func TestForkedLogIsRefused(t *testing.T) {
	s := testSchool(t)
	s.stop()
	backup := filepath.Join(s.dir, "backup")
	if err := copyTree(filepath.Join(s.dir, "data"), backup); err != nil {
		t.Fatal(err)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"thong-bao.pdf", "hai.pdf"} {
		if result, status := s.signFile(t, "principal", file); status != 0 {
			t.Fatalf("%+v", result)
		}
	}
	restore := func() {
		t.Helper()
		s.stop()
		data := filepath.Join(s.dir, "data")
		if err := os.RemoveAll(data); err != nil {
			t.Fatal(err)
		}
		if err := copyTree(backup, data); err != nil {
			t.Fatal(err)
		}
		if err := s.start(); err != nil {
			t.Fatal(err)
		}
	}
	restore()
	refused := func(how string) {
		t.Helper()
		for lang, words := range map[string]string{"vi": "có thể nhật ký đã bị sửa", "en": "may have been altered"} {
			result, status := s.signFile(t, "principal", "thong-bao.pdf", "-o", "ba.pdf", "--lang", lang)
			if status != 1 || result.Status != "refused" || result.Code != "log_forked" || !strings.Contains(result.Message, words) {
				t.Errorf("%s: status %d, %+v", how, status, result)
			}
		}
		if _, err := os.Stat(filepath.Join(s.dir, "ba.pdf")); err == nil {
			t.Errorf("%s: signed all the same", how)
		}
	}
	stopped := func(how string) {
		t.Helper()
		client, err := wire.NewClient(wire.ClientConfig{URL: s.url, Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		var problem *wire.Problem
		if err := client.Health(context.Background()); !errors.As(err, &problem) || problem.Code != wire.CodeUnavailable {
			t.Errorf("%s: the service goes on for others: %v", how, err)
		}
	}
	refused("shorter")
	stopped("shorter") // it has been told
	// Other desks, which have not seen the lost part, grow it past what this one saw.
	restore()
	for range 4 {
		if result, status := s.signFile(t, "deputy", "hai.pdf", "--capacity", "KT"); status != 0 {
			t.Fatalf("%+v", result)
		}
	}
	refused("longer, with another history")
	stopped("longer, with another history")
}
