package signer

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// renameNew renames without replacing anything; the write-through flag makes the name durable before it returns.
func renameNew(from, to string) error {
	f, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	t, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(renamePatience); ; time.Sleep(20 * time.Millisecond) {
		err := windows.MoveFileEx(f, t, windows.MOVEFILE_WRITE_THROUGH)
		if err == nil {
			return nil
		}
		if !errors.Is(err, windows.ERROR_SHARING_VIOLATION) || time.Now().After(deadline) {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
	}
}

// renamePatience is how long a file that somebody has open is waited for: virus scanners open every new file for a
// moment, and Windows renames none that is open.
const renamePatience = 2 * time.Second

// syncDir has nothing to do: Windows has no sync of a folder, and NTFS journals its names.
func syncDir(string) error { return nil }
