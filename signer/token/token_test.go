package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"sokyso/signer/token"
	"sokyso/signer/token/softhsm"
)

const pin = "123456"

// The tokens of this package's tests: one folder, made once.
var (
	store   *softhsm.Store
	fault   *softhsm.Fault
	created = map[string]softhsm.Created{}
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "token")
	if err == nil {
		err = makeTokens(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

func makeTokens(dir string) error {
	var err error
	if store, err = softhsm.New(dir); err != nil {
		return err
	}
	if fault, err = softhsm.NewFault(dir, store.Module()); err != nil {
		return err
	}
	for name, spec := range map[string]softhsm.Spec{
		"principal": {Label: "Hiệu trưởng", WithChain: true},
		"seal":      {Label: "Con dấu", Key: "p256"},
		"deputy1":   {Label: "Phó hiệu trưởng", Key: "p256"},
		"deputy2":   {Label: "Phó hiệu trưởng", Key: "p256"},
		"no key":    {Label: "Chỉ có chứng thư", Key: "p256", NoKey: true},
		"private":   {Label: "Chứng thư ẩn", Key: "p256", PrivateCertificates: true},
	} {
		spec.PIN = pin
		if created[name], err = store.Create(spec, issue); err != nil {
			return err
		}
	}
	return nil
}

var caKey, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)

// issue makes a certificate and its issuer's.
func issue(public crypto.PublicKey) ([]*x509.Certificate, error) {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA thử nghiệm"}, SubjectKeyId: []byte{1, 2, 3},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	root, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Nguyễn Văn Nghĩa"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}, ca, public, caKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificates(append(leaf, root...))
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

func mustLoad(t testing.TB, path string) *token.Module {
	t.Helper()
	module, err := token.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := module.Close(); err != nil {
			t.Error(err)
		}
	})
	return module
}

func mustOpen(t testing.TB, module *token.Module, name string) *token.Token {
	t.Helper()
	opened, err := module.Open(token.Selector{TokenSerial: created[name].Serial})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func mustLogin(t testing.TB, opened *token.Token) {
	t.Helper()
	if err := opened.Login([]byte(pin)); err != nil {
		t.Fatal(err)
	}
}

// own is the certificate of the token's key among those that it shows.
func own(t testing.TB, opened *token.Token, name string) token.Certificate {
	t.Helper()
	certificates, err := opened.Certificates()
	if err != nil {
		t.Fatal(err)
	}
	for _, certificate := range certificates {
		if certificate.X509.Equal(created[name].Certificate) {
			return certificate
		}
	}
	t.Fatalf("token %q does not show its certificate", name)
	return token.Certificate{}
}

func mustSigner(t testing.TB, opened *token.Token, name string) crypto.Signer {
	t.Helper()
	signer, err := opened.Signer(own(t, opened, name))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// order gives the fault module its orders and heals it after the test.
func order(t testing.TB, lines ...string) {
	t.Helper()
	if err := errors.Join(fault.Order(lines...), fault.Forget()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fault.Order(); err != nil {
			t.Error(err)
		}
	})
}

func calls(t testing.TB, name string) int {
	t.Helper()
	all, err := fault.Calls()
	if err != nil {
		t.Fatal(err)
	}
	return all[name]
}

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

func TestWrongPINIsTriedOnce(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t)
	opened := mustOpen(t, module, "deputy1")
	defer opened.Close()
	err := opened.Login([]byte("654321"))
	var login *token.LoginError
	if !errors.Is(err, token.ErrWrongPIN) || !errors.As(err, &login) {
		t.Fatalf("Login: %v, want a *LoginError with ErrWrongPIN", err)
	}
	if n := calls(t, "C_Login"); n != 1 {
		t.Errorf("C_Login was called %d times", n)
	}
	if !login.Flags.PINCountLow || !opened.Info().Flags.PINCountLow {
		t.Error("the flags after the try do not say that the count is low")
	}
	if !strings.Contains(err.Error(), "CKR_PIN_INCORRECT") {
		t.Errorf("the error does not name the return value: %v", err)
	}
	for _, empty := range [][]byte{nil, {}} {
		if err := opened.Login(empty); !errors.Is(err, token.ErrPINNeeded) {
			t.Errorf("Login without PIN: %v, want ErrPINNeeded", err)
		}
	}
	if n := calls(t, "C_Login"); n != 1 {
		t.Errorf("an empty PIN was tried")
	}
	mustLogin(t, opened)
	if !opened.LoggedIn() || opened.Info().Flags.PINCountLow {
		t.Error("the right PIN did not log in and reset the flag")
	}
	mustLogin(t, opened) // CKR_USER_ALREADY_LOGGED_IN is no error
}

func TestPINCountsDownToLocked(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t, "pin-tries 3")
	opened := mustOpen(t, module, "deputy2")
	defer opened.Close()
	defer os.Remove(strings.TrimSuffix(fault.Module(), ".so") + ".control.wrong")
	for try, want := range []struct {
		kind error
		last bool
	}{{token.ErrWrongPIN, false}, {token.ErrWrongPIN, true}, {token.ErrPINLocked, false}} {
		err := opened.Login([]byte("000000"))
		var login *token.LoginError
		if !errors.Is(err, want.kind) || !errors.As(err, &login) {
			t.Fatalf("try %d: %v, want %v", try+1, err, want.kind)
		}
		if login.Flags.PINFinalTry != want.last {
			t.Errorf("try %d: final try is %v", try+1, login.Flags.PINFinalTry)
		}
	}
	if err := opened.Login([]byte(pin)); !errors.Is(err, token.ErrPINLocked) {
		t.Errorf("a locked token: %v, want ErrPINLocked", err)
	}
	if n := calls(t, "C_Login"); n != 3 {
		t.Errorf("C_Login was called %d times, want 3: a locked token must not be tried", n)
	}
}

// What a module answers at a login, and what it must be taken for.
func TestLoginFailuresAreNotMistaken(t *testing.T) {
	module := mustLoad(t, fault.Module())
	for code, want := range map[string]error{
		"0x6":   token.ErrDevice, // CKR_FUNCTION_FAILED
		"0x5":   token.ErrDevice, // CKR_GENERAL_ERROR
		"0x32":  token.ErrTokenGone,
		"0x50":  token.ErrCanceled,
		"0xA3":  token.ErrPINExpired,
		"0xA4":  token.ErrPINLocked,
		"0x102": token.ErrPINNotSet,
	} {
		order(t, "C_Login return "+code)
		opened := mustOpen(t, module, "deputy1")
		if err := opened.Login([]byte(pin)); !errors.Is(err, want) || errors.Is(err, token.ErrWrongPIN) {
			t.Errorf("C_Login answers %s: %v, want %v", code, err, want)
		}
		if n := calls(t, "C_Login"); n != 1 {
			t.Errorf("C_Login answers %s: called %d times", code, n)
		}
		opened.Close()
	}
}

func TestPINPad(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t, "pin-pad "+pin)
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	if !opened.Info().Flags.ProtectedAuthPath {
		t.Fatal("the token does not say that it has a PIN pad")
	}
	if err := opened.Login(nil); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	if _, err := mustSigner(t, opened, "seal").Sign(nil, digest[:], crypto.SHA256); err != nil {
		t.Error(err)
	}
}

func TestAlwaysAuthenticate(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t, "always-authenticate")
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	mustLogin(t, opened)
	signer := mustSigner(t, opened, "seal")
	digest := sha256.Sum256([]byte("một"))
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, token.ErrPINNeeded) {
		t.Fatalf("Sign without AskPIN: %v, want ErrPINNeeded", err)
	}
	var given []byte
	opened.AskPIN(func() ([]byte, error) { given = []byte(pin); return given, nil })
	for range 2 {
		signature, err := signer.Sign(nil, digest[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if !ecdsa.VerifyASN1(signer.Public().(*ecdsa.PublicKey), digest[:], signature) {
			t.Error("the signature does not verify")
		}
		if string(given) != strings.Repeat("\x00", len(pin)) {
			t.Error("the PIN was not zeroed")
		}
	}
	opened.AskPIN(func() ([]byte, error) { return []byte("999999"), nil })
	before := calls(t, "C_Login context")
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, token.ErrWrongPIN) {
		t.Errorf("Sign with a wrong PIN: %v", err)
	}
	if n := calls(t, "C_Login context") - before; n != 1 {
		t.Errorf("the wrong PIN was tried %d times", n)
	}
	opened.AskPIN(func() ([]byte, error) { return []byte(pin), nil })
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); err != nil {
		t.Errorf("after a wrong PIN: %v", err)
	}
}

// A failed C_Sign leaves the operation active in its session: the next signature
// must come from another one.
func TestSessionIsNotReusedAfterAnError(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t)
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	mustLogin(t, opened)
	signer := mustSigner(t, opened, "seal")
	digest := sha512.Sum384([]byte("hai"))
	for code, want := range map[string]error{
		"0x30":  token.ErrDevice,
		"0x32":  token.ErrTokenGone,
		"0xE0":  token.ErrTokenGone,
		"0xB3":  token.ErrSession,
		"0x101": token.ErrLoginNeeded,
		"0x70":  token.ErrUnsupported,
	} {
		for _, call := range []string{"C_SignInit", "C_Sign"} {
			order(t, call+" return "+code)
			if _, err := signer.Sign(nil, digest[:], crypto.SHA384); !errors.Is(err, want) {
				t.Errorf("%s answers %s: %v, want %v", call, code, err, want)
			}
			if n := calls(t, call); n != 1 {
				t.Errorf("%s answers %s: it was called %d times", call, code, n)
			}
			order(t)
			signature, err := signer.Sign(nil, digest[:], crypto.SHA384)
			if err != nil || !ecdsa.VerifyASN1(signer.Public().(*ecdsa.PublicKey), digest[:], signature) {
				t.Errorf("after %s answered %s: %v", call, code, err)
			}
			if n := calls(t, "C_Sign"); n != 1 {
				t.Errorf("one signature made %d calls of C_Sign", n)
			}
		}
	}
}

// Another token was plugged into the slot: it must not get this one's PIN.
func TestAnotherTokenInTheSlot(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t)
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	mustLogin(t, opened)
	signer := mustSigner(t, opened, "seal")
	digest := sha256.Sum256(nil)
	order(t, "serial 00c0ffee", "C_SignInit return 0x32")
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, token.ErrTokenGone) {
		t.Errorf("the first Sign: %v, want ErrTokenGone", err)
	}
	order(t, "serial 00c0ffee")
	for what, err := range map[string]error{
		"Sign":    func() error { _, err := signer.Sign(nil, digest[:], crypto.SHA256); return err }(),
		"Login":   opened.Login([]byte(pin)),
		"Refresh": func() error { _, err := opened.Refresh(); return err }(),
	} {
		if !errors.Is(err, token.ErrTokenGone) {
			t.Errorf("%s: %v, want ErrTokenGone", what, err)
		}
	}
	for _, call := range []string{"C_Login", "C_Sign", "C_OpenSession"} {
		if n := calls(t, call); n != 0 {
			t.Errorf("%s was called %d times on another token", call, n)
		}
	}
}

// A token that is reset loses its sessions and the login.
func TestLoginIsLostWithTheSessions(t *testing.T) {
	module := mustLoad(t, store.Module())
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	mustLogin(t, opened)
	signer := mustSigner(t, opened, "seal")
	err := module.Direct(func(context *pkcs11.Ctx) error { return context.CloseAllSessions(opened.Info().Slot) })
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	for _, want := range []error{token.ErrSession, token.ErrLoginNeeded, token.ErrLoginNeeded} {
		if _, err := signer.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, want) {
			t.Errorf("Sign: %v, want %v", err, want)
		}
	}
	if opened.LoggedIn() {
		t.Error("LoggedIn though the login is lost")
	}
	mustLogin(t, opened)
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); err != nil {
		t.Errorf("Sign after a new login: %v", err)
	}
}

func TestBrokenReaderHidesNoOtherToken(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t)
	all, err := module.Tokens()
	if err != nil {
		t.Fatal(err)
	}
	order(t, "C_GetTokenInfo alternate 0x30")
	if infos, err := module.Tokens(); err != nil || len(infos) == 0 || len(infos) == len(all) {
		t.Errorf("every second reader works: %d of %d tokens, error %v", len(infos), len(all), err)
	}
	order(t, "C_GetTokenInfo return 0x30")
	if infos, err := module.Tokens(); !errors.Is(err, token.ErrDevice) {
		t.Errorf("no reader works: %d of %d tokens, error %v", len(infos), len(all), err)
	}
}

func TestImpossibleLengths(t *testing.T) {
	module := mustLoad(t, fault.Module())
	order(t)
	opened := mustOpen(t, module, "seal")
	defer opened.Close()
	mustLogin(t, opened)
	signer := mustSigner(t, opened, "seal")
	digest := sha256.Sum256(nil)
	for _, length := range []int{0, 1, 63, 65, 2048, 100000, 2000000000} {
		order(t, fmt.Sprintf("signature-length %d", length))
		if _, err := signer.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, token.ErrDevice) {
			t.Errorf("a signature of %d bytes: %v, want ErrDevice", length, err)
		}
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

func TestTwoTokensOfOneDeviceShareTheLogin(t *testing.T) {
	module := mustLoad(t, store.Module())
	one, two := mustOpen(t, module, "seal"), mustOpen(t, module, "seal")
	defer two.Close()
	mustLogin(t, one)
	mustLogin(t, two)
	signer := mustSigner(t, two, "seal")
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); err != nil {
		t.Errorf("the other's Close logged this one out: %v", err)
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
