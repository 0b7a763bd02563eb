package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sokyso/signer/token"
	"sokyso/signer/token/softhsm"
	"sokyso/signer/token/worker"
)

// clone is a fault module with tokens of its own. Its path has letters that no old
// code page knows.
func clone(t testing.TB) *softhsm.Fault {
	t.Helper()
	own, err := fault.Clone(filepath.Join(t.TempDir(), "Trình điều khiển ký số"), store)
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// A module may print at every single call, as much as it likes, on both streams.
func TestAModuleMayPrintAtEachCall(t *testing.T) {
	own := clone(t)
	for _, action := range []string{"print 200000", "print-error 200000"} {
		if err := own.Order("call " + action); err != nil {
			t.Fatal(err)
		}
		_, signer := ready(t, own.Module(), "seal", nil)
		if err := sign(signer, action); err != nil {
			t.Errorf("%s: %v", action, err)
		}
	}
}

// A child that the module leaves behind holds all descriptors of the worker. That
// keeps nothing of the parent's waiting, also when the worker was killed.
func TestAForkHoldsNothing(t *testing.T) {
	own := clone(t)
	if err := own.Order("C_Login fork"); err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	client, signer := ready(t, own.Module(), "seal", func(c *worker.Config) { c.Timeout = 2 * time.Second })
	if err := own.Order("C_Sign hang"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := sign(signer, ""); !errors.Is(err, worker.ErrHang) {
		t.Errorf("%v, want ErrHang", err)
	}
	client.Close()
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("it took %v: until the module's own child ended", took)
	}
	for deadline := time.Now().Add(2 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines more than before", runtime.NumGoroutine()-before)
		}
	}
}

// A module that takes all memory is stopped before the machine suffers.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a gigabyte")
	}
	own := clone(t)
	if err := own.Order("C_Sign eat"); err != nil {
		t.Fatal(err)
	}
	_, signer := ready(t, own.Module(), "seal", nil)
	if err := sign(signer, ""); !errors.Is(err, worker.ErrWorkerDied) {
		t.Errorf("%v, want ErrWorkerDied", err)
	}
}

// A token that is pulled out and plugged in again, also into another slot, is used
// again; the PIN is not sent by itself.
func TestReplug(t *testing.T) {
	own := clone(t)
	client, signer := ready(t, own.Module(), "seal", nil)
	if err := own.Order("C_SignInit return 0x32", "no-token"); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"pulled out", "still out"} {
		if err := sign(signer, ""); !errors.Is(err, token.ErrTokenGone) {
			t.Fatalf("%s: %v, want ErrTokenGone", what, err)
		}
	}
	if err := own.Order(); err != nil {
		t.Fatal(err)
	}
	if err := sign(signer, ""); !errors.Is(err, token.ErrLoginNeeded) {
		t.Fatalf("plugged in again: %v, want ErrLoginNeeded", err)
	}
	if all, err := own.Calls(); err != nil || all["C_Login"] != 1 {
		t.Errorf("%v, %v: the PIN was sent again", all, err)
	}
	if err := client.Login(context.Background(), []byte(pin)); err != nil {
		t.Fatal(err)
	}
	if err := sign(signer, ""); err != nil {
		t.Error(err)
	}
}

// A new token is seen by a worker that runs already, though SoftHSM sees it only
// when it is initialised.
func TestNewTokenIsSeen(t *testing.T) {
	own := clone(t)
	folder := filepath.Join(filepath.Dir(own.Module()), "tokens")
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	client, ctx := start(t, own.Module(), nil), context.Background()
	selector := token.Selector{TokenSerial: created["seal"].Serial}
	var selection *token.SelectError
	if _, err := client.Open(ctx, selector); !errors.As(err, &selection) || len(selection.Found) != 0 {
		t.Fatalf("before it is there: %v", err)
	}
	if err := errors.Join(os.Remove(folder), os.Rename(folder+".away", folder)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Open(ctx, selector); err != nil {
		t.Errorf("once it is there: %v", err)
	}
}

func TestSurvey(t *testing.T) {
	own := clone(t)
	if err := own.Order("C_FindObjects at 1 return 0x30"); err != nil {
		t.Fatal(err)
	}
	survey, err := start(t, own.Module(), nil).Survey(context.Background())
	if err != nil || survey.Module.Manufacturer != "SoftHSM" || len(survey.Tokens) != len(created) || survey.Readers != len(created)+1 {
		t.Fatalf("%+v, %v", survey, err)
	}
	good, bad := 0, 0
	for _, listing := range survey.Tokens {
		switch {
		case listing.Err == nil && len(listing.Certificates) > 0:
			good++
		case errors.Is(listing.Err, token.ErrDevice):
			bad++
		}
	}
	if good == 0 || bad != 1 {
		t.Errorf("%d tokens answer, %d fail with ErrDevice: %+v", good, bad, survey.Tokens)
	}
}

func TestChangePIN(t *testing.T) {
	own := clone(t)
	client, ctx := start(t, own.Module(), nil), context.Background()
	if _, err := client.Open(ctx, token.Selector{TokenSerial: created["seal"].Serial}); err != nil {
		t.Fatal(err)
	}
	var login *token.LoginError
	if err := client.ChangePIN(ctx, []byte("000000"), []byte("24681357")); !errors.Is(err, token.ErrWrongPIN) || !errors.As(err, &login) {
		t.Errorf("a wrong old PIN: %v", err)
	}
	if err := client.ChangePIN(ctx, []byte(pin), []byte("24681357")); err != nil {
		t.Fatal(err)
	}
	if err := client.Login(ctx, []byte("24681357")); err != nil {
		t.Error(err)
	}
}

// resident is what a process has in memory, in KiB.
func resident(t *testing.T, pid int) (kib int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmRSS:"); found {
			if _, err := fmt.Sscanf(rest, "%d", &kib); err != nil {
				t.Fatal(err)
			}
		}
	}
	return kib
}

// A second thousand of signatures leaves the worker as large as the first, also where
// each brings a PIN. The first settles Go's heap.
func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector's own memory grows")
	}
	for _, orders := range []string{"", "always-authenticate"} {
		own := clone(t)
		if err := own.Order(orders); err != nil {
			t.Fatal(err)
		}
		client, signer := ready(t, own.Module(), "seal", nil)
		client.AskPIN(func(context.Context) ([]byte, error) { return []byte(pin), nil })
		children := childrenOf(t, os.Getpid())
		if len(children) != 1 {
			t.Fatalf("this process has children %v", children)
		}
		var sizes [2]int // KiB
		for i := range sizes {
			for j := range 1000 {
				if err := sign(signer, fmt.Sprint(i, j)); err != nil {
					t.Fatal(err)
				}
			}
			sizes[i] = resident(t, children[0])
		}
		t.Logf("%q: %d KiB after 1,000 signatures, %d KiB after 2,000", orders, sizes[0], sizes[1])
		const grain = 2 << 10 // KiB; 2 KiB a signature
		if sizes[1] > sizes[0]+grain || sizes[1] > 40<<10 {
			t.Errorf("%q: the worker grew from %d to %d KiB", orders, sizes[0], sizes[1])
		}
		client.Close()
	}
}
