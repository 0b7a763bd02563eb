package revocation_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sokyso/custody/revocation"
	"sokyso/signer/authority"
)

var ctx = context.Background()

// clock is a time that tests move.
type clock struct{ atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.Add(int64(d)) }

type school struct {
	*authority.Authority
	*clock
}

func newSchool(t *testing.T) school {
	t.Helper()
	c := &clock{}
	c.Store(time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC).UnixNano())
	a, err := authority.New(authority.Config{Name: "Thử nghiệm", Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return school{a, c}
}

func (s school) certificate(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := s.Issue(key.Public(), authority.Subject{CommonName: "Nguyễn Văn Nghĩa", Profile: authority.Person})
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// listOnly is the certificate as one that names no responder: what stands in it is
// what is asked.
func listOnly(cert *x509.Certificate) *x509.Certificate {
	copied := *cert
	copied.OCSPServer = nil
	return &copied
}

func (s school) checker() *revocation.Checker {
	return revocation.New(revocation.Config{AllowPrivate: true, Now: s.now})
}

func want(t *testing.T, answer revocation.Answer, status revocation.Status) {
	t.Helper()
	if answer.Status != status || (answer.Err == nil) != (status != revocation.Unknown) {
		t.Fatalf("%s (%v), want %s", answer.Status, answer.Err, status)
	}
}

func TestGoodThenRevoked(t *testing.T) {
	s := newSchool(t)
	cert := s.certificate(t)
	for name, cert := range map[string]*x509.Certificate{s.OCSPURL(): cert, s.CRLURL(): listOnly(cert)} {
		answer := s.checker().Ask(ctx, cert)
		want(t, answer, revocation.Good)
		if answer.Source != name {
			t.Errorf("asked %s, want %s", answer.Source, name)
		}
	}
	c := s.checker()
	want(t, c.Status(ctx, cert), revocation.Good)
	at := s.now().Add(-time.Hour)
	if err := s.Revoke(cert.SerialNumber, 1, at); err != nil {
		t.Fatal(err)
	}
	want(t, c.Status(ctx, cert), revocation.Good) // remembered
	s.advance(revocation.GoodFor + time.Second)
	answer := c.Status(ctx, cert)
	want(t, answer, revocation.Revoked)
	if !answer.RevokedAt.Equal(at.Truncate(time.Second)) {
		t.Errorf("revoked at %s, want %s", answer.RevokedAt, at)
	}
	want(t, s.checker().Ask(ctx, listOnly(cert)), revocation.Revoked)
}

// What an authority, or somebody on the way to it, may do wrong never becomes "good".
func TestAnswersThatDoNotCount(t *testing.T) {
	for _, fault := range []authority.Fault{authority.Down, authority.Garbage, authority.Cut, authority.Forged, authority.Stale, authority.Unknown, authority.Serial} {
		t.Run(string(fault), func(t *testing.T) {
			s := newSchool(t)
			cert := s.certificate(t)
			s.Misbehave(authority.ServiceOCSP, fault, -1)
			answer := s.checker().Ask(ctx, cert)
			want(t, answer, revocation.Good) // the list answers instead
			if answer.Source != s.CRLURL() {
				t.Errorf("asked %s", answer.Source)
			}
			if fault == authority.Unknown || fault == authority.Serial {
				fault = authority.OtherList
			}
			s.Misbehave(authority.ServiceCRL, fault, -1)
			want(t, s.checker().Ask(ctx, cert), revocation.Unknown)
		})
	}
	for _, fine := range []authority.Fault{authority.Direct} {
		s := newSchool(t)
		s.Misbehave(authority.ServiceOCSP, fine, -1)
		if answer := s.checker().Ask(ctx, s.certificate(t)); answer.Source != s.OCSPURL() {
			t.Errorf("%s: asked %s: %v", fine, answer.Source, answer.Err)
		}
	}
	s := newSchool(t)
	cert := s.certificate(t)
	want(t, revocation.New(revocation.Config{Now: s.now}).Ask(ctx, cert), revocation.Unknown) // addresses of this machine
	s.advance(20 * 365 * 24 * time.Hour)
	want(t, s.checker().Ask(ctx, cert), revocation.Unknown)
}

// A list is asked for once an hour, and not sent again while it is the same.
func TestAListIsNotFetchedTwice(t *testing.T) {
	s := newSchool(t)
	cert := listOnly(s.certificate(t))
	var asked, sent int
	var body []byte
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("If-None-Match") == `"one"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent++
		w.Header().Set("ETag", `"one"`)
		w.Write(body)
	}))
	defer proxy.Close()
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, strings.TrimPrefix(s.CRLURL(), s.URL()), nil))
	body = recorder.Body.Bytes()
	cert.CRLDistributionPoints = []string{proxy.URL + "/ca.crl"}
	c := s.checker()
	for range 3 {
		want(t, c.Ask(ctx, cert), revocation.Good)
	}
	if asked != 1 || sent != 1 {
		t.Errorf("asked %d times, sent %d times", asked, sent)
	}
	s.advance(61 * time.Minute)
	want(t, c.Ask(ctx, cert), revocation.Good)
	if asked != 2 || sent != 1 {
		t.Errorf("after an hour: asked %d times, sent %d times", asked, sent)
	}
	s.advance(10 * 365 * 24 * time.Hour / 2)
	if answer := c.Ask(ctx, cert); answer.Status == revocation.Good {
		t.Error("a list that is long out of date still counts")
	}
}

func TestARedirectionIsNotFollowed(t *testing.T) {
	s := newSchool(t)
	cert := listOnly(s.certificate(t))
	other := httptest.NewServer(http.RedirectHandler(s.CRLURL(), http.StatusFound))
	defer other.Close()
	cert.CRLDistributionPoints = []string{other.URL, "ldap://ca.example/cn=x", "file:///etc/passwd"}
	answer := s.checker().Ask(ctx, cert)
	want(t, answer, revocation.Unknown)
	if !strings.Contains(answer.Err.Error(), "302") {
		t.Errorf("error %v", answer.Err)
	}
}
