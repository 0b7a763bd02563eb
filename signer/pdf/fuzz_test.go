package pdf

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"time"
)

// fuzzTime is what one input of the size that the fuzzer makes may take at most.
const fuzzTime = 5 * time.Second

func seed(f *testing.F) {
	for name, b := range drafts() {
		if len(b) < 32<<10 && name != "xref-stream-bomb.pdf" {
			f.Add(b)
		}
	}
	f.Add(readVector(f, "thong-bao-linearized.pdf"))
	for _, name := range []string{"rc4-40", "rc4-128-v4", "aes-128-object-streams", "aes-128-clear-metadata", "aes-256", "aes-256-r5", "aes-256-linearized"} {
		f.Add(readVector(f, "encrypted-"+name+".pdf"))
	}
}

// FuzzOpen: whatever the input, no panic, no endless work, and errors of a known kind.
func FuzzOpen(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		start := time.Now()
		defer func() {
			if d := time.Since(start); d > fuzzTime {
				t.Errorf("%d bytes took %v", len(b), d)
			}
		}()
		file, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if KindOf(err) == 0 || KindOf(err) == KindRead {
				t.Fatalf("kind of %v", err)
			}
			return
		}
		exercise(t, file)
		for i := range min(len(file.Revisions()), 4) {
			file.Changed(i)
			exercise(t, file.At(i))
		}
	})
}

// exercise calls everything that reads.
func exercise(t *testing.T, f *File) {
	check := func(err error) {
		if err != nil && (KindOf(err) == 0 || KindOf(err) == KindRead) {
			t.Fatalf("kind of %v", err)
		}
	}
	f.Version()
	_, err := f.PageCount()
	check(err)
	_, err = f.Page(2)
	check(err)
	_, err = f.Fields()
	check(err)
	for n := range min(f.highest()+2, 64) {
		o, err := f.Object(Ref{Number: n})
		check(err)
		if s, ok := o.(*Stream); ok {
			_, err := f.DataUpTo(s, 1<<20)
			check(err)
			_, err = f.RawData(s)
			check(err)
		}
		for _, key := range []Name{"Type", "Contents", "Kids"} {
			_, _, err := f.ValueSpan(Ref{Number: n}, key)
			check(err)
		}
	}
}

// FuzzUpdate: the reader sees what an update adds, and every earlier revision as it was.
func FuzzUpdate(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) { holdsUpdate(t, b) })
}

func holdsUpdate(t *testing.T, b []byte) {
	file, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return
	}
	u := NewUpdate(file)
	ref, catalog, err := file.Catalog()
	if err != nil {
		t.Fatal(err) // Open read it
	}
	place := NewReserved(10, '0')
	added := u.Add(Dict{"Name": TextString("Trần Thị Hòa"), "Place": place})
	catalog["Sokyso"] = added
	u.Set(ref, catalog)
	tail, err := u.Bytes()
	if err != nil {
		if KindOf(err) != KindTooComplex {
			t.Fatal(err)
		}
		return
	}
	_, sealed := file.Encryption()
	if again, err := u.Bytes(); err != nil || len(again) != len(tail) || !sealed && !bytes.Equal(again, tail) {
		t.Fatalf("laid out twice: %v", err)
	}
	out := slices.Concat(b, tail)
	if string(out[place.Offset():place.Offset()+10]) != "0000000000" {
		t.Fatal("the reserved place is elsewhere")
	}
	updated, err := Open(bytes.NewReader(out), int64(len(out)))
	if err != nil {
		t.Fatalf("output: %v", err)
	}
	_, catalog, err = updated.Catalog()
	if err != nil || catalog["Sokyso"] != added {
		t.Fatalf("catalog %v, %v", catalog, err)
	}
	d, err := updated.Dict(added)
	if err != nil || d["Name"].(String).Text() != "Trần Thị Hòa" {
		t.Fatalf("object %v: %v, %v", added, d, err)
	}
	if _, rebuilt := file.Rebuilt(); !rebuilt {
		sameBefore(t, file, updated)
	}
}

// sameBefore holds that the revisions of before are found unchanged in after.
func sameBefore(t *testing.T, before, after *File) {
	old, now := before.Revisions(), after.Revisions()
	if len(now) != len(old)+1 || !reflect.DeepEqual(now[:len(old)-1], old[:len(old)-1]) ||
		now[len(old)-1].StartXRef != old[len(old)-1].StartXRef {
		t.Fatalf("revisions %v, then %v", old, now)
	}
	view := after.At(len(old) - 1)
	for n := range before.highest() + 1 {
		if e := before.lookup(n); e.kind() == entryInUse && e.offset() >= view.Size() {
			return // a section that stands before its objects: a view does not reach beyond its %%EOF for them
		}
	}
	for n := range min(before.highest()+2, 32) {
		ref := Ref{Number: n, Generation: before.lookup(n).generation()}
		a, err := before.Object(ref)
		if _, rebuilt := before.Rebuilt(); rebuilt || err != nil {
			return // read where the cross-reference does not lead
		}
		b, err := view.Object(ref)
		if s, ok := a.(*Stream); ok {
			if v, ok := b.(*Stream); ok && v.offset == s.offset {
				continue
			}
		}
		if err != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("object %v was %v, is %v, %v", ref, a, b, err)
		}
	}
}

// FuzzObject: what parses can be written, and parses to the same again.
func FuzzObject(f *testing.F) {
	for _, s := range []string{"<</A[1 0 R(a\\)b)<00>]/B#20 -.5>>", "[null true 12 3.5/N]", "<</A 1 2/B>>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := newBytesLexer(b).object(0)
		if err != nil {
			return
		}
		var w writer
		if err := w.object(o, 0); err != nil {
			t.Fatal(err)
		}
		again, err := newBytesLexer(w.b).object(0)
		if err != nil || !reflect.DeepEqual(o, again) {
			t.Fatalf("%q: %#v, then %#v, %v", w.b, o, again, err)
		}
	})
}
