package worker_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sokyso/signer/token"
	"sokyso/signer/token/softhsm"
	"sokyso/signer/token/worker"
)

const pin = "123456"

var (
	store   *softhsm.Store
	fault   *softhsm.Fault
	created = map[string]softhsm.Created{}
)

// parentArgument makes this test binary a parent that holds a worker: the test
// of what happens to the worker when its parent is killed.
const parentArgument = "parent-of-a-worker"

func TestMain(m *testing.M) {
	worker.RunIfAsked()
	os.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector would hold each worker for a second at its end
	if len(os.Args) > 3 && os.Args[1] == parentArgument {
		beParent(os.Args[2], os.Args[3])
	}
	dir, err := os.MkdirTemp("", "worker")
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

func issue(public crypto.PublicKey) ([]*x509.Certificate, error) {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA thử nghiệm"}, SubjectKeyId: []byte{1, 2, 3},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	root, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Trần Thị Hòa"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}, ca, public, caKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificates(append(leaf, root...))
}

// start starts a worker; change may be nil.
func start(t testing.TB, module string, change func(*worker.Config)) *worker.Client {
	t.Helper()
	cfg := worker.Config{Module: module, Timeout: 20 * time.Second}
	if change != nil {
		change(&cfg)
	}
	client, err := worker.Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// ready is a worker with a token open and logged in, and its signer.
func ready(t testing.TB, module, name string, change func(*worker.Config)) (*worker.Client, crypto.Signer) {
	t.Helper()
	client := start(t, module, change)
	ctx := context.Background()
	if _, err := client.Open(ctx, token.Selector{TokenSerial: created[name].Serial}); err != nil {
		t.Fatal(err)
	}
	if err := client.Login(ctx, []byte(pin)); err != nil {
		t.Fatal(err)
	}
	return client, client.Signer(own(t, client, name))
}

func own(t testing.TB, client *worker.Client, name string) token.Certificate {
	t.Helper()
	certificates, err := client.Certificates(context.Background())
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

// sign makes a signature and verifies it.
func sign(signer crypto.Signer, message string) error {
	digest := sha256.Sum256([]byte(message))
	signature, err := signer.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return err
	}
	switch key := signer.Public().(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature)
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(key, digest[:], signature) {
			return errors.New("the signature does not verify")
		}
	}
	return nil
}

func TestSign(t *testing.T) {
	for _, name := range []string{"principal", "seal", "private"} {
		t.Run(name, func(t *testing.T) {
			client, signer := ready(t, store.Module(), name, nil)
			for i := range 3 {
				if err := sign(signer, fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			infos, err := client.Tokens(context.Background())
			if err != nil || len(infos) < len(created) {
				t.Errorf("%d tokens, error %v", len(infos), err)
			}
		})
	}
	t.Run("pss", func(t *testing.T) {
		client, signer := ready(t, store.Module(), "principal", nil)
		if schemes, err := client.RSASchemes(context.Background()); err != nil || !schemes.PSS || !schemes.PKCS1v15 {
			t.Fatalf("RSASchemes: %+v, %v", schemes, err)
		}
		digest := sha256.Sum256(nil)
		opts := &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: rsa.PSSSaltLengthEqualsHash}
		signature, err := signer.Sign(nil, digest[:], opts)
		if err != nil {
			t.Fatal(err)
		}
		if err := rsa.VerifyPSS(signer.Public().(*rsa.PublicKey), crypto.SHA256, digest[:], signature, opts); err != nil {
			t.Error(err)
		}
	})
}

// What goes wrong in the child must come out as if it had gone wrong here.
func TestErrorsKeepTheirTypes(t *testing.T) {
	ctx := context.Background()
	order(t, "pin-tries 3")
	defer os.Remove(strings.TrimSuffix(fault.Module(), ".so") + ".control.wrong")
	client := start(t, fault.Module(), nil)

	_, err := client.Open(ctx, token.ByName("Con dau"))
	var selection *token.SelectError
	if !errors.As(err, &selection) || selection.Matches != 0 || len(selection.Found) != len(created) {
		t.Fatalf("Open: %v, want a *SelectError that lists %d tokens", err, len(created))
	}
	for _, found := range selection.Found {
		if found.Info.Label == "Con dấu" && !found.Certificates[0].X509.Equal(created["seal"].Certificate) {
			t.Error("the list shows another certificate")
		}
	}
	if _, err := client.Info(ctx); !errors.Is(err, token.ErrClosed) {
		t.Errorf("Info without a token: %v", err)
	}
	info, err := client.Open(ctx, token.ByName("Con dấu"))
	if err != nil || info.Serial != created["seal"].Serial {
		t.Fatalf("Open: %+v, %v", info, err)
	}
	signer := client.Signer(own(t, client, "seal"))
	if err := sign(signer, ""); !errors.Is(err, token.ErrLoginNeeded) {
		t.Errorf("Sign before login: %v", err)
	}
	err = client.Login(ctx, []byte("000000"))
	var login *token.LoginError
	if !errors.Is(err, token.ErrWrongPIN) || !errors.As(err, &login) || !login.Flags.PINCountLow {
		t.Errorf("Login: %v, want a *LoginError with the flags", err)
	}
	if n := calls(t, "C_Login"); n != 1 {
		t.Errorf("C_Login was called %d times", n)
	}
	if err := client.Login(ctx, nil); !errors.Is(err, token.ErrPINNeeded) {
		t.Errorf("Login without PIN: %v", err)
	}
	if info, err = client.Info(ctx); err != nil || !info.Flags.PINCountLow {
		t.Errorf("Info after a wrong PIN: %+v, %v", info, err)
	}

	_, err = worker.Start(ctx, worker.Config{Module: filepath.Join(t.TempDir(), "none.so")})
	var load *token.LoadError
	if !errors.As(err, &load) || load.Reason != token.LoadNotFound || worker.Code(err) != "module_not_found" {
		t.Errorf("Start: %v, want a *LoadError", err)
	}
}

func TestPINIsNotKept(t *testing.T) {
	order(t)
	client, signer := ready(t, fault.Module(), "seal", nil)
	if err := fault.Order("C_Sign crash"); err != nil {
		t.Fatal(err)
	}
	err := sign(signer, "")
	var died *worker.DiedError
	if !errors.Is(err, worker.ErrWorkerDied) || !errors.As(err, &died) || died.Module != fault.Module() {
		t.Fatalf("Sign in a module that crashes: %v", err)
	}
	if !strings.Contains(err.Error(), fault.Module()) || worker.Code(err) != "module_crashed" {
		t.Errorf("the error does not name the module: %v", err)
	}
	if strings.Contains(err.Error(), pin) {
		t.Error("the error holds the PIN")
	}
	if err := fault.Order(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := sign(signer, ""); !errors.Is(err, token.ErrLoginNeeded) {
			t.Fatalf("Sign after a restart: %v, want ErrLoginNeeded", err)
		}
	}
	if n := calls(t, "C_Login"); n != 1 {
		t.Errorf("C_Login was called %d times: the PIN was sent again by itself", n)
	}
	if err := client.Login(context.Background(), []byte(pin)); err != nil {
		t.Fatal(err)
	}
	if err := sign(signer, ""); err != nil {
		t.Errorf("Sign after a new login: %v", err)
	}
}

// Each call of the signing path hangs, crashes and exits in turn.
func TestFaultsAtEachCall(t *testing.T) {
	for _, call := range []string{"C_Initialize", "C_GetSlotList", "C_GetTokenInfo", "C_OpenSession", "C_FindObjectsInit",
		"C_FindObjects", "C_GetAttributeValue", "C_Login", "C_SignInit", "C_Sign"} {
		for action, want := range map[string]error{"hang": worker.ErrHang, "crash": worker.ErrWorkerDied, "exit 3": worker.ErrWorkerDied} {
			if testing.Short() && action == "hang" && call != "C_Login" && call != "C_Sign" {
				continue
			}
			t.Run(call+" "+action, func(t *testing.T) {
				timeout := 10 * time.Second // for what fails by itself
				if action == "hang" {
					timeout = 700 * time.Millisecond
				}
				order(t, call+" "+action)
				began := time.Now()
				err := signOnce(timeout)
				if !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
				if took := time.Since(began); took > timeout+3*time.Second {
					t.Errorf("it took %v", took)
				}
				if n := calls(t, "C_Login") + calls(t, "C_Sign"); n > 2 {
					t.Errorf("%d calls of C_Login and C_Sign", n)
				}
			})
		}
	}
	order(t)
	if err := signOnce(10 * time.Second); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func signOnce(timeout time.Duration) error {
	ctx := context.Background()
	client, err := worker.Start(ctx, worker.Config{Module: fault.Module(), Timeout: timeout})
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := client.Open(ctx, token.Selector{TokenSerial: created["seal"].Serial}); err != nil {
		return err
	}
	if err := client.Login(ctx, []byte(pin)); err != nil {
		return err
	}
	certificates, err := client.Certificates(ctx)
	if err != nil {
		return err
	}
	return sign(client.Signer(certificates[0]), "")
}

func TestPrintsAndForksDoNoHarm(t *testing.T) {
	order(t, "C_Sign print")
	client, signer := ready(t, fault.Module(), "seal", nil)
	for i := range 5 {
		if err := sign(signer, fmt.Sprint(i)); err != nil {
			t.Fatalf("a module that prints: %v", err)
		}
	}
	order(t, "C_Sign fork")
	if err := sign(signer, ""); err != nil {
		t.Fatalf("a module that forks: %v", err)
	}
	began := time.Now()
	client.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Close took %v: it waited for the module's own child", took)
	}
}

func TestContextEndsACall(t *testing.T) {
	order(t, "C_Sign hang")
	client, _ := ready(t, fault.Module(), "seal", nil)
	certificate := own(t, client, "seal")
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(200*time.Millisecond, cancel)
	began := time.Now()
	if err := sign(client.SignerContext(ctx, certificate), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("a call whose context ends: %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := client.Info(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a call with a context that has ended: %v", err)
	}
}

func TestCloseInMidCall(t *testing.T) {
	order(t, "C_Sign hang")
	client, signer := ready(t, fault.Module(), "seal", nil)
	result := make(chan error)
	go func() { result <- sign(signer, "") }()
	for calls(t, "C_Sign") == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	client.Close()
	if err := <-result; !errors.Is(err, token.ErrClosed) {
		t.Errorf("the call under way: %v, want ErrClosed", err)
	}
	if _, err := client.Info(context.Background()); !errors.Is(err, token.ErrClosed) {
		t.Errorf("a call after Close: %v, want ErrClosed", err)
	}
}

func TestCallsTakeTurns(t *testing.T) {
	client, signer := ready(t, store.Module(), "seal", nil)
	var wait sync.WaitGroup
	for i := range 6 {
		wait.Go(func() {
			for j := range 15 {
				if err := sign(signer, fmt.Sprint(i, j)); err != nil {
					t.Error(err)
					return
				}
			}
			if _, err := client.Info(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

func TestAlwaysAuthenticate(t *testing.T) {
	order(t, "always-authenticate")
	client, signer := ready(t, fault.Module(), "seal", nil)
	if err := sign(signer, ""); !errors.Is(err, token.ErrPINNeeded) {
		t.Fatalf("Sign without AskPIN: %v", err)
	}
	var given [][]byte
	client.AskPIN(func(context.Context) ([]byte, error) {
		given = append(given, []byte(pin))
		return given[len(given)-1], nil
	})
	for i := range 3 {
		if err := sign(signer, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(given) != 3 {
		t.Errorf("the PIN was asked for %d times for 3 signatures", len(given))
	}
	for _, typed := range given {
		if !bytes.Equal(typed, make([]byte, len(pin))) {
			t.Error("a PIN was not zeroed")
		}
	}
}
