package agent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// writable tries whether files can be made in the folder, or where it does not exist
// yet in the nearest one above, which it returns.
func writable(folder string) (string, error) {
	for {
		_, err := os.Stat(folder)
		if err == nil {
			break
		}
		parent := filepath.Dir(folder)
		if !errors.Is(err, fs.ErrNotExist) || parent == folder {
			return folder, err
		}
		folder = parent
	}
	if probeUnnamed(folder) {
		return folder, nil
	}
	file, err := os.CreateTemp(folder, ".sokyso-*.tmp")
	if err != nil {
		return folder, err
	}
	return folder, errors.Join(file.Close(), os.Remove(file.Name()))
}
