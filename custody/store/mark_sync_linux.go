package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes the content durable. The file keeps its length, so that its
// metadata need not be written each time.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
