package worker_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"sokyso/signer/token"
)

// contains looks for text in the memory that a process may write to.
func contains(t *testing.T, pid int, text []byte) bool {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights); err != nil || !strings.HasPrefix(rights, "rw") {
			continue
		}
		region, err := io.ReadAll(io.NewSectionReader(memory, from, to-from))
		if err == nil && bytes.Contains(region, text) {
			return true
		}
	}
	return false
}

// The PIN in the form that only the protocol has it in must be gone from the
// worker after the call, and still be found when it is kept.
func TestPINIsGoneFromTheWorkersMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("long under the race detector, which multiplies the memory")
	}
	client := start(t, store.Module(), nil)
	ctx := context.Background()
	if _, err := client.Open(ctx, token.Selector{TokenSerial: created["seal"].Serial}); err != nil {
		t.Fatal(err)
	}
	children := childrenOf(t, os.Getpid())
	if len(children) != 1 {
		t.Fatalf("this process has children %v", children)
	}
	typed := []byte("dâu tây chín đỏ") // a wrong one, long enough not to be there by chance
	onWire := []byte(base64.StdEncoding.EncodeToString(typed))
	if err := client.Login(ctx, typed); err == nil {
		t.Fatal("a wrong PIN was accepted")
	}
	if contains(t, children[0], onWire) {
		t.Error("the line with the PIN is still in the worker's memory")
	}
	if !contains(t, children[0], []byte(created["seal"].Serial)) {
		t.Error("the search finds nothing at all")
	}
}
