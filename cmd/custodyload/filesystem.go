//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// filesystem is a small one of its own, in memory, that can be filled. Only root can mount it.
type filesystem struct{ folder string }

func newFilesystem(folder string, megabytes int) (*filesystem, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=0777", megabytes), "sokyso", folder).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mount: %w\n%s", err, out)
	}
	return &filesystem{folder}, nil
}

func (f *filesystem) ballast() string { return filepath.Join(f.folder, "ballast") }

// fill leaves no room; clear makes room again.
func (f *filesystem) fill() error {
	file, err := os.Create(f.ballast())
	if err != nil {
		return err
	}
	defer file.Close()
	for block := make([]byte, 64<<10); ; {
		if _, err := file.Write(block); errors.Is(err, syscall.ENOSPC) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (f *filesystem) clear() error { return os.Remove(f.ballast()) }

func (f *filesystem) remove() { _ = syscall.Unmount(f.folder, syscall.MNT_DETACH) }
