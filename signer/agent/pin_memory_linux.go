package agent

import "golang.org/x/sys/unix"

func excludeFromDump(b []byte) error { return unix.Madvise(b, unix.MADV_DONTDUMP) }
