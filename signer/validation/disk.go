package validation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Disk keeps what was fetched (OCSP answers, revocation lists, issuers' certificates) in a folder, for the next process.
// An entry is named by the SHA-256 of what was asked where. Nothing in it is believed for being there: it is read and
// verified as an answer of the network is, and thrown away if it fails. Several processes may share a folder.
//
// An entry is diskMagic, then key, time of fetching and end of validity (Unix seconds, 8 bytes each, big endian), the
// SHA-256 of all that and the body, and the body.
type Disk struct {
	dir string
	max int64
}

const (
	diskMagic   = "sokyso fetched 1\n"
	diskHeader  = len(diskMagic) + sha256.Size + 8 + 8 + sha256.Size
	diskSuffix  = ".fetched"
	maxEntries  = 1024
	minDiskSize = 1 << 20
)

// NewDisk uses a folder, which is made with leave for this user only when there is something to keep. At most size
// bytes are kept, 1 MiB at least.
func NewDisk(dir string, size int64) *Disk { return &Disk{dir, max(size, minDiskSize)} }

type diskKey [sha256.Size]byte

// keyOf names a request.
func keyOf(address string, request []byte) diskKey {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d %s\n", len(address), address)
	h.Write(request)
	return diskKey(h.Sum(nil))
}

func (d *Disk) file(key diskKey) string {
	return filepath.Join(d.dir, hex.EncodeToString(key[:])+diskSuffix)
}

// get answers the body of an entry that is whole and of use now. Whatever is wrong with it, it is as if it were not
// there.
func (d *Disk) get(key diskKey, now time.Time, limit int64) []byte {
	if d == nil {
		return nil
	}
	f, err := os.Open(d.file(key))
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, limit+int64(diskHeader)+1))
	if err != nil || len(b) < diskHeader || int64(len(b)) > limit+int64(diskHeader) {
		return nil
	}
	fields, sum, body := b[:diskHeader-sha256.Size], b[diskHeader-sha256.Size:diskHeader], b[diskHeader:]
	fetched, until := times(fields[len(fields)-16:])
	switch {
	case !bytes.HasPrefix(fields, append([]byte(diskMagic), key[:]...)), !bytes.Equal(sum, checksum(fields, body)):
		return nil
	case now.Before(fetched.Add(-clockSkew)), !now.Before(until), until.After(fetched.Add(maxIssuerAge)):
		return nil
	}
	return body
}

func diskFields(key diskKey, fetched, until time.Time) []byte {
	b := append([]byte(diskMagic), key[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(fetched.Unix()))
	return binary.BigEndian.AppendUint64(b, uint64(until.Unix()))
}

func times(b []byte) (fetched, until time.Time) {
	return time.Unix(int64(binary.BigEndian.Uint64(b)), 0), time.Unix(int64(binary.BigEndian.Uint64(b[8:])), 0)
}

func checksum(fields, body []byte) []byte {
	h := sha256.New()
	h.Write(fields)
	h.Write(body)
	return h.Sum(nil)
}

// put keeps a body. A disk that is full or read-only is no reason to fail: the answer is at hand.
func (d *Disk) put(key diskKey, body []byte, fetched, until time.Time) {
	if d == nil || !until.After(fetched) || int64(len(body)+diskHeader) > d.max/4 {
		return
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return
	}
	fields := diskFields(key, fetched, until)
	d.makeRoom(int64(len(body) + diskHeader))
	// Written beside and renamed, so that no reader meets half of it. It need not survive a power cut: the checksum
	// tells, and it can be fetched again.
	f, err := os.CreateTemp(d.dir, "writing-*")
	if err != nil {
		return
	}
	_, err = f.Write(slices.Concat(fields, checksum(fields, body), body))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), d.file(key))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}

func (d *Disk) drop(key diskKey) {
	if d != nil {
		_ = os.Remove(d.file(key))
	}
}

// makeRoom removes the oldest entries until there is room for one more, and what a process left that was killed while
// it wrote.
func (d *Disk) makeRoom(size int64) {
	list, err := os.ReadDir(d.dir)
	if err != nil {
		return
	}
	var files []fs.FileInfo
	for _, e := range list {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		switch {
		case strings.HasSuffix(e.Name(), diskSuffix):
			files = append(files, info)
			size += info.Size()
		case strings.HasPrefix(e.Name(), "writing-") && time.Since(info.ModTime()) > time.Hour:
			_ = os.Remove(filepath.Join(d.dir, e.Name()))
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for len(files) > 0 && (size > d.max || len(files) >= maxEntries) {
		_ = os.Remove(filepath.Join(d.dir, files[0].Name()))
		size -= files[0].Size()
		files = files[1:]
	}
}

// fetchKept is fetch by way of the disk. read verifies a body and answers how long it holds; what it refuses is not
// kept, and what it refuses of the disk is fetched anew.
func fetchKept(ctx context.Context, opt *Options, address, contentType string, request []byte, limit int64, read func([]byte) (time.Time, error)) error {
	disk, key, now := opt.Cache.onDisk(), keyOf(address, request), opt.now()
	if body := disk.get(key, now, limit); body != nil {
		if _, err := read(body); err == nil {
			return nil
		}
		disk.drop(key)
	}
	body, err := fetch(ctx, opt, address, contentType, request, limit)
	if err != nil {
		return err
	}
	until, err := read(body)
	if err != nil {
		return err
	}
	disk.put(key, body, now, until)
	return nil
}
