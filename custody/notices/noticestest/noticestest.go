// Package noticestest is a mail server and a webhook for tests: real servers on
// loopback that keep what they take and misbehave when told to. Only tests import it.
package noticestest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// User and Password are what a MailServer with Auth takes.
const (
	User     = "so-ky-so"
	Password = "mat-khau-thu"
)

// Letter is a mail that was taken.
type Letter struct {
	From, To string
	Message  *mail.Message
	Body     string // undecoded
}

// MailServer takes mail. Set its fields before Start; those below mu by Set.
type MailServer struct {
	Address string
	Roots   *x509.CertPool // of its certificate

	implicit bool
	auth     bool

	mu      sync.Mutex
	letters []Letter
	refuse  func(to string) error // answer to RCPT
	data    func() error          // answer after the message was kept
}

// StartMail starts a server: with TLS from the first byte, or with STARTTLS offered,
// or without any encryption.
func StartMail(tb testing.TB, encryption string, auth bool) *MailServer {
	tb.Helper()
	s := &MailServer{implicit: encryption == "tls", auth: auth}
	certificate, roots := selfSigned(tb)
	s.Roots = roots
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.Address = listener.Addr().String()
	server := smtp.NewServer(s)
	server.Domain, server.ReadTimeout, server.WriteTimeout = "localhost", 10*time.Second, 10*time.Second
	server.ErrorLog = quiet{}
	if s.implicit {
		listener = tls.NewListener(listener, config)
	} else if encryption == "starttls" {
		server.TLSConfig = config
	}
	go server.Serve(listener)
	tb.Cleanup(func() { server.Close() })
	return s
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// Refuse sets the answer to a recipient; nil takes all.
func (s *MailServer) Refuse(answer func(to string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = answer
}

// AfterData sets what is answered once a message was kept; nil is "taken".
func (s *MailServer) AfterData(answer func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = answer
}

// Status is an answer with that code (RFC 5321 §4.2).
func Status(code int) error { return &smtp.SMTPError{Code: code, Message: "as told"} }

// Letters returns what was taken so far.
func (s *MailServer) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Letter(nil), s.letters...)
}

// NewSession implements smtp.Backend.
func (s *MailServer) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }

type session struct {
	server   *MailServer
	from, to string
	signedIn bool
}

func (s *session) AuthMechanisms() []string {
	if !s.server.auth {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != User || password != Password {
			return smtp.ErrAuthFailed
		}
		s.signedIn = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.auth && !s.signedIn {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	refuse := s.server.refuse
	s.server.mu.Unlock()
	if refuse != nil {
		if err := refuse(to); err != nil {
			return err
		}
	}
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	message, err := mail.ReadMessage(strings.NewReader(string(content)))
	if err != nil {
		return errors.Join(errors.New("no mail"), err)
	}
	s.server.mu.Lock()
	s.server.letters = append(s.server.letters, Letter{From: s.from, To: s.to, Message: message, Body: string(content)})
	answer := s.server.data
	s.server.mu.Unlock()
	if answer != nil {
		return answer()
	}
	return nil
}

func (s *session) Reset()        { s.from, s.to = "", "" }
func (s *session) Logout() error { return nil }

func selfSigned(tb testing.TB) (tls.Certificate, *x509.CertPool) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// Call is one request to a Hook.
type Call struct {
	Header http.Header
	Body   []byte
}

// Hook is a webhook over https.
type Hook struct {
	URL   string
	Roots *x509.CertPool

	mu     sync.Mutex
	calls  []Call
	answer func(w http.ResponseWriter, r *http.Request)
}

// StartHook starts a webhook that takes everything.
func StartHook(tb testing.TB) *Hook {
	tb.Helper()
	h := &Hook{}
	server := httptest.NewTLSServer(h)
	tb.Cleanup(server.Close)
	h.URL, h.Roots = server.URL+"/nhan", x509.NewCertPool()
	h.Roots.AddCert(server.Certificate())
	return h
}

// Answer sets what is answered after a call was kept; nil is 204.
func (h *Hook) Answer(answer func(w http.ResponseWriter, r *http.Request)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = answer
}

// Calls returns what was taken so far.
func (h *Hook) Calls() []Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Call(nil), h.calls...)
}

func (h *Hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	h.mu.Lock()
	h.calls = append(h.calls, Call{Header: r.Header, Body: body})
	answer := h.answer
	h.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
