package signer

import (
	"os"

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
	if err := windows.MoveFileEx(f, t, windows.MOVEFILE_WRITE_THROUGH); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// syncDir has nothing to do: Windows has no sync of a folder, and NTFS journals its names.
func syncDir(string) error { return nil }
