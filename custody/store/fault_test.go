//go:build linux

package store_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// faultVariable holds what a child process of these tests does.
const faultVariable = "SOKYSO_TEST_FAULT"

// fault is a service that is about to die.
type fault struct {
	URL, LogKey, MarkFile string
	School                custody.SchoolID
	Person                custody.PersonID
	Certificate           []byte
	At                    time.Time
	Round                 int
	KillAt                int    // at which step of the fourth record; 0 = never
	Room                  int64  // bytes that files may still grow by before the fourth; 0 = as they like
	Keyed                 string // instead of that, the person that a request with a key registers

	// A copy of the register is made, or a register of a copy, instead.
	BackupTo, RestoreFrom string
	KillOn                string // the step at which that ends
}

// recordOf is the signature of a grant, the same each time.
func recordOf(grant custody.GrantID, at time.Time) store.Record {
	hash := func(what string) string {
		sum := sha256.Sum256([]byte(string(grant) + what))
		return hex.EncodeToString(sum[:])
	}
	return store.Record{CMS: []byte(hash("cms")), ByteRangeDigest: hash("digest"), SHA256Out: hash("out"), Level: "b-b", Field: "Signature1", SignedAt: at}
}

// TestMain turns this program into the service that dies, when it is asked to.
func TestMain(m *testing.M) {
	if asked := os.Getenv(faultVariable); asked != "" {
		if err := dyingService(asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// dyingService records four signatures and says of each which entry it was answered with.
// In the fourth it is killed, or finds no room on the disk.
func dyingService(asked string) error {
	var f fault
	if err := json.Unmarshal([]byte(asked), &f); err != nil {
		return err
	}
	if f.BackupTo != "" || f.RestoreFrom != "" {
		return f.copying()
	}
	s, err := store.Open(ctx, store.Config{URL: f.URL, LogKey: f.LogKey, MarkFile: f.MarkFile, Now: func() time.Time { return f.At }})
	if err != nil {
		return err
	}
	actor, _, err := s.ActorOf(ctx, f.School, f.Person, custody.ViaAgent)
	if err != nil {
		return err
	}
	if f.Keyed != "" {
		actor.Roles.Admin = true
		return f.keyedRequest(s, actor)
	}
	for n := range 4 {
		grant, err := s.RequestGrant(ctx, actor, custody.GrantRequest{Request: fmt.Sprintf("%d-%d", f.Round, n), TokenSerial: "A1001", Certificate: f.Certificate,
			SHA256In: strings.Repeat(fmt.Sprint(n), 64), Document: document, Act: custody.Approve})
		if err != nil {
			return err
		}
		fmt.Println("granted", grant.ID)
		if n == 3 {
			f.arm()
		}
		receipt, err := s.RecordSignature(ctx, actor, grant.ID, recordOf(grant.ID, f.At))
		if err != nil && f.Room > 0 {
			fmt.Println("failed", grant.ID, strings.ReplaceAll(err.Error(), "\n", " "))
			if err := f.disarm(); err != nil {
				return err
			}
			receipt, err = s.RecordSignature(ctx, actor, grant.ID, recordOf(grant.ID, f.At))
		}
		if err != nil {
			return err
		}
		fmt.Println("answered", grant.ID, receipt.Index)
	}
	return s.Close()
}

func (f fault) arm() {
	if f.KillAt > 0 {
		steps := 0
		store.OnStep(func(string) {
			if steps++; steps == f.KillAt {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		})
	}
	if f.Room > 0 {
		signal.Ignore(syscall.SIGXFSZ)
		var size int64 // of the file that a commit is appended to
		if info, err := os.Stat(strings.TrimPrefix(f.URL, "sqlite:") + "-wal"); err == nil {
			size = info.Size()
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(size + f.Room), Max: 1 << 62}); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

func (f fault) disarm() error {
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 62, Max: 1 << 62})
}

// runDying runs the service that dies and returns what it has said.
func (s *school) runDying(f fault) (granted []custody.GrantID, answered map[custody.GrantID]int64, failed string, killed bool) {
	s.TB.Helper()
	f.URL, f.LogKey, f.MarkFile = s.Config.URL, s.Config.LogKey, s.Config.MarkFile
	f.School, f.Person, f.Certificate, f.At = s.School.ID, s.principal.Person, s.principalCert, s.Clock.Now()
	asked, err := json.Marshal(f)
	s.must(err)
	s.must(s.Close())
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), faultVariable+"="+string(asked))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		status, _ := exit.Sys().(syscall.WaitStatus)
		killed = status.Signaled() && status.Signal() == syscall.SIGKILL
	}
	if err != nil && !killed {
		s.TB.Fatalf("the service: %v\n%s", err, stderr.String())
	}
	answered = map[custody.GrantID]int64{}
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		var grant string
		var index int64
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "granted "):
			granted = append(granted, custody.GrantID(strings.TrimPrefix(line, "granted ")))
		case strings.HasPrefix(line, "failed "):
			failed = line
		default:
			if _, err := fmt.Sscanf(line, "answered %s %d", &grant, &index); err != nil {
				s.TB.Fatalf("%q: %v", line, err)
			}
			answered[custody.GrantID(grant)] = index
		}
	}
	opened, err := store.Open(ctx, s.Config)
	s.must(err)
	s.Store = opened
	return granted, answered, failed, killed
}

// holds: what was answered is in the log, once; what was not is taken when it is sent
// again; the log is whole.
func (s *school) holds(granted []custody.GrantID, answered map[custody.GrantID]int64, before int64) {
	s.TB.Helper()
	s.CheckLog()
	for _, grant := range granted {
		receipt, err := s.RecordSignature(ctx, s.principal, grant, recordOf(grant, s.Clock.Now()))
		if err != nil {
			s.TB.Fatalf("sent again: %v", err)
		}
		if index, was := answered[grant]; was && receipt.Index != index {
			s.TB.Errorf("answered with entry %d, now %d", index, receipt.Index)
		}
	}
	if report := s.CheckLog(); report.ByType["signature"] != before+int64(len(granted)) {
		s.TB.Errorf("%d signatures in the log, %d were made", report.ByType["signature"], before+int64(len(granted)))
	}
}

// TestServiceKilledAtEachStep ends the service by SIGKILL before each command of an
// append, after its commit and after the mark.
func TestServiceKilledAtEachStep(t *testing.T) {
	inOneGoroutine(t)
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		s.principal.Via = custody.ViaAgent
		var before int64
		for step := 1; ; step++ {
			granted, answered, _, killed := s.runDying(fault{Round: step, KillAt: step})
			s.holds(granted, answered, before)
			before += int64(len(granted))
			if !killed {
				if step < 10 {
					t.Errorf("an append has only %d steps", step-1)
				}
				return
			}
			if len(answered) != 3 || len(granted) != 4 {
				t.Fatalf("step %d: %d granted, %d answered", step, len(granted), len(answered))
			}
		}
	})
}

// TestDiskFull: nothing is answered that is not there, the error is one that can be tried
// again, and the same service goes on once there is room.
func TestDiskFull(t *testing.T) {
	inOneGoroutine(t)
	s := handedOut(storetest.Open(t, "sqlite"))
	s.principal.Via = custody.ViaAgent
	var before int64
	for round, room := range []int64{1, 5_000, 20_000, 40_000} {
		granted, answered, failed, _ := s.runDying(fault{Round: round, Room: room})
		if room < 10_000 && failed == "" {
			t.Errorf("with %d bytes of room nothing failed", room)
		}
		if len(answered) != 4 {
			t.Errorf("%d bytes of room: %d answered in the end (%s)", room, len(answered), failed)
		}
		s.holds(granted, answered, before)
		before += int64(len(granted))
	}
}

// TestClockJumps: the log takes the clock as it is, ahead or back, and stays whole.
func TestClockJumps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		s.sign(s.principal, s.approval())
		for _, jump := range []time.Duration{-30 * 24 * time.Hour, 60 * 24 * time.Hour, -30*24*time.Hour + time.Second} {
			s.Clock.Advance(jump)
			s.sign(s.principal, s.approval())
		}
		if report := s.CheckLog(); report.ByType["signature"] != 4 {
			t.Errorf("%d signatures", report.ByType["signature"])
		}
		if span := s.review(); span.Signatures != 4 {
			t.Errorf("%d to review", span.Signatures)
		}
	})
}

// keyedRequest sends a request with a key and dies on the way.
func (f fault) keyedRequest(s *store.Store, actor custody.Actor) error {
	f.arm()
	id, err := createOnce(s, actor, "k"+fmt.Sprint(f.Round), f.Keyed)
	if err != nil {
		return err
	}
	fmt.Println("granted", id)
	return s.Close()
}

// TestKeyedRequestKilledAtEachStep: wherever the service dies, the request sent again takes
// effect once, and where it has taken effect already the answer says so.
func TestKeyedRequestKilledAtEachStep(t *testing.T) {
	inOneGoroutine(t)
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		carriedOut, told := 0, 0
		for step := 1; ; step++ {
			name := fmt.Sprint("Người ", step)
			f := fault{Round: step, KillAt: step, Keyed: name}
			granted, _, _, killed := s.runDying(f)
			if n := named(r, name); killed && n > 1 || !killed && n != 1 {
				t.Errorf("step %d: %d of %s", step, n, name)
			}
			before := named(r, name)
			actor, _, err := s.ActorOf(ctx, s.School.ID, s.principal.Person, custody.ViaAgent)
			s.must(err)
			actor.Roles.Admin = true
			if killed {
				if _, err := createOnce(s.Store, actor, "k"+fmt.Sprint(step), name); codeOf(err) != custody.CodeRequestRunning {
					t.Errorf("step %d, at once: %v", step, err)
				}
				s.Clock.Advance(31 * time.Second)
			}
			id, err := createOnce(s.Store, actor, "k"+fmt.Sprint(step), name)
			var known *custody.Error
			switch {
			case !killed && (err != nil || len(granted) != 1 || id != string(granted[0])):
				t.Errorf("answered with %v, now %s, %v", granted, id, err)
			case killed && before == 0 && err != nil:
				t.Errorf("step %d, nothing was done: %v", step, err)
			case killed && before == 1 && (codeOf(err) != custody.CodeRequestDone || !errors.As(err, &known) || known.Params["entry"] == ""):
				t.Errorf("step %d, it was done: %s, %v", step, id, err)
			case killed && before == 1:
				told++
			case killed:
				carriedOut++
			}
			if n := named(r, name); n != 1 {
				t.Errorf("step %d: %d of %s in the end", step, n, name)
			}
			s.CheckLog()
			if !killed {
				if told == 0 || carriedOut == 0 {
					t.Errorf("%d times before the commit, %d times after it", carriedOut, told)
				}
				return
			}
		}
	})
}
