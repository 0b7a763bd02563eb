package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// errLocked says that another process holds the lock at this moment.
var errLocked = errors.New("the lock is held by another process")

// lockHome takes the lock of the state folder, waiting at most wait; waiting is
// called once before. The system frees the lock when the process ends, however it ends.
func lockHome(ctx context.Context, home string, wait time.Duration, waiting func()) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(home, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fail("home_unusable", fmt.Errorf("open lock: %w", err), "folder", home)
	}
	deadline := time.Now().Add(wait)
	for {
		err := tryLock(file)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, errLocked) {
			file.Close()
			return nil, fail("home_unusable", fmt.Errorf("take lock: %w", err), "folder", home)
		}
		if !time.Now().Before(deadline) {
			file.Close()
			return nil, fail("agent_busy", err)
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fail("cancelled", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
