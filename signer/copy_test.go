package signer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sokyso/signer"
)

// counted tells how many bytes of a source were read, and calls before at the first read that reaches an offset.
type counted struct {
	*bytes.Reader
	read   int64
	at     int64
	before func()
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	if c.before != nil && off+int64(len(p)) >= c.at {
		c.before()
		c.before = nil
	}
	n, err := c.Reader.ReadAt(p, off)
	c.read += int64(n)
	return n, err
}

// TestWrittenIsWhatWasHashed: once an input is copied into the folder of the output, the output is those bytes with the
// update, although the input is changed, emptied or closed. It is read once, and nothing else stands in the folder.
func TestWrittenIsWhatWasHashed(t *testing.T) {
	w := newWorld(t)
	large := build(document(map[int]string{8: "<< /Length 600000 >>\nstream\n" + string(make([]byte, 600_000)) + "\nendstream"}))
	for name, in := range map[string][]byte{"small": sample(t, "thong-bao.pdf"), "large": large} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			content := bytes.Clone(in)
			src := &counted{Reader: bytes.NewReader(content)}
			p, err := signer.PrepareIn(context.Background(), src, dir, "")
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if !p.Copied() {
				t.Skip("the file system has no nameless files")
			}
			wantNames(t, dir)
			if limit := int64(len(in)) + 40_000; src.read > limit { // places that are looked at beside
				t.Errorf("%d bytes read of %d", src.read, len(in))
			}
			clear(content)
			src.read = 0
			d, err := p.Sign(context.Background(), w.deputy.key, w.deputy.chain, signer.Options{Roots: w.roots})
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "out.pdf")
			if err := d.Save(path); err != nil {
				t.Fatal(err)
			}
			if src.read > 0 {
				t.Errorf("%d bytes read again", src.read)
			}
			out, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(out, in) || d.SHA256In() != sha256.Sum256(in) || d.SHA256Out() != sha256.Sum256(out) {
				t.Error("other bytes were written than hashed")
			}
			w.validate(t, out)
			if err := d.Save(path); signer.CodeOf(err) != signer.CodeOutputExists || !errors.Is(err, signer.ErrExists) {
				t.Errorf("saved twice: %v", err)
			}
			second := filepath.Join(dir, "second.pdf")
			if err := d.Save(second); err != nil {
				t.Fatal(err)
			}
			if again, _ := os.ReadFile(second); !bytes.Equal(again, out) {
				t.Error("the second copy differs")
			}
			wantNames(t, dir, "out.pdf", "second.pdf")
		})
	}
}

// TestNothingIsReplacedByACopy: a file that appears under the output's name meanwhile stays what it is.
func TestNothingIsReplacedByACopy(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	p, err := signer.PrepareIn(context.Background(), bytes.NewReader(sample(t, "minimal.pdf")), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	d, err := p.Sign(context.Background(), w.deputy.key, w.deputy.chain, signer.Options{Roots: w.roots})
	if err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, filepath.Join(dir, "out.pdf"), []byte("another's"))
	if err := d.Stage(path); signer.CodeOf(err) != signer.CodeOutputExists {
		t.Errorf("staged over it: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "another's" {
		t.Errorf("it reads %q now", b)
	}
	wantNames(t, dir, "out.pdf")
}

// TestInputChangedWhileCopied: somebody who writes while the input is copied leaves a mixture, which is not signed.
func TestInputChangedWhileCopied(t *testing.T) {
	dir := t.TempDir()
	in := build(document(map[int]string{8: "<< /Length 600000 >>\nstream\n" + string(make([]byte, 600_000)) + "\nendstream"}))
	path := writeFile(t, filepath.Join(dir, "in.pdf"), in)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(f *os.File) error{
		"a byte": func(f *os.File) error { _, err := f.WriteAt([]byte("X"), 300_000); return err },
		"longer": func(f *os.File) error { _, err := f.WriteAt([]byte("\n%"), int64(len(in))); return err },
	} {
		t.Run(name, func(t *testing.T) {
			src, err := signer.OpenFile(path)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := change(f); err != nil {
				t.Fatal(err)
			}
			out := t.TempDir()
			if _, err := signer.PrepareIn(context.Background(), src, out, ""); signer.CodeOf(err) != signer.CodeInputChanged {
				t.Errorf("%v, want %s", err, signer.CodeInputChanged)
			}
			wantNames(t, out)
		})
	}
}

// TestSignFiles: every file of a batch has its own result, in the order of the files, and a bad one stops no other.
func TestSignFiles(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	names := append([]string{"no such file.pdf"}, samples...)
	var files []signer.File
	for _, name := range names {
		in := filepath.Join(dir, name)
		if name != names[0] {
			writeFile(t, in, sample(t, name))
		}
		files = append(files, signer.File{Input: in, Output: filepath.Join(dir, "signed "+name)})
	}
	results := signer.SignFiles(context.Background(), files, w.principal.key, 2, w.principal.chain, signer.Options{Roots: w.roots})
	for i, r := range results {
		if i == 0 {
			if signer.CodeOf(r.Err) != signer.CodeNotFound || r.Document != nil {
				t.Errorf("%s: %v", names[i], r.Err)
			}
			continue
		}
		if r.Err != nil {
			t.Errorf("%s: %v", names[i], r.Err)
			continue
		}
		out, err := os.ReadFile(files[i].Output)
		if err != nil {
			t.Fatal(err)
		}
		if r.Document.SHA256In() != sha256.Sum256(sample(t, names[i])) || r.Document.SHA256Out() != sha256.Sum256(out) {
			t.Errorf("%s: result of another file", names[i])
		}
		if _, err := r.Document.ReadAt(make([]byte, 1), 0); err == nil || err == io.EOF {
			t.Errorf("%s: it can still be read", names[i])
		}
	}
}
