package validation_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/cms"
	"sokyso/signer/validation"
)

func has(s validation.Signature, code string) bool {
	for _, d := range s.Details {
		if d.Code == code {
			return true
		}
	}
	return false
}

func TestTrust(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour)})
	in := sample(t, "minimal.pdf")
	file := w.sign(t, in, who, signer.Options{})
	bare := w.sign(t, in, identity{who.key, who.chain[:1]}, signer.Options{})
	stranger, err := authority.New(authority.Config{Name: "Nơi khác"})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	other := x509.NewCertPool()
	other.AddCert(stranger.Root())
	day := 24 * time.Hour
	for _, test := range []struct {
		name   string
		file   []byte
		opt    validation.Options
		sub    string
		detail string
	}{
		{"trusted", file, validation.Options{Roots: w.roots}, "", validation.DetailRevocationSkipped},
		{"no roots", file, validation.Options{}, validation.NoCertificateChainFound, validation.DetailNoRoots},
		{"other roots", file, validation.Options{Roots: other}, validation.NoCertificateChainFound, validation.DetailNoChain},
		{"no issuer at hand", bare, validation.Options{Roots: w.roots}, validation.NoCertificateChainFound, validation.DetailNoChain},
		{"issuer given", bare, validation.Options{Roots: w.roots, Intermediates: w.authority.Chain()}, "", validation.DetailTimestampAbsent},
		{"expired", file, validation.Options{Roots: w.roots, At: time.Now().Add(3 * day)}, validation.OutOfBoundsNoPOE, validation.DetailExpired},
		{"not yet valid", file, validation.Options{Roots: w.roots, At: time.Now().Add(-3 * day)}, validation.OutOfBoundsNoPOE, validation.DetailNotYetValid},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.opt.Offline = true
			r, err := validation.Validate(context.Background(), bytes.NewReader(test.file), int64(len(test.file)), test.opt)
			if err != nil {
				t.Fatal(err)
			}
			s := r.Signatures[0]
			want := validation.Indeterminate
			if test.sub == "" {
				want = validation.TotalPassed
			}
			if s.Indication != want || s.SubIndication != test.sub || !has(s, test.detail) {
				t.Errorf("%s %s, want %s: %v", s.Indication, s.SubIndication, test.sub, s.Details)
			}
		})
	}
}

// TestSelfSignedWithStrayChain: a self-signed signer beside certificates that do chain to the root is not trusted.
func TestSelfSignedWithStrayChain(t *testing.T) {
	w := newWorld(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Phạm Thu Hằng"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	honest := w.person(t, authority.Subject{})
	file := w.sign(t, sample(t, "minimal.pdf"), identity{key, append([]*x509.Certificate{cert}, honest.chain...)}, signer.Options{})
	s := w.validate(t, file, offline).Signatures[0]
	if s.Indication != validation.Indeterminate || s.SubIndication != validation.NoCertificateChainFound {
		t.Errorf("%s %s %v", s.Indication, s.SubIndication, s.Details)
	}
}

func TestRevocation(t *testing.T) {
	w := newWorld(t)
	online := validation.Options{AllowPrivate: true}
	good, bad := w.person(t, authority.Subject{}), w.person(t, authority.Subject{})
	in := sample(t, "minimal.pdf")
	goodFile, badFile := w.sign(t, in, good, signer.Options{}), w.sign(t, in, bad, signer.Options{})
	revokedAt := time.Now().Add(-time.Minute).Truncate(time.Second)
	if err := w.authority.Revoke(bad.chain[0].SerialNumber, 1, revokedAt); err != nil {
		t.Fatal(err)
	}
	if s := w.validate(t, goodFile, online).Signatures[0]; s.Indication != validation.TotalPassed || !has(s, validation.DetailRevocationGood) {
		t.Errorf("good: %s %s %v", s.Indication, s.SubIndication, s.Details)
	}
	if s := w.validate(t, badFile, online).Signatures[0]; s.SubIndication != validation.RevokedNoPOE || !has(s, validation.DetailRevoked) {
		t.Errorf("revoked: %s %s %v", s.Indication, s.SubIndication, s.Details)
	}
	before := validation.Options{AllowPrivate: true, At: revokedAt.Add(-time.Minute)}
	if s := w.validate(t, badFile, before).Signatures[0]; s.Indication != validation.TotalPassed || !has(s, validation.DetailRevokedLater) {
		t.Errorf("before the revocation: %s %s %v", s.Indication, s.SubIndication, s.Details)
	}
	// Private addresses are not asked unless that is allowed.
	if s := w.validate(t, goodFile, validation.Options{}).Signatures[0]; s.SubIndication != validation.TryLater {
		t.Errorf("private address: %s %s %v", s.Indication, s.SubIndication, s.Details)
	}
	_, _, _, err := validation.Revocation(context.Background(), good.chain[0], good.chain[1], validation.Options{})
	if !errors.Is(err, validation.ErrAddress) {
		t.Errorf("private address: %v", err)
	}
	for name, who := range map[string]identity{"good": good, "revoked": bad} {
		for _, way := range []string{"OCSP", "CRL"} {
			cert := *who.chain[0]
			if way == "CRL" {
				cert.OCSPServer = nil
			} else {
				cert.CRLDistributionPoints = nil
			}
			opt := online
			opt.Cache = &validation.Cache{}
			for round := range 2 {
				status, at, source, err := validation.Revocation(context.Background(), &cert, who.chain[1], opt)
				if err != nil || string(status) != name || name == "revoked" && !at.Equal(revokedAt) || source == "" {
					t.Errorf("%s by %s, round %d: %s %s %q %v", name, way, round, status, at, source, err)
				}
				opt.HTTP = &http.Client{Transport: noNetwork{}} // the second answer comes from the cache
			}
		}
	}
}

type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network")
}

// TestRevocationAnswers has answers that must not be believed.
func TestRevocationAnswers(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	stranger, err := authority.New(authority.Config{Name: "Nơi khác"})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	var answer http.HandlerFunc
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { answer(rw, r) }))
	defer server.Close()
	proxy := func(base string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			request, _ := http.NewRequest(r.Method, base+r.URL.Path, r.Body)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				http.Error(rw, err.Error(), http.StatusBadGateway)
				return
			}
			defer response.Body.Close()
			var b bytes.Buffer
			_, _ = b.ReadFrom(response.Body)
			_, _ = rw.Write(b.Bytes())
		}
	}
	late := func() time.Time { return time.Now().AddDate(1, 0, 0) }
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		now    func() time.Time
		good   bool
	}{
		{"the right one", proxy(w.authority.URL()), nil, true},
		{"another authority's", proxy(stranger.URL()), nil, false},
		{"an old one", proxy(w.authority.URL()), late, false},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, nil, false},
		{"a page", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "<html>") }, nil, false},
		{"an error", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) }, nil, false},
		{"a redirect to a file", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "file:///etc/passwd", http.StatusFound)
		}, nil, false},
		{"a redirect to itself", func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, r.URL.Path, http.StatusFound) }, nil, false},
		{"too much", func(rw http.ResponseWriter, _ *http.Request) {
			for range 40 {
				if _, err := rw.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}, nil, false},
	} {
		for _, way := range []string{"ocsp", "ca.crl"} {
			t.Run(test.name+" by "+way, func(t *testing.T) {
				answer = test.answer
				cert := *who.chain[0]
				cert.OCSPServer, cert.CRLDistributionPoints = nil, nil
				if way == "ocsp" {
					cert.OCSPServer = []string{server.URL + "/ocsp"}
				} else {
					cert.CRLDistributionPoints = []string{"ldap://x/y", server.URL + "/ca.crl"}
				}
				status, _, _, err := validation.Revocation(context.Background(), &cert, who.chain[1], validation.Options{AllowPrivate: true, Now: test.now})
				if (status == validation.Good) != test.good || (err == nil) != test.good {
					t.Errorf("%s %v", status, err)
				}
			})
		}
	}
}

func TestUnreachableIsTryLater(t *testing.T) {
	w := newWorld(t)
	file := w.sign(t, sample(t, "minimal.pdf"), w.person(t, authority.Subject{}), signer.Options{})
	s := w.validate(t, file, validation.Options{HTTP: &http.Client{Transport: noNetwork{}}, AllowPrivate: true}).Signatures[0]
	if s.Indication != validation.Indeterminate || s.SubIndication != validation.TryLater {
		t.Errorf("%s %s %v", s.Indication, s.SubIndication, s.Details)
	}
}

func TestCheckCMS(t *testing.T) {
	w := newWorld(t)
	who, other := w.person(t, authority.Subject{}), w.person(t, authority.Subject{})
	s := w.validate(t, w.sign(t, sample(t, "minimal.pdf"), who, signer.Options{}), offline).Signatures[0]
	if err := validation.CheckCMS(s.CMS, s.ByteRangeDigest, who.chain[0]); err != nil {
		t.Fatal(err)
	}
	if err := validation.CheckCMS(s.CMS, s.ByteRangeDigest, other.chain[0]); !errors.Is(err, cms.ErrSigningCertificate) {
		t.Errorf("another certificate: %v", err)
	}
	sum := sha256.Sum256([]byte("x"))
	if err := validation.CheckCMS(s.CMS, sum[:], who.chain[0]); !errors.Is(err, cms.ErrDigest) {
		t.Errorf("another digest: %v", err)
	}
	if err := validation.CheckCMS(append(bytes.Clone(s.CMS), 0), s.ByteRangeDigest, who.chain[0]); err == nil {
		t.Error("with a byte behind it")
	}
	if err := validation.CheckCMS(nil, s.ByteRangeDigest, who.chain[0]); !errors.Is(err, cms.ErrMalformed) {
		t.Errorf("nothing: %v", err)
	}
}

func TestTimestamp(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{NotAfter: time.Now().Add(24 * time.Hour)})
	file := w.sign(t, sample(t, "minimal.pdf"), who, signer.Options{Level: signer.LevelBT, TSA: w.authority.TSAURL(), Roots: w.roots})
	later := validation.Options{Offline: true, At: time.Now().AddDate(0, 1, 0)}
	s := w.validate(t, file, later).Signatures[0]
	if s.Indication != validation.TotalPassed || s.Level != "B-T" || !has(s, validation.DetailTimestamp) || time.Since(s.BestTime).Abs() > time.Minute {
		t.Errorf("%s %s %s %s %v", s.Indication, s.SubIndication, s.Level, s.BestTime, s.Details)
	}
	plain := w.sign(t, sample(t, "minimal.pdf"), who, signer.Options{})
	if s := w.validate(t, plain, later).Signatures[0]; s.SubIndication != validation.OutOfBoundsNoPOE {
		t.Errorf("without a time-stamp: %s %s", s.Indication, s.SubIndication)
	}
	// A level that can't be reached gives nothing.
	_, err := signer.Sign(context.Background(), bytes.NewReader(sample(t, "minimal.pdf")), who.key, who.chain,
		signer.Options{Level: signer.LevelBT, TSA: strings.Replace(w.authority.TSAURL(), "/tsa", "/none", 1)})
	if signer.CodeOf(err) != signer.CodeTimestampFailed {
		t.Errorf("%v", err)
	}
}
