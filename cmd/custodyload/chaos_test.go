//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestChaos is the short form of make chaos: a few kinds of fault, in an order that chance
// chooses. What chance chooses is no gate for a release, so it is asked for.
func TestChaos(t *testing.T) {
	if os.Getenv("SOKYSO_TEST_CHAOS") == "" {
		t.Skip("half a minute of faults by chance: SOKYSO_TEST_CHAOS=1")
	}
	if _, err := programsOf(); err != nil {
		t.Skip(err)
	}
	program := filepath.Join(t.TempDir(), "custodyd")
	build := exec.Command("go", "build", "-o", program, "../custodyd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var said strings.Builder
	cfg := config{program: program, length: 30 * time.Second, replicas: 2, single: 6, bulk: 2, batch: 20, rate: 150, people: 2,
		think: time.Second, seed: uint64(time.Now().UnixNano()), every: time.Second, timeout: 5 * time.Second}
	err := runChaos(context.Background(), cfg, &said)
	t.Log("\n" + said.String())
	if err != nil {
		t.Fatal(err)
	}
}
