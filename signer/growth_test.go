package signer_test

import (
	"testing"

	"sokyso/signer"
)

// TestGrowth: an invisible B-B signature with its chain adds little, whatever the file.
func TestGrowth(t *testing.T) {
	w := newWorld(t)
	for _, name := range samples {
		in := sample(t, name)
		out, _ := w.sign(t, in, w.principal, signer.Options{})
		growth := len(out) - len(in)
		t.Logf("%s grows by %d bytes", name, growth)
		if growth > 40_000 {
			t.Errorf("%s grows by %d bytes", name, growth)
		}
	}
}
