package signinglog

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"math/bits"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// emptyRoot is the root of the empty tree (RFC 6962 §2.1).
var emptyRoot = tlog.Hash(sha256.Sum256(nil))

// LeafHash is the hash of an entry in the tree (RFC 6962 §2.1).
func LeafHash(entry []byte) tlog.Hash { return tlog.RecordHash(entry) }

// Frontier is the right edge of a tree: the roots of its full subtrees, largest
// first. It is all that appending and the root need, so a log of any length
// grows without reading. The zero value is the empty tree.
type Frontier struct {
	size   int64
	hashes []tlog.Hash
}

// ParseFrontier reads what Bytes wrote for a tree of that size.
func ParseFrontier(size int64, b []byte) (Frontier, error) {
	if size < 0 || len(b) != bits.OnesCount64(uint64(size))*tlog.HashSize {
		return Frontier{}, fmt.Errorf("parse frontier: %d bytes for a tree of %d entries", len(b), size)
	}
	f := Frontier{size: size}
	for ; len(b) > 0; b = b[tlog.HashSize:] {
		f.hashes = append(f.hashes, tlog.Hash(b[:tlog.HashSize]))
	}
	return f, nil
}

// Bytes returns the hashes one after another.
func (f Frontier) Bytes() []byte {
	b := make([]byte, 0, len(f.hashes)*tlog.HashSize)
	for _, h := range f.hashes {
		b = append(b, h[:]...)
	}
	return b
}

// Size is the number of entries.
func (f Frontier) Size() int64 { return f.size }

// Root returns the tree's root hash.
func (f Frontier) Root() (tlog.Hash, error) {
	if f.size == 0 {
		return emptyRoot, nil
	}
	return tlog.TreeHash(f.size, f)
}

// Append returns the frontier after one more leaf, and the hashes that this
// leaf completes, its own first: they are what a tlog.HashReader must find later.
func (f Frontier) Append(leaf tlog.Hash) (Frontier, []tlog.Hash, error) {
	completed, err := tlog.StoredHashesForRecordHash(f.size, leaf, f)
	if err != nil {
		return Frontier{}, nil, fmt.Errorf("append leaf %d: %w", f.size, err)
	}
	merged := len(completed) - 1
	next := Frontier{size: f.size + 1}
	next.hashes = append(next.hashes, f.hashes[:len(f.hashes)-merged]...)
	next.hashes = append(next.hashes, completed[merged])
	return next, completed, nil
}

// ReadHashes implements [tlog.HashReader] for the hashes on the frontier.
func (f Frontier) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		// The full subtree of 2^level leaves on the frontier covers the bits of
		// size above level; n is its position among its equals.
		if f.size>>level&1 == 0 || n != f.size>>level-1 {
			return nil, fmt.Errorf("hash %d is not on the frontier of %d entries", index, f.size)
		}
		found[i] = f.hashes[bits.OnesCount64(uint64(f.size)>>(level+1))]
	}
	return found, nil
}

// StoredEntry is an entry as a store keeps it: its bytes and the tree hashes it
// completed, its leaf hash first, then those of the subtrees that ended with it.
type StoredEntry struct {
	Index  int64
	Bytes  []byte
	Hashes []tlog.Hash
}

// BadEntryError names the first entry at which a log is not what it should be.
type BadEntryError struct {
	Index  int64
	Reason string
}

func (e *BadEntryError) Error() string { return fmt.Sprintf("log entry %d: %s", e.Index, e.Reason) }

// Verify recomputes a whole log from its stored entries, in order from 0: each
// parses and is of a known type in its form, each stored hash is right, and the
// root agrees with the signed checkpoint. Inspect, which may be nil, sees each
// entry after it was checked. A finding is a *BadEntryError; other errors are
// the iterator's.
func Verify(entries iter.Seq2[StoredEntry, error], signed []byte, verifier note.Verifier, inspect func(int64, Entry) error) (Checkpoint, error) {
	var f Frontier
	var tooMany bool
	head, headErr := Open(signed, verifier)
	for stored, err := range entries {
		if err != nil {
			return Checkpoint{}, fmt.Errorf("verify log: read entry %d: %w", f.size, err)
		}
		if stored.Index != f.size {
			return Checkpoint{}, &BadEntryError{Index: f.size, Reason: fmt.Sprintf("missing: the next stored entry is %d", stored.Index)}
		}
		bad := func(format string, args ...any) (Checkpoint, error) {
			return Checkpoint{}, &BadEntryError{Index: stored.Index, Reason: fmt.Sprintf(format, args...)}
		}
		if headErr == nil && f.size >= head.Size {
			tooMany = true
		}
		next, completed, err := f.Append(LeafHash(stored.Bytes))
		if err != nil {
			return Checkpoint{}, fmt.Errorf("verify log: %w", err)
		}
		if len(stored.Hashes) != len(completed) {
			return bad("%d stored hashes instead of %d", len(stored.Hashes), len(completed))
		}
		for level := range completed {
			if stored.Hashes[level] == completed[level] {
				continue
			}
			if level == 0 {
				return bad("bytes and stored leaf hash differ")
			}
			return bad("stored hash of level %d is not that of the entries", level)
		}
		e, err := Parse(stored.Bytes)
		if err != nil {
			return bad("%v", err)
		}
		if err := e.Check(); err != nil {
			return bad("%v", err)
		}
		if tooMany {
			return bad("beyond the signed checkpoint of %d entries", head.Size)
		}
		if inspect != nil {
			if err := inspect(stored.Index, e); err != nil {
				return Checkpoint{}, err
			}
		}
		f = next
	}
	last := max(f.size-1, 0)
	if headErr != nil {
		return Checkpoint{}, &BadEntryError{Index: last, Reason: headErr.Error()}
	}
	if f.size < head.Size {
		return Checkpoint{}, &BadEntryError{Index: f.size, Reason: fmt.Sprintf("missing: the signed checkpoint has %d entries", head.Size)}
	}
	root, err := f.Root()
	if err != nil {
		return Checkpoint{}, fmt.Errorf("verify log: %w", err)
	}
	if root != head.Root {
		return Checkpoint{}, &BadEntryError{Index: last, Reason: "the root of the stored entries is not the signed checkpoint's: an entry and its hashes were altered together"}
	}
	return head, nil
}
