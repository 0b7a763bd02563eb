package main_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"sokyso/signer/token"
	"sokyso/signer/token/worker"
)

// modulesVariable names the folder with testdata/module.c as a DLL for each
// architecture, and the 32-bit worker: deploy/test-windows builds them.
const modulesVariable = "SOKYSO_TEST_MODULES"

const parentArgument = "parent-of-a-worker"

func TestMain(m *testing.M) {
	worker.RunIfAsked()
	if len(os.Args) == 2 && os.Args[1] == "sleep" { // what testdata/module.c starts
		time.Sleep(time.Minute)
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == parentArgument {
		client, err := worker.Start(context.Background(), worker.Config{Module: os.Args[2], Timeout: time.Hour})
		if err == nil {
			_, err = client.Tokens(context.Background()) // hangs
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// library copies a built file to where the test wants it.
func library(t *testing.T, name, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(os.Getenv(modulesVariable), name))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func module(t *testing.T) string {
	t.Helper()
	return library(t, "module-"+runtime.GOARCH+".dll", filepath.Join(t.TempDir(), "module.dll"))
}

func start(t *testing.T, path string, timeout time.Duration, env ...string) *worker.Client {
	t.Helper()
	client, err := worker.Start(t.Context(), worker.Config{Module: path, Timeout: timeout, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// TestModuleInAFolderWithVietnameseLetters: the ANSI call can't find such a path.
func TestModuleInAFolderWithVietnameseLetters(t *testing.T) {
	path := library(t, "module-"+runtime.GOARCH+".dll", filepath.Join(t.TempDir(), "Trình điều khiển – ký số 数", "module.dll"))
	survey, err := start(t, path, 20*time.Second).Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if survey.Module.Manufacturer != "Sokyso test" || survey.Module.Cryptoki != "2.40" || survey.Readers != 1 || len(survey.Tokens) != 0 {
		t.Errorf("%+v", survey)
	}
}

// TestModuleThatMisbehaves: whatever it does, at whichever call, this process gets an
// error in time, and the next worker works.
func TestModuleThatMisbehaves(t *testing.T) {
	path := module(t)
	for _, call := range []string{"C_Initialize", "C_GetSlotList"} {
		for action, want := range map[string]error{
			"crash": worker.ErrWorkerDied, "exit": worker.ErrWorkerDied, "hang": worker.ErrHang, "spin": worker.ErrHang, "print": nil, "start": nil,
		} {
			t.Run(call+" "+action, func(t *testing.T) {
				timeout := 30 * time.Second
				if want == worker.ErrHang {
					timeout = 4 * time.Second // a start takes its time too
				}
				began := time.Now()
				client, err := worker.Start(t.Context(), worker.Config{Module: path, Timeout: timeout,
					Env: []string{"SOKYSO_MODULE_ORDER=" + call + " " + action}})
				if err == nil {
					defer client.Close()
					var tokens []token.Info
					if tokens, err = client.Tokens(t.Context()); len(tokens) > 0 {
						t.Errorf("what the module printed was taken for an answer: %+v", tokens)
					}
				}
				if !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
				if want != nil && !strings.Contains(err.Error(), path) {
					t.Errorf("the error does not name the module: %v", err)
				}
				if took := time.Since(began); took > 2*timeout+20*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		}
	}
	if _, err := start(t, path, 30*time.Second).Tokens(t.Context()); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// numbers are the processes that the module wrote down for a call.
func numbers(t *testing.T, log, call string) []uint32 {
	t.Helper()
	file, err := os.Open(log)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []uint32
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if number, name, _ := strings.Cut(lines.Text(), " "); name == call {
			n, err := strconv.ParseUint(number, 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, uint32(n))
		}
	}
	return all
}

// ended waits until a process has ended, at most so long.
func ended(t *testing.T, process windows.Handle, patience time.Duration) bool {
	t.Helper()
	event, err := windows.WaitForSingleObject(process, uint32(patience.Milliseconds()))
	if err != nil {
		t.Fatal(err)
	}
	return event == windows.WAIT_OBJECT_0
}

func opened(t *testing.T, number uint32) windows.Handle {
	t.Helper()
	process, err := windows.OpenProcess(windows.SYNCHRONIZE, false, number)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { windows.CloseHandle(process) })
	return process
}

func TestWorkerDiesWithItsParentInMidHang(t *testing.T) {
	path, log := module(t), filepath.Join(t.TempDir(), "log")
	parent := exec.Command(os.Args[0], parentArgument, path)
	parent.Env = append(os.Environ(), "SOKYSO_MODULE_ORDER=C_GetSlotList hang", "SOKYSO_MODULE_LOG="+log)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { parent.Process.Kill(); parent.Wait() })
	deadline := time.Now().Add(time.Minute)
	for len(numbers(t, log, "C_GetSlotList")) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the module is not called")
		}
		time.Sleep(20 * time.Millisecond)
	}
	child := opened(t, numbers(t, log, "C_GetSlotList")[0])
	if ended(t, child, 0) {
		t.Fatal("the worker does not hang")
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if !ended(t, child, 10*time.Second) {
		t.Error("the worker outlives its parent")
	}
}

// TestWhatAModuleStartsEndsWithIt: the job holds the module's own processes too.
func TestWhatAModuleStartsEndsWithIt(t *testing.T) {
	path, log := module(t), filepath.Join(t.TempDir(), "log")
	client := start(t, path, 30*time.Second, "SOKYSO_MODULE_ORDER=C_GetSlotList start", "SOKYSO_MODULE_LOG="+log)
	if _, err := client.Tokens(t.Context()); err != nil {
		t.Fatal(err)
	}
	started := numbers(t, log, "started")
	if len(started) != 1 {
		t.Fatalf("the module started %v", started)
	}
	child := opened(t, started[0])
	if ended(t, child, 500*time.Millisecond) {
		t.Fatal("what the module started has ended by itself")
	}
	client.Close()
	if !ended(t, child, 10*time.Second) {
		t.Error("what the module started goes on")
	}
}

// otherArchitecture is what a 64-bit program can't load, and the other way round.
var otherArchitecture = map[string]string{"amd64": "386", "386": "amd64"}[runtime.GOARCH]

func TestWrongArchitectureIsNamed(t *testing.T) {
	path := library(t, "module-"+otherArchitecture+".dll", filepath.Join(t.TempDir(), "other.dll"))
	_, err := worker.Start(t.Context(), worker.Config{Module: path, Timeout: 20 * time.Second})
	var load *token.LoadError
	if !errors.As(err, &load) || load.Reason != token.LoadWrongArchitecture ||
		!strings.Contains(load.Detail, "the module is "+otherArchitecture) || !strings.Contains(load.Detail, "this program is "+runtime.GOARCH) {
		t.Errorf("%v", err)
	}
}

// TestA32BitModuleIsServed needs a Windows, or a wine, that runs both.
func TestA32BitModuleIsServed(t *testing.T) {
	if runtime.GOARCH != "amd64" || os.Getenv("SOKYSO_TEST_32BIT") == "" {
		t.Skip("only a 64-bit program where 32-bit programs run too: SOKYSO_TEST_32BIT")
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	beside := library(t, worker.Program32, filepath.Join(filepath.Dir(own), worker.Program32))
	defer os.Remove(beside)
	path := library(t, "module-386.dll", filepath.Join(t.TempDir(), "Trình điều khiển", "viettel-ca_v6.dll"))
	client := start(t, path, 30*time.Second)
	survey, err := client.Survey(t.Context())
	if err != nil || survey.Module.Version != "4.0" { // it says the size of its pointers
		t.Errorf("%+v, %v", survey, err)
	}
}

func TestFilesThatAreNoModules(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text.dll")
	if err := os.WriteFile(text, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, reason := range map[string]token.LoadReason{
		filepath.Join(folder, "none.dll"):    token.LoadNotFound,
		folder:                               token.LoadIsFolder,
		text:                                 token.LoadNotLibrary,
		`C:\windows\system32\kernelbase.dll`: token.LoadNotPKCS11,
	} {
		_, err := worker.Start(t.Context(), worker.Config{Module: path, Timeout: 20 * time.Second})
		var load *token.LoadError
		if !errors.As(err, &load) || load.Reason != reason {
			t.Errorf("%s: %v, want %s", path, err, reason)
		}
	}
}
