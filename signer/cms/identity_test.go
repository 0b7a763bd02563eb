package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// identity is a key and its certificate under a small test hierarchy.
type identity struct {
	key   crypto.Signer
	cert  *x509.Certificate
	chain []*x509.Certificate // issuer, root
}

// identities are made once per run: RSA keys are slow to generate.
var identities = sync.OnceValue(func() map[string]identity {
	return map[string]identity{
		"rsa2048": newIdentity("Nguyễn Văn Nghĩa", rsaKey(2048), 101),
		"rsa3072": newIdentity("Trần Thị Hòa", rsaKey(3072), 102),
		"rsa4096": newIdentity("Lê Minh Quân", rsaKey(4096), 103),
		"p256":    newIdentity("Phạm Thu Hằng", ecKey(elliptic.P256()), 104),
		"p384":    newIdentity("Trường Mầm non Hoa Sen", ecKey(elliptic.P384()), 105),
		"p521":    newIdentity("Trường Mầm non Hoa Sen", ecKey(elliptic.P521()), 106),
	}
})

var issuers = sync.OnceValue(func() (ca struct {
	rootKey, key crypto.Signer
	root, cert   *x509.Certificate
}) {
	ca.rootKey, ca.key = ecKey(elliptic.P256()), ecKey(elliptic.P256())
	authority := func(name string, serial int64) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{Country: []string{"VN"}, CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
	}
	template := authority("Gốc thử", 1)
	ca.root = mustCertificate(template, template, ca.rootKey.Public(), ca.rootKey)
	ca.cert = mustCertificate(authority("Cấp phát thử", 2), ca.root, ca.key.Public(), ca.rootKey)
	return ca
})

func newIdentity(name string, key crypto.Signer, serial int64) identity {
	ca := issuers()
	cert := mustCertificate(&x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{Country: []string{"VN"}, CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		SubjectKeyId: []byte{0xA1, byte(serial)}, // for signer identifiers of that kind
	}, ca.cert, key.Public(), ca.key)
	return identity{key, cert, []*x509.Certificate{ca.cert, ca.root}}
}

func mustCertificate(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert
}

func rsaKey(bits int) crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func ecKey(curve elliptic.Curve) crypto.Signer {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func sum(hash crypto.Hash, content []byte) []byte {
	h := hash.New()
	h.Write(content)
	return h.Sum(nil)
}

// files writes what the openssl commands need into a folder of its own.
func (id identity) files(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(id.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"key.pem":    {Type: "PRIVATE KEY", Bytes: key},
		"cert.pem":   {Type: "CERTIFICATE", Bytes: id.cert.Raw},
		"issuer.pem": {Type: "CERTIFICATE", Bytes: id.chain[0].Raw},
		"root.pem":   {Type: "CERTIFICATE", Bytes: id.chain[1].Raw},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bundle := append(readFile(t, dir, "issuer.pem"), readFile(t, dir, "root.pem")...)
	writeFile(t, dir, "trusted.pem", bundle)
	return dir
}
