package signinglog

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func testReceipt(t testing.TB, l *testLog, index, size int64) Receipt {
	t.Helper()
	proof, err := tlog.ProveRecord(size, index, l)
	if err != nil {
		t.Fatal(err)
	}
	return Receipt{Index: index, Entry: slices.Clone(l.entries[index].Bytes), Proof: proof, Checkpoint: slices.Clone(l.signed[size])}
}

// TestAlteredReceiptsFail alters each field, and each single byte.
func TestAlteredReceiptsFail(t *testing.T) {
	l := newTestLog(t, 13)
	good := testReceipt(t, l, 5, 13)
	if _, _, err := CheckReceipt(good, l.verifier); err != nil {
		t.Fatal(err)
	}
	alter := func(name string, want error, change func(*Receipt)) {
		t.Helper()
		r := testReceipt(t, l, 5, 13)
		change(&r)
		if _, _, err := CheckReceipt(r, l.verifier); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	alter("index", ErrNotIncluded, func(r *Receipt) { r.Index = 4 })
	alter("negative index", ErrNotIncluded, func(r *Receipt) { r.Index = -1 })
	alter("index beyond the size", ErrNotIncluded, func(r *Receipt) { r.Index = 13 })
	alter("another entry", ErrNotIncluded, func(r *Receipt) { r.Entry = l.entries[6].Bytes })
	alter("no entry", ErrNotIncluded, func(r *Receipt) { r.Entry = nil })
	alter("no proof", ErrNotIncluded, func(r *Receipt) { r.Proof = nil })
	alter("shorter proof", ErrNotIncluded, func(r *Receipt) { r.Proof = r.Proof[1:] })
	alter("longer proof", ErrNotIncluded, func(r *Receipt) { r.Proof = append(r.Proof, r.Proof[0]) })
	alter("older checkpoint", ErrNotIncluded, func(r *Receipt) { r.Checkpoint = l.signed[12] })
	alter("no checkpoint", ErrSignature, func(r *Receipt) { r.Checkpoint = nil })
	for i := range good.Entry {
		alter("a byte of the entry", ErrNotIncluded, func(r *Receipt) { r.Entry[i] ^= 1 })
	}
	for i := range good.Proof {
		for j := range good.Proof[i] {
			alter("a byte of the proof", ErrNotIncluded, func(r *Receipt) { r.Proof[i][j] ^= 0x80 })
		}
	}
	for i := range good.Checkpoint {
		alter("a byte of the checkpoint", nil, func(r *Receipt) { r.Checkpoint[i] ^= 1 })
	}
	another := newTestLog(t, 13)
	if _, _, err := CheckReceipt(good, another.verifier); !errors.Is(err, ErrSignature) {
		t.Errorf("checked with another log's key: %v", err)
	}
}

// TestOriginIsTheLogs: a note signed by the key, but for another origin.
func TestOriginIsTheLogs(t *testing.T) {
	l := newTestLog(t, 1)
	c := l.checkpoints[1]
	c.Origin = "sokyso/other"
	if _, err := Sign(c, l.signer); !errors.Is(err, ErrOrigin) {
		t.Errorf("signing for another origin: %v", err)
	}
	text, _ := c.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, l.signer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(signed, l.verifier); !errors.Is(err, ErrOrigin) {
		t.Errorf("opening another origin: %v", err)
	}
}

func TestReceiptFile(t *testing.T) {
	l := newTestLog(t, 9)
	for index := range int64(9) {
		r := testReceipt(t, l, index, 9)
		text, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseReceipt(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := CheckReceipt(again, l.verifier); err != nil {
			t.Fatal(err)
		}
		for _, change := range []func(string) string{
			func(s string) string { return strings.Replace(s, "@v1", "@v2", 1) },
			func(s string) string { return strings.Replace(s, "extra ", "entry ", 1) },
			func(s string) string { return strings.Replace(s, "index ", "index 0", 1) },
			func(s string) string { return strings.Replace(s, "\n\n", "\n", 1) },
			func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
			func(s string) string { return strings.Replace(s, "\nindex", "\n\nindex", 1) },
			func(s string) string { return s[:strings.Index(s, "\n\n")+2] },
			func(s string) string { return "" },
		} {
			if _, err := ParseReceipt([]byte(change(string(text)))); !errors.Is(err, ErrMalformedReceipt) {
				t.Errorf("malformed receipt was read: %v\n%s", err, change(string(text)))
			}
		}
	}
}

func FuzzParseReceipt(f *testing.F) {
	l := newTestLog(f, 6)
	for index := range int64(6) {
		text, err := testReceipt(f, l, index, 6).Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseReceipt(text)
		if err != nil {
			return
		}
		again, err := r.Marshal()
		if err != nil {
			t.Fatalf("what was parsed can't be written: %v", err)
		}
		if !bytes.Equal(again, text) {
			t.Fatalf("written otherwise than read:\n%q\n%q", again, text)
		}
		CheckReceipt(r, l.verifier)
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	l := newTestLog(f, 3)
	for _, c := range l.checkpoints {
		text, err := c.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nextension\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseCheckpoint(text)
		if err != nil {
			return
		}
		again, err := c.Marshal()
		if err != nil {
			t.Fatalf("what was parsed can't be written: %v", err)
		}
		if !bytes.HasPrefix(text, again) {
			t.Fatalf("written otherwise than read:\n%q\n%q", again, text)
		}
	})
}
