//go:build !linux

package signer

import "os"

func openNameless(string) (*os.File, error) { return nil, errNoNameless }

func nameFile(*os.File, string) error { return errNoNameless }

func cloneFile(_, _ *os.File, _ int64) bool { return false }
