package pdf

import (
	"bytes"
	"runtime"
	"testing"
)

// BenchmarkUpdate opens a document of four pages and adds one object: what a signature needs of this package.
func BenchmarkUpdate(b *testing.B) {
	in := readVector(b, "quy-che.pdf")
	b.ReportAllocs()
	for b.Loop() {
		f, err := Open(bytes.NewReader(in), int64(len(in)))
		if err != nil {
			b.Fatal(err)
		}
		u := NewUpdate(f)
		ref, catalog, err := f.Catalog()
		if err != nil {
			b.Fatal(err)
		}
		catalog["Sokyso"] = u.Add(Dict{"Contents": NewReserved(32<<10, '0')})
		u.Set(ref, catalog)
		if _, err := u.Bytes(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenMany opens a file of 60 MB and 300,000 objects. held-B is what an open File keeps.
func BenchmarkOpenMany(b *testing.B) {
	in := many(300_000)
	var before, after runtime.MemStats
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	runtime.GC()
	runtime.ReadMemStats(&before)
	var f *File
	for b.Loop() {
		var err error
		if f, err = Open(bytes.NewReader(in), int64(len(in))); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc)-float64(before.HeapAlloc), "held-B")
	runtime.KeepAlive(f)
}

// BenchmarkRebuild scans a file of 6 MB and 30,000 objects whose startxref is wrong.
func BenchmarkRebuild(b *testing.B) {
	in := bytes.Replace(many(30_000), []byte("startxref\n"), []byte("startxref\n9"), 1)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(bytes.NewReader(in), int64(len(in))); err != nil {
			b.Fatal(err)
		}
	}
}
