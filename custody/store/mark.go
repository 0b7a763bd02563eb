package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// markState is the highest checkpoint this service has committed.
type markState struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// mark is the high-water mark file: two slots of one line each, written in turn
// and synced, so that a crash in the middle of one leaves the other. The slot
// that is whole and of the greater size counts.
//
//	ORIGIN SIZE ROOT-BASE64 CRC32-HEX spaces LF
//
// A line is durable before the change is answered: one sync for each batch that
// was committed. A crash between the commit and the sync leaves the mark one batch
// behind the database, of which nobody has heard yet.
type mark struct {
	mu     sync.Mutex
	file   *os.File
	sync   func(*os.File) error // syncData; tests have it fail and wait
	state  markState            // durable; zero: nothing written yet
	slot   int64                // to be written next
	failed error                // why the latest state is not durable
}

const markSlot = 512

// syncMark is replaced by tests only.
var syncMark = syncData

// ErrMark is wrapped by the errors of the mark file, ErrMarkDamaged by that of one
// that holds no whole line.
var (
	ErrMark        = errors.New("high-water mark file")
	ErrMarkDamaged = errors.New("high-water mark file is damaged")
)

func openMark(path string, sync func(*os.File) error) (*mark, error) {
	_, statErr := os.Stat(path)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMark, err)
	}
	m := &mark{file: file, sync: sync}
	if err := m.read(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if errors.Is(statErr, os.ErrNotExist) {
		if err := SyncFolder(filepath.Dir(path)); err != nil {
			return nil, errors.Join(fmt.Errorf("%w: %w", ErrMark, err), file.Close())
		}
	}
	return m, nil
}

func (m *mark) read() error {
	b, err := io.ReadAll(io.LimitReader(m.file, 2*markSlot))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMark, err)
	}
	whole := 0
	for slot := range int64(2) {
		start := int(slot) * markSlot
		if len(b) < start+markSlot {
			continue
		}
		state, ok := parseMark(b[start : start+markSlot])
		if !ok {
			continue
		}
		whole++
		if whole == 1 || state.Size > m.state.Size {
			m.state, m.slot = state, 1-slot
		}
	}
	if len(b) > 0 && whole == 0 {
		return fmt.Errorf("%w: %s: compare the log with an agent's last checkpoint (custodyd log verify --checkpoint), then move the file away", ErrMarkDamaged, m.file.Name())
	}
	return nil
}

func (s markState) format() []byte {
	text := fmt.Sprintf("%s %d %s", s.Origin, s.Size, base64.StdEncoding.EncodeToString(s.Root[:]))
	line := fmt.Sprintf("%s %08x", text, crc32.ChecksumIEEE([]byte(text)))
	return append(append([]byte(line), bytes.Repeat([]byte(" "), markSlot-1-len(line))...), '\n')
}

func parseMark(b []byte) (markState, bool) {
	parts := strings.Fields(string(b))
	if len(parts) != 4 || b[len(b)-1] != '\n' {
		return markState{}, false
	}
	if parts[3] != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(strings.Join(parts[:3], " ")))) {
		return markState{}, false
	}
	size, err := strconv.ParseInt(parts[1], 10, 64)
	root, decodeErr := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || decodeErr != nil || len(root) != tlog.HashSize {
		return markState{}, false
	}
	return markState{Origin: parts[0], Size: size, Root: tlog.Hash(root)}, true
}

// advance makes the state durable.
func (m *mark) advance(s markState) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.file.WriteAt(s.format(), m.slot*markSlot)
	if err == nil {
		err = m.sync(m.file)
	}
	if err != nil {
		m.failed = fmt.Errorf("%w: %w", ErrMark, err)
		return m.failed
	}
	m.state, m.slot, m.failed = s, 1-m.slot, nil
	return nil
}

func (m *mark) last() (markState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state, m.failed
}

func (m *mark) close() error { return m.file.Close() }

// SyncFolder makes the names in a folder durable.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// CheckMark compares the log with the high-water mark: a *custody.Error with
// reason log_behind_mark or log_forked when changes are refused because of it.
func (s *Store) CheckMark(ctx context.Context, school custody.SchoolID) error {
	head, err := s.head(ctx, school)
	if err != nil {
		return err
	}
	return s.checkMark(ctx, s.reader, school, head)
}

func (s *Store) checkMark(ctx context.Context, q querier, school custody.SchoolID, head headRow) error {
	if seen := s.seen.Load(); seen != nil {
		if err := s.holdAgainst(ctx, q, school, head, *seen); err != nil {
			return err
		}
	}
	if s.mark == nil {
		return nil
	}
	m, _ := s.mark.last()
	return s.holdAgainst(ctx, q, school, head, m)
}

// SeeCheckpoint holds the log against a checkpoint that somebody has seen, as an agent
// that refuses the log does. One that this log's key has signed and that this database
// does not extend proves that the database is an older copy or was altered: from then on
// every change is refused as by the mark, which it raises. The error is a conflict
// with reason log_behind_mark or log_forked. One by a key that was replaced
// since proves nothing and is an ErrInvalid: whoever the key leaked to could stop the service.
func (s *Store) SeeCheckpoint(ctx context.Context, school custody.SchoolID, signed []byte) error {
	h, err := s.head(ctx, school)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(h.LogKey)
	if err != nil {
		return fmt.Errorf("see checkpoint: %w", err)
	}
	c, err := signinglog.Open(signed, verifier)
	if err != nil {
		return custody.Invalid("checkpoint", "%v", err)
	}
	seen := markState{Origin: c.Origin, Size: c.Size, Root: c.Root}
	refused := s.holdAgainst(ctx, s.reader, school, h, seen)
	var refusal *custody.Error
	if !errors.As(refused, &refusal) {
		return refused
	}
	if !strings.HasPrefix(c.KeyChanges, h.KeyChanges) {
		s.log.Error("a checkpoint by a replaced key is none of this log", "size", h.Size, "seen", c.Size)
		return custody.Invalid("checkpoint", "it is not of this log, and a key signed it that was replaced")
	}
	s.seen.Store(&seen)
	s.log.Error("an agent has seen another log", "size", h.Size, "seen", c.Size, "reason", refusal.Params["reason"])
	if s.mark != nil {
		if m, _ := s.mark.last(); seen.Size > m.Size {
			if err := s.mark.advance(seen); err != nil {
				s.log.Error("mark not written", "error", err)
			}
		}
	}
	return custody.Conflict(refusal.Params["reason"], "mark", strconv.FormatInt(seen.Size, 10), "size", strconv.FormatInt(h.Size, 10))
}

// holdAgainst compares a log with a state of it that is known.
func (s *Store) holdAgainst(ctx context.Context, q querier, school custody.SchoolID, head headRow, m markState) error {
	refuse := func(reason, next string) error {
		return &custody.Error{Kind: custody.ErrUnavailable, Code: custody.CodeUnavailable,
			Params: map[string]string{"reason": reason, "mark": strconv.FormatInt(m.Size, 10), "size": strconv.FormatInt(head.Size, 10)},
			Err:    fmt.Errorf("the log has %d entries, its mark in %s is at %d: %s", head.Size, s.config.MarkFile, m.Size, next)}
	}
	switch {
	case m.Origin == "":
		return nil
	case m.Origin != head.Origin:
		return refuse(custody.ReasonLogForked, "the mark is of the log "+m.Origin+": configure the mark file of this log")
	case head.Size < m.Size:
		return refuse(custody.ReasonLogBehindMark, "this database is an older copy: restore the newest backup; "+
			"if what is missing is lost for good, write that down and move the mark file away (agents will report that the log was rewound)")
	case head.Size == m.Size:
		if !bytes.Equal(head.Root, m.Root[:]) {
			return refuse(custody.ReasonLogForked, "this database is another log of the same length: restore the right one")
		}
		return nil
	}
	if m.Size == 0 {
		return nil
	}
	// Another service appended, or the mark missed the last commit.
	root, err := tlog.TreeHash(m.Size, storedHashes{ctx: ctx, q: q, school: school})
	if err != nil {
		return fmt.Errorf("root at the mark: %w", err)
	}
	if root != m.Root {
		return refuse(custody.ReasonLogForked, "this database is a log that went another way before the mark: restore the right one")
	}
	return nil
}

// settleMark writes the mark of what is committed, where that failed before: no
// change goes on top of entries that the mark does not guard.
func (s *Store) settleMark(head headRow) error {
	if s.mark == nil {
		return nil
	}
	if _, failed := s.mark.last(); failed == nil {
		return nil
	}
	if err := s.mark.advance(markState{Origin: head.Origin, Size: head.Size, Root: tlog.Hash(head.Root)}); err != nil {
		return &custody.Error{Kind: custody.ErrUnavailable, Code: custody.CodeUnavailable, Params: map[string]string{"reason": custody.ReasonMarkUnwritable},
			Err: fmt.Errorf("the mark in %s can't be written: %w", s.config.MarkFile, err)}
	}
	return nil
}
