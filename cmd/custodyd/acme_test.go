//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

const publicName = "so-ky-so.truong.example"

// authority is Pebble, the test server of Let's Encrypt, which looks for the service at
// ports of this machine.
type acmeAuthority struct {
	directory, roots string // address; file
	issuer           *x509.CertPool
}

func startAuthority(t *testing.T, httpPort, tlsPort int) acmeAuthority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	names, err := net.Listen("tcp", "127.0.0.1:0") // it asks over TCP
	if err != nil {
		t.Fatal(err)
	}
	resolver := &dns.Server{Listener: names, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		answer := new(dns.Msg)
		answer.SetReply(r)
		if r.Question[0].Qtype == dns.TypeA {
			answer.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)}}
		}
		if err := w.WriteMsg(answer); err != nil {
			t.Log(err)
		}
	})}
	go resolver.ActivateAndServe()
	t.Cleanup(func() { resolver.Shutdown() })
	logger := log.New(io.Discard, "", 0)
	memory := db.NewMemoryStore()
	issuing := ca.New(logger, memory, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "default"}})
	front := wfe.New(logger, memory, va.New(logger, httpPort, tlsPort, false, names.Addr().String(), memory), issuing, []string{"pebble.letsencrypt.org"}, false, false, 1, 1)
	server := httptest.NewTLSServer(front.Handler())
	t.Cleanup(server.Close)
	a := acmeAuthority{directory: server.URL + wfe.DirectoryPath, roots: filepath.Join(t.TempDir(), "acme.pem"), issuer: x509.NewCertPool()}
	if err := os.WriteFile(a.roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	a.issuer.AppendCertsFromPEM(issuing.GetRootCert(0).PEM())
	return a
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// visit asks by the public name, and believes the authority only.
func (a acmeAuthority) visit(address, path string) (*http.Response, error) {
	client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{RootCAs: a.issuer}, DisableKeepAlives: true}}
	resp, err := client.Get(path)
	if err == nil {
		resp.Body.Close()
	}
	return resp, err
}

// TestACertificateIsObtained: from a real ACME server, by either kind of challenge, which a
// second service then answers with from the shared folder; and for no other name.
func TestACertificateIsObtained(t *testing.T) {
	for _, challenge := range []string{"tls-alpn-01", "http-01"} {
		t.Run(challenge, func(t *testing.T) {
			plainPort, tlsPort, elsewhere := freePort(t), freePort(t), freePort(t)
			looked := tlsPort
			if challenge == "http-01" {
				looked = elsewhere // nobody answers there, as behind a proxy that ends TLS
			}
			authority := startAuthority(t, plainPort, looked)
			program, data := asProgram(t), filepath.Join(t.TempDir(), "data")
			newSchool(t, program, data)
			cache := filepath.Join(t.TempDir(), "certificates")
			address, plain := "127.0.0.1:"+strconv.Itoa(tlsPort), "127.0.0.1:"+strconv.Itoa(plainPort)
			options := []string{"--acme", publicName, "--acme-email", "quan-tri@truong.example", "--acme-directory", authority.directory, "--acme-roots", authority.roots, "--acme-cache", cache, "--acme-http"}
			s := startService(t, program, data, append(options, plain, "--listen", address)...)
			var resp *http.Response
			var err error
			for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
				if resp, err = authority.visit(address, "https://"+publicName+"/readyz"); err == nil {
					break
				}
			}
			if err != nil || resp.StatusCode != http.StatusOK || resp.TLS.PeerCertificates[0].DNSNames[0] != publicName {
				t.Fatalf("by the public name: %v %v\n%s", resp, err, s.said)
			}
			if resp, err := authority.visit(plain, "http://"+publicName+"/check?x=1"); err != nil || resp.Header.Get("Location") != "https://"+publicName+"/check?x=1" {
				t.Errorf("http leads elsewhere: %v %v", resp, err)
			}
			if _, err := authority.visit(address, "https://other.example/"); err == nil || !strings.Contains(err.Error(), "tls") {
				t.Errorf("another name is answered: %v", err)
			}
			files, err := os.ReadDir(cache)
			if err != nil || len(files) < 2 {
				t.Errorf("the cache holds %v: %v", files, err)
			}
			for _, file := range files {
				if info, err := file.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s is readable by others: %v %v", file.Name(), info.Mode(), err)
				}
			}
			// Nobody issues any more: what a second service shows is from the folder.
			dead := append([]string{}, options...)
			dead[5] = "https://127.0.0.1:1/directory"
			second := "127.0.0.1:" + strconv.Itoa(freePort(t))
			startService(t, program, data, append(dead, "", "--listen", second)...)
			again, err := authority.visit(second, "https://"+publicName+"/readyz")
			if err != nil || !again.TLS.PeerCertificates[0].Equal(resp.TLS.PeerCertificates[0]) {
				t.Errorf("a second service: %v", err)
			}
		})
	}
}
