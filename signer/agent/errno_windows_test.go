package agent

import "golang.org/x/sys/windows"

// What the system says of a disk, for tests.
const (
	diskFull    = windows.ERROR_DISK_FULL
	quotaUsedUp = windows.ERROR_HANDLE_DISK_FULL
	readOnly    = windows.ERROR_WRITE_PROTECT
	notFolder   = windows.ERROR_PATH_NOT_FOUND
)
