//go:build linux

package main

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite"

	"sokyso/httpapi/wire"
)

// begun is a request whose last byte is still to be sent.
type begun struct {
	conn net.Conn
	rest string
}

// begin sends all but the last byte and returns when the service has the connection in hand:
// connections are accepted in order, so a later one that is answered says so of this one.
func (s *service) begin(username string) *begun {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	form := url.Values{"username": {username}, "password": {adminPassword}}.Encode()
	if _, err := fmt.Fprintf(conn, "POST /sign-in HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		strings.TrimPrefix(s.base, "http://"), len(form), form[:len(form)-1]); err != nil {
		s.t.Fatal(err)
	}
	s.http.CloseIdleConnections() // a connection that is kept is answered before this one is accepted
	s.until("/sign-in", http.StatusOK, "")
	return &begun{conn, form[len(form)-1:]}
}

func (b *begun) finish() (int, error) {
	if _, err := io.WriteString(b.conn, b.rest); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(b.conn), nil)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// TestStoppingInOrder: readiness goes first, then nobody is taken any more, and what was in
// hand is answered.
func TestStoppingInOrder(t *testing.T) {
	program, data := asProgram(t), filepath.Join(t.TempDir(), "data")
	newSchool(t, program, data)
	s := startService(t, program, data, "--drain-wait", "1500ms", "--grace", "20s")
	s.until("/readyz", http.StatusOK, `{"status":"ready"}`)
	inHand := s.begin("quantri")
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.until("/readyz", http.StatusServiceUnavailable, `"reason":"stopping"`)
	if status, _ := s.get("/sign-in"); status != http.StatusOK {
		t.Errorf("while others learn that it stops, it answers %d", status)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("it goes on listening")
		}
	}
	if status, err := inHand.finish(); err != nil || status != http.StatusSeeOther {
		t.Errorf("the request in hand: %d %v", status, err)
	}
	if err := <-s.ended; err != nil {
		t.Errorf("it ended with %v\n%s", err, s.said)
	}
}

// TestStoppingIsBounded: whoever never finishes a request does not keep the service.
func TestStoppingIsBounded(t *testing.T) {
	program, data := asProgram(t), filepath.Join(t.TempDir(), "data")
	newSchool(t, program, data)
	s := startService(t, program, data, "--grace", "1s", "--lang", "en")
	s.until("/readyz", http.StatusOK, "ready")
	s.begin("quantri")
	if err := s.stop(); err != nil || !strings.Contains(s.said.String(), "were cut off") {
		t.Errorf("it ended with %v\n%s", err, s.said)
	}
}

// TestNotReadyOnAnOlderSchema: a backup of an earlier release was put back beneath the service.
func TestNotReadyOnAnOlderSchema(t *testing.T) {
	program, data := asProgram(t), filepath.Join(t.TempDir(), "data")
	newSchool(t, program, data)
	s := startService(t, program, data)
	s.until("/readyz", http.StatusOK, "ready")
	db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "custody.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	change := func(query string) {
		t.Helper()
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	change(`CREATE TABLE later AS SELECT * FROM goose_db_version WHERE version_id = (SELECT MAX(version_id) FROM goose_db_version)`)
	change(`DELETE FROM goose_db_version WHERE version_id = (SELECT version_id FROM later)`)
	s.until("/readyz", http.StatusServiceUnavailable, `"reason":"schema_old"`)
	change(`INSERT INTO goose_db_version SELECT * FROM later`)
	change(`UPDATE later SET version_id = version_id + 1, id = id + 1`)
	change(`INSERT INTO goose_db_version SELECT * FROM later`) // the next release was put in beside it
	s.until("/readyz", http.StatusOK, "ready")
}

// severed is a network between service and database that can be cut.
type severed struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func (s *severed) serve(listener net.Listener, to func() (net.Conn, error)) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		far, err := to()
		if s.cut || err != nil {
			conn.Close()
		} else {
			s.conns = append(s.conns, conn, far)
			go io.Copy(conn, far)
			go io.Copy(far, conn)
		}
		s.mu.Unlock()
	}
}

func (s *severed) set(cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cut = cut; cut {
		for _, conn := range s.conns {
			conn.Close()
		}
		s.conns = nil
	}
}

// TestNotReadyWithoutTheDatabase: the service stays, says so without naming the database, and
// is ready again by itself.
func TestNotReadyWithoutTheDatabase(t *testing.T) {
	server := os.Getenv("SOKYSO_TEST_POSTGRES")
	if server == "" {
		t.Skip("there is no PostgreSQL here: make test starts one")
	}
	ctx := context.Background()
	admin, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(ctx)
	name := fmt.Sprintf("ready_%d", os.Getpid())
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		admin, err := pgx.Connect(ctx, server)
		if err == nil {
			_, err = admin.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
			admin.Close(ctx)
		}
		if err != nil {
			t.Error(err)
		}
	})
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	far := address.Host
	line := &severed{}
	go line.serve(listener, func() (net.Conn, error) { return net.Dial("tcp", far) })
	address.Host, address.Path = listener.Addr().String(), "/"+name
	program, data := asProgram(t), filepath.Join(t.TempDir(), "data")
	newSchool(t, program, data, "--database", address.String())
	t.Setenv("SOKYSO_DATABASE", address.String())
	s := startService(t, program, data)
	s.until("/readyz", http.StatusOK, "ready")
	line.set(true)
	s.until("/readyz", http.StatusServiceUnavailable, `"reason":"database_unreachable"`)
	if _, content := s.get("/readyz"); strings.Contains(content, name) || strings.Contains(content, listener.Addr().String()) {
		t.Errorf("it tells strangers of the database: %s", content)
	}
	// Whose key can't be looked up is no stranger, whose bodies are small.
	r, err := http.NewRequest(http.MethodPost, s.base+wire.PathBulkGrants, strings.NewReader(strings.Repeat(" ", 100<<10)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+strings.Repeat("a", 52))
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("an agent's long request is answered %s", resp.Status)
	}
	line.set(false)
	s.until("/readyz", http.StatusOK, "ready")
}
