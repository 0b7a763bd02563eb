package signer_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/authority"
)

// trouble is a world of its own, whose services can be told to fail.
func trouble(t testing.TB) *world {
	t.Helper()
	a, err := authority.New(authority.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	w := &world{authority: a, roots: x509.NewCertPool()}
	w.roots.AddCert(a.Root())
	w.deputy = w.person(t)
	return w
}

func (w *world) person(t testing.TB) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := w.authority.Issue(key.Public(), authority.Subject{CommonName: "Trần Thị Hòa"})
	if err != nil {
		t.Fatal(err)
	}
	return identity{key, append([]*x509.Certificate{cert}, w.authority.Chain()...)}
}

// client lets a test act before the nth request to the authority's TSA.
type client struct {
	before func(n int)
	n      atomic.Int32
}

func (c *client) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/tsa") {
		c.before(int(c.n.Add(1)))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestServicesFail: whatever a service does, the level is reached or there is no document, and what can be found out
// before the key is used is.
func TestServicesFail(t *testing.T) {
	const always = -1
	tsa, ocsp, crl, root := authority.ServiceTSA, authority.ServiceOCSP, authority.ServiceCRL, authority.ServiceRootCRL
	w := trouble(t)
	a := w.authority
	stranger := trouble(t)
	type fault struct {
		service authority.Service
		fault   authority.Fault
		times   int
	}
	unit := func(s authority.Subject) func() {
		return func() {
			if _, err := a.NewStampingUnit(s); err != nil {
				t.Error(err)
			}
		}
	}
	responder := func(s authority.Subject) func() {
		return func() {
			if _, err := a.NewResponder(s); err != nil {
				t.Error(err)
			}
		}
	}
	revoke := func(c *x509.Certificate) {
		if err := a.Revoke(c.SerialNumber, 1, time.Now().Add(-time.Minute)); err != nil {
			t.Error(err)
		}
	}
	past := authority.Subject{NotBefore: time.Now().AddDate(-2, 0, 0), NotAfter: time.Now().AddDate(-1, 0, 0)}
	for _, test := range []struct {
		name   string
		faults []fault
		setup  func()
		stamp  int    // before which time-stamp the faults begin: 0 = at once, 2 = that of the signature, 3 = of the document
		tsa    string // another authority
		code   string // "" = the level is reached
		used   int32  // how often the key is
		asked  int    // tries of the TSA; 0 = not looked at
		known  bool   // whoever signs has the responder's certificate
	}{
		{name: "TSA down", faults: []fault{{tsa, authority.Down, always}}, code: signer.CodeTimestampFailed, asked: 3},
		{name: "TSA down for a moment", faults: []fault{{tsa, authority.Down, 2}}, used: 1, asked: 5},
		{name: "TSA busy for a moment", faults: []fault{{tsa, authority.Busy, 1}}, used: 1, asked: 4},
		{name: "TSA cuts once", faults: []fault{{tsa, authority.Cut, 1}}, used: 1, asked: 4},
		{name: "TSA cuts always", faults: []fault{{tsa, authority.Cut, always}}, code: signer.CodeTimestampFailed, asked: 3},
		{name: "TSA hangs", faults: []fault{{tsa, authority.Hang, always}}, code: signer.CodeTimestampFailed, asked: 3},
		{name: "TSA refuses", faults: []fault{{tsa, authority.Refuse, always}}, code: signer.CodeTimestampFailed, asked: 1},
		{name: "TSA is a web page", faults: []fault{{tsa, authority.Garbage, always}}, code: signer.CodeTimestampFailed, asked: 1},
		{name: "TSA lies: nonce", faults: []fault{{tsa, authority.Nonce, always}}, code: signer.CodeTimestampFailed, asked: 1},
		{name: "TSA lies: imprint", faults: []fault{{tsa, authority.Imprint, always}}, code: signer.CodeTimestampFailed, asked: 1},
		{name: "TSA lies: signature", faults: []fault{{tsa, authority.Forged, always}}, code: signer.CodeTimestampFailed, asked: 1},
		{name: "TSA lies: time", faults: []fault{{tsa, authority.Ahead, always}}, code: signer.CodeTimestampFailed, asked: 1},
		{name: "TSA with a person's certificate", setup: unit(authority.Subject{Profile: authority.Person}), code: signer.CodeTimestampFailed, asked: 1},
		{name: "TSA with an expired certificate", setup: unit(past), code: signer.CodeTimestampUntrusted},
		{name: "TSA of others", tsa: stranger.authority.TSAURL(), code: signer.CodeTimestampUntrusted},
		{name: "TSA revoked", setup: func() { revoke(a.TSACertificate()) }, code: signer.CodeCertificateRevoked},
		{name: "no OCSP", faults: []fault{{ocsp, authority.Down, always}}, used: 1},
		{name: "no OCSP, no list", faults: []fault{{ocsp, authority.Down, always}, {crl, authority.Down, always}}, code: signer.CodeRevocationUnknown},
		{name: "OCSP of nobody", faults: []fault{{ocsp, authority.Unknown, always}, {crl, authority.Down, always}}, code: signer.CodeRevocationUnknown},
		{name: "OCSP of another", faults: []fault{{ocsp, authority.Serial, always}, {crl, authority.OtherList, always}}, code: signer.CodeRevocationUnknown},
		{name: "stale", faults: []fault{{ocsp, authority.Stale, always}, {crl, authority.Stale, always}}, code: signer.CodeRevocationUnknown},
		{name: "forged", faults: []fault{{ocsp, authority.Forged, always}, {crl, authority.Forged, always}}, code: signer.CodeRevocationUnknown},
		{name: "web pages", faults: []fault{{ocsp, authority.Garbage, always}, {crl, authority.Garbage, always}}, code: signer.CodeRevocationUnknown},
		{name: "expired responder", setup: responder(past), faults: []fault{{crl, authority.Down, always}}, code: signer.CodeRevocationUnknown},
		{name: "responder on a list", setup: responder(authority.Subject{Profile: authority.OCSPOnList}), used: 1},
		{name: "responder on a list that is not there", setup: responder(authority.Subject{Profile: authority.OCSPOnList}), faults: []fault{{crl, authority.Down, always}}, code: signer.CodeRevocationUnknown},
		{name: "responder's certificate left out", faults: []fault{{ocsp, authority.Bare, always}, {crl, authority.Down, always}}, known: true, used: 1},
		{name: "responder's certificate left out and unknown", faults: []fault{{ocsp, authority.Bare, always}, {crl, authority.Down, always}}, code: signer.CodeRevocationUnknown},
		{name: "responder's certificate left out, of a person", setup: responder(authority.Subject{Profile: authority.Person}), known: true,
			faults: []fault{{ocsp, authority.Bare, always}, {crl, authority.Down, always}}, code: signer.CodeRevocationUnknown},
		{name: "the CA answers itself", faults: []fault{{ocsp, authority.Direct, always}, {crl, authority.Down, always}}, used: 1},
		{name: "no list of the root", faults: []fault{{root, authority.Down, always}}, code: signer.CodeRevocationUnknown},

		{name: "TSA down after the key", faults: []fault{{tsa, authority.Down, always}}, stamp: 2, code: signer.CodeTimestampFailed, used: 1, asked: 4},
		{name: "TSA down for a moment after the key", faults: []fault{{tsa, authority.Down, 2}}, stamp: 2, used: 1, asked: 5},
		{name: "long token after the key", faults: []fault{{tsa, authority.LongToken, 1}}, stamp: 2, code: signer.CodeTimestampFailed, used: 1},
		{name: "long token for the document", faults: []fault{{tsa, authority.LongToken, 1}}, stamp: 3, code: signer.CodeTimestampFailed, used: 1},
		{name: "TSA down for the document", faults: []fault{{tsa, authority.Down, always}}, stamp: 3, code: signer.CodeTimestampFailed, used: 1},
		{name: "another unit after the key", setup: unit(authority.Subject{CommonName: "TSA 2"}), stamp: 2, used: 1},
		{name: "another unit of which nobody knows", setup: unit(authority.Subject{CommonName: "TSA 3"}),
			faults: []fault{{ocsp, authority.Down, always}, {crl, authority.Down, always}}, stamp: 2, code: signer.CodeRevocationUnknown, used: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			begin := func() {
				for _, f := range test.faults {
					a.Misbehave(f.service, f.fault, f.times)
				}
				if test.setup != nil {
					test.setup()
				}
			}
			defer func() {
				for _, s := range []authority.Service{tsa, ocsp, crl, root} {
					a.Misbehave(s, "", 0)
				}
				unit(authority.Subject{CommonName: "TSA"})()
				responder(authority.Subject{CommonName: "OCSP"})()
			}()
			opt := w.at(signer.LevelBLTA)
			if test.tsa != "" {
				opt.TSA = test.tsa
			}
			if test.name == "TSA hangs" {
				opt.Stamping.Timeout = 20 * time.Millisecond
			}
			opt.HTTP = &http.Client{Transport: &client{before: func(n int) {
				if n == test.stamp {
					begin()
				}
			}}}
			if test.stamp == 0 {
				begin()
			}
			if test.known {
				opt.Intermediates = []*x509.Certificate{a.Responder()}
			}
			key := &keyCount{Signer: w.deputy.key}
			before := a.Asked(tsa)
			d, err := signer.Sign(context.Background(), bytes.NewReader(sample(t, "minimal.pdf")), key, w.deputy.chain, opt)
			if signer.CodeOf(err) != test.code || (d == nil) != (test.code != "") || err != nil && test.code == "" {
				t.Errorf("code %q, want %q: %v", signer.CodeOf(err), test.code, err)
			}
			if key.n.Load() != test.used {
				t.Errorf("the key was used %d times, want %d", key.n.Load(), test.used)
			}
			if n := a.Asked(tsa) - before; test.asked > 0 && n != test.asked {
				t.Errorf("the TSA was asked %d times, want %d", n, test.asked)
			}
			if d != nil {
				var out bytes.Buffer
				if _, err := d.WriteTo(&out); err != nil {
					t.Fatal(err)
				}
				if got := w.levels(t, out.Bytes()); got != "B-LTA stamp" {
					t.Error(got)
				}
			}
		})
	}
	t.Run("revoked", func(t *testing.T) {
		who := w.person(t)
		signed, _ := w.sign(t, sample(t, "minimal.pdf"), who, signer.Options{})
		revoke(who.chain[0])
		key := &keyCount{Signer: who.key}
		_, err := signer.Sign(context.Background(), bytes.NewReader(sample(t, "minimal.pdf")), key, who.chain, w.at(signer.LevelBLT))
		if signer.CodeOf(err) != signer.CodeCertificateRevoked || key.n.Load() != 0 {
			t.Errorf("sign: %v, key used %d times", err, key.n.Load())
		}
		if err := signer.Foresee(context.Background(), who.chain, w.at(signer.LevelBLT)); signer.CodeOf(err) != signer.CodeCertificateRevoked {
			t.Errorf("foresee: %v", err)
		}
		if _, err := signer.Augment(context.Background(), bytes.NewReader(signed), w.at(signer.LevelBLTA)); signer.CodeOf(err) != signer.CodeCertificateRevoked {
			t.Errorf("augment: %v", err)
		}
	})
	t.Run("augment", func(t *testing.T) {
		signed, _ := w.sign(t, sample(t, "minimal.pdf"), w.deputy, signer.Options{})
		for name, test := range map[string]struct {
			faults []fault
			code   string
		}{
			"TSA down":         {[]fault{{tsa, authority.Down, always}}, signer.CodeTimestampFailed},
			"TSA lies":         {[]fault{{tsa, authority.Nonce, always}}, signer.CodeTimestampFailed},
			"no OCSP, no list": {[]fault{{ocsp, authority.Down, always}, {crl, authority.Down, always}}, signer.CodeRevocationUnknown},
			"stale":            {[]fault{{ocsp, authority.Stale, always}, {crl, authority.Stale, always}}, signer.CodeRevocationUnknown},
		} {
			for _, f := range test.faults {
				a.Misbehave(f.service, f.fault, f.times)
			}
			d, err := signer.Augment(context.Background(), bytes.NewReader(signed), w.at(signer.LevelBLTA))
			if d != nil || signer.CodeOf(err) != test.code {
				t.Errorf("%s: %v", name, err)
			}
			for _, f := range test.faults {
				a.Misbehave(f.service, "", 0)
			}
		}
	})
	t.Run("issuer revoked", func(t *testing.T) {
		revoke(a.Issuing())
		key := &keyCount{Signer: w.deputy.key}
		_, err := signer.Sign(context.Background(), bytes.NewReader(sample(t, "minimal.pdf")), key, w.deputy.chain, w.at(signer.LevelBLT))
		if signer.CodeOf(err) != signer.CodeCertificateRevoked || key.n.Load() != 0 {
			t.Errorf("%v, key used %d times", err, key.n.Load())
		}
	})
}

// TestStampingQueue: no more requests than allowed are under way to one authority.
func TestStampingQueue(t *testing.T) {
	w := newWorld(t)
	const allowed, signatures = 2, 8
	var under, most atomic.Int32
	entered, release := make(chan struct{}, 64), make(chan struct{})
	var once sync.Once // closes release
	opt := w.at(signer.LevelBT)
	opt.Stamping.AtOnce = allowed
	// The trial, so that the signatures do not wait for one another.
	if err := signer.Foresee(context.Background(), w.deputy.chain, opt); err != nil {
		t.Fatal(err)
	}
	opt.HTTP = &http.Client{Transport: &client{before: func(int) {
		n := under.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		entered <- struct{}{}
		<-release
		under.Add(-1)
	}}}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var group sync.WaitGroup
	for range signatures {
		group.Go(func() {
			if _, err := signer.Sign(ctx, bytes.NewReader(sample(t, "minimal.pdf")), w.deputy.key, w.deputy.chain, opt); err != nil {
				t.Error(err)
			}
		})
	}
	// Nothing below waits for ever: what is under way ends with the minute.
	go func() {
		<-ctx.Done()
		once.Do(func() { close(release) })
	}()
	for range allowed {
		select {
		case <-entered:
		case <-ctx.Done():
			t.Fatal("fewer requests than allowed are under way")
		}
	}
	// Who waits for a turn may give up waiting.
	gone, giveUp := context.WithCancel(ctx)
	giveUp()
	if _, err := signer.Sign(gone, bytes.NewReader(sample(t, "minimal.pdf")), w.deputy.key, w.deputy.chain, opt); signer.CodeOf(err) != signer.CodeCancelled {
		t.Errorf("cancelled: %v", err)
	}
	once.Do(func() { close(release) })
	group.Wait()
	if most.Load() != allowed {
		t.Errorf("%d requests were under way at once", most.Load())
	}
}
