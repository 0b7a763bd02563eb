package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestRevisions(t *testing.T) {
	b := readVector(t, "three-revisions.pdf")
	f := open(t, b)
	revisions := f.Revisions()
	if len(revisions) != 3 {
		t.Fatalf("%d revisions", len(revisions))
	}
	// Each ends just past a %%EOF and its end of line, where the file was cut before the update.
	for i, end := range []int{1, 2, 3} {
		at, from := 0, 0
		for range end {
			from += at
			at = bytes.Index(b[from:], []byte("%%EOF\n")) + len("%%EOF\n")
		}
		if got := revisions[i].End; got != int64(from+at) {
			t.Errorf("revision %d ends at %d, want %d", i, got, from+at)
		}
		// A view of the revision is what opening the cut file gives.
		view, cut := f.At(i), open(t, b[:from+at])
		if view.Size() != cut.Size() || !reflect.DeepEqual(view.Revisions(), cut.Revisions()) ||
			!reflect.DeepEqual(view.Trailer(), cut.Trailer()) {
			t.Errorf("revision %d: view %v, cut file %v", i, view.Revisions(), cut.Revisions())
		}
		for n := range uint32(10) {
			a, err1 := view.Object(Ref{n, 0})
			c, err2 := cut.Object(Ref{n, 0})
			if _, ok := a.(*Stream); ok {
				continue
			}
			if err1 != nil || err2 != nil || !reflect.DeepEqual(a, c) {
				t.Errorf("revision %d object %d: %v %v, %v %v", i, n, a, err1, c, err2)
			}
		}
	}
	for i, want := range []string{"first", "second", "third"} {
		if s, err := f.At(i).String(Ref{6, 0}); err != nil || string(s) != want {
			t.Errorf("object 6 at %d: %q, %v", i, s, err)
		}
	}
	for i, want := range [][]Ref{{{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}, {6, 0}, {7, 0}}, {{6, 0}, {8, 0}}, {{6, 0}, {7, 0}}, nil} {
		if got := f.Changed(i); !slices.Equal(got, want) {
			t.Errorf("changed %d: %v, want %v", i, got, want)
		}
	}
	if o, err := f.Object(Ref{7, 0}); o != nil || err != nil {
		t.Errorf("freed object is %v, %v", o, err)
	}
	if f.At(-1).Size() != revisions[0].End || f.At(9) != f {
		t.Error("At out of range")
	}
}

// TestChangedWithin: replacing an object stream changes the objects in it.
func TestChangedWithin(t *testing.T) {
	d := newDraft("1.5")
	d.free(0, 65535)
	d.objStream(10, "", []int{1, 2, 7}, []string{bodyCatalog, bodyPages, "(old)"})
	d.obj(3, 0, bodyPage)
	d.stream(4, "", []byte(pageContent))
	d.obj(5, 0, bodyFont)
	d.xrefStream(12, draftRoot, flateRows)
	d.end()
	d.objStream(10, "", []int{1, 2, 7}, []string{bodyCatalog, bodyPages, "(new)"})
	d.entries = d.entries[3:] // only the stream itself is in the new section
	d.xrefStream(13, fmt.Sprintf("%s/Prev %d", draftRoot, d.last), flateRows)
	d.end()
	f := open(t, d.Bytes())
	if got, want := f.Changed(1), []Ref{{1, 0}, {2, 0}, {7, 0}, {10, 0}, {13, 0}}; !slices.Equal(got, want) {
		t.Errorf("changed %v, want %v", got, want)
	}
	for i, want := range []string{"old", "new"} {
		if s, err := f.At(i).String(Ref{7, 0}); err != nil || string(s) != want {
			t.Errorf("revision %d: %q %v", i, s, err)
		}
	}
}

func TestLinearizedIsOneRevision(t *testing.T) {
	for _, name := range []string{"thong-bao-linearized.pdf", "quy-che-scan.pdf", "qpdf-linearized-stream.pdf", "qpdf-linearized-table.pdf"} {
		b := readVector(t, name)
		f := open(t, b)
		if r := f.Revisions(); len(r) != 1 || r[0].End != int64(len(b)) || len(f.sections) != 2 {
			t.Errorf("%s: %d sections, revisions %v", name, len(f.sections), r)
		}
		out, _, err := extend(f, b, "x")
		if err != nil {
			t.Fatal(err)
		}
		g := open(t, out)
		if r := g.Revisions(); len(r) != 2 || r[0] != f.Revisions()[0] || g.At(0).Size() != int64(len(b)) {
			t.Errorf("%s: after an update %v", name, r)
		}
	}
}

// TestRevisionEnd: a cross-reference stream of many rows is passed over before %%EOF is looked for.
func TestRevisionEnd(t *testing.T) {
	d := newDraft("1.5").onePage()
	for n := range 3000 {
		d.obj(7+n, 0, "null")
	}
	d.xrefStream(6, draftRoot, plainRows)
	d.end()
	end := int64(d.Len())
	d.obj(7, 0, "(changed)")
	d.xrefStream(4000, fmt.Sprintf("%s/Prev %d", draftRoot, d.last), plainRows)
	d.end()
	f := open(t, d.Bytes())
	if r := f.Revisions(); len(r) != 2 || r[0].End != end || r[1].End != int64(d.Len()) {
		t.Errorf("%v, want ends %d and %d", r, end, d.Len())
	}
}

// TestForwardPrev: two sections in the order of a linearized file, without its dictionary, are two revisions, and the
// newer one still sees the objects behind it.
func TestForwardPrev(t *testing.T) {
	b := bytes.Replace(readVector(t, "thong-bao-linearized.pdf"), []byte("/Linearized"), []byte("/Linearizad"), 1)
	f := open(t, b)
	out, _, err := extend(f, b, "x")
	if err != nil {
		t.Fatal(err)
	}
	view := open(t, out).At(1)
	if r := f.Revisions(); len(r) != 2 || view.Size() != int64(len(b)) {
		t.Errorf("%v, view of %d bytes", r, view.Size())
	}
	if n, err := view.PageCount(); n != 1 || err != nil {
		t.Errorf("%d pages, %v", n, err)
	}
}

func TestHybrid(t *testing.T) {
	f := open(t, hybridDraft())
	d, err := f.Dict(Ref{8, 0})
	if err != nil || d["A"] != (Ref{7, 0}) {
		t.Fatalf("%v %v", d, err)
	}
	if s, err := f.String(d["A"]); err != nil || string(s) != "hidden from old readers" {
		t.Errorf("%q %v", s, err)
	}
	if n := NewUpdate(f).Add(nil).Number; n != 10 {
		t.Errorf("new object %d, want 10: 7 to 9 are known from XRefStm only", n)
	}
}

func TestMisplaced(t *testing.T) {
	b := readVector(t, "one-offset-wrong.pdf")
	f := open(t, b)
	if _, ok := f.Rebuilt(); ok {
		t.Error("rebuilt before the object was asked for")
	}
	s, err := f.String(Ref{6, 0})
	if err != nil || string(s) != "not where the table says" {
		t.Errorf("%q %v", s, err)
	}
	if reason, ok := f.Rebuilt(); !ok || !strings.Contains(reason, "object 6 0") {
		t.Errorf("reason %q", reason)
	}
	out, _, err := extend(f, b, "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, out).At(0).Object(Ref{6, 0}); !IsKind(err, KindDamaged) {
		t.Errorf("in an earlier revision: %v", err)
	}
}

func TestPageAttributes(t *testing.T) {
	f := open(t, readVector(t, "pages-inherited.pdf"))
	for n, want := range []Page{
		{Ref: Ref{3, 0}, MediaBox: [4]float64{0, 0, 595, 842}, CropBox: [4]float64{0, 0, 595, 842}, Rotate: 270},
		{Ref: Ref{7, 0}, MediaBox: [4]float64{0, 0, 842, 595}, CropBox: [4]float64{10, 10, 800, 500}, Rotate: 270},
	} {
		p, err := f.Page(n + 1)
		if err != nil || p.Ref != want.Ref || p.MediaBox != want.MediaBox || p.CropBox != want.CropBox || p.Rotate != want.Rotate {
			t.Errorf("page %d: %+v, %v", n+1, p, err)
		}
		if p.Dict["Rotate"] != nil {
			t.Error("an inherited attribute is in the page's own dictionary")
		}
	}
	for _, n := range []int{0, -1, 3} {
		if _, err := f.Page(n); !IsKind(err, KindNoPages) {
			t.Errorf("page %d: %v", n, err)
		}
	}
}

func TestFields(t *testing.T) {
	fields, err := open(t, readVector(t, "fields-nested.pdf")).Fields()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range fields {
		got = append(got, fmt.Sprintf("%d %s %s %s %v", f.Ref.Number, f.Name, f.Type, f.Value, f.Widgets))
	}
	want := []string{
		"8 school.principal Sig %!s(<nil>) [{8 0}]",
		"9 school.Đ Sig %!s(<nil>) [{9 0}]",
		"10 remark Tx none [{11 0}]",
		"13 cycle.inner Tx %!s(<nil>) []",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestValueSpan(t *testing.T) {
	d := newDraft("1.5").onePage()
	d.obj(6, 0, "<</Type/Sig/Contents <00112233>/ByteRange[0 1 2 3]/Name(a\\)b)/Twice 1/Twice 2/Ref 1 0 R>>")
	d.obj(7, 0, "[1]")
	d.objStream(8, "", []int{9}, []string{"<</A 1>>"})
	d.xrefStream(10, draftRoot, flateRows)
	d.end()
	b := d.Bytes()
	f := open(t, b)
	for key, want := range map[Name]string{
		"Type": "/Sig", "Contents": "<00112233>", "ByteRange": "[0 1 2 3]", "Name": `(a\)b)`, "Ref": "1 0 R",
	} {
		start, end, err := f.ValueSpan(Ref{6, 0}, key)
		if err != nil || string(b[start:end]) != want {
			t.Errorf("%s: %d %d %v", key, start, end, err)
		}
	}
	if start, end, err := f.ValueSpan(Ref{4, 0}, "Length"); err != nil || string(b[start:end]) != fmt.Sprint(len(pageContent)) {
		t.Errorf("of a stream: %v", err)
	}
	for _, c := range []struct {
		ref Ref
		key Name
	}{{Ref{6, 0}, "Absent"}, {Ref{6, 0}, "Twice"}, {Ref{6, 1}, "Type"}, {Ref{7, 0}, "A"}, {Ref{9, 0}, "A"}, {Ref{99, 0}, "A"}} {
		if _, _, err := f.ValueSpan(c.ref, c.key); !IsKind(err, KindDamaged) {
			t.Errorf("%v %s: %v", c.ref, c.key, err)
		}
	}
}

var errDisk = errors.New("the disk is gone")

// failingReader fails from the nth read on.
type failingReader struct {
	io.ReaderAt
	left int
}

func (r *failingReader) ReadAt(p []byte, at int64) (int, error) {
	if r.left--; r.left < 0 {
		return 0, errDisk
	}
	return r.ReaderAt.ReadAt(p, at)
}

// TestReadErrors: a failing disk is told from a damaged file, whenever it fails.
func TestReadErrors(t *testing.T) {
	for vector, b := range readableVectors(t) {
		for n := 0; ; n++ {
			r := &failingReader{bytes.NewReader(b), n}
			f, err := Open(r, int64(len(b)))
			if err == nil {
				_, err = f.Fields()
			}
			if err == nil {
				_, _, err = extend(f, b, "x")
			}
			if err == nil && r.left >= 0 {
				break
			}
			if !IsKind(err, KindRead) || !errors.Is(err, errDisk) {
				t.Fatalf("%s, read %d fails: %v", vector, n, err)
			}
		}
	}
	// A file that is shorter than announced.
	b := minimal()
	f := open(t, b)
	s, err := f.Stream(Ref{4, 0})
	if err != nil {
		t.Fatal(err)
	}
	f.r = bytes.NewReader(b[:s.Offset()+3]) // it shrinks while it is read
	if _, err := f.Data(&Stream{Dict: s.Dict, file: f, offset: s.offset}); !IsKind(err, KindRead) {
		t.Errorf("shrunk file: %v", err)
	}
	if _, err := Open(bytes.NewReader(b), int64(len(b))+100); !IsKind(err, KindRead) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short file: %v", err)
	}
}

func TestResolveCycle(t *testing.T) {
	d := newDraft("1.4").onePage()
	d.obj(6, 0, "7 0 R")
	d.obj(7, 0, "6 0 R")
	d.obj(8, 0, "9 0 R")
	d.obj(9, 0, "(end)")
	d.table(draftRoot)
	d.end()
	f := open(t, d.Bytes())
	if o, err := f.Resolve(Ref{6, 0}); !IsKind(err, KindTooComplex) {
		t.Errorf("%v %v", o, err)
	}
	if s, err := f.String(Ref{8, 0}); err != nil || string(s) != "end" {
		t.Errorf("%q %v", s, err)
	}
	if _, err := f.Dict(Ref{9, 0}); !IsKind(err, KindDamaged) {
		t.Errorf("string for dictionary: %v", err)
	}
	if d, err := f.Dict(nil); d != nil || err != nil {
		t.Errorf("null for dictionary: %v %v", d, err)
	}
}

// TestSharedNodes: a page tree in which each node is the kid of the next twice would be walked 2^60 times.
func TestSharedNodes(t *testing.T) {
	d := newDraft("1.4")
	d.free(0, 65535)
	d.obj(1, 0, bodyCatalog)
	for n := 2; n < 62; n++ {
		d.obj(n, 0, fmt.Sprintf("<</Type/Pages/Count 2/Kids[%d 0 R %d 0 R]>>", n+1, n+1))
	}
	d.obj(62, 0, bodyPage)
	d.table(draftRoot)
	d.end()
	f := open(t, d.Bytes())
	if _, err := f.PageCount(); !IsKind(err, KindTooComplex) {
		t.Errorf("page count: %v", err)
	}
	if p, err := f.Page(3); err != nil || p.Ref.Number != 62 {
		t.Errorf("page 3: %v %v", p.Ref, err)
	}
}

// TestConcurrent reads one File from several goroutines, through the caches of object streams and misplaced objects.
func TestConcurrent(t *testing.T) {
	for _, name := range []string{"qpdf-object-streams.pdf", "one-offset-wrong.pdf"} {
		f := open(t, readVector(t, name))
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for n := range f.highest() + 1 {
					if _, err := f.Object(Ref{Number: n}); err != nil {
						t.Errorf("%s: object %d: %v", name, n, err)
					}
				}
			})
		}
		group.Wait()
	}
}

// TestCutAnywhere: a file that is cut before its trailer is truncated wherever it is cut; after that it opens or says so.
func TestCutAnywhere(t *testing.T) {
	for _, c := range []struct{ name, last string }{
		{"minimal.pdf", "trailer"},
		{"eol-cr.pdf", "trailer"},
		{"object-streams.pdf", "12 0 obj"},
		{"quy-che.pdf", "trailer"},
		{"thong-bao-linearized.pdf", "1 0 obj"},
		{"quy-che-scan.pdf", "xref\n0 12"},
	} {
		b := readVector(t, c.name)
		trailer := bytes.LastIndex(b, []byte(c.last))
		if trailer < 0 {
			t.Fatalf("%s has no %q", c.name, c.last)
		}
		step := 1 + len(b)/400
		for cut := 16; cut <= len(b); cut += step {
			_, err := Open(bytes.NewReader(b[:cut]), int64(cut))
			if cut <= trailer && KindOf(err) != KindTruncated || err != nil && KindOf(err) != KindTruncated {
				t.Errorf("%s cut at %d of %d: %v", c.name, cut, len(b), err)
			}
		}
	}
}
