package validation

import (
	"cmp"
	"context"
	"crypto"
	_ "crypto/sha1" // older signatures are read, and reported as weak
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"
)

// job is a ByteRange to be digested.
type job struct {
	hash   crypto.Hash
	br     [4]int64
	digest []byte
}

const chunk = 256 << 10

var chunks = sync.Pool{New: func() any { b := make([]byte, chunk); return &b }}

// digest computes the digests of all jobs in one pass over the file for each hash function, besides the part behind
// each gap: the ranges of a file's signatures all start at byte 0, so the state at one gap is the start of the next.
func digest(ctx context.Context, r io.ReaderAt, jobs []*job, prefix *Prefix) error {
	slices.SortStableFunc(jobs, func(a, b *job) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.br[1], b.br[1]))
	})
	var running hash.Hash
	var at int64
	for i, j := range jobs {
		if running == nil || j.hash != jobs[i-1].hash {
			running, at = j.hash.New(), 0
			if prefix != nil && j.hash == cmp.Or(prefix.Hash, crypto.SHA256) && prefix.Length <= j.br[1] {
				if err := running.(encoding.BinaryUnmarshaler).UnmarshalBinary(prefix.State); err != nil {
					return fmt.Errorf("digest: state of the prefix: %w", err)
				}
				at = prefix.Length
			}
		}
		if err := feed(ctx, running, r, at, j.br[1]); err != nil {
			return err
		}
		at = j.br[1]
		own := running
		if i+1 < len(jobs) && jobs[i+1].hash == j.hash {
			c, err := running.(hash.Cloner).Clone()
			if err != nil {
				return fmt.Errorf("digest: clone state: %w", err)
			}
			own = c
		}
		if err := feed(ctx, own, r, j.br[2], j.br[2]+j.br[3]); err != nil {
			return err
		}
		j.digest = own.Sum(nil)
	}
	return nil
}

// feed hashes the bytes from start to end.
func feed(ctx context.Context, h hash.Hash, r io.ReaderAt, start, end int64) error {
	p := chunks.Get().(*[]byte)
	defer chunks.Put(p)
	for start < end {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := (*p)[:min(chunk, end-start)]
		n, err := r.ReadAt(b, start)
		h.Write(b[:n])
		start += int64(n)
		if n < len(b) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read at %d: %w", start, err)
		}
	}
	return nil
}
