package pdf

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
)

func TestMisplacedObject(t *testing.T) {
	for name, want := range map[string]Ref{
		"minimal.pdf": {}, "generation-3.pdf": {}, "hybrid.pdf": {}, "qpdf-linearized-stream.pdf": {}, "three-revisions.pdf": {},
		"junk-before-offsets-from-header.pdf": {}, "one-offset-wrong.pdf": {Number: 6},
	} {
		f := open(t, readVector(t, name))
		p, found, err := f.Misplaced(context.Background(), 0)
		if err != nil || p.Ref != want || found != (want != Ref{}) {
			t.Errorf("%s: %v %t %v", name, p, found, err)
		}
	}
	// Each object of a file in turn is moved by a byte, then given another number or generation.
	in := many(2000)
	for _, n := range []int{7, 1000, 2005} {
		at := bytes.Index(in, fmt.Appendf(nil, "\n%d 0 obj", n)) + 1
		row := fmt.Sprintf("%010d 00000 n", at)
		for _, wrong := range []string{
			fmt.Sprintf("%010d 00000 n", at+1), fmt.Sprintf("%010d 00000 n", at-3), fmt.Sprintf("%010d 00001 n", at), "0999999999 00000 n",
		} {
			f := open(t, bytes.Replace(in, []byte(row), []byte(wrong), 1))
			if p, found, err := f.Misplaced(context.Background(), 0); !found || err != nil || p.Ref.Number != uint32(n) {
				t.Errorf("object %d at %q: %v %t %v", n, wrong, p, found, err)
			}
		}
		// White space before the header is forgiven, as all readers do.
		f := open(t, bytes.Replace(in, []byte(row), fmt.Appendf(nil, "%010d 00000 n", at-1), 1))
		if p, found, err := f.Misplaced(context.Background(), 0); found || err != nil {
			t.Errorf("object %d after a line end: %v %v", n, p, err)
		}
	}
}

func TestUnlisted(t *testing.T) {
	base := readVector(t, "minimal.pdf")
	from := int64(len(base))
	f := open(t, base)
	out, _, err := extend(f, base, "x")
	if err != nil {
		t.Fatal(err)
	}
	tail := string(out[from:])
	at := strings.Index(tail, "xref\n")
	filler := strings.Repeat("x", placementWindow)
	for text, want := range map[string]int{
		"": 0, "no object\n": 0, "endobj\n": 0, "1 x obj\n": 0, "99999999999 0 obj\n": 0,
		"5 0 obj\n": 1, "5\n0\robj\n": 1, "5 0obj\n": 1, "x5 00 obj": 1, "5 %c\n0 obj\n": 1, "5 0 %c\nobj\n": 1, "5 0 obj 6 0 obj\n": 2,
		filler + " 5 0 obj\n": 1, filler[256:] + " 5 0 obj\n": 1, filler[:placementWindow-3] + "\n5 0 obj\n": 1,
		filler + filler[600:] + "\n5 0 obj\n": 1,
	} {
		// The text stands before the section, whose startxref moves with it.
		b := append(bytes.Clone(base), tail[:at]+text+tail[at:]...)
		i := bytes.LastIndex(b, []byte("startxref"))
		b = append(b[:i:i], fmt.Sprintf("startxref\n%d\n%%%%EOF\n", int(from)+at+len(text))...)
		g := open(t, b)
		if len(g.Revisions()) != 2 {
			t.Fatalf("%.20q: %d revisions", text, len(g.Revisions()))
		}
		got, err := g.Unlisted(context.Background(), from, 10)
		if err != nil || len(got) != want {
			t.Errorf("%.20q: %v %v, want %d", text, got, err, want)
		}
	}
}

// TestNothingUnlisted: in what programs write all objects are listed.
func TestNothingUnlisted(t *testing.T) {
	for _, name := range []string{"three-revisions.pdf", "prev-table-stream.pdf", "prev-stream-table.pdf", "hybrid-as-word-writes.pdf", "quy-che.pdf", "qpdf-linearized-stream.pdf", "xref-stream-flate.pdf"} {
		f := open(t, readVector(t, name))
		if got, err := f.Unlisted(context.Background(), 0, 10); len(got) > 0 || err != nil {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
}

// BenchmarkMisplaced looks at the 300,000 objects of a file of 60 MB.
func BenchmarkMisplaced(b *testing.B) {
	in := many(300_000)
	f := open(b, in)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, found, err := f.Misplaced(context.Background(), 0); found || err != nil {
			b.Fatal(found, err)
		}
	}
}
