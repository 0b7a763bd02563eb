package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
)

// Cosignature is the latest checkpoint of the log that a witness has cosigned.
type Cosignature struct {
	Witness    string // name of its key
	Size       int64
	Checkpoint []byte // signed note, without cosignatures
	Line       string // of the cosignature, with its line feed
	At         time.Time
}

// Cosignatures lists what witnesses have cosigned, the largest first.
func (s *Store) Cosignatures(ctx context.Context, school custody.SchoolID) ([]Cosignature, error) {
	var rows []struct {
		Witness    string `db:"witness"`
		Size       int64  `db:"size"`
		Checkpoint []byte `db:"checkpoint"`
		Line       string `db:"line"`
		At         stamp  `db:"cosigned_at"`
	}
	if err := s.reader.list(ctx, &rows, `SELECT witness, size, checkpoint, line, cosigned_at FROM cosignatures WHERE school_id = ? ORDER BY size DESC, witness`, string(school)); err != nil {
		return nil, fmt.Errorf("list cosignatures: %w", err)
	}
	out := make([]Cosignature, len(rows))
	for i, r := range rows {
		out[i] = Cosignature{Witness: r.Witness, Size: r.Size, Checkpoint: r.Checkpoint, Line: r.Line, At: r.At.Time}
	}
	return out, nil
}

// KeepCosignature keeps what a witness has cosigned, unless a larger one of its is kept.
func (s *Store) KeepCosignature(ctx context.Context, school custody.SchoolID, c Cosignature) error {
	return s.write(ctx, school, func(t *tx) error {
		if _, err := t.exec(t.ctx, `DELETE FROM cosignatures WHERE school_id = ? AND witness = ? AND size <= ?`, string(t.school), c.Witness, c.Size); err != nil {
			return fmt.Errorf("keep cosignature: %w", err)
		}
		larger, err := optional[int64](t, `SELECT size FROM cosignatures WHERE school_id = ? AND witness = ?`, string(t.school), c.Witness)
		if err != nil || larger != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO cosignatures (school_id, witness, size, checkpoint, line, cosigned_at)`, string(t.school), c.Witness, c.Size, c.Checkpoint, c.Line, at(t.now)); err != nil {
			return fmt.Errorf("keep cosignature: %w", err)
		}
		return nil
	})
}

// WitnessedCheckpoint is the newest checkpoint that a witness has cosigned, with the
// cosignatures of all that cosigned it; ErrNotFound when none has.
func (s *Store) WitnessedCheckpoint(ctx context.Context, school custody.SchoolID) ([]byte, error) {
	all, err := s.Cosignatures(ctx, school)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, custody.NotFound("cosignature")
	}
	note := append([]byte(nil), all[0].Checkpoint...)
	for _, c := range all {
		if c.Size == all[0].Size {
			note = append(note, c.Line...)
		}
	}
	return note, nil
}
