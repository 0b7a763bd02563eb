package signer_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sokyso/signer"
)

func TestSave(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	in := sample(t, "thong-bao.pdf")
	src, err := signer.OpenFile(writeFile(t, filepath.Join(dir, "vào.pdf"), in))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	d, err := signer.Sign(context.Background(), src, w.principal.key, w.principal.chain, signer.Options{Roots: w.roots})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ký rồi.pdf")
	if err := d.Save(path); err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d.SHA256In() != sha256.Sum256(in) || d.SHA256Out() != sha256.Sum256(out) || d.Size() != int64(len(out)) {
		t.Error("hashes or size do not fit the files")
	}
	s := w.validate(t, out).Signatures[0]
	if !bytes.Equal(d.ByteRangeDigest(), s.ByteRangeDigest) {
		t.Error("digest of the ByteRange differs")
	}
	if got, _ := io.ReadAll(io.NewSectionReader(d, 0, d.Size()+10)); !bytes.Equal(got, out) {
		t.Error("ReadAt gives other bytes than Save wrote")
	}
	if err := d.Save(path); signer.CodeOf(err) != signer.CodeOutputExists || !errors.Is(err, signer.ErrExists) {
		t.Errorf("saving twice: %v", err)
	}
	wantNames(t, dir, "ký rồi.pdf", "vào.pdf")
}

// TestPlaceNeverReplaces: a file that appears between Stage and Place stays what it is, and so does the staged one.
func TestPlaceNeverReplaces(t *testing.T) {
	w := newWorld(t)
	_, d := w.sign(t, sample(t, "minimal.pdf"), w.deputy, signer.Options{})
	dir := t.TempDir()
	path, temp := filepath.Join(dir, "out.pdf"), filepath.Join(dir, signer.TempPrefix+"x"+signer.TempSuffix)
	if err := d.Stage(temp); err != nil {
		t.Fatal(err)
	}
	if err := d.Stage(temp); signer.CodeOf(err) != signer.CodeOutputExists {
		t.Errorf("staged twice: %v", err)
	}
	wantNames(t, dir, filepath.Base(temp))
	if err := signer.Place(temp, path); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, "out.pdf")
	before, _ := os.Stat(path)
	if err := d.Stage(temp); err != nil {
		t.Fatal(err)
	}
	if err := signer.Place(temp, path); err == nil || err.Code != signer.CodeOutputExists || !errors.Is(err, signer.ErrExists) {
		t.Errorf("placed over it: %v", err)
	}
	if after, _ := os.Stat(path); !os.SameFile(before, after) {
		t.Error("the file was replaced")
	}
	wantNames(t, dir, filepath.Base(temp), "out.pdf")
	if err := signer.Place(temp, filepath.Join(dir, "no", "out.pdf")); err == nil || err.Code != signer.CodeNotFound {
		t.Errorf("placed in no folder: %v", err)
	}
	wantNames(t, dir, filepath.Base(temp), "out.pdf")
}

// TestInputChanged changes the input after it was read.
func TestInputChanged(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(path string){
		"longer": func(path string) {
			f, _ := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			_, _ = f.WriteString("more")
			_ = f.Close()
		},
		"shorter": func(path string) { _ = os.Truncate(path, 100) },
		"a byte, long at rest": func(path string) {
			f, _ := os.OpenFile(path, os.O_WRONLY, 0)
			_, _ = f.WriteAt([]byte("X"), 300)
			_ = f.Close()
		},
		"a byte, time put back": func(path string) {
			info, _ := os.Stat(path)
			f, _ := os.OpenFile(path, os.O_WRONLY, 0)
			_, _ = f.WriteAt([]byte("X"), 300)
			_ = f.Close()
			_ = os.Chtimes(path, info.ModTime(), info.ModTime())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := writeFile(t, filepath.Join(dir, "in.pdf"), sample(t, "thong-bao.pdf"))
			if strings.Contains(name, "long at rest") {
				old := time.Now().Add(-time.Hour)
				if err := os.Chtimes(path, old, old); err != nil {
					t.Fatal(err)
				}
			}
			src, err := signer.OpenFile(path)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			d, err := signer.Sign(context.Background(), src, w.deputy.key, w.deputy.chain, signer.Options{})
			if err != nil {
				t.Fatal(err)
			}
			change(path)
			if err := d.Save(filepath.Join(dir, "out.pdf")); signer.CodeOf(err) != signer.CodeInputChanged {
				t.Errorf("%v", err)
			}
			wantNames(t, dir, "in.pdf")
		})
	}
}

// TestBadInput signs what can't be signed; each cause has a code of its own, and nothing is left behind.
func TestBadInput(t *testing.T) {
	w := newWorld(t)
	whole := sample(t, "ke-hoach.pdf")
	for _, test := range []struct {
		name  string
		bytes []byte
		code  string
	}{
		{"not a PDF", []byte("Kính gửi: các tổ chuyên môn\n"), signer.CodeNotPDF},
		{"empty", nil, signer.CodeEmptyFile},
		{"truncated", whole[:len(whole)*2/3], signer.CodeTruncated},
		{"password", sample(t, "encrypted-aes-128-password.pdf"), signer.CodePasswordNeeded},
		{"for recipients", sample(t, "encrypted-for-recipients.pdf"), signer.CodeEncryptedForRecipients},
		{"unknown encryption", sample(t, "encrypted-unknown-version.pdf"), signer.CodeEncryptionUnsupported},
		{"no pages", sample(t, "no-pages.pdf"), signer.CodeNoPages},
		{"broken cross-reference that readers make anew in different ways",
			append(sample(t, "offsets-wrong.pdf"), "9 0 obj\n<</Type/Catalog/Pages 2 0 R/Lang(vi)>>\nendobj\ntrailer\n<</Root 9 0 R>>\nstartxref\n1\n%%EOF\n"...), signer.CodeDamagedPDF},
		{"nested too deeply", sample(t, "nested-5000-deep.pdf"), signer.CodeTooComplex},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			code := saveAs(w, writeFile(t, filepath.Join(dir, "in.pdf"), test.bytes), filepath.Join(dir, "out.pdf"))
			if code != test.code {
				t.Errorf("file: %q, want %q", code, test.code)
			}
			wantNames(t, dir, "in.pdf")
			_, err := signer.Prepare(context.Background(), bytes.NewReader(test.bytes))
			if code := signer.CodeOf(err); code != test.code {
				t.Errorf("memory: %v, want %q", err, test.code)
			}
		})
	}
	dir := t.TempDir()
	if code := saveAs(w, dir, filepath.Join(dir, "out.pdf")); code != signer.CodeIsFolder {
		t.Errorf("folder as input: %q", code)
	}
	if code := saveAs(w, filepath.Join(dir, "không có.pdf"), filepath.Join(dir, "out.pdf")); code != signer.CodeNotFound {
		t.Errorf("no input: %q", code)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "ống"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := saveAs(w, filepath.Join(dir, "ống"), filepath.Join(dir, "out.pdf")); code != signer.CodeNotPDF {
		t.Errorf("pipe as input: %q", code)
	}
	in := writeFile(t, filepath.Join(dir, "in.pdf"), whole)
	if code := saveAs(w, in, filepath.Join(dir, "không có", "out.pdf")); code != signer.CodeNotFound {
		t.Errorf("no folder for the output: %q", code)
	}
	if code := saveAs(w, in, dir); code != signer.CodeOutputExists {
		t.Errorf("folder as output: %q", code)
	}
	wantNames(t, dir, "in.pdf", "ống")
}

// saveAs signs one file and answers the code of the error, "" when there was none.
func saveAs(w *world, in, out string) string {
	src, err := signer.OpenFile(in)
	if err != nil {
		return codeOf(err)
	}
	defer func() { _ = src.Close() }()
	d, err := signer.Sign(context.Background(), src, w.deputy.key, w.deputy.chain, signer.Options{})
	if err != nil {
		return codeOf(err)
	}
	return codeOf(d.Save(out))
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	if code := signer.CodeOf(err); code != "" {
		return code
	}
	return err.Error()
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("in the folder: %q, want %q", got, want)
	}
}

// TestLimits signs in a process with other rights and limits than this one.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Dir(dir), dir} { // for another user to enter
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test binary lies in a folder that only its owner may enter.
	program := filepath.Join(dir, "test")
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, b, 0o755); err != nil {
		t.Fatal(err)
	}
	folder := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	public := writeFile(t, filepath.Join(dir, "in.pdf"), sample(t, "ke-hoach.pdf"))
	private := writeFile(t, filepath.Join(dir, "private.pdf"), sample(t, "ke-hoach.pdf"))
	if err := os.Chmod(private, 0); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, in, out string
		mode          os.FileMode
		limit         string
		code          string
	}{
		{"may do all", public, "a", 0o777, "unlimited", ""},
		{"may not read", private, "b", 0o777, "unlimited", signer.CodeNoPermission},
		{"may write, not list", public, "f", 0o333, "unlimited", ""},
		{"may not write", public, "c", 0o555, "unlimited", signer.CodeNoPermission},
		{"no room", public, "d", 0o777, "60", signer.CodeDiskFull},
		{"no room at all", public, "e", 0o777, "0", signer.CodeDiskFull},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := folder(test.out, test.mode)
			cmd := exec.Command("sh", "-c", `ulimit -f "$1"; exec "$2"`, "sh", test.limit, program)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), childVariable+"="+test.in+"\n"+filepath.Join(out, "out.pdf"))
			if os.Geteuid() == 0 { // root may do everything
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			}
			var errs strings.Builder
			cmd.Stderr = &errs
			got, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, errs.String())
			}
			if string(got) != test.code {
				t.Errorf("%q, want %q", got, test.code)
			}
			if test.code != "" {
				wantNames(t, out)
			} else {
				wantNames(t, out, "out.pdf")
			}
		})
	}
}

// childVariable holds input and output of a test binary that was started to sign one file.
const childVariable = "SOKYSO_TEST_SIGN"

// child signs with a key of its own and prints the code.
func child(task string) int {
	in, out, _ := strings.Cut(task, "\n")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Phạm Thu Hằng"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	fmt.Print(saveAs(&world{deputy: identity{key, []*x509.Certificate{cert}}}, in, out))
	return 0
}
