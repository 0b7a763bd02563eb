package signer

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// openNameless opens a file that has no name. Any failure is errNoNameless: whoever makes a file with a name is told
// what is wrong with the folder.
func openNameless(folder string) (*os.File, error) {
	file, err := os.OpenFile(folder, os.O_RDWR|unix.O_TMPFILE, 0o666)
	if err != nil {
		return nil, errNoNameless
	}
	return file, nil
}

// nameFile gives the file its name, which nothing may have. errNoNameless: it can't be done here.
func nameFile(file *os.File, path string) error {
	own := "/proc/self/fd/" + strconv.Itoa(int(file.Fd()))
	err := unix.Linkat(unix.AT_FDCWD, own, unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("name file: %w", os.ErrExist)
	}
	return errNoNameless // without /proc, or on a file system that links nothing
}

// cloneFile shares the blocks of a file with another one, where the file system can (FICLONE).
func cloneFile(to, from *os.File, size int64) bool {
	if unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) != nil {
		return false
	}
	info, err := to.Stat()
	return err == nil && info.Size() == size
}
