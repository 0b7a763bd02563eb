//go:build linux

package main

import (
	"path/filepath"
	"testing"

	"sokyso/signer/token/softhsm"
)

// TestCallsOfOneSignature counts what one file costs the token: one signature, one login, twenty calls in all.
func TestCallsOfOneSignature(t *testing.T) {
	for _, key := range []string{"rsa2048", "p256"} {
		t.Run(key, func(t *testing.T) {
			d := newDesk(t, key)
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
