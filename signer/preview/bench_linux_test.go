package preview_test

import (
	"syscall"
	"testing"
	"time"

	"sokyso/signer/preview"
)

// BenchmarkFirstPage is the time until a page can be shown, its words with it: cold, with nothing compiled before; warm,
// with the compiled code on the disk, as installing leaves it; running, with the child there. What the child computes is told too: on a busy
// machine the time says little.
func BenchmarkFirstPage(b *testing.B) {
	file := sample("ke-hoach.pdf")
	first := func(b *testing.B, v *preview.Viewer) {
		if _, err := v.Pages(b.Context(), file); err != nil {
			b.Fatal(err)
		}
		if _, _, err := v.Picture(b.Context(), file, 1, 1000); err != nil {
			b.Fatal(err)
		}
		if _, err := v.Words(b.Context(), file, 1); err != nil {
			b.Fatal(err)
		}
	}
	started := func(b *testing.B, cache func() string) {
		before := usedByChildren(b)
		defer func() { b.ReportMetric((usedByChildren(b)-before).Seconds()/float64(b.N), "cpu-s/op") }()
		for b.Loop() {
			v := preview.New(preview.Config{CacheDir: cache()})
			first(b, v)
			if err := v.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("cold", func(b *testing.B) { started(b, b.TempDir) })
	b.Run("warm", func(b *testing.B) {
		cache := b.TempDir()
		v := preview.New(preview.Config{CacheDir: cache})
		first(b, v)
		if err := v.Close(); err != nil {
			b.Fatal(err)
		}
		started(b, func() string { return cache })
	})
	b.Run("running", func(b *testing.B) {
		v := newViewer(b)
		first(b, v)
		for b.Loop() {
			first(b, v)
		}
	})
}

// usedByChildren is the processor time of the children that have ended.
func usedByChildren(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
