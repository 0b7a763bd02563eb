package signer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Temporary files are named TempPrefix + letters + TempSuffix, so that what a crash leaves behind can be found and
// removed.
const (
	TempPrefix = ".sokyso-"
	TempSuffix = ".tmp"
)

// Save writes the document under a name that nothing has yet: Stage, Place, SyncFolder, or at once where PrepareIn has
// made a copy in that folder. On an error nothing is left,
// but for one of the last step: then the document is there, and a power cut could take its name away. The error is an
// *Error.
func (d *Document) Save(path string) error {
	if done, err := d.name(path); done {
		return err
	}
	// Said early; Place holds it whatever happens in between.
	if _, err := os.Lstat(path); err == nil {
		return exists(path)
	}
	dir := filepath.Dir(path)
	temp := filepath.Join(dir, TempPrefix+rand.Text()+TempSuffix)
	if err := d.Stage(temp); err != nil {
		return err
	}
	if err := Place(temp, path); err != nil {
		if left := os.Remove(temp); left != nil {
			err.Err = errors.Join(err.Err, left)
		}
		return err
	}
	if err := SyncFolder(dir); err != nil {
		return writing(err, path)
	}
	return nil
}

// Stage writes the document durably into a new file at temp, with the permissions of an ordinary new file: when it
// returns without error, bytes and name are on disk. On an error there is no such file. The error is an *Error.
func (d *Document) Stage(temp string) error {
	if done, err := d.name(temp); done {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return writing(err, temp)
	}
	err = d.write(f, func(err error) error { return writing(err, temp) })
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = SyncFolder(filepath.Dir(temp))
	}
	if err == nil {
		return nil
	}
	e := writing(err, temp)
	if left := os.Remove(temp); left != nil {
		e.Err = errors.Join(e.Err, left)
	}
	return e
}

// name makes the copy of the input the document and gives it the name; false when there is none that can be had.
func (d *Document) name(path string) (bool, error) {
	if d.copy == nil {
		return false, nil
	}
	done, err := d.copy.finish(d.tail, path)
	if err != nil {
		return done, writing(err, path)
	}
	return done, nil
}

// Place gives the file at temp the name path in the same folder. It never replaces anything: when the name is taken,
// the error has the code output_exists and wraps ErrExists. On an error the file is where it was; without one it has
// the name, which SyncFolder makes durable.
func Place(temp, path string) *Error {
	err := renameNew(temp, path)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrExist):
		return exists(path)
	}
	return writing(err, path)
}

// SyncFolder makes the names in a folder durable, where the system can do that and lets this user ask for it: a
// folder that may be written to but not read can't be opened. Windows has no such call; there, Place does it.
func SyncFolder(folder string) error { return syncDir(folder) }

func exists(path string) *Error {
	return fail(CodeOutputExists, fmt.Errorf("%w: %s", ErrExists, path), "path", path)
}
