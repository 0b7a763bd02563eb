package signer_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sokyso/signer"
)

// TestInputChangedBehindItsTime: a file long at rest is changed in place, or grows, and gets its old time back; size
// and time then say that it is as it was.
func TestInputChangedBehindItsTime(t *testing.T) {
	w := newWorld(t)
	old := time.Now().Add(-time.Hour)
	for name, test := range map[string]struct {
		at    int64 // -1 is the end
		bytes string
		code  string
	}{
		"untouched but for its time": {0, "%", ""},
		"a byte":                     {300, "\x00", signer.CodeInputChanged},
		"something added":            {-1, "\n%", signer.CodeInputChanged},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, filepath.Join(t.TempDir(), "in.pdf"), sample(t, "thong-bao.pdf"))
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
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
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			at := test.at
			if at < 0 {
				at = src.Size()
			}
			if _, err := f.WriteAt([]byte(test.bytes), at); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
			if _, err := d.WriteTo(io.Discard); signer.CodeOf(err) != test.code {
				t.Errorf("%v, want %q", err, test.code)
			}
		})
	}
}
