//go:build !linux

package agent

func probeUnnamed(string) bool { return false }
