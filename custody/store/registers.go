package store

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sokyso/custody"
	"sokyso/custody/forms"
	"sokyso/custody/signinglog"
)

// SignedLine is a signature of the log as registers list it.
type SignedLine struct {
	forms.Signed
	Entry int64 // of the log, to hold a line against it
}

// SignedRegister is what a register of a period stands on.
type SignedRegister struct {
	School     custody.School
	Checkpoint signinglog.Checkpoint // of the log before the lines were read
	Signed     []byte                // the same, as a signed note
}

// registerPart is how many lines are read at a time.
const registerPart = 500

// SignatureRegister gives each signature of the period to line, in the order of the
// log, for who makes papers. A period of years is not held in memory; it has at most
// five. begin gets the log's checkpoint first: every line is an entry below its size.
func (s *Store) SignatureRegister(ctx context.Context, actor custody.Actor, from, until custody.Date, begin func(SignedRegister) error, line func(SignedLine) error) error {
	if err := custody.CanReadPapers(actor); err != nil {
		return err
	}
	first, end, err := bounds(forms.Period{From: from, Until: until})
	if err != nil {
		return err
	}
	head := SignedRegister{}
	if head.School, err = s.schoolByID(ctx, actor.School); err != nil {
		return err
	}
	if head.Signed, head.Checkpoint, err = s.openCheckpoint(ctx, head.School); err != nil {
		return err
	}
	if err := begin(head); err != nil {
		return err
	}
	g := &gathering{ctx: ctx, store: s, school: head.School}
	for after := int64(-1); ; {
		lines, err := g.signedAfter(after, head.Checkpoint.Size, first, end)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := line(l); err != nil {
				return err
			}
			after = l.Entry
		}
		if len(lines) < registerPart {
			return nil
		}
	}
}

// openCheckpoint reads the newest checkpoint, verified with the school's key.
func (s *Store) openCheckpoint(ctx context.Context, school custody.School) ([]byte, signinglog.Checkpoint, error) {
	signed, err := s.Checkpoint(ctx, school.ID)
	if err != nil {
		return nil, signinglog.Checkpoint{}, err
	}
	verifier, err := note.NewVerifier(school.LogKey)
	if err != nil {
		return nil, signinglog.Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	checkpoint, err := signinglog.Open(signed, verifier)
	if err != nil {
		return nil, signinglog.Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	return signed, checkpoint, nil
}

// signedAfter lists the next signatures of the log.
func (g *gathering) signedAfter(after, below int64, from, until time.Time) ([]SignedLine, error) {
	condition := ` AND s.entry_index > ? AND s.entry_index < ? AND s.signed_at >= ? AND s.signed_at < ? ORDER BY s.entry_index LIMIT ?`
	rows, entries, err := g.signedWithEntries(condition, after, below, at(from), at(until), registerPart)
	lines := make([]SignedLine, len(rows))
	for i, row := range rows {
		lines[i] = SignedLine{Signed: row, Entry: entries[i]}
	}
	return lines, err
}
