package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// sqlitePath closes the register and returns its file, whole without its WAL.
func sqlitePath(r *storetest.Register) string {
	return strings.TrimPrefix(r.Config.URL, "sqlite:")
}

// TestRestoredBackupIsRefused: yesterday's database put back is behind the mark.
func TestRestoredBackupIsRefused(t *testing.T) {
	r := storetest.Open(t, "sqlite")
	s := handedOut(r)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	copyFile(t, sqlitePath(r), backup)
	s.Reopen()
	s.sign(s.principal, s.approval())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	newest := filepath.Join(t.TempDir(), "newest.db")
	copyFile(t, sqlitePath(r), newest)

	copyFile(t, backup, sqlitePath(r))
	s.Reopen()
	refused := func(want string) {
		t.Helper()
		_, err := s.RequestGrant(ctx, s.principal, s.approval())
		if !errors.Is(err, custody.ErrUnavailable) || reason(err) != want {
			t.Errorf("change on the wrong database: %v", err)
		}
		if err := s.CheckMark(ctx, s.School.ID); reason(err) != want {
			t.Errorf("check of the mark: %v", err)
		}
		if want == custody.ReasonLogBehindMark && !strings.Contains(err.Error(), "restore the newest backup") {
			t.Errorf("no next step in %q", err)
		}
	}
	refused(custody.ReasonLogBehindMark)
	if _, err := s.Entries(ctx, s.admin, store.LogFilter{}); err != nil {
		t.Errorf("an old log can't be read: %v", err)
	}

	// Gone another way, to the same length and beyond.
	mark := s.Config.MarkFile
	s.Config.MarkFile = ""
	s.Reopen()
	s.sign(s.principal, s.approval())
	s.Config.MarkFile = mark
	s.Reopen()
	refused(custody.ReasonLogForked)
	s.Config.MarkFile = ""
	s.Reopen()
	s.sign(s.principal, s.approval())
	s.CheckLog() // in order in itself, yet another log
	s.Config.MarkFile = mark
	s.Reopen()
	refused(custody.ReasonLogForked)

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	copyFile(t, newest, sqlitePath(r))
	s.Reopen()
	s.sign(s.principal, s.approval())
	s.CheckLog()
}

// TestWhatAnAgentHasSeenStopsAnOldCopy: the mark is gone too, and only an agent knows
// better. From then on the service takes no changes, also after it was started again.
func TestWhatAnAgentHasSeenStopsAnOldCopy(t *testing.T) {
	r := storetest.Open(t, "sqlite")
	s := handedOut(r)
	s.must(s.Close())
	backup := filepath.Join(t.TempDir(), "backup.db")
	copyFile(t, sqlitePath(r), backup)
	s.Reopen()
	s.sign(s.principal, s.approval())
	seen, err := s.Checkpoint(ctx, s.School.ID)
	s.must(err)
	s.must(s.SeeCheckpoint(ctx, s.School.ID, seen))
	if err := s.SeeCheckpoint(ctx, s.School.ID, append([]byte("x"), seen...)); !errors.Is(err, custody.ErrInvalid) {
		t.Errorf("a checkpoint that the log has not signed: %v", err)
	}
	restore := func() {
		t.Helper()
		s.must(s.Close())
		copyFile(t, backup, sqlitePath(r))
		s.must(os.Remove(s.Config.MarkFile))
		s.Reopen()
	}
	refused := func(want string) {
		t.Helper()
		if _, err := s.RequestGrant(ctx, s.principal, s.approval()); !errors.Is(err, custody.ErrUnavailable) || reason(err) != want {
			t.Errorf("a change on an old copy: %v, want %s", err, want)
		}
	}
	restore()
	s.sign(s.principal, s.approval()) // nobody knows yet
	restore()
	if err := s.SeeCheckpoint(ctx, s.School.ID, seen); reason(err) != custody.ReasonLogBehindMark || !errors.Is(err, custody.ErrConflict) {
		t.Errorf("seen: %v", err)
	}
	refused(custody.ReasonLogBehindMark)
	s.Reopen()
	refused(custody.ReasonLogBehindMark)

	// Grown past what the agent saw, on another way.
	restore()
	for range 3 {
		s.sign(s.principal, s.approval())
	}
	if err := s.SeeCheckpoint(ctx, s.School.ID, seen); reason(err) != custody.ReasonLogForked {
		t.Errorf("seen: %v", err)
	}
	refused(custody.ReasonLogForked)
	if _, err := s.Entries(ctx, s.admin, store.LogFilter{}); err != nil {
		t.Errorf("it can't be read: %v", err)
	}
}

// TestMarkFile: a torn slot leaves the other, a mark that missed the last commit
// catches up, a damaged file is refused with the next step.
func TestMarkFile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		s.sign(s.principal, s.approval())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		whole, err := os.ReadFile(s.Config.MarkFile)
		if err != nil {
			t.Fatal(err)
		}
		if len(whole) != 1024 {
			t.Fatalf("mark file has %d bytes", len(whole))
		}
		for slot := range 2 {
			torn := append([]byte(nil), whole...)
			torn[slot*512+20] ^= 1
			if err := os.WriteFile(s.Config.MarkFile, torn, 0o600); err != nil {
				t.Fatal(err)
			}
			s.Reopen()
			if err := s.CheckMark(ctx, s.School.ID); err != nil {
				t.Errorf("slot %d torn: %v", slot, err)
			}
			s.sign(s.principal, s.approval())
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if whole, err = os.ReadFile(s.Config.MarkFile); err != nil {
				t.Fatal(err)
			}
		}
		torn := append([]byte(nil), whole...)
		torn[20] ^= 1
		torn[512+20] ^= 1
		if err := os.WriteFile(s.Config.MarkFile, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(ctx, s.Config); err == nil || !strings.Contains(err.Error(), "move the file away") {
			t.Errorf("damaged mark: %v", err)
		}
		if err := os.Remove(s.Config.MarkFile); err != nil {
			t.Fatal(err)
		}
		s.Reopen()
		s.sign(s.principal, s.approval())
	})
}

// TestMarkIsDurableBeforeTheAnswer: while the mark is being synced nobody is
// answered, and what is synced is the mark of what was committed.
func TestMarkIsDurableBeforeTheAnswer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		syncing, release := make(chan []byte), make(chan error)
		t.Cleanup(store.ReplaceSync(func(f *os.File) error {
			content, err := os.ReadFile(f.Name())
			if err != nil {
				t.Error(err)
			}
			syncing <- content
			return errors.Join(<-release, store.SyncData(f))
		}))
		s.Reopen()
		answered := make(chan error, 1)
		go func() {
			_, err := s.RequestGrant(ctx, s.principal, s.approval())
			answered <- err
		}()
		content := <-syncing
		size := s.CheckLog().Size
		if !strings.Contains(string(content), fmt.Sprintf(" %d ", size)) {
			t.Errorf("log of %d entries, mark being synced:\n%s", size, content)
		}
		select {
		case err := <-answered:
			t.Errorf("answered before the mark was durable: %v", err)
		default:
		}
		release <- nil
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
	})
}

// TestMarkThatCannotBeWritten: what is committed is answered; nothing goes on top
// of it until the mark is durable, by itself once the disk works again.
func TestMarkThatCannotBeWritten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		broken := true
		t.Cleanup(store.ReplaceSync(func(f *os.File) error {
			if broken {
				return errors.New("input/output error")
			}
			return store.SyncData(f)
		}))
		s.Reopen()
		if _, err := s.RequestGrant(ctx, s.principal, s.approval()); err != nil {
			t.Errorf("what is committed: %v", err)
		}
		size := s.CheckLog().Size
		for range 2 {
			if _, err := s.RequestGrant(ctx, s.principal, s.approval()); !errors.Is(err, custody.ErrUnavailable) || reason(err) != custody.ReasonMarkUnwritable {
				t.Errorf("on top of it: %v", err)
			}
		}
		if after := s.CheckLog().Size; after != size {
			t.Errorf("%d entries without a mark", after-size)
		}
		broken = false
		s.sign(s.principal, s.approval())
		s.Reopen()
		if err := s.CheckMark(ctx, s.School.ID); err != nil {
			t.Error(err)
		}
	})
}

// TestWrongLogKey: no other key continues a log, and without one it is read only.
func TestWrongLogKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		good := s.Config.LogKey
		other, _, err := signinglog.GenerateKey("sokyso/mnhs")
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{other, ""} {
			s.Config.LogKey = key
			s.Reopen()
			if _, err := s.RequestGrant(ctx, s.principal, s.approval()); !errors.Is(err, custody.ErrUnavailable) || reason(err) != custody.ReasonLogKey {
				t.Errorf("appended with another key: %v", err)
			}
			s.CheckLog()
		}
		s.Config.LogKey = "PRIVATE+KEY+x"
		if _, err := store.Open(ctx, s.Config); !errors.Is(err, signinglog.ErrMalformedKey) {
			t.Errorf("malformed key: %v", err)
		}
		s.Config.LogKey = good
		s.Reopen()
		s.sign(s.principal, s.approval())
		if _, err := s.VerifyLog(ctx, s.School.ID, ""); err != nil {
			t.Error(err)
		}
		_, foreign, err := signinglog.GenerateKey("sokyso/mnhs")
		if err != nil {
			t.Fatal(err)
		}
		var bad *signinglog.BadEntryError
		if _, err := s.VerifyLog(ctx, s.School.ID, foreign); !errors.As(err, &bad) {
			t.Errorf("verified with another key: %v", err)
		}
	})
}
