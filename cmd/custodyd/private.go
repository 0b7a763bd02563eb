package main

import (
	"errors"
	"os"
	"syscall"
)

// onlyOwn makes what this process creates readable by its own user only: the
// register holds password hashes and people's data, and SQLite would make its
// files 0644.
func onlyOwn() { syscall.Umask(0o077) }

// makePrivate takes a file or folder that is there away from other users.
func makePrivate(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return os.Chmod(path, info.Mode().Perm()&^open)
	}
	return nil
}
