//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// keyPair names the files of the service's certificate, and the pool that trusts it.
type keyPair struct {
	cert, key string
	pool      *x509.CertPool
}

// newKeyPair makes a certificate of the service for the loopback address.
func newKeyPair(folder string) (keyPair, error) {
	pair := keyPair{cert: filepath.Join(folder, "tls.pem"), key: filepath.Join(folder, "tls-key.pem"), pool: x509.NewCertPool()}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "custodyd"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return pair, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair, err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pair.pool.AppendCertsFromPEM(certificate)
	if err := os.WriteFile(pair.cert, certificate, 0o644); err != nil {
		return pair, err
	}
	return pair, os.WriteFile(pair.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
}

// transport is that of one machine of the school: connections of its own, from a loopback
// address of its own, since the service counts tries by address.
func (p keyPair) transport(machine int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.TLSClientConfig = &tls.Config{RootCAs: p.pool}
	dialer := &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: machineAddress(machine)}}
	t.DialContext = dialer.DialContext
	return t
}

func machineAddress(machine int) net.IP {
	return net.IPv4(127, 1, byte(machine/200), byte(1+machine%200))
}
