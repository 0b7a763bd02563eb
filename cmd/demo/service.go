package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// service is the custodyd that the demo runs, on an SQLite file of its own.
type service struct {
	program string
	data    string
	url     string
	issuers string // PEM file of the certificates that issued the tokens'
	cmd     *exec.Cmd
	log     *os.File
	ended   chan error // receives once, when the process ends
}

// start runs custodyd until stop and returns when it answers.
func (s *service) start(ctx context.Context, listen, lang string) error {
	if probe, err := net.Listen("tcp", listen); err != nil {
		host, _, splitErr := net.SplitHostPort(listen)
		if splitErr != nil {
			return fmt.Errorf("listen address %q: %w", listen, splitErr)
		}
		listen = net.JoinHostPort(host, "0")
	} else {
		probe.Close()
	}
	var err error
	if s.log, err = os.Create(filepath.Join(s.data, "custodyd.log")); err != nil {
		return err
	}
	addressFile := filepath.Join(s.data, "address")
	os.Remove(addressFile)
	s.cmd = exec.Command(s.program, "--data", s.data, "--lang", lang, "serve", "--listen", listen, "--listen-file", addressFile,
		"--issuers", s.issuers, "--private-authority") // the demo's authority answers on loopback
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start custodyd: %w", err)
	}
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.cmd.Wait() }()
	for deadline := time.Now().Add(20 * time.Second); ; {
		if address, err := os.ReadFile(addressFile); err == nil && len(address) > 0 {
			s.url = "http://" + strings.TrimSpace(string(address))
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.ended:
			s.ended <- err
			told, _ := os.ReadFile(s.log.Name())
			return fmt.Errorf("custodyd ended at once: %v\n%s", err, told)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("custodyd does not answer; its log: %s", s.log.Name())
		}
	}
}

// stop ends custodyd and waits for it.
func (s *service) stop() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.ended:
		s.ended <- err
	case <-time.After(10 * time.Second):
		s.cmd.Process.Kill()
	}
	s.log.Close()
}
