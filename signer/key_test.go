package signer_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"io"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/authority"
)

// countingKey counts how often the key is used.
type countingKey struct {
	crypto.Signer
	calls int
	err   error
}

func (k *countingKey) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	k.calls++
	if k.err != nil {
		return nil, k.err
	}
	return k.Signer.Sign(r, digest, opts)
}

func TestKeyIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	for _, who := range []identity{w.principal, w.deputy} {
		key := &countingKey{Signer: who.key}
		if _, err := signer.Sign(context.Background(), bytes.NewReader(sample(t, "thong-bao.pdf")), key, who.chain, signer.Options{}); err != nil {
			t.Fatal(err)
		}
		if key.calls != 1 {
			t.Errorf("key was used %d times", key.calls)
		}
	}
}

// TestRefusedBeforeTheKey: whatever can be found out without the key is.
func TestRefusedBeforeTheKey(t *testing.T) {
	w := newWorld(t)
	year := 365 * 24 * time.Hour
	issue := func(from, until time.Time) identity {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := w.authority.Issue(key.Public(), authority.Subject{CommonName: "Lê Minh Quân", NotBefore: from, NotAfter: until})
		if err != nil {
			t.Fatal(err)
		}
		return identity{key, append([]*x509.Certificate{cert}, w.authority.Chain()...)}
	}
	expired := issue(time.Now().Add(-2*year), time.Now().Add(-year))
	future := issue(time.Now().Add(year), time.Now().Add(2*year))
	profiled := func(profile authority.Profile, key crypto.Signer, err error) identity {
		if err != nil {
			t.Fatal(err)
		}
		cert, err := w.authority.Issue(key.Public(), authority.Subject{CommonName: "Lê Minh Quân", Profile: profile})
		if err != nil {
			t.Fatal(err)
		}
		return identity{key, append([]*x509.Certificate{cert}, w.authority.Chain()...)}
	}
	rsa1024, err := rsa.GenerateKey(rand.Reader, 1024)
	short1024 := profiled(authority.Person, rsa1024, err)
	ec224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	short224 := profiled(authority.Person, ec224, err)
	box := func(page int, rect ...float64) signer.Options {
		return signer.Options{Visible: &signer.Visible{Page: page, Rect: [4]float64(rect), Lines: []string{"Trường Mầm non Hoa Sen"}}}
	}
	for _, test := range []struct {
		name string
		who  identity
		opt  signer.Options
		code string
	}{
		{"expired", expired, signer.Options{}, signer.CodeCertificateExpired},
		{"not yet valid", future, signer.Options{}, signer.CodeCertificateNotYetValid},
		{"RSA-1024", short1024, signer.Options{}, signer.CodeWeakKey},
		{"P-224", short224, signer.Options{Roots: w.roots}, signer.CodeWeakKey},
		{"an issuer with a short key", identity{w.deputy.key, []*x509.Certificate{w.deputy.chain[0], short1024.chain[0]}}, signer.Options{}, signer.CodeWeakKey},
		{"a certificate for time-stamps", profiled(authority.TSA, w.deputy.key, nil), signer.Options{}, signer.CodeCertificateUnusable},
		{"a certificate for OCSP", profiled(authority.OCSP, w.deputy.key, nil), signer.Options{}, signer.CodeCertificateUnusable},
		{"another key", identity{w.deputy.key, w.principal.chain}, signer.Options{}, signer.CodeKeyMismatch},
		{"no certificate", identity{w.deputy.key, nil}, signer.Options{}, signer.CodeCertificateUnusable},
		{"a CA's certificate", identity{w.deputy.key, w.authority.Chain()}, signer.Options{}, signer.CodeCertificateUnusable},
		{"unknown root", w.deputy, signer.Options{Roots: x509.NewCertPool()}, signer.CodeCertificateUnusable},
		{"level b-lt", w.deputy, signer.Options{Level: signer.LevelBLT}, signer.CodeLevelUnsupported},
		{"level b-lta", w.deputy, signer.Options{Level: signer.LevelBLTA}, signer.CodeLevelUnsupported},
		{"level b-t without authority", w.deputy, signer.Options{Level: signer.LevelBT}, signer.CodeLevelUnsupported},
		{"level unknown", w.deputy, signer.Options{Level: "b"}, signer.CodeLevelUnsupported},
		{"page 0", w.deputy, box(0, 1, 1, 50, 50), signer.CodeBadBox},
		{"page 2 of 1", w.deputy, box(2, 1, 1, 50, 50), signer.CodeBadBox},
		{"off the page", w.deputy, box(1, 560, 1, 50, 50), signer.CodeBadBox},
		{"no width", w.deputy, box(1, 1, 1, 0, 50), signer.CodeBadBox},
		{"too small for its text", w.deputy, box(1, 1, 1, 8, 8), signer.CodeBadBox},
		{"character without glyph", w.deputy, signer.Options{Visible: &signer.Visible{Page: 1, Rect: [4]float64{1, 1, 90, 90}, Lines: []string{"校"}}}, signer.CodeBadText},
		{"image that is none", w.deputy, signer.Options{Visible: &signer.Visible{Page: 1, Rect: [4]float64{1, 1, 90, 90}, Image: []byte("GIF89a")}}, signer.CodeBadImage},
	} {
		t.Run(test.name, func(t *testing.T) {
			key := &countingKey{Signer: test.who.key}
			d, err := signer.Sign(context.Background(), bytes.NewReader(sample(t, "ke-hoach.pdf")), key, test.who.chain, test.opt)
			if signer.CodeOf(err) != test.code || d != nil {
				t.Errorf("%v, want %s", err, test.code)
			}
			if key.calls != 0 {
				t.Error("the key was used")
			}
		})
	}
}

func TestKeyFails(t *testing.T) {
	w := newWorld(t)
	gone := errors.New("token was pulled")
	key := &countingKey{Signer: w.deputy.key, err: gone}
	_, err := signer.Sign(context.Background(), bytes.NewReader(sample(t, "ke-hoach.pdf")), key, w.deputy.chain, signer.Options{})
	if signer.CodeOf(err) != signer.CodeKeyFailed || !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}

// liar signs something else than it is asked to.
type liar struct{ crypto.Signer }

func (l liar) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return l.Signer.Sign(r, make([]byte, len(digest)), opts)
}

func TestSelfCheckRefusesBadSignature(t *testing.T) {
	w := newWorld(t)
	for _, who := range []identity{w.principal, w.deputy} {
		d, err := signer.Sign(context.Background(), bytes.NewReader(sample(t, "ke-hoach.pdf")), liar{who.key}, who.chain, signer.Options{})
		if signer.CodeOf(err) != signer.CodeSelfCheckFailed || d != nil {
			t.Errorf("%v", err)
		}
	}
}
