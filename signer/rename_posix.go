//go:build unix

package signer

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// renameByLink gives the file a second name, which fails when the name is taken, and takes the first away; that the
// first can't be taken away is no error, since the file has its name then. Where there are no hard links (FAT, some network shares) the new name is taken with an empty file first: whoever comes
// second finds it. A crash in between leaves that empty file.
func renameByLink(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, os.ErrExist) && sameFile(from, to) {
		_ = os.Remove(from)
		return nil
	}
	if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.ENOTSUP) && !errors.Is(err, syscall.ENOSYS) && !errors.Is(err, syscall.EMLINK) {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	if err := os.Rename(from, to); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// sameFile: the link was made all the same; a network share may do it, lose the answer, and be asked again.
func sameFile(from, to string) bool {
	a, err := os.Lstat(from)
	if err != nil {
		return false
	}
	b, err := os.Lstat(to)
	return err == nil && os.SameFile(a, b)
}

// syncDir makes the names in the folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if errors.Is(err, os.ErrPermission) {
		return nil // to write in a folder (wx) is another right than to open it (r)
	}
	if err != nil {
		return err
	}
	err = d.Sync()
	// Some file systems can't sync a folder and say so; there is nothing more to do then.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}
