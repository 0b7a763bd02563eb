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
	if err := removeLeft(folder, filepath.Ext(path)); err != nil {
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
	if err := syncFolder(folder); err != nil {
		return Backup{}, fmt.Errorf("back up: %w", err)
	}
	return made, nil
}

// removeLeft removes beginnings of copies that nobody writes any more. They are called like
// the copy, with a point before and a number behind.
func removeLeft(folder, extension string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		name := entry.Name()
		at := strings.LastIndex(name, extension)
		if extension == "" || !strings.HasPrefix(name, ".") || at < 2 || at+len(extension) == len(name) || strings.Trim(name[at+len(extension):], "0123456789") != "" {
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
