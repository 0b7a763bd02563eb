package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"golang.org/x/crypto/cryptobyte"

	"sokyso/signer/authority"
)

func newAuthority(t testing.TB) *authority.Authority {
	t.Helper()
	a, err := authority.New(authority.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// stamped makes a signature by id with a time-stamp of the authority.
func stamped(t testing.TB, a *authority.Authority, id identity, req Request) []byte {
	t.Helper()
	sd, err := Parse(mustSign(t, id, req))
	if err != nil {
		t.Fatal(err)
	}
	ts, err := RequestTimestamp(context.Background(), http.DefaultClient, a.TSAURL(), crypto.SHA256, sum(crypto.SHA256, sd.Signers[0].Signature))
	if err != nil {
		t.Fatal(err)
	}
	der, err := sd.AddTimestamp(ts.Raw)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestAddTimestamp(t *testing.T) {
	a, id := newAuthority(t), identities()["rsa2048"]
	dir := id.files(t)
	plain := mustSign(t, id, Request{Chain: id.chain})
	der := stamped(t, a, id, Request{Chain: id.chain})
	sd, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	s := sd.Signers[0]
	if err := s.Verify(sum(crypto.SHA256, content)); err != nil {
		t.Error(err)
	}
	ts, err := s.VerifyTimestamp()
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(ts.GenTime); age < 0 || age > time.Minute || ts.Accuracy != time.Second || ts.Policy != "2.999.3161" || !ts.Certificate.Equal(a.TSACertificate()) {
		t.Errorf("%v ago, accurate to %v, policy %s, by %v", age, ts.Accuracy, ts.Policy, ts.Certificate.Subject)
	}
	// The signed part comes out as it went in: PKCS #1 v1.5 is deterministic.
	before, err := Parse(plain)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before.Signers[0].Signature, s.Signature) || !bytes.Equal(before.certificates.raw, sd.certificates.raw) {
		t.Error("signature or certificates changed")
	}
	if e, rest, err := readElement(der, 0); err != nil || len(rest) != 0 {
		t.Error(err)
	} else if again, err := e.der(0); err != nil || !bytes.Equal(again, der) {
		t.Errorf("not DER: %v", err)
	}

	writeFile(t, dir, "sig.cms", der)
	writeFile(t, dir, "content", content)
	mustOpenssl(t, dir, "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "sig.cms", "-content", "content", "-CAfile", "root.pem",
		"-purpose", "any", "-out", "verified")
	writeFile(t, dir, "value", s.Signature)
	writeFile(t, dir, "token", s.Timestamp)
	writeFile(t, dir, "tsa-root.pem", a.RootPEM())
	if out := mustOpenssl(t, dir, "ts", "-verify", "-data", "value", "-in", "token", "-token_in", "-CAfile", "tsa-root.pem"); !strings.Contains(out, "Verification: OK") {
		t.Error(out)
	}

	// A second one is allowed (ETSI EN 319 122-1 §5.3); the attributes stay sorted.
	twice, err := sd.AddTimestamp(s.Timestamp)
	if err != nil {
		t.Fatal(err)
	}
	if sd, err = Parse(twice); err != nil || len(sd.Signers[0].UnsignedAttributes) != 2 {
		t.Errorf("second time-stamp: %v", err)
	}
}

func TestAddTimestampRefusesTokenOverSomethingElse(t *testing.T) {
	a, id := newAuthority(t), identities()["p256"]
	other, err := Parse(stamped(t, a, id, Request{}))
	if err != nil {
		t.Fatal(err)
	}
	sd, err := Parse(mustSign(t, id, Request{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sd.AddTimestamp(other.Signers[0].Timestamp); !errors.Is(err, ErrTimestamp) {
		t.Errorf("token of another signature: %v", err)
	}
	if _, err := sd.AddTimestamp(mustSign(t, id, Request{})); !errors.Is(err, ErrTimestamp) {
		t.Errorf("signature instead of a token: %v", err)
	}
	if _, err := sd.AddTimestamp([]byte("?")); !errors.Is(err, ErrMalformed) {
		t.Errorf("rubbish: %v", err)
	}
	if ts, err := sd.Signers[0].VerifyTimestamp(); ts != nil || err != nil {
		t.Errorf("no time-stamp: %v %v", ts, err)
	}
}

// tsa is a time-stamping authority that can be told to do wrong.
type tsa struct {
	id    identity
	token func(*timestamp.Timestamp)
}

func (a tsa) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	req, err := timestamp.ParseRequest(body)
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	ts := timestamp.Timestamp{
		HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Time: time.Now(), Nonce: req.Nonce,
		Policy: asn1.ObjectIdentifier{2, 999}, AddTSACertificate: req.Certificates,
	}
	if a.token != nil {
		a.token(&ts)
	}
	der, err := ts.CreateResponseWithOpts(a.id.cert, a.id.key, crypto.SHA256)
	if err != nil {
		http.Error(w, err.Error(), 500)
		return
	}
	w.Write(der)
}

// unit makes a certificate with the given extended key usage.
func unit(critical bool, usages ...asn1.ObjectIdentifier) identity {
	ca, key := issuers(), ecKey(elliptic.P256())
	value, err := asn1.Marshal(usages)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "Dấu thời gian thử"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if len(usages) > 0 {
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: critical, Value: value}}
	}
	return identity{key, mustCertificate(template, ca.cert, key.Public(), ca.key), []*x509.Certificate{ca.cert, ca.root}}
}

func TestRequestTimestampChecksTheAnswer(t *testing.T) {
	stamping, mail := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 4}
	good := unit(true, stamping)
	plain := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status); io.WriteString(w, body) })
	}
	refusal, err := timestamp.CreateErrorResponse(timestamp.Rejection, timestamp.TimeNotAvailable)
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(0x30, func(b *cryptobyte.Builder) {
			b.AddASN1(0x30, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(3)
				b.AddASN1(0x30, func(b *cryptobyte.Builder) {
					b.AddASN1(0x0c, func(b *cryptobyte.Builder) { b.AddBytes([]byte("xin đợi")) })
				})
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	digest := sum(crypto.SHA256, content)
	for name, c := range map[string]struct {
		handler http.Handler
		want    error
	}{
		"good":                     {tsa{id: good}, nil},
		"other digest":             {tsa{id: good, token: func(ts *timestamp.Timestamp) { ts.HashedMessage = sum(crypto.SHA256, nil) }}, ErrTimestamp},
		"other hash":               {tsa{id: good, token: func(ts *timestamp.Timestamp) { ts.HashAlgorithm = crypto.SHA512 }}, ErrTimestamp},
		"other nonce":              {tsa{id: good, token: func(ts *timestamp.Timestamp) { ts.Nonce = big.NewInt(1) }}, ErrTimestamp},
		"no nonce":                 {tsa{id: good, token: func(ts *timestamp.Timestamp) { ts.Nonce = nil }}, ErrTimestamp},
		"no certificate":           {tsa{id: good, token: func(ts *timestamp.Timestamp) { ts.AddTSACertificate = false }}, ErrNoCertificate},
		"certificate for mail":     {tsa{id: unit(true, mail)}, ErrTimestamp},
		"certificate for both":     {tsa{id: unit(true, stamping, mail)}, ErrTimestamp},
		"certificate for anything": {tsa{id: unit(true)}, ErrTimestamp},
		"usage not critical":       {tsa{id: unit(false, stamping)}, ErrTimestamp},
		"another key":              {tsa{id: identity{key: ecKey(elliptic.P256()), cert: good.cert}}, ErrSignature},
		"status 500":               {plain(500, "?"), ErrTimestamp},
		"page of a hotel":          {plain(200, "<html>"), ErrMalformed},
		"empty":                    {plain(200, ""), ErrMalformed},
		"endless":                  {plain(200, strings.Repeat("x", maxResponse+1)), ErrTimestamp},
	} {
		server := httptest.NewServer(c.handler)
		ts, err := RequestTimestamp(t.Context(), server.Client(), server.URL, crypto.SHA256, digest)
		if c.want == nil && (err != nil || !bytes.Equal(ts.Imprint, digest)) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && ts != nil {
			t.Errorf("%s: token in spite of the error", name)
		}
		server.Close()
	}
	for name, c := range map[string]struct {
		body []byte
		want RefusedError
	}{
		"refused": {refusal, RefusedError{Status: 2, Failure: 14}},
		"waiting": {waiting, RefusedError{Status: 3, Failure: -1, Text: "xin đợi"}},
	} {
		server := httptest.NewServer(plain(200, string(c.body)))
		_, err := RequestTimestamp(t.Context(), server.Client(), server.URL, crypto.SHA256, digest)
		var refused *RefusedError
		if !errors.As(err, &refused) || *refused != c.want {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
	if _, err := RequestTimestamp(t.Context(), http.DefaultClient, "http://127.0.0.1:1/", crypto.SHA1, sum(crypto.SHA1, nil)); !errors.Is(err, ErrUnsupported) {
		t.Errorf("SHA-1: %v", err)
	}
}

func TestRequestTimestampKeepsTheDeadline(t *testing.T) {
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-stop }))
	defer server.Close()
	defer close(stop)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := RequestTimestamp(ctx, server.Client(), server.URL, crypto.SHA256, sum(crypto.SHA256, content))
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

// TestOpenSSLTimestamp reads tokens of another writer: with signing-certificate
// version 1 (SHA-1) and 2, accuracy in milli- and microseconds, TSA name.
func TestOpenSSLTimestamp(t *testing.T) {
	id := unit(true, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8})
	dir := id.files(t)
	writeFile(t, dir, "serial", []byte("01\n"))
	writeFile(t, dir, "content", content)
	mustOpenssl(t, dir, "ts", "-query", "-data", "content", "-sha384", "-cert", "-out", "query")
	for _, digest := range []string{"sha1", "sha256", "sha512"} {
		config := fmt.Sprintf("[tsa]\ndefault_tsa=unit\n[unit]\ndir=%s\nserial=$dir/serial\nsigner_cert=$dir/cert.pem\ncerts=$dir/issuer.pem\n"+
			"signer_key=$dir/key.pem\nsigner_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256,sha384\naccuracy=secs:1,millisecs:500,microsecs:100\n"+
			"clock_precision_digits=3\nordering=yes\ntsa_name=yes\ness_cert_id_chain=yes\ness_cert_id_alg=%s\n", dir, digest)
		writeFile(t, dir, "ts.conf", []byte(config))
		mustOpenssl(t, dir, "ts", "-reply", "-config", "ts.conf", "-queryfile", "query", "-token_out", "-out", "token")
		ts, err := ParseTimestamp(readFile(t, dir, "token"))
		if err != nil {
			t.Fatalf("%s: %v", digest, err)
		}
		if err := ts.Verify(sum(crypto.SHA384, content)); err != nil {
			t.Errorf("%s: %v", digest, err)
		}
		if ts.Hash != crypto.SHA384 || ts.Policy != "1.2.3.4" || ts.Accuracy != 1500*time.Millisecond+100*time.Microsecond || ts.Nonce == nil || time.Since(ts.GenTime) > time.Minute {
			t.Errorf("%s: %+v", digest, ts)
		}
		if ts.WeakHash() != 0 { // the reference alone makes none weak
			t.Errorf("%s: weak is %v", digest, ts.WeakHash())
		}
		if err := ts.Verify(sum(crypto.SHA384, nil)); !errors.Is(err, ErrTimestamp) {
			t.Errorf("%s, other content: %v", digest, err)
		}
	}
}

func TestEveryBitOfATimestampCounts(t *testing.T) {
	a := newAuthority(t)
	digest := sum(crypto.SHA256, content)
	ts, err := RequestTimestamp(t.Context(), http.DefaultClient, a.TSAURL(), crypto.SHA256, digest)
	if err != nil {
		t.Fatal(err)
	}
	token := bytes.Clone(ts.Raw)
	start := bytes.Index(token, ts.SignedData.Content)
	for i := start; i < start+len(ts.SignedData.Content); i++ {
		for bit := range 8 {
			token[i] ^= 1 << bit
			if changed, err := ParseTimestamp(token); err == nil && changed.Verify(digest) == nil {
				t.Errorf("bit %d of byte %d may be flipped", bit, i)
			}
			token[i] ^= 1 << bit
		}
	}
}

func TestGenTime(t *testing.T) {
	for in, want := range map[string]string{
		"20261123141500Z":      "2026-11-23T14:15:00Z",
		"20261123141500.25Z":   "2026-11-23T14:15:00.25Z",
		"20261123141500":       "",
		"20261123141500+0700":  "",
		"20261123141560Z":      "",
		"20261323141500Z":      "",
		"261123141500Z":        "",
		"20261123141500.Z":     "",
		"20261123141500.25ZZ":  "",
		"20261123141500,250Z ": "",
	} {
		got, ok := readGenTime(in)
		if ok != (want != "") || ok && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v %v", in, got, ok)
		}
	}
}

// ExampleSignedData_AddTimestamp raises a signature to level B-T.
func ExampleSignedData_AddTimestamp() {
	tsa, err := authority.New(authority.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tsa.Close()
	key := ecKey(elliptic.P256())
	cert, err := tsa.Issue(key.Public(), authority.Subject{CommonName: "Nguyễn Văn Nghĩa"})
	if err != nil {
		fmt.Println(err)
		return
	}
	digest := sum(crypto.SHA256, []byte("the ranges of the ByteRange"))
	der, err := Sign(rand.Reader, key, Request{Digest: digest, Certificate: cert, Chain: tsa.Chain()})
	if err != nil {
		fmt.Println(err)
		return
	}
	sd, err := Parse(der)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	value := sum(crypto.SHA256, sd.Signers[0].Signature)
	ts, err := RequestTimestamp(ctx, http.DefaultClient, tsa.TSAURL(), crypto.SHA256, value)
	if err != nil {
		fmt.Println(err)
		return
	}
	if der, err = sd.AddTimestamp(ts.Raw); err != nil {
		fmt.Println(err)
		return
	}
	if sd, err = Parse(der); err != nil {
		fmt.Println(err)
		return
	}
	ts, err = sd.Signers[0].VerifyTimestamp()
	fmt.Println(sd.Signers[0].Certificate.Subject.CommonName, sd.Signers[0].Verify(digest), ts.Accuracy, err)
	// Output: Nguyễn Văn Nghĩa <nil> 1s <nil>
}
