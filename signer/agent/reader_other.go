//go:build !linux && !windows

package agent

// readerService: the system's own readers need nothing here.
func readerService() error { return nil }
