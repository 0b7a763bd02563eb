package worker

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolate moves the protocol away from descriptors 0 and 1, which a module may
// read and print to, and keeps the process's memory off the disk.
func isolate(stdin, stdout *os.File) (in, out *os.File, err error) {
	// A core file of a module's crash would hold the PIN.
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return nil, nil, fmt.Errorf("forbid core files: %w", err)
	}
	if err := limitMemory(); err != nil {
		return nil, nil, fmt.Errorf("limit memory: %w", err)
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
	if err := unix.Dup3(int(null.Fd()), 0, 0); err != nil {
		return nil, nil, fmt.Errorf("empty standard input: %w", err)
	}
	if err := unix.Dup3(2, 1, 0); err != nil {
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
	// On a pipe Go can then wait for a line without a thread that sits in read.
	// Anything else, such as a terminal, may be shared with other programs.
	if info, err := file.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, fmt.Errorf("move %s: %w", file.Name(), err)
		}
	}
	return os.NewFile(uintptr(fd), file.Name()), nil
}

// limitMemory bounds what the process may yet take. Not its address space, of which
// Go and threads reserve plenty without using it.
func limitMemory() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil // no /proc: no limit
	}
	var used uint64 // KiB
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmData:"); found {
			if _, err := fmt.Sscanf(rest, "%d", &used); err != nil {
				return err
			}
		}
	}
	limit := used<<10 + maxMemory
	var rlimit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_DATA, &rlimit); err != nil {
		return err
	}
	if rlimit.Max < limit {
		return nil // somebody has set less
	}
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: limit, Max: limit})
}

// tie makes the kernel kill the child when the thread that starts it ends.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// adopt has nothing to do for a child that runs.
func adopt(*os.Process) (release func()) { return func() {} }
