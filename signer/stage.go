package signer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Temporary files of Stage are named TempPrefix + random letters + TempSuffix, so that what a crash leaves behind can
// be found and removed.
const (
	TempPrefix = ".sokyso-"
	TempSuffix = ".tmp"
)

// Save writes the document under a name that nothing has yet: Stage, then Commit. On an error nothing is left. The
// error is an *Error.
func (d *Document) Save(path string) error {
	s, err := d.Stage(path)
	if err != nil {
		return err
	}
	return s.Commit()
}

// Staged is a document on disk that has not got its name yet. It must be committed or discarded.
type Staged struct {
	temp, path string
}

// Temp is the temporary file's path.
func (s *Staged) Temp() string { return s.temp }

// Path is the final path.
func (s *Staged) Path() string { return s.path }

// Stage writes the document durably into a temporary file in the folder of path. When it returns without error the
// bytes are on disk. A power cut may leave the temporary file behind, never one under the final name.
func (d *Document) Stage(path string) (*Staged, error) {
	// Said early; Commit holds it whatever happens in between.
	if _, err := os.Lstat(path); err == nil {
		return nil, exists(path)
	}
	dir := filepath.Dir(path)
	f, err := createTemp(dir)
	if err != nil {
		return nil, writing(err, path)
	}
	s := &Staged{temp: f.Name(), path: path}
	err = d.copy(f, func(err error) error { return writing(err, path) })
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, s.abandon(err)
	}
	return s, nil
}

// abandon discards and gives err its code.
func (s *Staged) abandon(err error) *Error {
	e := writing(err, s.path)
	if left := s.Discard(); left != nil {
		e.Err = errors.Join(e.Err, left)
	}
	return e
}

// createTemp is os.CreateTemp with the permissions of an ordinary new file.
func createTemp(dir string) (*os.File, error) {
	for try := 0; ; try++ {
		f, err := os.OpenFile(filepath.Join(dir, TempPrefix+rand.Text()+TempSuffix), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, os.ErrExist) || try == 100 {
			return f, err
		}
	}
}

// Commit gives the document its name, which must not exist, and makes that durable. On an error nothing is left.
func (s *Staged) Commit() error {
	if err := renameNew(s.temp, s.path); err != nil {
		if errors.Is(err, os.ErrExist) {
			err = exists(s.path)
		}
		return s.abandon(err)
	}
	if err := syncDir(filepath.Dir(s.path)); err != nil {
		return writing(errors.Join(err, os.Remove(s.path)), s.path)
	}
	return nil
}

// Discard removes the temporary file. It may be called at any time.
func (s *Staged) Discard() error {
	if err := os.Remove(s.temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return writing(err, s.temp)
	}
	return nil
}

func exists(path string) *Error {
	return fail(CodeOutputExists, fmt.Errorf("%w: %s", ErrExists, path), "path", path)
}
