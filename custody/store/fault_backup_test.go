//go:build linux

package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// copying makes a backup or restores one, and is killed on the way or finds no room.
func (f fault) copying() error {
	killing := func(step string) {
		if step == f.KillOn {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	if f.Room > 0 {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(f.Room), Max: 1 << 62}); err != nil {
			return err
		}
	}
	store.OnStep(killing)
	if f.BackupTo != "" {
		s, err := store.Open(ctx, store.Config{URL: f.URL})
		if err != nil {
			return err
		}
		if f.KillOn == "rows" {
			_, err = s.BackupFile(ctx, f.School, nil, f.BackupTo, func(int64) { killing("rows") })
		} else {
			_, err = s.BackupFile(ctx, f.School, nil, f.BackupTo, nil)
		}
		return errors.Join(err, s.Close())
	}
	file, err := os.Open(f.RestoreFrom)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = store.Restore(ctx, f.URL, file, nil, func(b store.Backup, register *store.Store) error {
		killing("restore is looked at")
		school, err := register.School(ctx)
		if err == nil {
			_, err = register.VerifyLog(ctx, school.ID, b.Key)
		}
		return err
	})
	return err
}

// run runs it in a process of its own.
func (f fault) run(t *testing.T) (said string, killed bool) {
	t.Helper()
	asked, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), faultVariable+"="+string(asked))
	out, err := command.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		status, _ := exit.Sys().(syscall.WaitStatus)
		killed = status.Signaled() && status.Signal() == syscall.SIGKILL
		if err = nil; !killed && len(out) == 0 {
			err = errors.New("it failed and says nothing")
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(out), killed
}

// TestRestoreKilledAtEachStep: what is there afterwards is no register that can be opened,
// unless it is the whole one, and the next restore makes it.
func TestRestoreKilledAtEachStep(t *testing.T) {
	inOneGoroutine(t)
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		s.sign(s.principal, s.approval())
		copied := filepath.Join(t.TempDir(), "một.backup")
		made, err := s.BackupFile(ctx, s.School.ID, nil, copied, nil)
		s.must(err)
		for _, step := range []string{"restore claimed", "restore has tables", "restore of custodies", "restore of signatures", "restore has rows", "restore is up to date",
			"restore is looked at", "restore checked", "restore finished"} {
			url := storetest.Fresh(t, strings.TrimPrefix(t.Name(), "TestRestoreKilledAtEachStep/"))
			if said, killed := (fault{URL: url, RestoreFrom: copied, KillOn: step}).run(t); !killed {
				t.Fatalf("%s: not killed: %s", step, said)
			}
			opened, err := store.Open(ctx, store.Config{URL: url})
			if step == "restore finished" {
				s.must(err)
				report, err := opened.VerifyLog(ctx, s.School.ID, s.VKey)
				if err != nil || report.Size != made.Size {
					t.Errorf("%d entries: %v", report.Size, err)
				}
				s.must(opened.Close())
				continue
			}
			if !errors.Is(err, store.ErrUnfinished) {
				t.Errorf("%s: opened: %v", step, err)
			}
			if err := store.Migrate(ctx, url); !errors.Is(err, store.ErrUnfinished) {
				t.Errorf("%s: brought up to date: %v", step, err)
			}
			s.restored(t, url, copied, made)
		}
		s.CheckLog() // of the source
	})
}

// restored restores and looks at what came of it.
func (s *school) restored(t *testing.T, url, from string, made store.Backup) {
	t.Helper()
	file, err := os.ReadFile(from)
	s.must(err)
	_, err = store.Restore(ctx, url, bytes.NewReader(file), nil, nil)
	s.must(err)
	opened, err := store.Open(ctx, store.Config{URL: url})
	s.must(err)
	defer opened.Close()
	report, err := opened.VerifyLog(ctx, s.School.ID, s.VKey)
	if err != nil || string(report.Checkpoint) != made.Checkpoint {
		t.Errorf("%d entries: %v", report.Size, err)
	}
}

// TestRestoreTwiceAtOnce: the second does not touch what the first is making.
func TestRestoreTwiceAtOnce(t *testing.T) {
	if !slices.Contains(storetest.Databases(), "postgres") {
		t.Skip("there is no PostgreSQL here: make test starts one")
	}
	s := handedOut(storetest.Open(t, "postgres"))
	file, made := backedUp(s.Register)
	url := storetest.Fresh(t, "postgres")
	_, err := store.Restore(ctx, url, bytes.NewReader(file), nil, func(_ store.Backup, register *store.Store) error {
		if _, err := store.Restore(ctx, url, bytes.NewReader(file), nil, nil); !errors.Is(err, store.ErrRestoring) {
			t.Errorf("a second one: %v", err)
		}
		report, err := register.VerifyLog(ctx, s.School.ID, s.VKey)
		if report.Size != made.Size {
			t.Errorf("%d entries", report.Size)
		}
		return err
	})
	s.must(err)
}

// TestRestoreBesideOthersTables: a database may hold what is somebody else's. A restore that
// is refused takes back what it made, and nothing of that; and one into a newer schema that
// nobody uses yet brings what an older backup holds up to date like any other.
func TestRestoreBesideOthersTables(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		file, made := backedUp(r)
		url := storetest.Fresh(t, strings.TrimPrefix(t.Name(), "TestRestoreBesideOthersTables/"))
		s.must(store.Migrate(ctx, url))
		db := storetest.RawDB(t, url)
		for _, statement := range []string{"CREATE TABLE canteen (meal TEXT)", "INSERT INTO canteen VALUES ('cháo')", "CREATE TABLE left_over (x TEXT)", "INSERT INTO background_jobs (school_id, name, due_at) VALUES ('x', 'y', 1)"} {
			if _, err := db.Exec(statement); err != nil && !strings.Contains(statement, "background_jobs") {
				t.Fatal(err)
			}
		}
		refused := errors.New("not the one")
		if _, err := store.Restore(ctx, url, bytes.NewReader(file), nil, func(store.Backup, *store.Store) error { return refused }); !errors.Is(err, refused) {
			t.Fatal(err)
		}
		var meals, tables int
		s.must(db.Get(&meals, `SELECT COUNT(*) FROM canteen`))
		query := `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema()`
		if strings.HasSuffix(t.Name(), "sqlite") {
			query = `SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
		}
		s.must(db.Get(&tables, query))
		if meals != 1 || tables != 2 {
			t.Errorf("%d rows and %d tables of others are left", meals, tables)
		}
		copied := filepath.Join(t.TempDir(), "một.backup")
		s.must(os.WriteFile(copied, file, 0o600))
		s.restored(t, url, copied, made)
		s.must(db.Get(&meals, `SELECT COUNT(*) FROM canteen`))
		if meals != 1 {
			t.Error("what is somebody else's is gone")
		}
	})
}

// TestBackupKilledAtEachStep: the name has nothing, the copy that was there, or a whole new
// one; the source is as it was; what was left goes with the next.
func TestBackupKilledAtEachStep(t *testing.T) {
	inOneGoroutine(t)
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		for i := range 300 { // some rows: progress is told each 1024
			r.AddToken(fmt.Sprintf("C%04d", i), s.principal.Person)
		}
		before := s.CheckLog()
		database := strings.TrimPrefix(t.Name(), "TestBackupKilledAtEachStep/")
		for _, step := range []string{"rows", "backup written", "backup in its place"} {
			for _, there := range []bool{false, true} {
				folder := t.TempDir()
				path := filepath.Join(folder, "một.backup")
				if there {
					s.must(os.WriteFile(path, []byte("bản cũ"), 0o600))
				}
				if said, killed := (fault{URL: s.Config.URL, School: s.School.ID, BackupTo: path, KillOn: step}).run(t); !killed {
					t.Fatalf("%s: not killed: %s", step, said)
				}
				content, err := os.ReadFile(path)
				switch {
				case step == "backup in its place":
					s.must(err)
					if _, err := store.Restore(ctx, storetest.Fresh(t, database), bytes.NewReader(content), nil, nil); err != nil {
						t.Errorf("%s: %v", step, err)
					}
					continue
				case there && string(content) != "bản cũ", !there && !errors.Is(err, os.ErrNotExist):
					t.Errorf("%s: the name has %d bytes, %v", step, len(content), err)
				}
				left, err := filepath.Glob(filepath.Join(folder, ".một.backup*"))
				if err != nil || len(left) != 1 {
					t.Fatalf("%s: left %v: %v", step, left, err)
				}
				s.must(os.WriteFile(filepath.Join(folder, ".other.backup.old"), nil, 0o600))
				long := time.Now().Add(-2 * time.Hour)
				s.must(errors.Join(os.Chtimes(left[0], long, long), os.Chtimes(filepath.Join(folder, ".other.backup.old"), long, long)))
				_, err = s.BackupFile(ctx, s.School.ID, nil, path, nil)
				s.must(err)
				entries, err := os.ReadDir(folder)
				if err != nil || len(entries) != 2 || entries[0].Name() != ".other.backup.old" {
					t.Errorf("%s: %v %v", step, entries, err)
				}
			}
		}
		if after := s.CheckLog(); !bytes.Equal(after.Checkpoint, before.Checkpoint) {
			t.Error("the source has changed")
		}
	})
}

func TestWhatIsABeginningOfACopy(t *testing.T) {
	for name, copied := range map[string]string{
		".sokyso123": "sokyso", ".bản.2026.274": "bản.2026.27", ".sokyso-20261126-010000.backup77": "sokyso-20261127-010000.backup",
	} {
		if !store.IsLeft(name, copied) {
			t.Errorf("%s is a beginning of %s", name, copied)
		}
	}
	for name, copied := range map[string]string{
		".sokyso": "sokyso", "sokyso123": "sokyso", ".other.274": "bản.2026.27", ".sokyso123x": "sokyso", ".a.backup": "a.backup", ".backup9": "a.backup",
	} {
		if store.IsLeft(name, copied) {
			t.Errorf("%s is none of %s", name, copied)
		}
	}
}

// TestNoRoomForACopy: with less room than a backup or a database needs there is none, the
// error says why, and nothing is left; with room it works.
func TestNoRoomForACopy(t *testing.T) {
	inOneGoroutine(t)
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		for i := range 20 {
			r.AddToken(fmt.Sprintf("C%04d", i), s.principal.Person)
		}
		folder := t.TempDir()
		copied := filepath.Join(folder, "một.backup")
		made, err := s.BackupFile(ctx, s.School.ID, nil, copied, nil)
		s.must(err)
		whole, err := os.Stat(copied)
		s.must(err)
		for _, room := range []int64{1, 100, whole.Size() / 2, whole.Size() * 9 / 10} {
			path := filepath.Join(folder, "hai.backup")
			said, _ := fault{URL: s.Config.URL, School: s.School.ID, BackupTo: path, Room: room}.run(t)
			left, err := filepath.Glob(filepath.Join(folder, "*hai*"))
			if err != nil || len(left) > 0 || !strings.Contains(said, "file too large") {
				t.Errorf("%d bytes of room: %v is left; %s", room, left, said)
			}
			hidden, err := filepath.Glob(filepath.Join(folder, ".hai*"))
			if err != nil || len(hidden) > 0 {
				t.Errorf("%d bytes of room: %v is left", room, hidden)
			}
		}
		if strings.HasSuffix(t.Name(), "sqlite") { // PostgreSQL's disk is not this process's
			for _, room := range []int64{1, 1 << 14, 1 << 18, 1 << 20, 2_000_000} {
				url := storetest.Fresh(t, "sqlite")
				said, _ := fault{URL: url, RestoreFrom: copied, Room: room}.run(t)
				if !strings.Contains(said, store.ErrDisk.Error()) || strings.Contains(said, store.ErrBackup.Error()) {
					t.Errorf("%d bytes of room: the copy is blamed, or nobody: %q", room, said)
				}
				opened, err := store.Open(ctx, store.Config{URL: url})
				if err == nil {
					_, err = opened.School(ctx)
					opened.Close()
				}
				var version *store.VersionError
				if !errors.Is(err, store.ErrUnfinished) && !errors.Is(err, store.ErrMissing) && !errors.Is(err, custody.ErrNotFound) && !errors.As(err, &version) {
					t.Errorf("%d bytes of room: opened: %v", room, err)
				}
				s.restored(t, url, copied, made)
			}
		}
	})
}
