package authority_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"golang.org/x/crypto/ocsp"

	"sokyso/signer/authority"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func get(t *testing.T, address string) []byte {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", address, response.Status, err)
	}
	return body
}

func post(t *testing.T, address string, body []byte) []byte {
	t.Helper()
	response, err := http.Post(address, "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", address, response.Status, err)
	}
	return answer
}

func TestCertificatesHaveTheShapeOfGovernmentOnes(t *testing.T) {
	s := newSchool(t, teacher)
	var name strings.Builder
	for _, n := range s.cert.Subject.Names {
		fmt.Fprintf(&name, "%v=%v/", n.Type, n.Value)
	}
	const want = "2.5.4.6=VN/2.5.4.7=Hoa Mai/2.5.4.10=UBND tỉnh Hoa Mai/2.5.4.11=UBND xã Hoa Cúc/" +
		"2.5.4.11=Trường Mầm non Hoa Sen/2.5.4.3=Nguyễn Văn Nghĩa/1.2.840.113549.1.9.1=nghia@hoasen.example/"
	if name.String() != want {
		t.Errorf("name\n%s, want\n%s", name.String(), want)
	}
	if s.cert.KeyUsage != x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment || s.cert.IsCA {
		t.Errorf("key usage %b, CA %v", s.cert.KeyUsage, s.cert.IsCA)
	}
	for _, c := range []struct{ got, want string }{
		{s.cert.CRLDistributionPoints[0], s.CRLURL()}, {s.cert.OCSPServer[0], s.OCSPURL()},
		{s.cert.IssuingCertificateURL[0], s.URL() + "/issuing.crt"},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
	for path, want := range map[string][]byte{"/root.crt": s.Root().Raw, "/issuing.crt": s.Issuing().Raw} {
		if !bytes.Equal(get(t, s.URL()+path), want) {
			t.Errorf("%s is another certificate", path)
		}
	}
}

func TestChainVerifies(t *testing.T) {
	s := newSchool(t, teacher)
	roots, middle := x509.NewCertPool(), x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.RootPEM()) {
		t.Fatal("root is not PEM")
	}
	middle.AddCert(s.Chain()[0])
	for name, c := range map[string]struct {
		cert  *x509.Certificate
		usage x509.ExtKeyUsage
	}{"person": {s.cert, x509.ExtKeyUsageEmailProtection}, "tsa": {s.TSACertificate(), x509.ExtKeyUsageTimeStamping}} {
		if _, err := c.cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middle, KeyUsages: []x509.ExtKeyUsage{c.usage}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIssueInThePast(t *testing.T) {
	expired := teacher
	expired.NotBefore, expired.NotAfter = time.Now().AddDate(-6, 0, 0), time.Now().AddDate(-1, 0, 0)
	s := newSchool(t, expired)
	roots, middle := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(s.Root())
	middle.AddCert(s.Issuing())
	verify := func(at time.Time) error {
		_, err := s.cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middle, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		return err
	}
	if err := verify(time.Now().AddDate(-3, 0, 0)); err != nil {
		t.Errorf("three years ago: %v", err)
	}
	var invalid x509.CertificateInvalidError
	if err := verify(time.Now()); !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("now: %v", err)
	}
}

func TestOCSP(t *testing.T) {
	s := newSchool(t, teacher)
	for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
		request, err := ocsp.CreateRequest(s.cert, s.Issuing(), &ocsp.RequestOptions{Hash: hash})
		if err != nil {
			t.Fatal(err)
		}
		encoded := base64.StdEncoding.EncodeToString(request)
		for way, answer := range map[string][]byte{
			"POST":        post(t, s.OCSPURL(), request),
			"GET":         get(t, s.OCSPURL()+"/"+encoded),
			"GET escaped": get(t, s.OCSPURL()+"/"+url.QueryEscape(encoded)),
		} {
			r, err := ocsp.ParseResponseForCert(answer, s.cert, s.Issuing())
			if err != nil || r.Status != ocsp.Good {
				t.Errorf("%v %s: %+v %v", hash, way, r, err)
			}
		}
	}
	stranger := *s.cert
	stranger.SerialNumber = big.NewInt(4711)
	request, err := ocsp.CreateRequest(&stranger, s.Issuing(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := ocsp.ParseResponse(post(t, s.OCSPURL(), request), s.Issuing()); err != nil || r.Status != ocsp.Unknown {
		t.Errorf("serial number never given out: %+v %v", r, err)
	}
	if request, err = ocsp.CreateRequest(s.Issuing(), s.Root(), nil); err != nil {
		t.Fatal(err)
	}
	var refused ocsp.ResponseError
	if _, err := ocsp.ParseResponse(post(t, s.OCSPURL(), request), nil); !errors.As(err, &refused) || refused.Status != ocsp.Unauthorized {
		t.Errorf("certificate of the root: %v", err)
	}
	if _, err := ocsp.ParseResponse(post(t, s.OCSPURL(), []byte("?")), nil); !errors.As(err, &refused) || refused.Status != ocsp.Malformed {
		t.Errorf("rubbish: %v", err)
	}
}

// TestGetOCSPWithTwoSlashes has a serial number whose request contains "//" in
// base64, which a path-cleaning router redirects.
func TestGetOCSPWithTwoSlashes(t *testing.T) {
	s := newSchool(t, teacher)
	leaf := *s.cert
	for n := int64(0); ; n++ {
		leaf.SerialNumber = new(big.Int).Add(big.NewInt(0x7fffffffffff0000), big.NewInt(n))
		request, err := ocsp.CreateRequest(&leaf, s.Issuing(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if encoded := base64.StdEncoding.EncodeToString(request); strings.Contains(encoded, "//") {
			r, err := ocsp.ParseResponse(get(t, s.OCSPURL()+"/"+encoded), s.Issuing())
			if err != nil || r.Status != ocsp.Unknown || r.SerialNumber.Cmp(leaf.SerialNumber) != 0 {
				t.Errorf("%+v %v", r, err)
			}
			return
		}
	}
}

func TestRevokeShowsAtOnce(t *testing.T) {
	s := newSchool(t, teacher)
	at := time.Date(2026, 9, 5, 7, 30, 0, 0, time.UTC)
	if err := s.Revoke(s.cert.SerialNumber, 1, at); err != nil {
		t.Fatal(err)
	}
	request, err := ocsp.CreateRequest(s.cert, s.Issuing(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ocsp.ParseResponseForCert(post(t, s.OCSPURL(), request), s.cert, s.Issuing())
	if err != nil || r.Status != ocsp.Revoked || !r.RevokedAt.Equal(at) || r.RevocationReason != ocsp.KeyCompromise {
		t.Errorf("OCSP: %+v %v", r, err)
	}
	list, err := x509.ParseRevocationList(get(t, s.CRLURL()))
	if err != nil {
		t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(s.Issuing()); err != nil {
		t.Error(err)
	}
	if e := list.RevokedCertificateEntries; len(e) != 1 || e[0].SerialNumber.Cmp(s.cert.SerialNumber) != 0 || !e[0].RevocationTime.Equal(at) || e[0].ReasonCode != 1 {
		t.Errorf("list: %+v", e)
	}
	for _, c := range []struct {
		serial *big.Int
		reason int
		want   error
	}{{s.cert.SerialNumber, 1, authority.ErrRevoked}, {big.NewInt(4711), 1, authority.ErrNotIssued}} {
		if err := s.Revoke(c.serial, c.reason, at); !errors.Is(err, c.want) {
			t.Errorf("revoke %x: %v", c.serial, err)
		}
	}
	if err := s.Revoke(s.TSACertificate().SerialNumber, 7, at); err == nil {
		t.Error("reason 7 does not exist")
	}
}

func TestTimestampRefusals(t *testing.T) {
	s := newSchool(t, teacher)
	sha256Sum, sha1Sum := sha256.Sum256(nil), sha1.Sum(nil)
	for name, request := range map[string]*timestamp.Request{
		"SHA-1":          {HashAlgorithm: crypto.SHA1, HashedMessage: sha1Sum[:]},
		"digest cut off": {HashAlgorithm: crypto.SHA256, HashedMessage: sha256Sum[:20]},
		"other policy":   {HashAlgorithm: crypto.SHA256, HashedMessage: sha256Sum[:], TSAPolicyOID: []int{1, 2, 3}},
	} {
		der, err := request.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := timestamp.ParseResponse(post(t, s.TSAURL(), der)); err == nil || !strings.Contains(err.Error(), "rejected") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := timestamp.ParseResponse(post(t, s.TSAURL(), []byte("?"))); err == nil || !strings.Contains(err.Error(), "rejected") {
		t.Errorf("rubbish: %v", err)
	}
}

func TestServerRefuses(t *testing.T) {
	s := newSchool(t, teacher)
	for _, c := range []struct {
		method, path string
		want         int
	}{{"GET", "/", 404}, {"GET", "/state.json", 404}, {"GET", "/root.key", 404}, {"GET", "/tsa", 405}, {"PUT", "/ocsp", 405}, {"POST", "/ca.crl", 404}} {
		request, err := http.NewRequest(c.method, s.URL()+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("%s %s: %s", c.method, c.path, response.Status)
		}
	}
}

func TestFolderServesTheSameAuthorityAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	first, err := authority.New(authority.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := first.Issue(newKey(t).Public(), teacher)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Revoke(cert.SerialNumber, 4, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := authority.New(authority.Config{Dir: dir}); err == nil {
		t.Error("two authorities on one folder")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := authority.New(authority.Config{Dir: dir, Name: "another name changes nothing"})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if second.URL() != first.URL() || !second.Root().Equal(first.Root()) || !second.Issuing().Equal(first.Issuing()) || !second.TSACertificate().Equal(first.TSACertificate()) {
		t.Error("another authority")
	}
	list, err := x509.ParseRevocationList(get(t, second.CRLURL()))
	if err != nil || len(list.RevokedCertificateEntries) != 1 {
		t.Errorf("revocation forgotten: %v", err)
	}
	other, err := second.Issue(newKey(t).Public(), teacher)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.CheckSignatureFrom(first.Issuing()); err != nil {
		t.Error(err)
	}
	if _, err := authority.New(authority.Config{Dir: dir, Listen: "127.0.0.1:1"}); err == nil {
		t.Error("certificates name another address")
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".key") && d.Name() != "state.json" {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", d.Name(), info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "issued", fmt.Sprintf("%x.crt", cert.SerialNumber))); err != nil {
		t.Error(err)
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "nonsense"} {
		if a, err := authority.New(authority.Config{Listen: address}); err == nil {
			a.Close()
			t.Errorf("listens on %s", address)
		}
	}
}

func TestListensWhereTold(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	a, err := authority.New(authority.Config{Listen: address})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if a.URL() != "http://"+address {
		t.Errorf("%s, want %s", a.URL(), address)
	}
}

// TestManyAtOnce issues, revokes and asks from several goroutines.
func TestManyAtOnce(t *testing.T) {
	s := newSchool(t, teacher)
	key := newKey(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			cert, err := s.Issue(key.Public(), teacher)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Revoke(cert.SerialNumber, 5, time.Time{}); err != nil {
				t.Error(err)
			}
			request, err := ocsp.CreateRequest(cert, s.Issuing(), nil)
			if err != nil {
				t.Error(err)
				return
			}
			response, err := http.Post(s.OCSPURL(), "application/ocsp-request", bytes.NewReader(request))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			answer, err := io.ReadAll(response.Body)
			if err != nil {
				t.Error(err)
				return
			}
			if r, err := ocsp.ParseResponseForCert(answer, cert, s.Issuing()); err != nil || r.Status != ocsp.Revoked {
				t.Errorf("%+v %v", r, err)
			}
		})
	}
	group.Wait()
	list, err := x509.ParseRevocationList(get(t, s.CRLURL()))
	if err != nil || len(list.RevokedCertificateEntries) != 8 {
		t.Errorf("%d on the list, %v", len(list.RevokedCertificateEntries), err)
	}
}

func TestNow(t *testing.T) {
	day := time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)
	a, err := authority.New(authority.Config{Now: func() time.Time { return day }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	list, err := x509.ParseRevocationList(get(t, a.CRLURL()))
	if err != nil || !list.ThisUpdate.Equal(day) {
		t.Errorf("list of %v, %v", list.ThisUpdate, err)
	}
	sum := sha256.Sum256(nil)
	der, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Certificates: true}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if ts, err := timestamp.ParseResponse(post(t, a.TSAURL(), der)); err != nil || !ts.Time.Equal(day) {
		t.Errorf("time-stamp: %+v %v", ts, err)
	}
}
