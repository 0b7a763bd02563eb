package cms

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func openssl(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("openssl judges on Linux")
	}
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustOpenssl(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := openssl(t, dir, args...)
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func writeFile(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestOpenSSLVerifiesOurs: -cades makes openssl check the signing-certificate
// attribute too.
func TestOpenSSLVerifiesOurs(t *testing.T) {
	dirs := map[string]string{}
	for name, c := range cases {
		key, _, _ := strings.Cut(name, "/")
		if dirs[key] == "" {
			dirs[key] = c.id.files(t)
		}
		dir := dirs[key]
		der, err := Sign(rand.Reader, c.id.key, c.req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		writeFile(t, dir, "sig.cms", der)
		writeFile(t, dir, "content", content)
		args := []string{"cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "sig.cms", "-content", "content",
			"-purpose", "any", "-out", "verified", "-CAfile"}
		if c.req.Chain == nil { // openssl must know the issuer otherwise
			args = append(args, "trusted.pem")
		} else {
			args = append(args, "root.pem")
		}
		if out, err := openssl(t, dir, args...); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		writeFile(t, dir, "content", []byte("another text"))
		if out, err := openssl(t, dir, args...); err == nil {
			t.Errorf("%s: openssl verifies another content: this test shows nothing\n%s", name, out)
		}
		printed := mustOpenssl(t, dir, "cms", "-cmsout", "-print", "-inform", "DER", "-in", "sig.cms", "-noout")
		if !strings.Contains(printed, "signingCertificateV2") || strings.Contains(printed, "signingTime") {
			t.Errorf("%s: attributes\n%s", name, printed)
		}
	}
}

func TestParseOpenSSLs(t *testing.T) {
	for name, c := range map[string]struct {
		key  string
		args []string
		want func(t *testing.T, sd *SignedData, s *Signer)
	}{
		"plain": {"rsa2048", nil, func(t *testing.T, sd *SignedData, s *Signer) {
			check(t, s.SigningTime != nil && s.SigningCertificate == nil)
		}},
		"CAdES":    {"rsa3072", []string{"-cades"}, func(t *testing.T, sd *SignedData, s *Signer) { check(t, s.SigningCertificate.Version == 2) }},
		"SHA-384":  {"rsa2048", []string{"-cades", "-md", "sha384"}, func(t *testing.T, sd *SignedData, s *Signer) { check(t, s.Hash == crypto.SHA384) }},
		"SHA3-256": {"rsa2048", []string{"-md", "sha3-256"}, func(t *testing.T, sd *SignedData, s *Signer) { check(t, s.Hash == crypto.SHA3_256) }},
		"PSS":      {"rsa2048", []string{"-keyopt", "rsa_padding_mode:pss"}, func(t *testing.T, sd *SignedData, s *Signer) { check(t, s.Scheme == PSS) }},
		"PSS salt": {"rsa2048", []string{"-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:20"}, func(t *testing.T, sd *SignedData, s *Signer) { check(t, s.pss.saltLength == 20) }},
		"P-256":    {"p256", []string{"-cades"}, func(t *testing.T, sd *SignedData, s *Signer) { check(t, s.Scheme == ECDSA) }},
		"P-384":    {"p384", []string{"-md", "sha512"}, func(t *testing.T, sd *SignedData, s *Signer) { check(t, s.Hash == crypto.SHA512) }},
		"no attributes": {"rsa2048", []string{"-noattr"}, func(t *testing.T, sd *SignedData, s *Signer) {
			check(t, !s.HasSignedAttributes)
		}},
		"no attributes, PSS": {"rsa2048", []string{"-noattr", "-keyopt", "rsa_padding_mode:pss"}, func(t *testing.T, sd *SignedData, s *Signer) {
			check(t, !s.HasSignedAttributes && s.Scheme == PSS)
		}},
		"key identifier": {"p256", []string{"-keyid"}, func(t *testing.T, sd *SignedData, s *Signer) {
			check(t, s.Serial == nil && sd.Version == 3)
		}},
		"SHA-1": {"rsa2048", []string{"-md", "sha1"}, func(t *testing.T, sd *SignedData, s *Signer) { check(t, s.WeakHash() == crypto.SHA1) }},
		"attached": {"rsa2048", []string{"-nodetach"}, func(t *testing.T, sd *SignedData, s *Signer) {
			check(t, !sd.Detached && string(sd.Content) == string(content))
		}},
		"BER, CAdES": {"rsa2048", []string{"-stream", "-cades"}, func(t *testing.T, sd *SignedData, s *Signer) { check(t, s.SigningCertificate != nil) }},
		"BER, attached": {"p256", []string{"-stream", "-nodetach"}, func(t *testing.T, sd *SignedData, s *Signer) {
			check(t, string(sd.Content) == string(content))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			id := identities()[c.key]
			dir := id.files(t)
			writeFile(t, dir, "content", content)
			mustOpenssl(t, dir, append([]string{"cms", "-sign", "-binary", "-in", "content", "-signer", "cert.pem", "-inkey", "key.pem",
				"-certfile", "issuer.pem", "-outform", "DER", "-out", "sig.cms"}, c.args...)...)
			sd, err := Parse(readFile(t, dir, "sig.cms"))
			if err != nil {
				t.Fatal(err)
			}
			s := sd.Signers[0]
			if err := s.Verify(sum(s.Hash, content)); err != nil {
				t.Error(err)
			}
			if err := s.Verify(sum(s.Hash, []byte("another text"))); !errors.Is(err, ErrDigest) && !errors.Is(err, ErrSignature) {
				t.Errorf("another content: %v", err)
			}
			if len(sd.Certificates) != 2 {
				t.Errorf("%d certificates", len(sd.Certificates))
			}
			c.want(t, sd, s)
		})
	}
}

func check(t *testing.T, ok bool) {
	t.Helper()
	if !ok {
		t.Error("read back something else")
	}
}

func TestParseSeveralSigners(t *testing.T) {
	first, second := identities()["rsa2048"], identities()["p256"]
	dir, other := first.files(t), second.files(t)
	writeFile(t, dir, "content", content)
	mustOpenssl(t, dir, "cms", "-sign", "-binary", "-in", "content", "-signer", "cert.pem", "-inkey", "key.pem",
		"-signer", filepath.Join(other, "cert.pem"), "-inkey", filepath.Join(other, "key.pem"), "-outform", "DER", "-out", "sig.cms")
	sd, err := Parse(readFile(t, dir, "sig.cms"))
	if err != nil {
		t.Fatal(err)
	}
	if len(sd.Signers) != 2 {
		t.Fatalf("%d signers", len(sd.Signers))
	}
	found := map[string]bool{}
	for _, s := range sd.Signers {
		if err := s.Verify(sum(s.Hash, content)); err != nil {
			t.Error(err)
		}
		found[s.Certificate.Subject.CommonName] = true
	}
	if !found[first.cert.Subject.CommonName] || !found[second.cert.Subject.CommonName] {
		t.Errorf("signers %v", found)
	}
}

func TestSignerWithoutCertificate(t *testing.T) {
	id := identities()["rsa2048"]
	dir := id.files(t)
	writeFile(t, dir, "content", content)
	mustOpenssl(t, dir, "cms", "-sign", "-binary", "-in", "content", "-signer", "cert.pem", "-inkey", "key.pem", "-nocerts", "-outform", "DER", "-out", "sig.cms")
	sd, err := Parse(readFile(t, dir, "sig.cms"))
	if err != nil {
		t.Fatal(err)
	}
	if err := sd.Signers[0].Verify(sum(crypto.SHA256, content)); !errors.Is(err, ErrNoCertificate) {
		t.Error(err)
	}
}

func TestShortKeys(t *testing.T) {
	for bits, want := range map[string]error{"512": ErrUnsupported, "1024": nil} {
		dir := t.TempDir()
		writeFile(t, dir, "content", content)
		mustOpenssl(t, dir, "req", "-x509", "-newkey", "rsa:"+bits, "-nodes", "-subj", "/CN=Le Minh Quan", "-keyout", "key.pem", "-out", "cert.pem")
		mustOpenssl(t, dir, "cms", "-sign", "-binary", "-in", "content", "-signer", "cert.pem", "-inkey", "key.pem", "-outform", "DER", "-out", "sig.cms")
		sd, err := Parse(readFile(t, dir, "sig.cms"))
		if err != nil {
			t.Fatal(err)
		}
		if err := sd.Signers[0].Verify(sum(crypto.SHA256, content)); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s bits: %v", bits, err)
		}
		if WeakKey(sd.Signers[0].Certificate) == "" {
			t.Errorf("%s bits are not weak", bits)
		}
	}
}

// TestKeyRestrictedToPSS: crypto/x509 reads such certificates without their key.
func TestKeyRestrictedToPSS(t *testing.T) {
	dir := identities()["rsa2048"].files(t)
	writeFile(t, dir, "content", content)
	mustOpenssl(t, dir, "req", "-x509", "-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048", "-nodes", "-subj", "/CN=Le Minh Quan",
		"-keyout", "key.pem", "-out", "cert.pem")
	mustOpenssl(t, dir, "cms", "-sign", "-binary", "-cades", "-in", "content", "-signer", "cert.pem", "-inkey", "key.pem",
		"-keyopt", "rsa_padding_mode:pss", "-outform", "DER", "-out", "sig.cms")
	sd, err := Parse(readFile(t, dir, "sig.cms"))
	if err != nil {
		t.Fatal(err)
	}
	s := sd.Signers[0]
	if s.Certificate == nil || s.Certificate.PublicKey != nil {
		t.Fatalf("%+v: this test shows nothing", s.Certificate)
	}
	if err := s.Verify(sum(crypto.SHA256, content)); err != nil {
		t.Error(err)
	}
	block, _ := pem.Decode(readFile(t, dir, "key.pem"))
	key := pssKey(t, block.Bytes)
	req := Request{Digest: sum(crypto.SHA256, content), Certificate: s.Certificate}
	der, err := Sign(rand.Reader, key, req)
	if err != nil {
		t.Fatal(err)
	}
	if sd, err = Parse(der); err != nil {
		t.Fatal(err)
	}
	if err := sd.Signers[0].Verify(req.Digest); err != nil || sd.Signers[0].Scheme != PSS {
		t.Errorf("%s: %v", sd.Signers[0].Scheme, err)
	}
	req.Scheme = PKCS1v15
	if _, err := Sign(rand.Reader, key, req); !errors.Is(err, ErrUnsupported) {
		t.Errorf("PKCS #1 v1.5: %v", err)
	}
}

// pssKey takes the RSA key out of a PKCS #8 structure that crypto/x509 refuses.
func pssKey(t *testing.T, der []byte) *rsa.PrivateKey {
	t.Helper()
	var info struct {
		Version   int
		Algorithm asn1.RawValue
		Key       []byte
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKCS1PrivateKey(info.Key)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
