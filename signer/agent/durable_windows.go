package agent

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// renamePatience is how long a file that somebody has open is waited for: virus
// scanners open every new file for a moment, and Windows replaces none that is open.
const renamePatience = 2 * time.Second

// renameOver gives the file another one's name, at once, and durably: Windows has no
// call that makes a folder's names durable.
func renameOver(from, to string) error {
	old, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	replaced, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(renamePatience); ; time.Sleep(20 * time.Millisecond) {
		err := windows.MoveFileEx(old, replaced, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
		if err == nil {
			return nil
		}
		open := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
		if !open || time.Now().After(deadline) {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
	}
}
