//go:build unix

package signer

import (
	"errors"
	"syscall"
)

// diskFull: no space, over the quota, or above the limit on file size.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

func readOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

func isFolder(err error) bool { return errors.Is(err, syscall.EISDIR) }
