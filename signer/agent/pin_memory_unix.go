//go:build unix

package agent

import "golang.org/x/sys/unix"

func lockMemory(b []byte) error {
	if err := unix.Mlock(b); err != nil {
		return err
	}
	return excludeFromDump(b)
}

func unlockMemory(b []byte) error { return unix.Munlock(b) }
