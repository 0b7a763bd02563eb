//go:build !windows

package agent

import "golang.org/x/sys/unix"

// freeSpace is what this user may still write on the folder's disk, in bytes.
func freeSpace(folder string) (uint64, error) {
	var state unix.Statfs_t
	if err := unix.Statfs(folder, &state); err != nil {
		return 0, err
	}
	return uint64(state.Bavail) * uint64(state.Bsize), nil
}
