//go:build !linux && !windows

package worker

import (
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// isolate moves the protocol away from descriptors 0 and 1, which a module may
// read and print to, and keeps the process's memory off the disk.
func isolate(stdin, stdout *os.File) (in, out *os.File, err error) {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return nil, nil, fmt.Errorf("forbid core files: %w", err)
	}
	if in, err = moved(stdin); err != nil {
		return nil, nil, err
	}
	if out, err = moved(stdout); err != nil {
		return nil, nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	defer null.Close()
	if err := unix.Dup2(int(null.Fd()), 0); err != nil {
		return nil, nil, fmt.Errorf("empty standard input: %w", err)
	}
	if err := unix.Dup2(2, 1); err != nil {
		return nil, nil, fmt.Errorf("turn standard output to standard error: %w", err)
	}
	return in, out, nil
}

// moved is the same file on a descriptor above 2 that programs started by the
// module do not inherit.
func moved(file *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("move %s: %w", file.Name(), err)
	}
	return os.NewFile(uintptr(fd), file.Name()), nil
}

// tie: the end of standard input ends the child.
func tie(*exec.Cmd) {}

// adopt has nothing to do for a child that runs.
func adopt(*os.Process) (release func()) { return func() {} }
