//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// database is a PostgreSQL server of the run's own, with everything durable.
type database struct {
	bin      string // folder of PostgreSQL's programs
	folder   string
	port     int
	wal      string   // the folder of its write-ahead log when that is a file system of its own, else ""
	settings []string // each as -c wants it
}

// programsOf finds the newest PostgreSQL of this machine.
func programsOf() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is missing: run deploy/install-packages test")
	}
	slices.Sort(found)
	return found[len(found)-1], nil
}

// newDatabase prepares a server's folder; create or follow fills it.
func newDatabase(folder string, settings ...string) (*database, error) {
	bin, err := programsOf()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	return &database{bin: bin, folder: folder, port: port, settings: settings}, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func (d *database) data() string    { return filepath.Join(d.folder, "data") }
func (d *database) address() string { return "127.0.0.1:" + strconv.Itoa(d.port) }

// url is that of the server itself, past all proxies.
func (d *database) url() string {
	return "postgres://postgres@" + d.address() + "/postgres?sslmode=disable"
}

// run runs one of PostgreSQL's programs: they refuse to be run by root.
func (d *database) run(ctx context.Context, name string, args ...string) error {
	line := append([]string{filepath.Join(d.bin, name)}, args...)
	if os.Getuid() == 0 {
		line = append([]string{"runuser", "-u", "postgres", "--"}, line...)
	}
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// makeFolder leaves an empty folder that belongs to who runs PostgreSQL.
func (d *database) makeFolder() error {
	if err := os.MkdirAll(d.folder, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(d.data()); err != nil {
		return err
	}
	if os.Getuid() != 0 {
		return nil
	}
	if out, err := exec.Command("chown", "postgres", d.folder).CombinedOutput(); err != nil {
		return fmt.Errorf("chown: %w\n%s", err, out)
	}
	return nil
}

// create makes a new, empty cluster.
func (d *database) create(ctx context.Context) error {
	if err := d.makeFolder(); err != nil {
		return err
	}
	return d.run(ctx, "initdb", append([]string{"-D", d.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"}, d.walFolder("-X")...)...)
}

// walFolder is the option for a write-ahead log elsewhere, emptied.
func (d *database) walFolder(option string) []string {
	if d.wal == "" {
		return nil
	}
	folder := filepath.Join(d.wal, "pg_wal")
	_ = os.RemoveAll(folder)
	return []string{option, folder}
}

// follow makes the cluster a copy of the leader's, which then streams from it.
func (d *database) follow(ctx context.Context, leader *database) error {
	if err := d.makeFolder(); err != nil {
		return err
	}
	args := []string{"-D", d.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(leader.port), "-U", "postgres", "-X", "stream", "-c", "fast", "-R"}
	if options := d.walFolder("--waldir"); options != nil {
		args = append(args, options[0]+"="+options[1])
	}
	if err := d.run(ctx, "pg_basebackup", args...); err != nil {
		return err
	}
	return d.start(ctx)
}

// start returns when the server takes connections.
func (d *database) start(ctx context.Context) error {
	options := fmt.Sprintf("-p %d -k %s -c listen_addresses=127.0.0.1 -c max_connections=300", d.port, d.folder)
	for _, setting := range d.settings {
		options += " -c " + setting
	}
	return d.run(ctx, "pg_ctl", "-D", d.data(), "-w", "-t", "60", "-s", "-l", filepath.Join(d.folder, "server.log"), "-o", options, "start")
}

// stop ends the server: mode is fast, or immediate, which is as if it were killed.
func (d *database) stop(ctx context.Context, mode string) error {
	return d.run(ctx, "pg_ctl", "-D", d.data(), "-w", "-t", "60", "-s", "-m", mode, "stop")
}

// promote makes a copy that streams the leader.
func (d *database) promote(ctx context.Context) error {
	return d.run(ctx, "pg_ctl", "-D", d.data(), "-w", "-t", "60", "-s", "promote")
}

// runs says whether the server's first process is there.
func (d *database) runs(ctx context.Context) bool {
	return d.run(ctx, "pg_ctl", "-D", d.data(), "status") == nil
}

// pid is that of the server's first process.
func (d *database) pid() (int, error) {
	content, err := os.ReadFile(filepath.Join(d.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(content), "\n")
	return strconv.Atoi(strings.TrimSpace(first))
}

// tell has the server carry out one statement.
func (d *database) tell(ctx context.Context, statement string) error {
	return d.run(ctx, "psql", "-X", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(d.port), "-U", "postgres", "-c", statement)
}

// synchronous makes the leader wait for its follower, once that streams.
func (d *database) synchronous(ctx context.Context) error {
	const streams = `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming') THEN RAISE 'nobody streams yet'; END IF; END $$`
	var err error
	for range 200 {
		if err = d.tell(ctx, streams); err == nil {
			break
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
	if err != nil {
		return err
	}
	if err := d.tell(ctx, "ALTER SYSTEM SET synchronous_standby_names = '*'"); err != nil {
		return err
	}
	return d.tell(ctx, "SELECT pg_reload_conf()")
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
