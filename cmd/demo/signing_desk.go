package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"time"
)

// signingDesk is the principal's page in the browser, with documents to sign.
type signingDesk struct {
	url string
	cmd *exec.Cmd
}

var deskAddress = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+/#\S+`)

// openSigningDesk lays documents on the principal's desk. The caller closes it.
func (s *school) openSigningDesk(ctx context.Context) (*signingDesk, error) {
	const principal = 0
	desk := s.desks[principal]
	args := []string{"serve", "--no-open", "--module", desk.module, "--roots", desk.roots}
	for _, name := range []string{"ke-hoach.pdf", "quy-che.pdf"} {
		path, err := s.put(principal, name)
		if err != nil {
			return nil, err
		}
		args = append(args, path)
	}
	return startDesk(ctx, desk, args...)
}

// startDesk starts signagent as a person's desk and returns when it has told its address. The caller closes it.
func startDesk(ctx context.Context, desk *desk, args ...string) (*signingDesk, error) {
	cmd := exec.CommandContext(ctx, desk.program, args...)
	cmd.Env = append(os.Environ(), desk.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start signing desk: %w", err)
	}
	told := make(chan string, 1)
	go func() {
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() {
			if address := deskAddress.FindString(scanner.Text()); address != "" {
				told <- address
			}
		}
		close(told)
	}()
	opened := &signingDesk{cmd: cmd}
	select {
	case address, ok := <-told:
		if !ok {
			return nil, fmt.Errorf("signing desk ended: %w", cmd.Wait())
		}
		opened.url = address
		return opened, nil
	case <-time.After(20 * time.Second):
		opened.close()
		return nil, errors.New("signing desk tells no address")
	case <-ctx.Done():
		opened.close()
		return nil, ctx.Err()
	}
}

func (d *signingDesk) close() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	_ = d.cmd.Wait()
}
