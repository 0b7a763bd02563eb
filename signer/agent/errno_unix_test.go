//go:build !windows

package agent

import "syscall"

// What the system says of a disk, for tests.
const (
	diskFull    = syscall.ENOSPC
	quotaUsedUp = syscall.EDQUOT
	readOnly    = syscall.EROFS
	notFolder   = syscall.ENOTDIR
)
