//go:build linux

package validation_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sokyso/signer/authority"
	"sokyso/signer/cms"
	"sokyso/signer/validation"
)

// deflated is a stream that unpacks to so many zero bytes and a tail.
func deflated(dict string, zeros int, tail string) string {
	var b bytes.Buffer
	z, _ := zlib.NewWriterLevel(&b, 9)
	block := make([]byte, 1<<20)
	for ; zeros > 0; zeros -= len(block) {
		_, _ = z.Write(block[:min(zeros, len(block))])
	}
	_, _ = z.Write([]byte(tail))
	_ = z.Close()
	return stream(dict+" /Filter /FlateDecode", b.String())
}

// spaces is a content stream that unpacks to so many spaces.
func repeated(dict, part string, times int) string {
	var b bytes.Buffer
	z, _ := zlib.NewWriterLevel(&b, 9)
	block := []byte(strings.Repeat(part, 1000))
	for range times / 1000 {
		_, _ = z.Write(block)
	}
	_ = z.Close()
	return stream(dict+" /Filter /FlateDecode", b.String())
}

// sigs adds signature fields that share one broken signature each.
func manySignatures(objects map[int]string, n int) map[int]string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "%d 0 R ", 1000+2*i)
		objects[1000+2*i] = fmt.Sprintf("<< /FT /Sig /T (S%d) /V %d 0 R >>", i, 1001+2*i)
		objects[1001+2*i] = "<< /Type /Sig /Filter /A /SubFilter /ETSI.CAdES.detached /ByteRange [0 1 2 3] /Contents <00> >>"
	}
	objects[11] = "<< /Fields [10 0 R 12 0 R " + list.String() + "] >>"
	return objects
}

type hostile struct {
	name string
	file func(t testing.TB, w *world, who identity) []byte
}

var hostiles = []hostile{
	{"80,000 signatures", func(t testing.TB, _ *world, _ identity) []byte { return build(manySignatures(letter(), 80_000)) }},
	{"250 signatures that all cover the file, of which each must be hashed", func(t testing.TB, _ *world, who identity) []byte {
		o := letter()
		o[5] = stream("", strings.Repeat("x", 15<<20))
		return build(manySignatures(o, 250))
	}},
	{"100,000 revisions", func(t testing.TB, _ *world, _ identity) []byte {
		b := bytes.NewBuffer(build(letter()))
		prev := bytes.LastIndex(b.Bytes(), []byte("xref\n0 1"))
		for range 100_000 {
			at := b.Len()
			fmt.Fprintf(b, "xref\n0 0\ntrailer<</Size 100/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n", prev, at)
			prev = at
		}
		return b.Bytes()
	}},
	{"500 revisions of 500 signatures", func(t testing.TB, _ *world, _ identity) []byte {
		file := bytes.NewBuffer(build(manySignatures(letter(), 200)))
		size, prev := 2000, bytes.LastIndex(file.Bytes(), []byte("xref\n0 1"))
		for i := range 500 {
			at := 0
			more := map[int]string{1500 + i: "<< /A 1 >>", 5: stream("", forgedText)}
			before := file.Len()
			appendRevision(file, more, size, int64(prev))
			at = bytes.LastIndex(file.Bytes()[before:], []byte("xref\n1")) + before
			if k := bytes.LastIndex(file.Bytes()[before:], []byte("\nxref\n")); k >= 0 {
				at = before + k + 1
			}
			prev = at
		}
		return file.Bytes()
	}},
	{"ByteRange of a million numbers", func(t testing.TB, _ *world, _ identity) []byte {
		o := letter()
		o[12] = "<< /FT /Sig /T (S) /V 20 0 R >>"
		o[20] = "<< /Type /Sig /SubFilter /ETSI.CAdES.detached /Contents <00> /ByteRange [" + strings.Repeat("0 1 ", 500_000) + "] >>"
		return build(o)
	}},
	{"arrays nested a million deep", func(t testing.TB, _ *world, _ identity) []byte {
		o := letter()
		o[12] = "<< /FT /Sig /T (S) /V 20 0 R >>"
		o[20] = "<< /Type /Sig /Contents <00> /ByteRange " + strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000) + " >>"
		return build(o)
	}},
	{"a page tree whose nodes share their kids", func(t testing.TB, _ *world, who identity) []byte {
		o := paper()
		o[2] = "<< /Type /Pages /Kids [3 0 R 300 0 R 300 0 R] /Count 9 /MediaBox [0 0 595 842] >>"
		for i := range 60 {
			o[300+i] = fmt.Sprintf("<< /Type /Pages /Parent 2 0 R /Count 9 /Kids [%[1]d 0 R %[1]d 0 R %[1]d 0 R] >>", 301+i)
		}
		o[360] = "<< /Type /Page /Parent 2 0 R >>"
		return update(t, signObjects(t, who, o, "", nil), map[int]string{200: "(x)"})
	}},
	{"a page tree of 90 levels and 100,000 pages, signed and changed", func(t testing.TB, _ *world, who identity) []byte {
		o := paper()
		o[2] = "<< /Type /Pages /Kids [3 0 R 300 0 R] /Count 100001 /MediaBox [0 0 595 842] >>"
		for i := range 90 {
			o[300+i] = fmt.Sprintf("<< /Type /Pages /Parent %d 0 R /Count 100000 /Kids [%d 0 R] >>", max(2, 299+i), 301+i)
		}
		var kids strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&kids, "%d 0 R ", 1000+i)
			o[1000+i] = "<< /Type /Page /Parent 390 0 R /Contents 5 0 R >>"
		}
		o[390] = "<< /Type /Pages /Parent 389 0 R /Count 100000 /Kids [" + kids.String() + "] >>"
		return update(t, signObjects(t, who, o, "", nil), fieldAt("<< /Type /Annot /Subtype /Widget /FT /Tx /T (X) /Rect [0 0 9 9] >>", nil))
	}},
	{"240,000 objects, signed and changed", func(t testing.TB, _ *world, who identity) []byte {
		o := paper()
		var list strings.Builder
		for n := 1000; n < 241_000; n++ {
			o[n] = "<< /A 1 >>"
			fmt.Fprintf(&list, "%d 0 R ", n)
		}
		o[2] = "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] /X [" + list.String() + "] >>"
		return update(t, signObjects(t, who, o, "", nil), map[int]string{14: filled("Le Minh"), 200: says("Le Minh")})
	}},
	{"100,000 annotations added", func(t testing.TB, _ *world, who identity) []byte {
		signed := signObjects(t, who, paper(), docMDP(3), nil)
		o := map[int]string{}
		var list strings.Builder
		for n := 1000; n < 101_000; n++ {
			o[n] = "<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /AP << /N 200 0 R >> >>"
			fmt.Fprintf(&list, "%d 0 R ", n)
		}
		o[200] = form(9, 9, "0 0 9 9 re f")
		o[16] = "[10 0 R 12 0 R 14 0 R 15 0 R 17 0 R " + list.String() + "]"
		return update(t, signed, o)
	}},
	{"10,000 comments over a page of much content", func(t testing.TB, _ *world, who identity) []byte {
		o := paper()
		o[5] = repeated("", "BT /F1 9 Tf 72 720 Td (Tra luong 5 trieu) Tj ET\n", 150_000)
		signed := signObjects(t, who, o, docMDP(3), nil)
		more := map[int]string{}
		var list strings.Builder
		for n := 1000; n < 11_000; n++ {
			more[n] = "<< /Type /Annot /Subtype /Text /Rect [300 300 309 309] /AP << /N 200 0 R >> >>"
			fmt.Fprintf(&list, "%d 0 R ", n)
		}
		more[200] = form(9, 9, "0 0 9 9 re f")
		more[16] = "[10 0 R 12 0 R 14 0 R 15 0 R 17 0 R " + list.String() + "]"
		return update(t, signed, more)
	}},
	{"a content that unpacks to 2 GB, with a signature laid over it", func(t testing.TB, _ *world, who identity) []byte {
		o := paper()
		o[5] = deflated("", 2<<30, "")
		return update(t, signObjects(t, who, o, "", nil), map[int]string{14: filled("Le Minh"), 200: says("Le Minh")})
	}},
	{"100 streams of 60 MB written again in another way", func(t testing.TB, _ *world, who identity) []byte {
		o := paper()
		more := map[int]string{}
		list := ""
		was, is := deflated("", 60<<20, "a"), deflated("", 60<<20, "b")
		for n := 1000; n < 1100; n++ {
			o[n], more[n] = was, is
			list += fmt.Sprintf("%d 0 R ", n)
		}
		o[3] = strings.Replace(o[3], "/Contents 5 0 R", "/Contents [5 0 R "+list+"]", 1)
		return update(t, signObjects(t, who, o, "", nil), more)
	}},
	{"object streams that unpack to 30 MB each, used in turn", func(t testing.TB, _ *world, who identity) []byte {
		return bombs(t, 60, 50)
	}},
	{"a million values compared many times", func(t testing.TB, _ *world, who identity) []byte {
		o := paper()
		more := map[int]string{}
		list := ""
		inner := "<< /V [" + strings.Repeat("1 ", 90_000) + "] >>"
		o[900], more[901] = inner, inner
		for n := 1000; n < 3000; n++ {
			o[n], more[n] = "<< /A 900 0 R >>", "<< /A 901 0 R >>"
			list += fmt.Sprintf("%d 0 R ", n)
		}
		o[2] = "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] /X [" + list + "] >>"
		return update(t, signObjects(t, who, o, "", nil), more)
	}},
	{"200 signatures that each cover 15 MB", func(t testing.TB, _ *world, who identity) []byte {
		return overlapping(t, who, 200, 15<<20)
	}},
	{"a store of 500 large lists", func(t testing.TB, w *world, who identity) []byte {
		o := letter()
		more, list := map[int]string{}, ""
		for n := 1000; n < 1500; n++ {
			more[n] = deflated("", 120<<10, fmt.Sprint(n))
			list += fmt.Sprintf("%d 0 R ", n)
		}
		more[400] = "<< /Type /DSS /OCSPs [" + list + "] /CRLs [" + list + "] /Certs [" + list + "] >>"
		more[1] = strings.Replace(o[1], "/Type /Catalog", "/Type /Catalog /DSS 400 0 R", 1)
		return update(t, signObjects(t, who, o, "", nil), more)
	}},
	{"a form of 100,000 fields filled in", func(t testing.TB, _ *world, who identity) []byte {
		o := paper()
		more := map[int]string{}
		var list strings.Builder
		for n := 1000; n < 31_000; n++ {
			o[n] = fmt.Sprintf("<< /Type /Annot /Subtype /Widget /FT /Tx /T (F%d) /F 4 /Rect [120 95 300 115] /P 3 0 R >>", n)
			more[n] = strings.Replace(o[n], "/F 4", "/F 4 /V (x) /AP << /N 200 0 R >>", 1)
			fmt.Fprintf(&list, "%d 0 R ", n)
		}
		o[11] = "<< /Fields [10 0 R 12 0 R 14 0 R 15 0 R 17 0 R " + list.String() + "] /DR << /Font << /F1 7 0 R >> >> >>"
		o[16] = "[10 0 R 12 0 R 14 0 R 15 0 R 17 0 R " + list.String() + "]"
		more[200] = says("x")
		return update(t, signObjects(t, who, o, "", nil), more)
	}},
}

// overlapping is one revision with many signatures that all end with the file: what each leaves out is its own Contents.
func overlapping(t testing.TB, who identity, n, size int) []byte {
	t.Helper()
	o := manySignatures(letter(), n)
	digest := sha256.Sum256(nil)
	der, err := cms.Sign(rand.Reader, who.key, cms.Request{Hash: crypto.SHA256, Digest: digest[:], Certificate: who.chain[0]})
	if err != nil {
		t.Fatal(err)
	}
	contents := "<" + hex.EncodeToString(der) + ">"
	for i := range n {
		o[1001+2*i] = "<< /Type /Sig /Filter /A /SubFilter /ETSI.CAdES.detached /ByteRange [0 1111111111 2222222222 3333333333] /Contents " + contents + " >>"
	}
	o[9000] = stream("", strings.Repeat("x", size))
	b := build(o)
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte("1111111111 2222222222 3333333333"))
		if i < 0 {
			return b
		}
		at += i
		start := at + bytes.Index(b[at:], []byte(contents))
		end := start + len(contents)
		copy(b[at:], fmt.Sprintf("%010d %010d %010d", start, end, len(b)-end))
	}
}

// bombs is a file whose first revision is signed by nobody and has objects in streams that unpack to 30 MB each.
func bombs(t testing.TB, streams, objects int) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	type row struct {
		kind byte
		a, c int
	}
	rows := map[int]row{}
	put := func(n int, s string) {
		rows[n] = row{1, b.Len(), 0}
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", n, s)
	}
	list := ""
	for i := range objects { // in turn
		for s := range streams {
			list += fmt.Sprintf("%d 0 R ", 10_000+1000*s+i)
		}
	}
	put(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] >> >>")
	put(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>")
	put(3, "<< /Type /Page /Parent 2 0 R /Annots ["+list+"] >>")
	put(5, "<< /FT /Sig /T (S) /V 6 0 R >>")
	put(6, "<< /Type /Sig /SubFilter /ETSI.CAdES.detached /ByteRange [0 1 2 3] /Contents <00> >>")
	for s := range streams {
		head, body := "", ""
		for i := range objects {
			head += fmt.Sprintf("%d %d ", 10_000+1000*s+i, len(body))
			body += "<< /Type /Annot /Subtype /Text >> "
			rows[10_000+1000*s+i] = row{2, 100 + s, i}
		}
		var z bytes.Buffer
		w, _ := zlib.NewWriterLevel(&z, 9)
		_, _ = w.Write([]byte(head + body))
		_, _ = w.Write(bytes.Repeat([]byte(" "), 30<<20))
		_ = w.Close()
		put(100+s, stream(fmt.Sprintf("/Type /ObjStm /N %d /First %d /Filter /FlateDecode", objects, len(head)), z.String()))
	}
	at := b.Len()
	rows[99] = row{1, at, 0}
	size := 10_000 + 1000*streams
	var table bytes.Buffer
	for n := range size {
		r := rows[n]
		table.Write([]byte{r.kind, byte(r.a >> 24), byte(r.a >> 16), byte(r.a >> 8), byte(r.a), byte(r.c >> 8), byte(r.c)})
	}
	fmt.Fprintf(&b, "99 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n", stream(fmt.Sprintf("/Type /XRef /Size %d /W [1 4 2] /Root 1 0 R", size), table.String()), at)
	return b.Bytes()
}

// TestBounds: no file of less than 20 MB takes long or much memory. On a quiet machine each takes less than 3 s; the
// test is generous, as others may run beside it.
func TestBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(192 << 20)) // as signagent verify does
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	for _, h := range hostiles {
		t.Run(h.name, func(t *testing.T) {
			file := h.file(t, w, who)
			if len(file) > 20<<20 {
				t.Fatalf("%d bytes", len(file))
			}
			runtime.GC()
			var peak atomic.Uint64
			done := make(chan bool)
			go watchHeap(&peak, done)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			start := processorTime()
			opt := offline
			opt.Roots = w.roots
			r, err := validation.Validate(ctx, bytes.NewReader(file), int64(len(file)), opt)
			took := processorTime() - start
			close(done)
			verdict := ""
			if err == nil {
				verdict = fmt.Sprint(r.Indication())
				for _, s := range r.Signatures[:min(1, len(r.Signatures))] {
					verdict += fmt.Sprint(" ", s.LaterChanges, s.Details)
				}
			}
			used := int64(peak.Load()) - int64(len(file))
			t.Logf("%d KB: %.2f s, %d MiB, %.200s %v", len(file)>>10, took.Seconds(), used>>20, verdict, err)
			if took > 12*time.Second || used > 300<<20 {
				t.Errorf("took %v and %d MiB", took, used>>20)
			}
		})
	}
}

// processorTime is what this process has used, whatever else runs on the machine.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// watchHeap notes the most memory that was in use.
func watchHeap(peak *atomic.Uint64, done chan bool) {
	var m runtime.MemStats
	for {
		select {
		case <-done:
			return
		case <-time.After(20 * time.Millisecond):
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
		}
	}
}
