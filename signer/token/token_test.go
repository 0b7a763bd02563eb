package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"sokyso/signer/token"
)

func TestTokensAreListed(t *testing.T) {
	infos, err := mustLoad(t, store.Module()).Tokens()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]token.Info{}
	for _, info := range infos {
		if info.Flags.Initialized {
			seen[info.Serial] = info
		}
	}
	if len(seen) != len(created) {
		t.Errorf("%d tokens listed, %d were made", len(seen), len(created))
	}
	principal := seen[created["principal"].Serial]
	if principal.Label != "Hiệu trưởng" || !strings.Contains(principal.Model, "SoftHSM") || !principal.Flags.LoginRequired || !principal.Flags.PINInitialized {
		t.Errorf("principal's token is listed as %+v", principal)
	}
}

func TestOpenTakesExactlyOne(t *testing.T) {
	module := mustLoad(t, store.Module())
	seal := created["seal"]
	colons := strings.ToUpper(strings.Join(strings.SplitAfterN(fingerprint(seal.Certificate), "", 64), " "))
	for name, c := range map[string]struct {
		selector token.Selector
		serial   string
		matches  int // when not one
	}{
		"serial":                      {token.Selector{TokenSerial: seal.Serial}, seal.Serial, 1},
		"label":                       {token.Selector{TokenLabel: "Con dấu"}, seal.Serial, 1},
		"certificate":                 {token.Selector{CertSHA256: fingerprint(seal.Certificate)}, seal.Serial, 1},
		"certificate as people write": {token.Selector{CertSHA256: colons}, seal.Serial, 1},
		"name that is a serial":       {token.ByName(seal.Serial), seal.Serial, 1},
		"name that is a label":        {token.ByName("Con dấu"), seal.Serial, 1},
		"label shared, certificate":   {token.Selector{TokenLabel: "Phó hiệu trưởng", CertSHA256: fingerprint(created["deputy2"].Certificate)}, created["deputy2"].Serial, 1},
		"label shared, serial":        {token.Selector{TokenLabel: "Phó hiệu trưởng", TokenSerial: created["deputy1"].Serial}, created["deputy1"].Serial, 1},
		"hidden certificate, named":   {token.Selector{TokenLabel: "Chứng thư ẩn", CertSHA256: fingerprint(created["private"].Certificate)}, created["private"].Serial, 1},
		"label shared":                {token.Selector{TokenLabel: "Phó hiệu trưởng"}, "", 2},
		"several tokens":              {token.Selector{}, "", len(created)},
		"no such serial":              {token.Selector{TokenSerial: "0000"}, "", 0},
		"no such label":               {token.ByName("Con dau"), "", 0},
		"part of a label":             {token.Selector{TokenLabel: "Con"}, "", 0},
		"certificate of another":      {token.Selector{TokenLabel: "Con dấu", CertSHA256: fingerprint(created["principal"].Certificate)}, "", 0},
		"hidden certificate":          {token.Selector{CertSHA256: fingerprint(created["private"].Certificate)}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			opened, err := module.Open(c.selector)
			if c.serial != "" {
				if err != nil {
					t.Fatal(err)
				}
				defer opened.Close()
				if opened.Info().Serial != c.serial {
					t.Errorf("opened %s, want %s", opened.Info().Serial, c.serial)
				}
				return
			}
			var selection *token.SelectError
			if !errors.As(err, &selection) {
				t.Fatalf("error %v, want *SelectError", err)
			}
			if selection.Matches != c.matches || len(selection.Found) != len(created) {
				t.Errorf("%d match and %d are listed, want %d and %d", selection.Matches, len(selection.Found), c.matches, len(created))
			}
			for _, wanted := range []string{seal.Serial, "Con dấu", fingerprint(seal.Certificate)} {
				if !strings.Contains(err.Error(), wanted) {
					t.Errorf("the error does not list %q: %v", wanted, err)
				}
			}
		})
	}
}

func TestCertificates(t *testing.T) {
	module := mustLoad(t, store.Module())
	t.Run("with chain", func(t *testing.T) {
		opened := mustOpen(t, module, "principal")
		defer opened.Close()
		for _, when := range []string{"before login", "after login"} {
			certificates, err := opened.Certificates()
			if err != nil {
				t.Fatal(err)
			}
			if len(certificates) != 2 {
				t.Fatalf("%s: %d certificates, want 2", when, len(certificates))
			}
			for _, c := range certificates {
				if c.HasKey == c.X509.IsCA {
					t.Errorf("%s: HasKey of %q is %v", when, c.X509.Subject.CommonName, c.HasKey)
				}
				if c.SHA256 != fingerprint(c.X509) {
					t.Errorf("%s: SHA256 is %s", when, c.SHA256)
				}
			}
			mustLogin(t, opened)
		}
	})
	t.Run("private objects", func(t *testing.T) {
		opened := mustOpen(t, module, "private")
		defer opened.Close()
		if certificates, err := opened.Certificates(); err != nil || len(certificates) != 0 {
			t.Fatalf("before login: %d certificates, error %v", len(certificates), err)
		}
		mustLogin(t, opened)
		if c := own(t, opened, "private"); !c.HasKey {
			t.Error("after login the certificate has no key")
		}
	})
	t.Run("without key", func(t *testing.T) {
		opened := mustOpen(t, module, "no key")
		defer opened.Close()
		mustLogin(t, opened)
		c := own(t, opened, "no key")
		if c.HasKey {
			t.Error("HasKey of a certificate without key")
		}
		if _, err := opened.Signer(c); !errors.Is(err, token.ErrNoKey) {
			t.Errorf("Signer: %v, want ErrNoKey", err)
		}
	})
}

func TestSign(t *testing.T) {
	module := mustLoad(t, store.Module())
	message := []byte("Quy chế làm việc")
	digests := map[crypto.Hash][]byte{}
	for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		h := hash.New()
		h.Write(message)
		digests[hash] = h.Sum(nil)
	}
	rsaToken, ecToken := mustOpen(t, module, "principal"), mustOpen(t, module, "seal")
	defer rsaToken.Close()
	defer ecToken.Close()
	if _, err := rsaToken.Signer(own(t, rsaToken, "principal")); !errors.Is(err, token.ErrLoginNeeded) {
		t.Fatalf("Signer before login: %v, want ErrLoginNeeded", err)
	}
	mustLogin(t, rsaToken)
	mustLogin(t, ecToken)
	rsaSigner, ecSigner := mustSigner(t, rsaToken, "principal"), mustSigner(t, ecToken, "seal")
	rsaKey, ecKey := rsaSigner.Public().(*rsa.PublicKey), ecSigner.Public().(*ecdsa.PublicKey)
	for hash, digest := range digests {
		signature, err := rsaSigner.Sign(nil, digest, hash)
		if err != nil {
			t.Fatal(err)
		}
		if err := rsa.VerifyPKCS1v15(rsaKey, hash, digest, signature); err != nil {
			t.Errorf("PKCS #1 v1.5 with %v: %v", hash, err)
		}
		for _, salt := range []int{rsa.PSSSaltLengthEqualsHash, rsa.PSSSaltLengthAuto, 20} {
			opts := &rsa.PSSOptions{Hash: hash, SaltLength: salt}
			signature, err := rsaSigner.Sign(nil, digest, opts)
			if err != nil {
				t.Errorf("PSS with %v, salt %d: %v", hash, salt, err)
				continue
			}
			if err := rsa.VerifyPSS(rsaKey, hash, digest, signature, opts); err != nil {
				t.Errorf("PSS with %v, salt %d: %v", hash, salt, err)
			}
		}
		signature, err = ecSigner.Sign(nil, digest, hash)
		if err != nil {
			t.Fatal(err)
		}
		if !ecdsa.VerifyASN1(ecKey, digest, signature) {
			t.Errorf("ECDSA with %v does not verify", hash)
		}
	}
	for name, c := range map[string]struct {
		digest []byte
		hash   crypto.Hash
	}{"SHA-1": {make([]byte, 20), crypto.SHA1}, "no hash": {make([]byte, 32), 0}, "short digest": {make([]byte, 20), crypto.SHA256}} {
		if _, err := rsaSigner.Sign(nil, c.digest, c.hash); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
	if signature, err := rsaSigner.Sign(nil, digests[crypto.SHA256], crypto.SHA256); err != nil || len(signature) != rsaKey.Size() {
		t.Errorf("after refusals: %v", err)
	}
}

func TestClosedTokenAnswersSo(t *testing.T) {
	module := mustLoad(t, store.Module())
	opened := mustOpen(t, module, "seal")
	mustLogin(t, opened)
	signer := mustSigner(t, opened, "seal")
	if err := errors.Join(opened.Close(), opened.Close()); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	_, signed := signer.Sign(nil, digest[:], crypto.SHA256)
	_, listed := opened.Certificates()
	for what, err := range map[string]error{"Sign": signed, "Certificates": listed, "Login": opened.Login([]byte(pin))} {
		if !errors.Is(err, token.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", what, err)
		}
	}
	again := mustOpen(t, module, "seal")
	defer again.Close()
	if again.LoggedIn() {
		t.Error("the login outlived Close")
	}
	if _, err := again.Signer(own(t, again, "seal")); !errors.Is(err, token.ErrLoginNeeded) {
		t.Errorf("Signer after a new Open: %v, want ErrLoginNeeded", err)
	}
}

func TestModuleIsSharedAndCounted(t *testing.T) {
	first, err := token.Load(store.Module())
	if err != nil {
		t.Fatal(err)
	}
	second, err := token.Load("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so") // the same file by its other name
	if err != nil {
		second, err = token.Load(store.Module())
	}
	if err != nil {
		t.Fatal(err)
	}
	opened := mustOpen(t, second, "seal")
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Tokens(); !errors.Is(err, token.ErrClosed) {
		t.Errorf("Tokens of a closed module: %v", err)
	}
	mustLogin(t, opened) // still initialised for the second
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if err := opened.Login([]byte(pin)); !errors.Is(err, token.ErrClosed) {
		t.Errorf("closing the module left its token open: %v", err)
	}
	if _, err := mustLoad(t, store.Module()).Tokens(); err != nil {
		t.Errorf("after the last Close it can't be loaded again: %v", err)
	}
}

func TestConcurrentSigning(t *testing.T) {
	module := mustLoad(t, store.Module())
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	mustLogin(t, opened)
	signer := mustSigner(t, opened, "seal")
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for j := range 20 {
				digest := sha256.Sum256(fmt.Appendf(nil, "%d %d", i, j))
				signature, err := signer.Sign(nil, digest[:], crypto.SHA256)
				if err != nil || !ecdsa.VerifyASN1(signer.Public().(*ecdsa.PublicKey), digest[:], signature) {
					t.Errorf("signature %d of %d: %v", j, i, err)
					return
				}
			}
		})
	}
	wait.Wait()
}
