package token_test

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sokyso/signer/token"
)

// shared builds a shared library from C source.
func shared(t *testing.T, path, source string, args ...string) string {
	t.Helper()
	file := strings.TrimSuffix(path, ".so") + ".c"
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-shared", "-fPIC", "-o", path, file}, args...)
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	return path
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	real, err := os.ReadFile(store.Module())
	if err != nil {
		t.Fatal(err)
	}
	otherMachine := append([]byte(nil), real...)
	binary.LittleEndian.PutUint16(otherMachine[18:], 183) // e_machine = EM_AARCH64

	// A 32-bit ELF header is enough to be told apart.
	elf32 := make([]byte, 52)
	copy(elf32, "\x7fELF\x01\x01\x01")
	binary.LittleEndian.PutUint16(elf32[16:], 3) // ET_DYN
	binary.LittleEndian.PutUint16(elf32[18:], 3) // EM_386
	binary.LittleEndian.PutUint32(elf32[20:], 1)
	binary.LittleEndian.PutUint16(elf32[40:], 52)
	binary.LittleEndian.PutUint16(elf32[42:], 32)
	binary.LittleEndian.PutUint16(elf32[46:], 40)

	needed := shared(t, filepath.Join(dir, "libreader.so"), "int reader(void) { return 0; }", "-Wl,-soname,libreader.so.7")
	lonely := shared(t, filepath.Join(dir, "lonely.so"), "int reader(void); int C_GetFunctionList(void **l) { return reader(); }", needed)

	if err := fault.Order("C_Initialize return 0x30"); err != nil {
		t.Fatal(err)
	}
	defer fault.Order()

	for name, c := range map[string]struct {
		path   string
		reason token.LoadReason
		detail string
	}{
		"not there":          {filepath.Join(dir, "libviettel.so"), token.LoadNotFound, ""},
		"not there, by name": {"libkhongco.so", token.LoadNotFound, ""},
		"a folder":           {dir, token.LoadIsFolder, ""},
		"a text":             {write("text.so", []byte("#!/bin/sh\n")), token.LoadNotLibrary, ""},
		"empty":              {write("empty.so", nil), token.LoadNotLibrary, ""},
		"cut off":            {write("cut.so", real[:40]), token.LoadNotLibrary, ""},
		"another machine":    {write("arm.so", otherMachine), token.LoadWrongArchitecture, "arm64"},
		"32 bits":            {write("i386.so", elf32), token.LoadWrongArchitecture, "386"},
		"needs another":      {lonely, token.LoadMissingDependency, "libreader.so.7"},
		"no PKCS#11":         {needed, token.LoadNotPKCS11, ""},
		"empty list":         {shared(t, filepath.Join(dir, "nolist.so"), "unsigned long C_GetFunctionList(void **l) { return 5; }"), token.LoadNotPKCS11, ""},
		"won't initialise":   {fault.Module(), token.LoadInitialize, "CKR_DEVICE_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			module, err := token.Load(c.path)
			if err == nil {
				module.Close()
				t.Fatal("loaded")
			}
			var load *token.LoadError
			if !errors.As(err, &load) || load.Reason != c.reason || !strings.Contains(load.Detail, c.detail) {
				t.Fatalf("%v, want reason %s with %q", err, c.reason, c.detail)
			}
			if !strings.Contains(err.Error(), c.path) || token.Code(err) != "module_"+string(c.reason) {
				t.Errorf("path or code is missing: %v, %s", err, token.Code(err))
			}
		})
	}
}

// A DLL says itself what it needs; Windows's error does not.
func TestMissingDLLIsNamed(t *testing.T) {
	compiler, err := exec.LookPath("x86_64-w64-mingw32-gcc")
	if err != nil {
		t.Skip("no C compiler for Windows here (Debian: gcc-mingw-w64-x86-64)")
	}
	dir := t.TempDir()
	build := func(name, source string, args ...string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".c", []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"-shared", "-nostdlib", "-Wl,--entry=0", "-o", path, path + ".c"}, args...)
		if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return path
	}
	reader := build("reader.dll", "__declspec(dllexport) int reader(void) { return 0; }")
	card := build("card.dll", "__declspec(dllexport) int card(void) { return 0; }")
	module := build("module.dll", "int reader(void); int card(void); __declspec(dllexport) int C_GetFunctionList(void **l) { return reader() + card(); }", reader, card)
	if got := token.MissingImports(module, func(name string) bool { return name == "card.dll" }); len(got) != 1 || got[0] != "reader.dll" {
		t.Errorf("missing: %q", got)
	}
	if got := token.MissingImports(module, func(string) bool { return true }); len(got) != 0 {
		t.Errorf("missing though all is there: %q", got)
	}
	if got := token.MissingImports(store.Module(), func(string) bool { return false }); len(got) != 0 {
		t.Errorf("an ELF file needs %q", got)
	}
}

func TestEveryConditionHasACode(t *testing.T) {
	seen := map[string]bool{}
	for _, code := range token.Codes() {
		if code == "" || seen[code] {
			t.Errorf("code %q is empty or there twice", code)
		}
		seen[code] = true
		if condition := token.Condition(code); condition != nil {
			wrapped := &token.LoginError{Err: &token.Error{Op: "log in", Kind: condition}}
			if token.Code(wrapped) != code || !errors.Is(wrapped, condition) {
				t.Errorf("code %q does not come back from an error that holds it", code)
			}
		}
	}
}

// TestLoaderErrorKeepsItsThread: the loader's sentence belongs to the thread that
// called it, and goroutines change threads between two calls into C.
func TestLoaderErrorKeepsItsThread(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	for range 16 {
		go func() { // keeps the scheduler moving goroutines about
			for {
				select {
				case <-stop:
					return
				default:
					runtime.GC()
				}
			}
		}()
	}
	for range 200 {
		_, err := token.Load("no-such-module.so")
		var load *token.LoadError
		if !errors.As(err, &load) || load.Reason != token.LoadNotFound || load.Detail == "" {
			t.Fatalf("the loader's reason is lost: %v", err)
		}
	}
}
