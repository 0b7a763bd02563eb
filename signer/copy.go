package signer

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"sokyso/signer/pdf"
)

// nameless is a copy of the input in the folder of the output that has no name yet: a crash leaves nothing behind. It
// becomes the output by getting the update at its end, and a name.
type nameless struct {
	*io.SectionReader // the input, without what is written after it
	file              *os.File
	folder            string
	used              atomic.Bool // it has been named, or its naming failed
}

var errNoNameless = errors.New("no nameless files here")

// copyInto makes the copy and hashes it, in one pass.
func copyInto(ctx context.Context, folder string, in *input, h io.Writer) (*nameless, error) {
	size := in.Size()
	file, err := openNameless(folder)
	if err != nil {
		return nil, err
	}
	c := &nameless{SectionReader: io.NewSectionReader(file, 0, size), file: file, folder: folder}
	if err := c.fill(ctx, in, h); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return c, nil
}

func (c *nameless) fill(ctx context.Context, in *input, h io.Writer) error {
	size := in.Size()
	from, isFile := in.Source.(*FileSource)
	if isFile && size >= cloneFrom && cloneFile(c.file, from.file, size) {
		if err := feed(ctx, h, c, size); err != nil {
			return err
		}
	} else {
		out := &failing{w: c.file, failed: func(err error) error { return writing(err, c.folder) }}
		if err := in.feed(ctx, io.MultiWriter(h, out)); err != nil {
			return err
		}
	}
	// Somebody who writes at the same time may have left a mixture.
	if isFile {
		return from.unchanged()
	}
	return nil
}

// cloneFrom is the size from which a file is cloned where the file system can share its blocks; for a smaller one
// that costs more than copying. In bytes.
const cloneFrom = 1 << 20

// finish appends the update and gives the file the name, durably, if it still can: false says that nothing was done.
// It never replaces a file. On an error the name is as it was.
func (c *nameless) finish(tail []byte, path string) (bool, error) {
	if filepath.Dir(path) != c.folder || c.used.Swap(true) {
		return false, nil
	}
	if _, err := c.file.WriteAt(tail, c.Size()); err != nil {
		return true, err
	}
	if err := c.file.Sync(); err != nil {
		return true, err
	}
	if err := nameFile(c.file, path); errors.Is(err, errNoNameless) {
		return false, nil
	} else if err != nil {
		return true, err
	}
	if err := SyncFolder(c.folder); err != nil {
		return true, errors.Join(err, os.Remove(path))
	}
	return true, nil
}

// Close gives the file back; without a name it is gone.
func (c *nameless) Close() error { return c.file.Close() }

// unchanged compares the file with how it was when it was opened, and finds what was added to it.
func (s *FileSource) unchanged() error {
	now, err := s.file.Stat()
	if err != nil {
		return fail(CodeReadError, fmt.Errorf("look at input: %w", err))
	}
	if now.Size() != s.info.Size() || !now.ModTime().Equal(s.info.ModTime()) {
		return changed(errChanged)
	}
	return nil
}

// PrepareIn is PrepareWithPassword for a document that will be written into the folder. In the same pass the input is
// copied into a nameless file there, which all that follows works on: what is hashed, what is signed and what is written
// are the same bytes, whatever becomes of the input, and each is read and hashed once. Document.Stage and Document.Save
// then only append the update. Where there are no nameless files the document is copied when it is written, as it is
// without a folder. Close ends it. The error is an *Error; its path is the folder when that could not be written to.
func PrepareIn(ctx context.Context, in Source, folder string, password pdf.Password, hashes ...crypto.Hash) (*Prepared, error) {
	p := &Prepared{in: &input{Source: in}, password: password}
	if err := p.read(ctx, folder, hashes); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// Close gives back the copy that PrepareIn made, if it was not named. Documents of p can't be read afterwards.
func (p *Prepared) Close() error {
	p.in.release()
	if p.copy == nil {
		return nil
	}
	return p.copy.Close()
}

// ReadAt implements io.ReaderAt over the input as it will be signed.
func (p *Prepared) ReadAt(b []byte, off int64) (int, error) { return p.in.ReadAt(b, off) }

// Copied tells whether the input lies in the folder already, so that it takes files.
func (p *Prepared) Copied() bool { return p.copy != nil }

// take hashes the input, and copies it if a folder is given and can have it.
func (p *Prepared) take(ctx context.Context, folder string, hashes []crypto.Hash) error {
	var err error
	p.sum, p.states, err = digestInput(func(h io.Writer) error {
		if folder != "" {
			copied, err := copyInto(ctx, folder, p.in, h)
			if err == nil {
				p.copy, p.in.Source = copied, copied
			}
			if !errors.Is(err, errNoNameless) {
				return err
			}
		}
		return p.in.feed(ctx, h)
	}, hashes)
	return err
}
