//go:build unix && !linux

package signer

func renameNew(from, to string) error { return renameByLink(from, to) }
