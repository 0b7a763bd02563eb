package background

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// Backups says where copies of the register go.
type Backups struct {
	Folder string
	Every  time.Duration
	Keep   int // copies; older ones of this form of name are removed, other files are left alone
}

// backupName is what a copy is called: the day and time in Vietnam.
const backupName = "sokyso-20060102-150405.backup"

var backupForm = regexp.MustCompile(`^sokyso-[0-9]{8}-[0-9]{6}\.backup$`)

// BackingUp is the job that copies the register into a folder. The log's key is not in the
// copies. A copy that fails leaves the earlier ones alone.
func (r *Runner) BackingUp(b Backups) Job {
	return Job{
		Name: JobBackup, Every: b.Every,
		Run: func(ctx context.Context) (int, error) {
			if err := os.MkdirAll(b.Folder, 0o700); err != nil {
				return 0, fmt.Errorf("back up: %w", err)
			}
			name := r.Now().In(time.FixedZone("", 7*3600)).Format(backupName)
			if _, err := r.Store.BackupFile(ctx, r.School, nil, filepath.Join(b.Folder, name), nil); err != nil {
				return 0, err
			}
			return 1, b.prune()
		},
	}
}

// prune removes the oldest copies beyond those that are kept.
func (b Backups) prune() error {
	entries, err := os.ReadDir(b.Folder) // by name, which is by time
	if err != nil {
		return fmt.Errorf("old backups: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !backupForm.MatchString(e.Name()) })
	var errs []error
	for _, old := range entries[:max(len(entries)-max(b.Keep, 1), 0)] {
		errs = append(errs, os.Remove(filepath.Join(b.Folder, old.Name())))
	}
	return errors.Join(errs...)
}
