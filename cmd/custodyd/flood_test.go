//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// floodConnections is the limit of the service that is flooded.
const floodConnections = 3000

// withinASecond is the one time that is promised: how much longer than without an attack
// others may wait meanwhile.
const withinASecond = time.Second

// selfSigned writes a certificate for loopback addresses and its key.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(t.TempDir(), "tls.pem"), filepath.Join(t.TempDir(), "tls.key")
	for file, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// flooded is a service under attack; calm is another one on the same machine, by which is
// known what others would wait without the attack just then.
type flooded struct {
	*service
	host string
	calm *service
}

func startFlooded(t *testing.T, program string) *flooded {
	t.Helper()
	certificate, key := selfSigned(t)
	start := func(data string) *service {
		newSchool(t, program, data)
		return startService(t, program, data, "--tls-cert", certificate, "--tls-key", key, "--max-connections", fmt.Sprint(floodConnections), "--log-format", "json")
	}
	f := &flooded{service: start(filepath.Join(t.TempDir(), "attacked")), calm: start(filepath.Join(t.TempDir(), "calm"))}
	f.host = strings.TrimPrefix(f.base, "https://")
	return f
}

// others ask both services for a page, for a while.
func (f *flooded) others(during time.Duration) <-chan []asked {
	return startAsker(f.t, "127.0.0.200", during, f.base+"/sign-in", f.calm.base+"/sign-in")
}

// from dials from an address of the loopback network.
func from(n int) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(n))}, Timeout: 20 * time.Second}
}

// judge holds what others saw, and what the service took, against what is allowed.
func (f *flooded) judge(seen []asked) {
	f.t.Helper()
	meanwhile, calm := seen[0], seen[1]
	f.t.Logf("others: %d answered, half within %v, nine of ten within %v; by a service that is not attacked %v and %v; peak memory %d MB", len(meanwhile.Took), meanwhile.share(.5), meanwhile.share(.9),
		calm.share(.5), calm.share(.9), memoryOf(f.t, f.process.Pid, "VmHWM")>>20)
	if len(meanwhile.Failed) > 0 {
		f.t.Errorf("others were not answered: %v", meanwhile.Failed)
	}
	// Half of them: attacker, service and askers share the processors, also with other tests.
	if late := meanwhile.share(.5) - calm.share(.5); late > withinASecond {
		f.t.Errorf("others waited %v longer than without the attack", late)
	}
	// The collector lets a heap grow to twice what is in use.
	most := maxIdle + 2*httpapi.FloodMemory(floodConnections)
	if peak := memoryOf(f.t, f.process.Pid, "VmHWM"); peak > most {
		f.t.Errorf("it took %d MB, its bounds make %d MB", peak>>20, most>>20)
	}
	if strings.Contains(f.said.String(), `"status":500`) || strings.Contains(f.said.String(), "panic") {
		f.t.Errorf("it failed: %.2000s", f.said.String())
	}
}

// sockets counts the files that the service has open.
func (f *flooded) sockets() int {
	f.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", f.process.Pid))
	if err != nil {
		f.t.Fatal(err)
	}
	return len(entries)
}

// slow is a connection that sends and reads a byte a second. It returns when the service
// has ended it.
func (f *flooded) slow(ctx context.Context, dialer *net.Dialer, begin, more string, reads bool) error {
	raw, err := dialer.DialContext(ctx, "tcp", f.host)
	if err != nil {
		return err
	}
	defer raw.Close()
	if err := raw.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		return err
	}
	conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, begin); err != nil {
		return nil // it has ended already
	}
	one := make([]byte, 1)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		if _, err := io.WriteString(conn, more); err != nil {
			return nil
		}
		if reads {
			if _, err := conn.Read(one); err != nil {
				return nil
			}
		}
	}
}

// TestFlood attacks the real program, over TLS on SQLite.
func TestFlood(t *testing.T) {
	program := builtProgram(t)
	for name, attack := range map[string]func(*testing.T, string){"slow connections": slowConnectionsEnd, "uploads": manyUploads, "junk": junkEverywhere} {
		t.Run(name, func(t *testing.T) { attack(t, program) })
	}
}

// slowConnectionsEnd: 500 connections each that send their header, their body, or read
// their answer a byte a second, from one address each.
func slowConnectionsEnd(t *testing.T, program string) {
	f := startFlooded(t, program)
	before := f.sockets()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	begin := time.Now()
	meanwhile := f.others(6 * time.Second)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	var ended, begun atomic.Int32
	for kind, c := range []struct {
		begin, more string
		reads       bool
	}{
		{begin: "GET /sign-in HTTP/1.1\r\nHost: x\r\nX-Slow: ", more: "a"},
		{begin: "POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 30000\r\n\r\n", more: "a"},
		// What is closed here is read to its end before it shows: the service's side is looked at.
		{begin: strings.Repeat("GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 60), reads: true},
	} {
		for range 500 {
			group.Go(func() {
				time.Sleep(mathrand.N(3 * time.Second)) // handshakes are work for this test too
				begun.Add(1)
				if err := f.slow(ctx, from(kind+1), c.begin, c.more, c.reads); err == nil && !c.reads {
					ended.Add(1)
				}
			})
		}
	}
	most := 0
	for ; begun.Load() < 1500 || f.sockets() > before+10 || ended.Load() < 1000; time.Sleep(50 * time.Millisecond) {
		most = max(most, f.sockets()-before)
		if ctx.Err() != nil {
			t.Errorf("%d of 1000 slow senders were ended, and %d files are open, before the attack %d", ended.Load(), f.sockets(), before)
			break
		}
	}
	if most < 1000 {
		t.Errorf("%d connections at a time are no attack", most)
	}
	t.Logf("up to %d connections; all ended after %v", most, time.Since(begin).Round(100*time.Millisecond))
	f.judge(<-meanwhile)
}

// upload sends a body of that size at 2 MB a second until it is answered, ctx ends or the
// connection does, and returns the status; 0 for none.
func (f *flooded) upload(ctx context.Context, client *http.Client, path, kind string, size int64) int {
	r, err := http.NewRequestWithContext(ctx, "POST", f.base+path, &steady{ctx: ctx, left: size})
	if err != nil {
		return 0
	}
	r.ContentLength = size
	r.Header.Set("Content-Type", kind)
	resp, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // what matters is how the service fares
	return resp.StatusCode
}

// steady is what looks like a PDF or a form with one, a piece at a time.
type steady struct {
	ctx  context.Context
	sent int64
	left int64
}

const formHead = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.7\r\n"

func (s *steady) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if s.sent > 0 {
		select {
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		case <-time.After(16 * time.Millisecond):
		}
	}
	n := int(min(int64(len(p)), 32<<10, s.left))
	clear(p[:n])
	if s.sent == 0 {
		copy(p[:n], formHead)
	}
	s.sent += int64(n)
	s.left -= int64(n)
	return n, nil
}

func (f *flooded) client(n int, jar http.CookieJar) *http.Client {
	return &http.Client{Jar: jar, Transport: &http.Transport{DialContext: from(n).DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxConnsPerHost: 600}}
}

// signedIn is a browser's cookies after a sign-in.
func (f *flooded) signedIn() http.CookieJar {
	f.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	body, err := json.Marshal(wire.SignIn{Username: "quantri", Password: adminPassword})
	if err != nil {
		f.t.Fatal(err)
	}
	resp, err := f.client(250, jar).Post(f.base+wire.PathSession, "application/json", bytes.NewReader(body))
	if err != nil || resp.StatusCode != http.StatusOK {
		f.t.Fatalf("sign in: %v %v", resp, err)
	}
	resp.Body.Close()
	return jar
}

// manyUploads: a thousand at a time, each as large as it may be, to the public check from
// as many addresses as its limit makes necessary, and to documents by somebody signed in.
func manyUploads(t *testing.T, program string) {
	f := startFlooded(t, program)
	jar := f.signedIn()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	meanwhile := f.others(4 * time.Second)
	var group sync.WaitGroup
	for i := range 1000 {
		group.Go(func() {
			time.Sleep(mathrand.N(2 * time.Second)) // handshakes are work for this test too
			switch {
			case i%2 == 0:
				f.upload(ctx, f.client(1+i/20, nil), "/check", "multipart/form-data; boundary=x", 20<<20)
			case i%4 == 1:
				f.upload(ctx, f.client(1+i/20, nil), wire.PathCheckDocument, "application/pdf", 20<<20)
			default:
				f.upload(ctx, f.client(1+i/20, jar), wire.PathDocumentFiles, "application/pdf", 50<<20)
			}
		})
	}
	group.Wait()
	f.judge(<-meanwhile)
	f.until("/readyz", http.StatusOK, "ready")
}

// junkEverywhere: a megabyte of it to each operation of the API and to forms, by strangers
// and by somebody signed in, as much at a time as four people can send.
func junkEverywhere(t *testing.T, program string) {
	f := startFlooded(t, program)
	jar := f.signedIn()
	_, content := f.get(wire.PathOpenAPI)
	var document struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal([]byte(content), &document); err != nil {
		t.Fatal(err)
	}
	paths := []string{"/sign-in", "/join/khong-co", "/report-loss", "/check", "/language", "/password", "/documents/new", "/unlogged", "/people", "/tokens", "/settings", "/papers/1/signed"}
	for path, methods := range document.Paths {
		if methods["post"] != nil && path != wire.PathSession {
			paths = append(paths, strings.NewReplacer("{id}", "01a21934-2b4b-7d09-ba5d-45a02993c3b3", "{index}", "1").Replace(path))
		}
	}
	if len(paths) < 50 {
		t.Fatalf("%d paths", len(paths))
	}
	noise := make([]byte, 1<<20)
	rand.Read(noise)
	bodies := map[string][]byte{
		"application/json":                  []byte(strings.Repeat(`{"a":[`, 1<<20/6)),
		"application/json; charset=utf-8":   append(append([]byte(`{"a":[`), bytes.Repeat([]byte("[],"), 1<<20/3)...), "[]]}"...),
		"application/x-www-form-urlencoded": []byte(strings.Repeat(url.QueryEscape("ệ")+"=&", 1<<20/11)),
		"application/pdf":                   noise,
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	meanwhile := f.others(3 * time.Second)
	var group sync.WaitGroup
	var asked, answered atomic.Int32
	n := 0
	for kind, body := range bodies {
		for _, cookies := range []http.CookieJar{nil, jar} {
			n++
			client := f.client(n, cookies)
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			group.Go(func() {
				for _, path := range paths {
					if mathrand.N(2) == 0 { // the other half the next time
						continue
					}
					asked.Add(1)
					r, err := http.NewRequestWithContext(ctx, "POST", f.base+path, bytes.NewReader(body))
					if err != nil {
						t.Error(err)
						return
					}
					r.Header.Set("Content-Type", kind)
					resp, err := client.Do(r)
					if err != nil {
						continue // it closed the connection on so much
					}
					answered.Add(1)
					if resp.StatusCode >= 500 && resp.StatusCode != http.StatusServiceUnavailable {
						t.Errorf("%s: %s", path, resp.Status)
					}
					resp.Body.Close()
				}
			})
		}
	}
	group.Wait()
	if ctx.Err() != nil {
		t.Error("it did not come to an end")
	}
	t.Logf("%d of %d answered, the other connections were closed", answered.Load(), asked.Load())
	f.judge(<-meanwhile)
}

// TestOneAddressTakesNotAll: what is past the limit of an address is closed, and others come in.
func TestOneAddressTakesNotAll(t *testing.T) {
	program, data := asProgram(t), filepath.Join(t.TempDir(), "data")
	newSchool(t, program, data)
	s := startService(t, program, data, "--connections-per-address", "20")
	host := strings.TrimPrefix(s.base, "http://")
	for i := range 30 {
		conn, err := from(1).Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i < 20 {
			continue
		}
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("connection %d is kept: %v", i+1, err)
		}
	}
	if status, _ := s.get("/sign-in"); status != http.StatusOK {
		t.Errorf("another address is answered %d", status)
	}
}
