package signer_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/digitorus/pdfsign/sign"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/token"
	"sokyso/signer/token/softhsm"
	"sokyso/signer/validation"
)

// fast is a folder on tmpfs where there is one, so that the disk does not blur the figures.
func fast(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sokyso-bench-")
	if err != nil {
		return b.TempDir()
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// letter131 is a document of 131 KB, the size that the figures of other programs were measured with.
func letter131() []byte {
	data := make([]byte, 130_000)
	_, _ = rand.Read(data)
	return build(document(map[int]string{
		8: fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(data), data),
	}))
}

// tokenIdentity is an identity whose key lies on a token.
type tokenIdentity struct {
	identity
	module *token.Module
	slot   uint
	rsa    bool
}

// onToken makes a key on a SoftHSM token and opens it.
func onToken(b testing.TB, w *world, store *softhsm.Store, kind string) tokenIdentity {
	b.Helper()
	return openToken(b, store, makeToken(b, w, store, kind))
}

// makeToken makes a key on a SoftHSM token. All tokens of a store must be made before one is opened.
func makeToken(b testing.TB, w *world, store *softhsm.Store, kind string) softhsm.Created {
	b.Helper()
	created, err := store.Create(softhsm.Spec{Label: kind, PIN: "123456", Key: kind}, func(public crypto.PublicKey) ([]*x509.Certificate, error) {
		c, err := w.authority.Issue(public, authority.Subject{CommonName: "Nguyễn Văn Nghĩa", Organization: kind})
		return append([]*x509.Certificate{c}, w.authority.Chain()...), err
	})
	if err != nil {
		b.Fatal(err)
	}
	return created
}

func openToken(b testing.TB, store *softhsm.Store, created softhsm.Created) tokenIdentity {
	b.Helper()
	module, err := token.Load(store.Module())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = module.Close() })
	t, err := module.Open(token.ByName(created.Serial))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = t.Close() })
	if err := t.Login([]byte("123456")); err != nil {
		b.Fatal(err)
	}
	list, err := t.Certificates()
	if err != nil || len(list) != 1 {
		b.Fatalf("%d certificates: %v", len(list), err)
	}
	key, err := t.Signer(list[0])
	if err != nil {
		b.Fatal(err)
	}
	who := identity{key, append([]*x509.Certificate{created.Certificate}, created.Chain...)}
	_, isRSA := key.Public().(*rsa.PublicKey)
	return tokenIdentity{who, module, t.Info().Slot, isRSA}
}

// BenchmarkSign signs a file of 131 KB with a key on a SoftHSM token: read, sign, validate, write durably. In each
// round it also makes a bare C_Sign, and signs with digitorus/pdfsign, so that all three meet the same machine:
// of-C_Sign is our rate divided by the rate of C_Sign alone, of-pdfsign the same against pdfsign.
func BenchmarkSign(b *testing.B) {
	w := newWorld(b)
	store, err := softhsm.New(filepath.Join(folder, "tokens"))
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []string{"rsa2048", "p256"} {
		for _, visible := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/visible=%t", kind, visible), func(b *testing.B) {
				who := onToken(b, w, store, kind)
				dir := fast(b)
				path := writeFile(b, filepath.Join(dir, "in.pdf"), letter131())
				old := time.Now().Add(-time.Hour)
				if err := os.Chtimes(path, old, old); err != nil {
					b.Fatal(err)
				}
				opt := signer.Options{Name: "Nguyễn Văn Nghĩa", Roots: w.roots, Cache: &validation.Cache{}}
				if visible {
					opt.Visible = &signer.Visible{Page: 1, Rect: [4]float64{320, 80, 200, 60}, Lines: []string{"Nguyễn Văn Nghĩa", time.Now().Format(time.RFC3339)}}
				}
				digest := sha256.Sum256([]byte("x"))
				var ours, raw, peer time.Duration
				n := 0
				for b.Loop() {
					t0 := time.Now()
					if _, err := who.key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
						b.Fatal(err)
					}
					t1 := time.Now()
					out := filepath.Join(dir, fmt.Sprintf("out%d.pdf", n))
					signFile(b, path, out, who.identity, opt)
					t2 := time.Now()
					_ = os.Remove(out)
					t3 := time.Now()
					signWithPDFSign(b, path, out, who.identity)
					t4 := time.Now()
					_ = os.Remove(out)
					raw, ours, peer = raw+t1.Sub(t0), ours+t2.Sub(t1), peer+t4.Sub(t3)
					n++
				}
				b.ReportMetric(float64(n)/ours.Seconds(), "docs/s")
				b.ReportMetric(float64(n)/raw.Seconds(), "C_Sign/s")
				b.ReportMetric(raw.Seconds()/ours.Seconds(), "of-C_Sign")
				b.ReportMetric(peer.Seconds()/ours.Seconds(), "of-pdfsign")
			})
		}
	}
}

func signFile(b *testing.B, in, out string, who identity, opt signer.Options) {
	if _, err := signer.SignFile(context.Background(), in, out, who.key, who.chain, opt); err != nil {
		b.Fatal(err)
	}
}

func signWithPDFSign(b *testing.B, in, out string, who identity) {
	err := sign.SignFile(in, out, sign.SignData{
		Signature: sign.SignDataSignature{
			CertType: sign.ApprovalSignature, DocMDPPerm: sign.AllowFillingExistingFormFieldsAndSignaturesPerms,
			Info: sign.SignDataSignatureInfo{Name: "Nguyen Van An", Date: time.Now()},
		},
		Signer: who.key, DigestAlgorithm: crypto.SHA256, Certificate: who.chain[0], CertificateChains: [][]*x509.Certificate{who.chain},
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkValidate judges signed files of 131 KB in memory. of-SHA256 is the rate divided by that of hashing the
// file once.
func BenchmarkValidate(b *testing.B) {
	w := newWorld(b)
	file := letter131()
	for n, who := range []identity{w.principal, w.seal, w.deputy} {
		file, _ = w.sign(b, file, who, signer.Options{})
		b.Run(fmt.Sprintf("signatures=%d", n+1), func(b *testing.B) {
			opt := validation.Options{Roots: w.roots, Offline: true, Cache: &validation.Cache{}}
			var ours, hash time.Duration
			rounds := 0
			for b.Loop() {
				t0 := time.Now()
				r, err := validation.Validate(context.Background(), bytes.NewReader(file), int64(len(file)), opt)
				if err != nil || r.Indication() != validation.TotalPassed {
					b.Fatal(r, err)
				}
				t1 := time.Now()
				sha256.Sum256(file)
				ours, hash = ours+t1.Sub(t0), hash+time.Since(t1)
				rounds++
			}
			b.ReportMetric(float64(rounds)/ours.Seconds(), "files/s")
			b.ReportMetric(hash.Seconds()/ours.Seconds(), "of-SHA256")
		})
	}
}

// BenchmarkLargeFile signs and writes 200 MB; of-SHA256 is the time of hashing it divided by ours.
func BenchmarkLargeFile(b *testing.B) {
	w := newWorld(b)
	dir := fast(b)
	data := make([]byte, 200_000_000)
	file := build(document(map[int]string{8: fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(data), data)}))
	path := writeFile(b, filepath.Join(dir, "in.pdf"), file)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(file)))
	var ours, hash time.Duration
	for b.Loop() {
		t0 := time.Now()
		signFile(b, path, filepath.Join(dir, "out.pdf"), w.principal, signer.Options{})
		t1 := time.Now()
		_ = os.Remove(filepath.Join(dir, "out.pdf"))
		t2 := time.Now()
		sha256.Sum256(file)
		ours, hash = ours+t1.Sub(t0), hash+time.Since(t2)
	}
	b.ReportMetric(hash.Seconds()/ours.Seconds(), "of-SHA256")
}
