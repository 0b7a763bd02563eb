//go:build linux

package main

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// copies is a school with a backup that has its log's key.
type copies struct {
	t                   *testing.T
	program, data, file string
	passphrase          string // file
}

func newCopies(t *testing.T) *copies {
	t.Helper()
	folder := t.TempDir()
	c := &copies{t: t, program: asProgram(t), data: filepath.Join(folder, "data"), file: filepath.Join(folder, "một.backup"), passphrase: filepath.Join(folder, "passphrase")}
	newSchool(t, c.program, c.data)
	if err := os.WriteFile(c.passphrase, []byte(adminPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := c.run(c.data, "backup", "--passphrase-file", c.passphrase, c.file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return c
}

func (c *copies) run(data string, args ...string) (string, error) {
	out, err := exec.Command(c.program, append([]string{"--data", data, "--lang", "en"}, args...)...).CombinedOutput()
	return string(out), err
}

// killed starts a command and kills it a while after a file has appeared; "" is at once. It
// says how long the command has run since.
func (c *copies) killed(appears string, after time.Duration, data string, args ...string) time.Duration {
	c.t.Helper()
	command := exec.Command(c.program, append([]string{"--data", data}, args...)...)
	if err := command.Start(); err != nil {
		c.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); appears != "" && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(appears); err == nil {
			break
		}
	}
	began := time.Now()
	killing := time.AfterFunc(after, func() { _ = command.Process.Kill() }) // or it is quicker
	defer killing.Stop()
	_ = command.Wait()
	return time.Since(began)
}

// TestRestoreKilledAnyTime: at whatever moment the program is killed, the data folder holds
// the whole register with its key, or none that is served; what is said then is what to do,
// and it helps.
func TestRestoreKilledAnyTime(t *testing.T) {
	c := newCopies(t)
	whole := filepath.Join(t.TempDir(), "whole")
	part := func(data string) string { return filepath.Join(data, "custody.db.restoring") }
	took := c.killed(part(whole), time.Minute, whole, "restore", "--passphrase-file", c.passphrase, c.file)
	refused, finished := 0, 0
	const tries = 6
	for i := range tries {
		data := filepath.Join(t.TempDir(), fmt.Sprint(i))
		c.killed(part(data), took*time.Duration(i)/tries, data, "restore", "--passphrase-file", c.passphrase, c.file)
		if _, err := os.Stat(filepath.Join(data, "custody.db")); err == nil {
			finished++
		} else {
			refused++
			for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"init", "--school-name", "Trường Mầm non Hoa Mai", "--school-code", "MNHM"}} {
				out, err := c.run(data, args...)
				if err == nil || !strings.Contains(out, "custodyd --data "+data+" restore") {
					t.Errorf("%s after a restore that was broken off: %v %s", args[0], err, out)
				}
			}
			if out, err := c.run(data, "restore", "--passphrase-file", c.passphrase, c.file); err != nil {
				t.Errorf("again: %v\n%s", err, out)
			}
		}
		if out, err := c.run(data, "user", "add", "--username", "sen", "--name", "Đặng Thị Sen"); err != nil {
			t.Errorf("it does not go on: %v\n%s", err, out)
		}
		if out, err := c.run(data, "log", "verify"); err != nil || !strings.Contains(out, "4 entries") { // a person and their link more
			t.Errorf("%v: %s", err, out)
		}
		if left, err := filepath.Glob(filepath.Join(data, "*restoring*")); err != nil || len(left) > 0 {
			t.Errorf("left: %v %v", left, err)
		}
	}
	t.Logf("a restore takes %v; of %d that were killed %d had not put the register in its place, %d had", took, tries, refused, finished)
	if refused == 0 {
		t.Error("no restore was broken off")
	}
}

// TestAnUnfinishedRestoreIsNotServed: into a database that several may use, whoever comes
// while it goes on or after it was broken off is told so.
func TestAnUnfinishedRestoreIsNotServed(t *testing.T) {
	c := newCopies(t)
	address := "sqlite:" + filepath.Join(t.TempDir(), "sổ.db")
	data := filepath.Join(t.TempDir(), "other")
	if out, err := c.run(data, "--database", address, "restore", "--passphrase-file", c.passphrase, c.file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(address, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE unfinished_restore (mark TEXT NOT NULL)`); err != nil { // as before its last step
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"migrate"}, {"log", "verify"}, {"backup", filepath.Join(t.TempDir(), "x.backup")}} {
		if out, err := c.run(data, append([]string{"--database", address}, args...)...); err == nil || !strings.Contains(out, "Run custodyd restore with the backup again") {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
	if out, err := c.run(data, "--database", address, "restore", c.file); err != nil {
		t.Errorf("again: %v\n%s", err, out)
	}
	if out, err := c.run(data, "--database", address, "log", "verify"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestBackupKilledAnyTime: while the service serves and people write, backups are killed; the
// name has nothing or a whole copy, and the register goes on.
func TestBackupKilledAnyTime(t *testing.T) {
	c := newCopies(t)
	s := startService(t, c.program, c.data)
	stop := make(chan struct{})
	written := make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				written <- n
				return
			default:
			}
			if out, err := c.run(c.data, "user", "add", "--username", fmt.Sprintf("nguoi%d", n), "--name", "Đặng Thị Sen"); err != nil {
				t.Errorf("%v\n%s", err, out)
				written <- n
				return
			}
			n++
		}
	}()
	began := time.Now()
	if out, err := c.run(c.data, "backup", filepath.Join(t.TempDir(), "x.backup")); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(began)
	none := 0
	const tries = 12
	for i := range tries {
		folder := t.TempDir()
		file := filepath.Join(folder, "hai.backup")
		c.killed("", took*time.Duration(i+1)/(tries+1), c.data, "backup", file)
		if _, err := os.Stat(file); err != nil {
			none++
			continue
		}
		if out, err := c.run(filepath.Join(folder, "restored"), "restore", file); err != nil {
			t.Errorf("the name has no whole copy: %v\n%s", err, out)
		}
	}
	close(stop)
	t.Logf("a backup takes %v; of %d that were killed %d have made nothing; %d people were added meanwhile", took, tries, none, <-written)
	if none == 0 {
		t.Error("no backup was broken off")
	}
	if status, _ := s.get("/readyz"); status != 200 {
		t.Errorf("the service answers %d", status)
	}
	if out, err := c.run(c.data, "log", "verify"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
