//go:build !linux && !windows

package agent

// capsLock and vietnameseKeyboard: nothing is seen here.
func capsLock() bool           { return false }
func vietnameseKeyboard() bool { return false }
