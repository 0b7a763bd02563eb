//go:build linux

package store_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"sokyso/custody"
	"sokyso/custody/store/storetest"
)

// ownPostgres starts a server that no other test has, to be killed.
func ownPostgres(t *testing.T) string {
	t.Helper()
	if os.Getenv(storetest.Variable) == "" {
		t.Skip("there is no PostgreSQL here: make test starts one")
	}
	server := exec.Command("../../deploy/with-postgres", "sh", "-c", `echo "$`+storetest.Variable+`"; cat >/dev/null`)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, storetest.Variable+"=") {
			server.Env = append(server.Env, variable)
		}
	}
	stdin, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := server.Wait(); err != nil {
			t.Error(err)
		}
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(storetest.Variable, strings.TrimSpace(address))
	return strings.TrimSpace(address)
}

// untilRecorded sends a signature until it is answered for good.
func (s *school) untilRecorded(actor custody.Actor, grant custody.GrantID, at time.Time) error {
	var last error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		_, last = s.RecordSignature(ctx, actor, grant, recordOf(grant, at))
		cancel()
		if last == nil {
			return nil
		}
	}
	return last
}

// TestPostgresKilled ends the database's own process by SIGKILL again and again while
// eight callers record: it recovers, they send again, each signature is there once.
func TestPostgresKilled(t *testing.T) {
	inOneGoroutine(t)
	address := ownPostgres(t)
	s := handedOut(storetest.Open(t, "postgres"))
	now := s.Clock.Now()
	const callers, each, kills = 8, 25, 3
	grants := make(chan custody.GrantID, callers*each)
	for range callers * each {
		g, err := s.RequestGrant(ctx, s.principal, s.approval())
		s.must(err)
		grants <- g.ID
	}
	close(grants)
	var failures atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for grant := range grants {
				if err := s.untilRecorded(s.principal, grant, now); err != nil {
					failures.Add(1)
					t.Errorf("never recorded: %v", err)
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	killed := 0
	for range kills {
		time.Sleep(100 * time.Millisecond)
		admin, err := sqlx.Connect("pgx", address)
		for deadline := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			admin, err = sqlx.Connect("pgx", address) // it is recovering
		}
		s.must(err)
		var pid int
		if err := admin.Get(&pid, `SELECT pid FROM pg_stat_activity WHERE application_name = 'custodyd' ORDER BY state = 'active' DESC, backend_start LIMIT 1`); err == nil {
			s.must(syscall.Kill(pid, syscall.SIGKILL)) // at which the server ends all others and recovers
			killed++
		}
		admin.Close()
	}
	group.Wait()
	if killed == 0 {
		t.Error("nothing was killed")
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := s.Checkpoint(ctx, s.School.ID); err == nil || time.Now().After(deadline) {
			break
		}
	}
	if report := s.CheckLog(); report.ByType["signature"] != callers*each {
		t.Errorf("%d signatures in the log, %d were recorded", report.ByType["signature"], callers*each)
	}
}

// cutter forwards connections, and cuts one when a COMMIT has gone through and nothing of
// its answer has come back.
type cutter struct {
	to    string
	armed atomic.Bool
	cuts  atomic.Int64
}

func (c *cutter) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go c.forward(conn)
	}
}

// commitStatement is what the driver calls its prepared COMMIT.
var commitStatement = func() []byte {
	sum := sha256.Sum256([]byte("COMMIT"))
	return []byte("stmtcache_" + hex.EncodeToString(sum[:24]) + "\x00")
}()

func (c *cutter) forward(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(client, server)
		client.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		// COMMIT goes out as a statement that was prepared before, together with what it commits.
		cut := bytes.Contains(buffer[:n], commitStatement) && !bytes.Contains(buffer[:n], []byte("COMMIT\x00")) && c.armed.CompareAndSwap(true, false)
		if cut {
			client.Close() // nothing of the answer gets back
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
		if cut {
			c.cuts.Add(1)
			time.Sleep(200 * time.Millisecond) // committed by now
			return
		}
	}
}

// TestCutBetweenCommitAndAnswer: the database has committed and the service did not hear
// of it. It says that it does not know; sent again, the signature gets the entry that
// it had got.
func TestCutBetweenCommitAndAnswer(t *testing.T) {
	if os.Getenv(storetest.Variable) == "" {
		t.Skip("there is no PostgreSQL here: make test starts one")
	}
	s := handedOut(storetest.Open(t, "postgres"))
	where, err := url.Parse(s.Config.URL)
	s.must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	defer listener.Close()
	c := &cutter{to: where.Host}
	go c.serve(listener)
	where.Host = listener.Addr().String()
	direct := s.Config
	s.Config.URL = where.String()
	s.Reopen()
	var grants []custody.GrantID
	for range 5 {
		g, err := s.RequestGrant(ctx, s.principal, s.approval())
		s.must(err)
		grants = append(grants, g.ID)
		before, err := s.Checkpoint(ctx, s.School.ID)
		s.must(err)
		c.armed.Store(true)
		if receipt, err := s.RecordSignature(ctx, s.principal, g.ID, recordOf(g.ID, s.Clock.Now())); err == nil {
			t.Errorf("answered with entry %d", receipt.Index)
		}
		receipt, err := s.RecordSignature(ctx, s.principal, g.ID, recordOf(g.ID, s.Clock.Now()))
		s.must(err)
		if want := strings.Split(string(before), "\n")[1]; fmt.Sprint(receipt.Index) != want {
			t.Errorf("entry %d, the cut commit was to make entry %s", receipt.Index, want)
		}
	}
	if c.cuts.Load() != int64(len(grants)) {
		t.Errorf("%d commits were cut", c.cuts.Load())
	}
	s.Config = direct
	s.Reopen()
	if report := s.CheckLog(); report.ByType["signature"] != int64(len(grants)) {
		t.Errorf("%d signatures in the log, %d were made", report.ByType["signature"], len(grants))
	}
}
