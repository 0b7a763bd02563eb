//go:build linux

package signer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkCopy holds the ways to have a hashed copy of the input in the folder of the output against each other, in turn
// in each round, on tmpfs and in the folder for temporary files. The figures are medians of the rounds.
//
//	range-of-one-pass  time of copy_file_range followed by hashing, in terms of one pass that reads, hashes and writes
//	clone-of-one-pass  the same of FICLONE; absent where the file system shares no blocks
//	refused-us         what asking in vain for FICLONE costs, in microseconds
func BenchmarkCopy(b *testing.B) {
	for where, root := range map[string]string{"tmpfs": "/dev/shm", "tmp": os.TempDir()} {
		for _, size := range []int{131 << 10, 1 << 20, 100 << 20} {
			b.Run(fmt.Sprintf("%s/%dKB", where, size>>10), func(b *testing.B) { copyBench(b, root, size) })
		}
	}
}

func copyBench(b *testing.B, root string, size int) {
	dir, err := os.MkdirTemp(root, "sokyso-copy-")
	if err != nil {
		b.Skip(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	content := make([]byte, size)
	_, _ = rand.Read(content)
	path := filepath.Join(dir, "in")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		b.Fatal(err)
	}
	from, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer from.Close()
	// timed measures one way, from an empty nameless file to a copy whose hash is known.
	timed := func(way func(to *os.File, h io.Writer) error) (time.Duration, bool) {
		to, err := openNameless(dir)
		if err != nil {
			b.Skip(err)
		}
		defer to.Close()
		h := sha256.New()
		began := time.Now()
		if err := way(to, h); err != nil {
			return time.Since(began), false
		}
		h.Sum(nil)
		return time.Since(began), true
	}
	hash := func(of *os.File, h io.Writer) error { return feed(context.Background(), h, of, int64(size)) }
	var ranged, cloned, refused []float64
	for b.Loop() {
		one, _ := timed(func(to *os.File, h io.Writer) error {
			return feed(context.Background(), io.MultiWriter(h, to), from, int64(size))
		})
		two, ok := timed(func(to *os.File, h io.Writer) error {
			for at := int64(0); at < int64(size); {
				n, err := unix.CopyFileRange(int(from.Fd()), &at, int(to.Fd()), nil, size-int(at), 0)
				if err != nil || n == 0 {
					return fmt.Errorf("copied %d bytes: %w", at, err)
				}
			}
			return hash(to, h)
		})
		if ok {
			ranged = append(ranged, two.Seconds()/one.Seconds())
		}
		clone, ok := timed(func(to *os.File, h io.Writer) error {
			if err := unix.IoctlFileClone(int(to.Fd()), int(from.Fd())); err != nil {
				return err
			}
			return hash(to, h)
		})
		if ok {
			cloned = append(cloned, clone.Seconds()/one.Seconds())
		} else {
			refused = append(refused, float64(clone.Microseconds()))
		}
	}
	for unit, values := range map[string][]float64{"range-of-one-pass": ranged, "clone-of-one-pass": cloned, "refused-us": refused} {
		if len(values) > 0 {
			b.ReportMetric(slices.Sorted(slices.Values(values))[len(values)/2], unit)
		}
	}
}
