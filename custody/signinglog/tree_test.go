package signinglog

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const testSchool = "0199c0de-0000-7000-8000-000000000001"

// testLog is a log in memory with everything a store would keep.
type testLog struct {
	signer      note.Signer
	verifier    note.Verifier
	entries     []StoredEntry
	hashes      []tlog.Hash  // by stored hash index
	checkpoints []Checkpoint // by size
	signed      [][]byte     // by size
}

func (l *testLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, l.hashes[i])
	}
	return out, nil
}

func newTestLog(t testing.TB, size int) *testLog {
	t.Helper()
	skey, vkey, err := GenerateKey("sokyso/test")
	if err != nil {
		t.Fatal(err)
	}
	l := &testLog{}
	if l.signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	if l.verifier, err = note.NewVerifier(vkey); err != nil {
		t.Fatal(err)
	}
	var f Frontier
	for n := int64(0); ; n++ {
		root, err := f.Root()
		if err != nil {
			t.Fatal(err)
		}
		c := Checkpoint{Origin: "sokyso/test", Size: n, Root: root}
		signed, err := Sign(c, l.signer)
		if err != nil {
			t.Fatal(err)
		}
		l.checkpoints, l.signed = append(l.checkpoints, c), append(l.signed, signed)
		if n == int64(size) {
			return l
		}
		b, err := testEntry(n).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		next, completed, err := f.Append(LeafHash(b))
		if err != nil {
			t.Fatal(err)
		}
		l.entries = append(l.entries, StoredEntry{Index: n, Bytes: b, Hashes: completed})
		l.hashes = append(l.hashes, completed...)
		f = next
	}
}

func testEntry(n int64) Entry {
	return Entry{Type: TypeAbandonment, At: time.Unix(1790000000+n, 0).UTC(), School: testSchool, Fields: map[string]string{
		"actor": SystemActor, "via": "cli", "grant": testSchool, "grant_entry": fmt.Sprint(n), "token": testSchool, "reason": "cancelled"}}
}

const testSize = 100

// TestTree builds every size up to 100 and checks every root against a
// computation by RFC 6962 §2.1, every proof, and that no proof fits elsewhere.
func TestTree(t *testing.T) {
	l := newTestLog(t, testSize)
	var leaves []tlog.Hash
	for size := int64(0); size <= testSize; size++ {
		if want := rootByDefinition(leaves); l.checkpoints[size].Root != want {
			t.Fatalf("root of size %d is %v, by definition %v", size, l.checkpoints[size].Root, want)
		}
		if size < testSize {
			leaves = append(leaves, LeafHash(l.entries[size].Bytes))
		}
	}
	for size := int64(1); size <= testSize; size++ {
		for n := range size {
			proof, err := tlog.ProveRecord(size, n, l)
			if err != nil {
				t.Fatal(err)
			}
			r := Receipt{Index: n, Entry: l.entries[n].Bytes, Proof: proof, Checkpoint: l.signed[size]}
			e, c, err := CheckReceipt(r, l.verifier)
			if err != nil {
				t.Fatalf("receipt of %d in %d: %v", n, size, err)
			}
			if c != l.checkpoints[size] || e.Fields["grant_entry"] != fmt.Sprint(n) {
				t.Fatalf("receipt of %d in %d proves %v in %v", n, size, e, c)
			}
			if size > 1 {
				r.Index = (n + 1) % size
				if _, _, err := CheckReceipt(r, l.verifier); !errors.Is(err, ErrNotIncluded) {
					t.Fatalf("receipt of %d taken for %d: %v", n, r.Index, err)
				}
			}
		}
	}
}

// rootByDefinition is RFC 6962 §2.1 as it stands there.
func rootByDefinition(leaves []tlog.Hash) tlog.Hash {
	switch len(leaves) {
	case 0:
		return emptyRoot
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	return tlog.NodeHash(rootByDefinition(leaves[:k]), rootByDefinition(leaves[k:]))
}

func TestConsistencyOfEveryPair(t *testing.T) {
	l := newTestLog(t, testSize)
	for newer := int64(0); newer <= testSize; newer++ {
		for older := int64(0); older <= newer; older++ {
			var proof []tlog.Hash
			if older > 0 && older < newer {
				p, err := tlog.ProveTree(newer, older, l)
				if err != nil {
					t.Fatal(err)
				}
				proof = p
			}
			if err := CheckConsistency(l.checkpoints[older], l.checkpoints[newer], proof); err != nil {
				t.Fatalf("%d and %d: %v", older, newer, err)
			}
			if newer == 0 {
				continue
			}
			var inconsistent *InconsistentError
			altered := l.checkpoints[older]
			altered.Root[5] ^= 1
			if err := CheckConsistency(altered, l.checkpoints[newer], proof); !errors.As(err, &inconsistent) {
				t.Fatalf("%d and %d, older root altered: %v", older, newer, err)
			}
			if older < newer {
				if err := CheckConsistency(l.checkpoints[newer], l.checkpoints[older], proof); !errors.As(err, &inconsistent) {
					t.Fatalf("%d and %d, rewound: %v", older, newer, err)
				}
			}
			if len(proof) > 0 {
				for i := range proof {
					bad := slices.Clone(proof)
					bad[i][0] ^= 1
					if err := CheckConsistency(l.checkpoints[older], l.checkpoints[newer], bad); !errors.As(err, &inconsistent) {
						t.Fatalf("%d and %d, hash %d altered: %v", older, newer, i, err)
					}
				}
			}
			if err := CheckConsistency(l.checkpoints[older], l.checkpoints[newer], append(slices.Clone(proof), tlog.Hash{})); !errors.As(err, &inconsistent) {
				t.Fatalf("%d and %d, proof too long: %v", older, newer, err)
			}
		}
	}
	other := l.checkpoints[3]
	other.Origin = "sokyso/other"
	if err := CheckConsistency(other, l.checkpoints[4], nil); !errors.Is(err, ErrOrigin) {
		t.Errorf("another log: %v", err)
	}
}

func TestFrontierBytes(t *testing.T) {
	var f Frontier
	for n := range int64(testSize) {
		again, err := ParseFrontier(n, f.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		a, _ := f.Root()
		b, _ := again.Root()
		if a != b || again.Size() != n {
			t.Fatalf("frontier of %d does not come back", n)
		}
		if _, err := ParseFrontier(n, append(f.Bytes(), 0)); err == nil {
			t.Fatalf("frontier of %d with one byte more was read", n)
		}
		before := f.Bytes()
		next, _, err := f.Append(tlog.Hash{byte(n)})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(before, f.Bytes()) {
			t.Fatalf("append to %d changed the frontier it began with", n)
		}
		f = next
	}
}

func stored(entries []StoredEntry) iter.Seq2[StoredEntry, error] {
	return func(yield func(StoredEntry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func clone(entries []StoredEntry) []StoredEntry {
	out := slices.Clone(entries)
	for i := range out {
		out[i].Bytes = slices.Clone(out[i].Bytes)
		out[i].Hashes = slices.Clone(out[i].Hashes)
	}
	return out
}

func TestVerifyNamesTheBadEntry(t *testing.T) {
	const size = 21
	l := newTestLog(t, size)
	for n := range int64(size + 1) {
		if n == 0 {
			continue
		}
		if c, err := Verify(stored(l.entries[:n]), l.signed[n], l.verifier, nil); err != nil || c.Size != n {
			t.Fatalf("log of %d: %v", n, err)
		}
	}
	check := func(name string, want int64, entries []StoredEntry, signed []byte) {
		t.Helper()
		_, err := Verify(stored(entries), signed, l.verifier, nil)
		var bad *BadEntryError
		if !errors.As(err, &bad) {
			t.Fatalf("%s: %v", name, err)
		}
		if bad.Index != want {
			t.Errorf("%s: names %d (%s), not %d", name, bad.Index, bad.Reason, want)
		}
	}
	for n := range int64(size) {
		entries := clone(l.entries)
		entries[n].Bytes[len(entries[n].Bytes)-2] ^= 1
		check("byte altered", n, entries, l.signed[size])

		for level := range l.entries[n].Hashes {
			entries = clone(l.entries)
			entries[n].Hashes[level][0] ^= 1
			check("hash altered", n, entries, l.signed[size])
		}
		entries = clone(l.entries)
		entries[n].Hashes = entries[n].Hashes[1:]
		check("hash dropped", n, entries, l.signed[size])

		check("entry dropped", n, slices.Delete(clone(l.entries), int(n), int(n+1)), l.signed[size])
		check("end dropped", n, l.entries[:n], l.signed[size])
		check("beyond the checkpoint", n, l.entries, l.signed[n])
	}
	// Whoever alters an entry and all its hashes is caught by the root.
	forged := newTestLog(t, 0)
	forged.signer, forged.verifier = l.signer, l.verifier
	var f Frontier
	for n := range int64(size) {
		e := testEntry(n)
		if n == 7 {
			e.Fields["reason"] = "other"
		}
		b, _ := e.Marshal()
		next, completed, err := f.Append(LeafHash(b))
		if err != nil {
			t.Fatal(err)
		}
		forged.entries = append(forged.entries, StoredEntry{Index: n, Bytes: b, Hashes: completed})
		f = next
	}
	check("rewritten", size-1, forged.entries, l.signed[size])
	check("checkpoint of another key", size-1, l.entries, newTestLog(t, size).signed[size])
}
