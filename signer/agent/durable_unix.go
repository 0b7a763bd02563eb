//go:build !windows

package agent

import "os"

// renameOver gives the file another one's name, at once.
func renameOver(from, to string) error { return os.Rename(from, to) }
