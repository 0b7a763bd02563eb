package signer_test

import (
	"bufio"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// peerVariable tells the test binary to do one task of TestPeerLarge in a process of its own.
const peerVariable = "SOKYSO_TEST_PEER"

type peerTask struct{ Mode, In, Out, Key, Chain string }

type peerCost struct {
	Seconds float64 // from the open file to the closed one, without the start of the process
	Peak    int64   // bytes of resident memory at most
}

// TestPeerLarge signs a large file in processes of their own, three times in turn, beside a plain SHA-256 of it.
func TestPeerLarge(t *testing.T) {
	if task, ok := os.LookupEnv(peerVariable); ok {
		peerChild(t, task)
		return
	}
	w := newWorld(t)
	dir := t.TempDir()
	size, rounds := int64(100<<20), 3
	if testing.Short() {
		size, rounds = 24<<20, 1
	}
	in := filepath.Join(dir, "in.pdf")
	writeLarge(t, in, size)
	key, certs := pemOf(t, w.seal)
	task := peerTask{In: in, Key: writeFile(t, filepath.Join(dir, "key"), key), Chain: writeFile(t, filepath.Join(dir, "chain"), certs)}
	modes := []string{"sha256", "sokyso", "pdfsign"}
	costs := map[string][]peerCost{}
	for range rounds {
		for _, mode := range modes {
			task.Mode, task.Out = mode, filepath.Join(dir, mode+".pdf")
			_ = os.Remove(task.Out)
			costs[mode] = append(costs[mode], runTask(t, task))
		}
	}
	median := map[string]peerCost{}
	base := 0.0
	for _, mode := range modes {
		slices.SortFunc(costs[mode], func(a, b peerCost) int { return int(1e6 * (a.Seconds - b.Seconds)) })
		median[mode] = costs[mode][len(costs[mode])/2]
		if mode == "sha256" {
			base = median[mode].Seconds
		}
		t.Logf("%d MiB, %-8s %.2f s, %.1f times SHA-256 alone, %d MiB of memory at most", size>>20, mode,
			median[mode].Seconds, median[mode].Seconds/base, median[mode].Peak>>20)
	}
	if peak := median["sokyso"].Peak; peak > 64<<20 {
		t.Errorf("%d bytes of memory", peak)
	}
	if !testing.Short() && median["sokyso"].Seconds > median["pdfsign"].Seconds {
		t.Error("slower than pdfsign")
	}
	out := filepath.Join(dir, "sokyso.pdf")
	if !isPrefix(t, in, out) {
		t.Error("bytes of the input differ")
	}
	checkPDFSig(t, w, out, 1)
	checkQPDF(t, in, out)
}

func runTask(t *testing.T, task peerTask) peerCost {
	t.Helper()
	b, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^TestPeerLarge$")
	cmd.Env = append(os.Environ(), peerVariable+"="+string(b))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", task.Mode, err, out)
	}
	var cost peerCost
	if b, err = os.ReadFile(task.Out + ".cost"); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &cost); err != nil {
		t.Fatal(err)
	}
	return cost
}

// peerChild does one task and leaves its cost beside the output.
func peerChild(t *testing.T, text string) {
	var task peerTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		t.Fatal(err)
	}
	who := readIdentity(t, task.Key, task.Chain)
	said := claim{"Trần Thị Hòa", "Ký duyệt"}
	start := time.Now()
	var err error
	switch task.Mode {
	case "sha256":
		err = hashFile(task.In)
	case "sokyso":
		err = ourSign(task.In, task.Out, who, said)
	case "pdfsign":
		err = peerSign(task.In, task.Out, who, said)
	}
	if err != nil {
		t.Fatal(err)
	}
	cost, err := json.Marshal(peerCost{time.Since(start).Seconds(), peakMemory(t)})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, task.Out+".cost", cost)
}

// peakMemory is VmHWM of this process. Unlike ru_maxrss it starts anew at exec, so that the parent's size is not in it.
func peakMemory(t *testing.T) int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	t.Fatal("no VmHWM in /proc/self/status")
	return 0
}

func hashFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{sha256.New()}, struct{ io.Reader }{f}, make([]byte, 1<<20))
	return err
}

func readIdentity(t *testing.T, keyFile, chainFile string) identity {
	t.Helper()
	var who identity
	for _, path := range []string{keyFile, chainFile} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
			if block.Type == "CERTIFICATE" {
				c, err := x509.ParseCertificate(block.Bytes)
				if err != nil {
					t.Fatal(err)
				}
				who.chain = append(who.chain, c)
				continue
			}
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			who.key = key.(crypto.Signer)
		}
	}
	return who
}

// writeLarge writes a document with streams of 1 MiB that nothing can make smaller.
func writeLarge(t *testing.T, path string, size int64) {
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := bufio.NewWriterSize(f, 1<<20)
	at, offsets := int64(0), []int64{0}
	put := func(format string, args ...any) {
		n, _ := fmt.Fprintf(b, format, args...)
		at += int64(n)
	}
	object := func(text string) {
		offsets = append(offsets, at)
		put("%d 0 obj\n%s\nendobj\n", len(offsets)-1, text)
	}
	put("%%PDF-1.7\n%%\xe2\xe3\xcf\xd3\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>")
	random := rand.NewChaCha8([32]byte{1})
	data := make([]byte, 1<<20)
	for at < size {
		_, _ = random.Read(data)
		offsets = append(offsets, at)
		put("%d 0 obj\n<< /Length %d >>\nstream\n", len(offsets)-1, len(data))
		n, _ := b.Write(data)
		at += int64(n)
		put("\nendstream\nendobj\n")
	}
	start := at
	put("xref\n0 %d\n0000000000 65535 f \n", len(offsets))
	for _, o := range offsets[1:] {
		put("%010d 00000 n \n", o)
	}
	put("trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets), start)
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
}
