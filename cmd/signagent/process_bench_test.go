//go:build linux

package main

import (
	"bufio"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"sokyso/signer/authority"
	"sokyso/signer/token"
	"sokyso/signer/token/softhsm"
)

// seat is a token of its own and the real program, for measuring.
type seat struct {
	program, dir string // dir is on tmpfs where there is room, so that the disk does not blur the figures
	env          []string
	module       string
	serial       string
}

func newSeat(t testing.TB, key string) *seat {
	t.Helper()
	dir := t.TempDir()
	var memory syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &memory); err == nil && int64(memory.Bavail)*memory.Bsize > 2<<30 {
		if dir, err = os.MkdirTemp("/dev/shm", "sokyso-process-"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	d := &seat{program: filepath.Join(dir, "signagent"), dir: dir}
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", d.program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	ca, err := authority.New(authority.Config{Name: "CA thử nghiệm", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ca.Close() })
	store, err := softhsm.New(filepath.Join(dir, "tokens"))
	if err != nil {
		t.Fatal(err)
	}
	created, err := store.Create(softhsm.Spec{Label: "Hieu truong", PIN: testPIN, Key: key}, func(public crypto.PublicKey) ([]*x509.Certificate, error) {
		c, err := ca.Issue(public, authority.Subject{CommonName: "Nguyễn Văn Nghĩa"})
		return append([]*x509.Certificate{c}, ca.Chain()...), err
	})
	if err != nil {
		t.Fatal(err)
	}
	d.module, d.serial = store.Module(), created.Serial
	roots := ca.RootPEM()
	for _, c := range ca.Chain() {
		roots = append(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	for name, content := range map[string][]byte{"pin": []byte(testPIN), "roots.pem": roots} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.env = append(os.Environ(), append(store.Env(), "SOKYSO_HOME="+filepath.Join(dir, "home"))...)
	return d
}

// used is what a process and its children took.
type used struct {
	Wall time.Duration
	CPU  time.Duration
	Peak int64 // of the largest of the processes, KiB
}

// measured is the variable that makes this test binary run its arguments as a program and print what it took: a child's
// peak memory is told as no less than that of the process that started it, so that one must be small.
const measured = "SIGNAGENT_TEST_MEASURE"

// measureChild runs in the process that TestMain makes of this binary for it.
func measureChild(args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	u := used{Wall: time.Since(began), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	u.Peak = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	_ = json.NewEncoder(os.Stdout).Encode(u)
	return 0
}

func (d *seat) measure(t testing.TB, args ...string) used {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(own, args...)
	cmd.Env, cmd.Stderr = append(slices.Clone(d.env), measured+"=1"), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(args, err)
	}
	var u used
	if err := json.Unmarshal(out, &u); err != nil {
		t.Fatal(err)
	}
	return u
}

func (d *seat) sign(t testing.TB, in, out string) used {
	t.Helper()
	return d.signagent(t, "-o", out, in)
}

func (d *seat) signagent(t testing.TB, args ...string) used {
	t.Helper()
	return d.measure(t, append([]string{d.program, "sign", "--json", "--standalone", "--module", d.module,
		"--pin-file", filepath.Join(d.dir, "pin"), "--roots", filepath.Join(d.dir, "roots.pem")}, args...)...)
}

// bareVariable makes this test binary log in to the token and sign so many times, with nothing around: "SERIAL COUNT".
const bareVariable = "SIGNAGENT_TEST_BARE"

func bare(order string) error {
	var serial string
	var count int
	if _, err := fmt.Sscan(order, &serial, &count); err != nil {
		return err
	}
	path, err := softhsm.FindModule()
	if err != nil {
		return err
	}
	module, err := token.Load(path)
	if err != nil {
		return err
	}
	defer module.Close()
	return module.Direct(func(p *pkcs11.Ctx) error {
		slots, err := p.GetSlotList(true)
		if err != nil {
			return err
		}
		for _, slot := range slots {
			info, err := p.GetTokenInfo(slot)
			if err != nil || info.SerialNumber != serial {
				continue
			}
			session, err := p.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
			if err != nil {
				return err
			}
			if err := p.Login(session, pkcs11.CKU_USER, testPIN); err != nil {
				return err
			}
			if err := p.FindObjectsInit(session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY)}); err != nil {
				return err
			}
			keys, _, err := p.FindObjects(session, 1)
			if err != nil || len(keys) != 1 {
				return fmt.Errorf("%d keys: %w", len(keys), err)
			}
			if err := p.FindObjectsFinal(session); err != nil {
				return err
			}
			for range count {
				if err := p.SignInit(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil)}, keys[0]); err != nil {
					return err
				}
				if _, err = p.Sign(session, make([]byte, 51)); err != nil {
					return err
				}
			}
			return nil
		}
		return fmt.Errorf("no token %s", serial)
	})
}

// BenchmarkProcess is `signagent sign --standalone` as a whole: the program, its worker with the token, the signed file
// validated and written durably, all on tmpfs. Medians of the rounds.
//
//	of-sha256sum  our time in terms of that of sha256sum on the same file
//	of-bare       our time in terms of a process that logs in and signs once, with nothing around
//	peak-MiB      resident memory of the larger of the two processes
//	grows-KB      what the output is longer than the input
func BenchmarkProcess(b *testing.B) {
	d := newSeat(b, "rsa2048")
	for _, test := range []struct {
		name  string
		write func(b *testing.B, path string)
	}{
		{"131KB", func(b *testing.B, path string) { writeLarge(b, path, 130_000, 130_000) }},
		{"100MB", func(b *testing.B, path string) { writeLarge(b, path, 100_000_000, 1<<20) }},
		{"500MB", func(b *testing.B, path string) { writeLarge(b, path, 500_000_000, 1<<20) }},
		{"60MB-300000-objects", func(b *testing.B, path string) { writeLarge(b, path, 60_000_000, 100) }},
	} {
		b.Run(test.name, func(b *testing.B) {
			in, out := filepath.Join(d.dir, "in.pdf"), filepath.Join(d.dir, "out.pdf")
			test.write(b, in)
			before, err := os.Stat(in)
			if err != nil {
				b.Fatal(err)
			}
			var wall, cpu, ofSum, ofBare, peak []float64
			var grows int64
			for b.Loop() {
				ours := d.sign(b, in, out)
				after, err := os.Stat(out)
				if err != nil {
					b.Fatal(err)
				}
				grows = after.Size() - before.Size()
				if err := os.Remove(out); err != nil {
					b.Fatal(err)
				}
				sum := d.measure(b, "sha256sum", in)
				alone := d.bare(b, 1)
				wall = append(wall, ours.Wall.Seconds()*1000)
				cpu = append(cpu, ours.CPU.Seconds()*1000)
				ofSum = append(ofSum, ours.Wall.Seconds()/sum.Wall.Seconds())
				ofBare = append(ofBare, ours.Wall.Seconds()/alone.Wall.Seconds())
				peak = append(peak, float64(ours.Peak)/1024)
			}
			b.ReportMetric(median(wall), "ms")
			b.ReportMetric(median(cpu), "cpu-ms")
			b.ReportMetric(median(ofSum), "of-sha256sum")
			b.ReportMetric(median(ofBare), "of-bare")
			b.ReportMetric(slices.Max(peak), "peak-MiB")
			b.ReportMetric(float64(grows)/1000, "grows-KB")
		})
	}
}

// BenchmarkProcessVerify is `signagent verify --offline` of a signed file as a whole, with the units of BenchmarkProcess.
func BenchmarkProcessVerify(b *testing.B) {
	d := newSeat(b, "rsa2048")
	for _, test := range []struct {
		name   string
		size   int64
		stream int
	}{
		{"131KB", 130_000, 130_000}, {"100MB", 100_000_000, 1 << 20}, {"500MB", 500_000_000, 1 << 20},
		{"60MB-300000-objects", 60_000_000, 100},
	} {
		b.Run(test.name, func(b *testing.B) {
			in, out := filepath.Join(d.dir, "in.pdf"), filepath.Join(d.dir, "out.pdf")
			writeLarge(b, in, test.size, test.stream)
			d.sign(b, in, out)
			if err := os.Remove(in); err != nil {
				b.Fatal(err)
			}
			var wall, ofSum, peak []float64
			for b.Loop() {
				ours := d.measure(b, d.program, "verify", "--offline", "--roots", filepath.Join(d.dir, "roots.pem"), "--json", out)
				sum := d.measure(b, "sha256sum", out)
				wall = append(wall, ours.Wall.Seconds()*1000)
				ofSum = append(ofSum, ours.Wall.Seconds()/sum.Wall.Seconds())
				peak = append(peak, float64(ours.Peak)/1024)
			}
			if err := os.Remove(out); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(median(wall), "ms")
			b.ReportMetric(median(ofSum), "of-sha256sum")
			b.ReportMetric(slices.Max(peak), "peak-MiB")
		})
	}
}

// BenchmarkProcessBatch is `signagent sign --standalone` of 200 files as a whole: one session, the worker in between, a
// journal. of-bare is our rate in terms of that of a process that logs in and signs as often, with nothing around.
func BenchmarkProcessBatch(b *testing.B) {
	const files = 200
	d := newSeat(b, "rsa2048")
	out := filepath.Join(d.dir, "out")
	args := []string{"--out-dir", out}
	for i := range files {
		in := filepath.Join(d.dir, fmt.Sprintf("%d.pdf", i))
		writeLarge(b, in, 130_000, 130_000)
		args = append(args, in)
	}
	var rate, ofBare, peak []float64
	for b.Loop() {
		if err := os.MkdirAll(out, 0o700); err != nil {
			b.Fatal(err)
		}
		alone := d.bare(b, files)
		ours := d.signagent(b, args...)
		if err := os.RemoveAll(out); err != nil {
			b.Fatal(err)
		}
		rate = append(rate, files/ours.Wall.Seconds())
		ofBare = append(ofBare, alone.Wall.Seconds()/ours.Wall.Seconds())
		peak = append(peak, float64(ours.Peak)/1024)
	}
	b.ReportMetric(median(rate), "docs/s")
	b.ReportMetric(median(ofBare), "of-bare")
	b.ReportMetric(slices.Max(peak), "peak-MiB")
}

func (d *seat) bare(t testing.TB, count int) used {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return d.measure(t, "env", fmt.Sprintf("%s=%s %d", bareVariable, d.serial, count), measured+"=", own)
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

// writeLarge writes a document of about that size with streams of one length that nothing can make smaller.
func writeLarge(t testing.TB, path string, size int64, stream int) {
	t.Helper()
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
	data := make([]byte, stream)
	for at+int64(20*len(offsets)) < size { // a row of the cross-reference has 20 bytes
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
