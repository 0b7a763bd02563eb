package validation_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"runtime"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/validation"
)

// BenchmarkValidate judges a signed PDF of 131 KB with a chain of three, RSA-2048, without the network and with cached
// chains, on one core. In the same run it measures what can't be avoided: one RSA verification and one SHA-256 of the
// file.
//
//	files/s         on one core
//	of-unavoidable  our time in terms of one RSA-2048 verification and one SHA-256 of the file
func BenchmarkValidate(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	root := newRoot(b, rsaKey(b, 4096))
	middle := issuer{key: rsaKey(b, 2048)}
	middle.cert = root.issue(b, middle.key.Public(), asAuthority("Cấp phát thử"))
	key := rsaKey(b, 2048)
	who := identity{key, []*x509.Certificate{middle.issue(b, key.Public(), nil), middle.cert, root.cert}}
	o := letter()
	filler := make([]byte, 130_000)
	_, _ = rand.Read(filler)
	o[5] = stream("", string(filler))
	file := (&world{}).sign(b, build(o), who, signer.Options{Field: "Duyet"})
	opt := validation.Options{Roots: root.pool(), Offline: true, Cache: &validation.Cache{}}
	digest := sha256.Sum256(file)
	signature, err := rsa.SignPKCS1v15(nil, key.(*rsa.PrivateKey), crypto.SHA256, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	var ours, bare time.Duration
	for b.Loop() {
		start := time.Now()
		r, err := validation.Validate(context.Background(), bytes.NewReader(file), int64(len(file)), opt)
		ours += time.Since(start)
		if err != nil || r.Indication() != validation.TotalPassed {
			b.Fatal(r, err)
		}
		start = time.Now()
		digest = sha256.Sum256(file)
		err = rsa.VerifyPKCS1v15(&key.(*rsa.PrivateKey).PublicKey, crypto.SHA256, digest[:], signature)
		bare += time.Since(start)
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/ours.Seconds(), "files/s")
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "of-unavoidable")
}
