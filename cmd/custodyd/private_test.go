package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The register holds password hashes: no other user of the machine reads it, not
// even where the folder was there before and open to all.
func TestNobodyElseReadsTheRegister(t *testing.T) {
	data := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		var out bytes.Buffer
		if status := Run(context.Background(), append([]string{"--data", data}, args...), strings.NewReader("Hoa-Sen-Trang-2026\n"), &out, &out); status != 0 {
			t.Fatalf("%v: status %d\n%s", args, status, &out)
		}
	}
	check := func(when string) {
		t.Helper()
		paths, err := filepath.Glob(filepath.Join(data, "*"))
		if err != nil || len(paths) < 3 {
			t.Fatalf("%s: %v, %v", when, paths, err)
		}
		for _, path := range append(paths, data) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: %s has mode %s", when, filepath.Base(path), info.Mode().Perm())
			}
		}
	}
	run("init", "--school-name", "Trường Mầm non Hoa Sen", "--school-code", "MNHS")
	check("after init")
	// A database copied back from elsewhere is open to all until it is opened.
	if err := os.Chmod(filepath.Join(data, "custody.db"), 0o644); err != nil {
		t.Fatal(err)
	}
	run("user", "add", "--username", "quantri", "--name", "Phạm Thu Hằng", "--admin", "--password-file", "-")
	check("after a later command")
}
