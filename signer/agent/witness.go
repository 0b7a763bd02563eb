package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody/signinglog"
)

const (
	checkpointName = "checkpoint"
	maxCheckpoint  = 64 << 10
)

// witness keeps the largest checkpoint of the school's log that it has seen and
// checks each further one against it: a log that was altered, or shortened to an
// old backup, can't show a checkpoint that agrees with it.
type witness struct {
	path     string
	verifier note.Verifier
	last     signinglog.Checkpoint
	seen     bool // false until the first checkpoint
	inMemory bool // what is seen is not kept: the lock of the state folder is not held
	// proof asks the service for a consistency proof (RFC 6962 §2.1.2).
	proof func(ctx context.Context, from, to int64) ([]tlog.Hash, error)
	// tell has the service know of a checkpoint that its log does not extend; nil = nobody.
	tell func(ctx context.Context, signed []byte) error
}

// told has the service know of what was seen, so that it takes no changes from others
// either. What comes of that does not change what is said here: the log is refused.
func (w *witness) told(ctx context.Context, refused error) error {
	if w.tell == nil {
		return refused
	}
	signed, err := readBounded(w.path, maxCheckpoint)
	if err != nil {
		return refused
	}
	_ = w.tell(ctx, signed)
	return refused
}

func openWitness(home string, verifier note.Verifier, proof func(context.Context, int64, int64) ([]tlog.Hash, error)) (*witness, error) {
	w := &witness{path: filepath.Join(home, checkpointName), verifier: verifier, proof: proof}
	signed, err := readBounded(w.path, maxCheckpoint)
	if errors.Is(err, os.ErrNotExist) {
		return w, nil
	}
	if err != nil {
		return nil, fail("home_unusable", fmt.Errorf("read checkpoint: %w", err), "folder", home)
	}
	if w.last, err = signinglog.Open(signed, verifier); err != nil {
		// Without its memory a witness is blind: this is not passed over.
		return nil, fail("pairing_damaged", fmt.Errorf("stored checkpoint: %w", err), "file", w.path)
	}
	w.seen = true
	return w, nil
}

// SeenCheckpoint returns the largest checkpoint of this log that the agent of the
// state folder has seen; nil when it saw none, or only of another log.
func SeenCheckpoint(home string, verifier note.Verifier) (*signinglog.Checkpoint, error) {
	if home == "" {
		return nil, nil
	}
	signed, err := readBounded(filepath.Join(home, checkpointName), maxCheckpoint)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fail("home_unusable", fmt.Errorf("read checkpoint: %w", err), "folder", home)
	}
	c, err := signinglog.Open(signed, verifier)
	if err != nil {
		return nil, nil // of another log
	}
	return &c, nil
}

// see checks that the signed checkpoint belongs to the same log as the last one
// and keeps it when it is the larger. The error is log_forked when it does not,
// receipt_invalid when it is not signed by the log.
func (w *witness) see(ctx context.Context, signed []byte) error {
	checkpoint, err := signinglog.Open(signed, w.verifier)
	if err != nil {
		return fail("receipt_invalid", fmt.Errorf("checkpoint: %w", err))
	}
	if !w.seen {
		return w.keep(signed, checkpoint)
	}
	// A receipt that is sent again may carry a checkpoint from before the last
	// one seen; then that one has to extend it.
	older, newer := w.last, checkpoint
	if checkpoint.Size < w.last.Size {
		older, newer = checkpoint, w.last
	}
	var proof []tlog.Hash
	if older.Size != newer.Size && older.Size > 0 {
		if proof, err = w.proof(ctx, older.Size, newer.Size); err != nil {
			return fmt.Errorf("consistency proof: %w", err)
		}
	}
	if err := signinglog.CheckConsistency(older, newer, proof); err != nil {
		return w.told(ctx, fail("log_forked", err))
	}
	if newer == w.last {
		return nil
	}
	return w.keep(signed, checkpoint)
}

// seeHead is see for the log's present checkpoint, which must not be smaller
// than the last one seen: a log never shrinks.
func (w *witness) seeHead(ctx context.Context, signed []byte) error {
	checkpoint, err := signinglog.Open(signed, w.verifier)
	if err != nil {
		return fail("log_forked", fmt.Errorf("checkpoint: %w", err))
	}
	if w.seen && checkpoint.Size < w.last.Size {
		return w.told(ctx, fail("log_forked", &signinglog.InconsistentError{Older: w.last, Newer: checkpoint}))
	}
	return w.see(ctx, signed)
}

func (w *witness) keep(signed []byte, checkpoint signinglog.Checkpoint) error {
	if w.inMemory {
		w.last, w.seen = checkpoint, true
		return nil
	}
	if err := replaceFile(w.path, signed, 0o600); err != nil {
		return fail("home_unusable", err, "folder", filepath.Dir(w.path))
	}
	w.last, w.seen = checkpoint, true
	return nil
}
