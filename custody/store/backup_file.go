package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"sokyso/custody"
)

// leftAfter is how long nothing has been written to the beginning of a copy whose writer
// must be gone: it writes all the time.
const leftAfter = time.Hour

// BackupFile is Backup into a file that only its owner reads. It is written beside its
// name, made durable, and then gets the name: whatever ends the program or fills the disk,
// the name has a whole copy, the one that was there before, or nothing. What earlier ones
// that were killed have left beside it is removed. A file that can't be written is an
// [*os.PathError] or [*os.LinkError].
func (s *Store) BackupFile(ctx context.Context, school custody.SchoolID, sealedKey []byte, path string, progress func(rows int64)) (Backup, error) {
	folder := filepath.Dir(path)
	if err := removeLeft(folder, filepath.Base(path)); err != nil {
		return Backup{}, err
	}
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(folder), renameio.WithPermissions(0o600))
	if err != nil {
		return Backup{}, fmt.Errorf("back up: %w", err)
	}
	defer file.Cleanup()
	made, err := s.Backup(ctx, school, sealedKey, file, progress)
	if err != nil {
		return Backup{}, err
	}
	reached("backup written")
	if err := file.CloseAtomicallyReplace(); err != nil {
		return Backup{}, fmt.Errorf("back up: %w", err)
	}
	reached("backup in its place")
	if err := SyncFolder(folder); err != nil {
		return Backup{}, fmt.Errorf("back up: %w", err)
	}
	return made, nil
}

// datedExtension is of the copies that a service makes by itself, each by another name.
const datedExtension = ".backup"

// isLeft tells whether a file is called like the beginning of a copy: with a point before
// the copy's name and a number behind.
func isLeft(name, copied string) bool {
	stem := "." + copied
	if at := strings.LastIndex(name, datedExtension); filepath.Ext(copied) == datedExtension && strings.HasPrefix(name, ".") && at > 1 {
		stem = name[:at+len(datedExtension)]
	}
	number, is := strings.CutPrefix(name, stem)
	return is && number != "" && strings.Trim(number, "0123456789") == ""
}

// removeLeft removes beginnings of copies that nobody writes any more.
func removeLeft(folder, copied string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		name := entry.Name()
		if !isLeft(name, copied) {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > leftAfter {
			err = os.Remove(filepath.Join(folder, name))
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("back up: %w", err))
		}
	}
	return errors.Join(errs...)
}
