package background

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody/store"
	"sokyso/custody/witness"
)

// Witnessing is the job that has others cosign the log's newest checkpoint. A witness
// that holds that the log does not extend what it saw is the gravest news there is: the
// job fails with it until somebody looks.
func (r *Runner) Witnessing(witnesses []*witness.Witness) Job {
	return Job{
		Name: JobWitnesses, Every: time.Minute,
		Run: func(ctx context.Context) (int, error) {
			signed, err := r.Store.Checkpoint(ctx, r.School)
			if err != nil {
				return 0, err
			}
			kept, err := r.Store.Cosignatures(ctx, r.School)
			if err != nil {
				return 0, err
			}
			done, failures := 0, []error(nil)
			for _, w := range witnesses {
				cosigned, err := r.witnessed(ctx, w, signed, kept)
				if cosigned {
					done++
				}
				failures = append(failures, err) // the others are asked all the same
			}
			return done, errors.Join(failures...)
		},
	}
}

// witnessed has one witness cosign a checkpoint, unless it has already.
func (r *Runner) witnessed(ctx context.Context, w *witness.Witness, signed []byte, kept []store.Cosignature) (bool, error) {
	size, err := sizeOf(signed)
	if err != nil {
		return false, err
	}
	var old int64
	for _, c := range kept {
		if c.Witness == w.Name {
			old = c.Size
		}
	}
	if old == size {
		return false, nil
	}
	line, err := r.askWitness(ctx, w, old, size, signed)
	// It remembers another checkpoint than is kept here: what it cosigned and nobody heard of.
	if other := (*witness.OtherSizeError)(nil); errors.As(err, &other) {
		if other.Size > size {
			return false, fmt.Errorf("%w: %w", witness.ErrRefused, err) // it has seen a longer log
		}
		line, err = r.askWitness(ctx, w, other.Size, size, signed)
	}
	if err != nil {
		return false, err
	}
	return true, r.Store.KeepCosignature(ctx, r.School, store.Cosignature{Witness: w.Name, Size: size, Checkpoint: signed, Line: line})
}

func (r *Runner) askWitness(ctx context.Context, w *witness.Witness, old, size int64, signed []byte) (string, error) {
	var proof []tlog.Hash
	if old > 0 && old < size {
		var err error
		if proof, err = r.Store.ConsistencyProof(ctx, r.School, old, size); err != nil {
			return "", err
		}
	}
	return w.Cosign(ctx, old, proof, signed)
}

// sizeOf reads the size of a checkpoint that this service signed.
func sizeOf(signed []byte) (int64, error) {
	lines := bytes.SplitN(signed, []byte("\n"), 3)
	if len(lines) < 3 {
		return 0, errors.New("checkpoint without a size")
	}
	return strconv.ParseInt(string(lines[1]), 10, 64)
}
