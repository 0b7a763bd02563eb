//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// replica is one custodyd: a process, its data folder (the log's key, its own mark) and the
// address it listens on, which stays the same over restarts.
type replica struct {
	name     string
	program  string
	data     string
	database string // URL, as this replica reaches it
	listen   string // host:port
	tls      keyPair
	within   []string // command in front: of a network namespace

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has ended
	cpu   time.Duration // of processes that have ended
	log   *os.File
}

// start starts the process; it does not wait for an answer.
func (r *replica) start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.log == nil {
		var err error
		if r.log, err = os.OpenFile(filepath.Join(r.data, "custodyd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
			return err
		}
	}
	line := append(append([]string{}, r.within...), r.program, "--data", r.data, "--database", r.database, "--lang", "en", "serve",
		"--listen", r.listen, "--tls-cert", r.tls.cert, "--tls-key", r.tls.key, "--revocation", "off")
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Stdout, cmd.Stderr = r.log, r.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start custodyd: %w", err)
	}
	ended := make(chan struct{})
	r.cmd, r.ended = cmd, ended
	go func() {
		_ = cmd.Wait()
		r.mu.Lock()
		r.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		r.mu.Unlock()
		close(ended)
	}()
	return nil
}

// end sends a signal and waits for the process to end.
func (r *replica) end(signal syscall.Signal) error {
	r.mu.Lock()
	cmd, ended := r.cmd, r.ended
	r.mu.Unlock()
	if cmd == nil {
		return nil
	}
	_ = cmd.Process.Signal(signal)
	select {
	case <-ended:
		return nil
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		return errors.New(r.name + " did not end within a minute of " + signal.String())
	}
}

// running says whether the process is there: a service that ends by itself is a finding.
func (r *replica) running() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil {
		return false
	}
	select {
	case <-r.ended:
		return false
	default:
		return true
	}
}

func (r *replica) pid() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cmd.Process.Pid
}

// command runs custodyd for one thing and returns what it prints.
func (r *replica) command(ctx context.Context, stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	line := append(append([]string{}, r.within...), r.program, "--data", r.data, "--database", r.database, "--lang", "en")
	line = append(line, args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("custodyd %s: %w\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String(), nil
}
