//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"sokyso/signer/token/softhsm"
)

// TestCallsOfOneSignature counts what one file costs the token: one signature, one login, twenty calls in all.
func TestCallsOfOneSignature(t *testing.T) {
	for _, key := range []string{"rsa2048", "p256"} {
		t.Run(key, func(t *testing.T) {
			d := newSeat(t, key)
			fault, err := softhsm.NewFault(d.dir, d.module)
			if err != nil {
				t.Fatal(err)
			}
			d.module = fault.Module()
			in := filepath.Join(d.dir, "in.pdf")
			writeLarge(t, in, 10_000, 1000)
			d.sign(t, in, filepath.Join(d.dir, "out.pdf"))
			calls, err := fault.Calls()
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for _, n := range calls {
				total += n
			}
			if total > 20 || calls["C_Sign"] != 1 || calls["C_SignInit"] != 1 || calls["C_Login"] != 1 {
				t.Errorf("%d calls: %v", total, calls)
			}
		})
	}
}

// TestTokenGoneInABatch: when the token goes while files are in hand, it is not asked for another signature, and the
// files that wait for it leave nothing.
func TestTokenGoneInABatch(t *testing.T) {
	d := newSeat(t, "rsa2048")
	fault, err := softhsm.NewFault(d.dir, d.module)
	if err != nil {
		t.Fatal(err)
	}
	if err := fault.Order("C_Sign after 1 return 0x32"); err != nil {
		t.Fatal(err)
	}
	args := []string{"sign", "--json", "--standalone", "--module", fault.Module(), "--pin-file", filepath.Join(d.dir, "pin")}
	for i := range 5 {
		in := filepath.Join(d.dir, fmt.Sprintf("%d.pdf", i))
		writeLarge(t, in, 10_000, 1000)
		args = append(args, in)
	}
	cmd := exec.Command(d.program, args...)
	cmd.Env = d.env
	out, _ := cmd.Output()
	var answer struct{ Files []signedFile }
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var codes []string
	for _, file := range answer.Files {
		codes = append(codes, file.Status+" "+file.Code)
	}
	want := []string{"signed ", "failed token_gone", "failed not_attempted", "failed not_attempted", "failed not_attempted"}
	if !slices.Equal(codes, want) {
		t.Errorf("%q instead of %q", codes, want)
	}
	if calls, err := fault.Calls(); err != nil || calls["C_Sign"] != 2 || calls["C_Login"] != 1 {
		t.Errorf("%v, %v", calls, err)
	}
	if left, _ := filepath.Glob(filepath.Join(d.dir, ".sokyso-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if found, _ := filepath.Glob(filepath.Join(d.dir, "*.signed*")); len(found) != 1 {
		t.Errorf("outputs: %v", found)
	}
}
