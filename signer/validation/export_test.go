package validation

import (
	"slices"
	"time"
)

// For tests that put into the folder what no process of ours would.
const DiskHeader = diskHeader

func DiskEntry(key [32]byte, body []byte, fetched, until time.Time) []byte {
	fields := diskFields(key, fetched, until)
	return slices.Concat(fields, checksum(fields, body), body)
}

func (d *Disk) Put(address string, body []byte, fetched, until time.Time) {
	d.put(keyOf(address, nil), body, fetched, until)
}

func (d *Disk) Get(address string, now time.Time, limit int64) []byte {
	return d.get(keyOf(address, nil), now, limit)
}
