package signer_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sokyso/signer"
	"sokyso/signer/pdf"
)

// fuzzTime is what signing a file of the fuzzer may take; it is small.
const fuzzTime = 10 * time.Second

// FuzzSign signs whatever opens: the input is the beginning of the output, the reader sees one field more and all others,
// and the earlier revisions are as they were. An error has a code.
func FuzzSign(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "pdf", "*.pdf"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no vectors: %v", err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 16<<10 {
			f.Add(b, false)
			f.Add(b, true)
		}
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, in []byte, visible bool) {
		if len(in) > 64<<10 {
			t.Skip("large")
		}
		opt := signer.Options{Name: "Nguyễn Văn Nghĩa", Roots: w.roots}
		if visible {
			opt.Visible = &signer.Visible{Page: 1, Rect: [4]float64{1, 1, 40, 20}, Lines: []string{"Nghĩa"}}
		}
		ctx, cancel := context.WithTimeout(t.Context(), fuzzTime)
		defer cancel()
		d, err := signer.Sign(ctx, bytes.NewReader(in), w.deputy.key, w.deputy.chain, opt)
		if ctx.Err() != nil {
			t.Fatal("it takes too long")
		}
		if err != nil {
			if code := signer.CodeOf(err); code == "" {
				t.Fatalf("no code: %v", err)
			}
			return
		}
		var out bytes.Buffer
		if _, err := d.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(out.Bytes(), in) {
			t.Fatal("the input is not the beginning of the output")
		}
		was, now := openBytes(t, in), openBytes(t, out.Bytes())
		before, after := fieldNames(t, was), fieldNames(t, now)
		if len(after) != len(before)+1 {
			t.Fatalf("fields %q, before %q", after, before)
		}
		for _, name := range before {
			if !slices.Contains(after, name) {
				t.Fatalf("field %q is gone", name)
			}
		}
		if _, rebuilt := was.Rebuilt(); rebuilt || slices.Contains(d.Notes(), signer.NoteXRefRebuilt) {
			return // its revisions were never told apart
		}
		same := func(a, b pdf.Revision) bool {
			return a.StartXRef == b.StartXRef && a.Kind == b.Kind && a.End-b.End <= 1 // the line is ended if it was not
		}
		if len(now.Revisions()) != len(was.Revisions())+1 || !slices.EqualFunc(now.Revisions()[:len(was.Revisions())], was.Revisions(), same) {
			t.Fatalf("revisions %v, before %v", now.Revisions(), was.Revisions())
		}
	})
}

func fieldNames(t testing.TB, f *pdf.File) []string {
	t.Helper()
	fields, err := f.Fields()
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.Name
	}
	return names
}
