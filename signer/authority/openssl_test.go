package authority_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sokyso/signer/authority"
)

// school is a teacher's certificate of a running authority, in files.
type school struct {
	*authority.Authority
	cert *x509.Certificate
	dir  string
}

func newSchool(t *testing.T, s authority.Subject) school {
	t.Helper()
	a, err := authority.New(authority.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Issue(key.Public(), s)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, c := range map[string]*x509.Certificate{"leaf.pem": cert, "issuing.pem": a.Issuing(), "root.pem": a.Root()} {
		writePEM(t, filepath.Join(dir, name), "CERTIFICATE", c.Raw)
	}
	return school{a, cert, dir}
}

var teacher = authority.Subject{
	CommonName: "Nguyễn Văn Nghĩa", Organization: "UBND tỉnh Hoa Mai", ParentUnit: "UBND xã Hoa Cúc",
	OrganizationalUnit: "Trường Mầm non Hoa Sen", Locality: "Hoa Mai", Email: "nghia@hoasen.example",
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// openssl runs the command in the school's folder and returns all its output.
func (s school) openssl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s school) fetch(t *testing.T, url, file string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", url, response.Status, err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, file), body, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpenSSLVerifiesChainWithLists(t *testing.T) {
	s := newSchool(t, teacher)
	check := func() (string, error) {
		s.fetch(t, s.CRLURL(), "ca.crl")
		s.fetch(t, s.URL()+"/root.crl", "root.crl")
		return s.openssl(t, "verify", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "-CRLfile", "ca.crl", "-CRLfile", "root.crl",
			"-crl_check_all", "-x509_strict", "leaf.pem")
	}
	if out, err := check(); err != nil {
		t.Fatalf("before revocation: %s", out)
	}
	if err := s.Revoke(s.cert.SerialNumber, 1, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if out, err := check(); err == nil || !strings.Contains(out, "certificate revoked") {
		t.Fatalf("after revocation: %s", out)
	}
	if out, _ := s.openssl(t, "crl", "-in", "ca.crl", "-noout", "-text"); !strings.Contains(out, "Key Compromise") {
		t.Errorf("list without the reason:\n%s", out)
	}
}

func TestOpenSSLFindsRevokedIssuer(t *testing.T) {
	s := newSchool(t, teacher)
	if err := s.Revoke(s.Issuing().SerialNumber, 5, time.Time{}); err != nil {
		t.Fatal(err)
	}
	s.fetch(t, s.CRLURL(), "ca.crl")
	s.fetch(t, s.URL()+"/root.crl", "root.crl")
	out, err := s.openssl(t, "verify", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "-CRLfile", "ca.crl", "-CRLfile", "root.crl",
		"-crl_check_all", "leaf.pem")
	if err == nil || !strings.Contains(out, "certificate revoked") || !strings.Contains(out, "at 1 depth") {
		t.Fatal(out)
	}
}

func TestOpenSSLAsksOCSP(t *testing.T) {
	s := newSchool(t, teacher)
	ask := func(args ...string) string {
		args = append([]string{"ocsp", "-CAfile", "root.pem", "-verify_other", "issuing.pem", "-url", s.OCSPURL()}, args...)
		out, err := s.openssl(t, append(args, "-issuer", "issuing.pem", "-cert", "leaf.pem")...)
		if err != nil || !strings.Contains(out, "Response verify OK") {
			t.Fatal(out, err)
		}
		return out
	}
	if out := ask("-no_nonce"); !strings.Contains(out, "leaf.pem: good") {
		t.Fatal(out)
	}
	if out := ask("-sha256"); !strings.Contains(out, "leaf.pem: good") {
		t.Fatal(out)
	}
	if err := s.Revoke(s.cert.SerialNumber, 1, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if out := ask(); !strings.Contains(out, "leaf.pem: revoked") || !strings.Contains(out, "keyCompromise") {
		t.Fatal(out)
	}
}

func TestOpenSSLVerifiesTimestamp(t *testing.T) {
	s := newSchool(t, teacher)
	if err := os.WriteFile(filepath.Join(s.dir, "text"), []byte("Thông báo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{"-sha256", "-sha384", "-sha512"} {
		if out, err := s.openssl(t, "ts", "-query", "-data", "text", hash, "-cert", "-out", "query.tsq"); err != nil {
			t.Fatal(out)
		}
		query, err := os.Open(filepath.Join(s.dir, "query.tsq"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.Post(s.TSAURL(), "application/timestamp-query", query)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, "reply.tsr"), body, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := s.openssl(t, "ts", "-verify", "-queryfile", "query.tsq", "-in", "reply.tsr", "-CAfile", "root.pem")
		if err != nil || !strings.Contains(out, "Verification: OK") {
			t.Fatalf("%s: %s", hash, out)
		}
	}
}
