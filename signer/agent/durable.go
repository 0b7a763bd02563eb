package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sokyso/signer"
)

// replaceFile puts content at path so that, once it returns, a power cut finds
// the new content and, at any time before, the old one: temporary file in the
// same folder, fsync, rename, fsync of the folder.
func replaceFile(path string, content []byte, mode os.FileMode) error {
	temp, err := writeTemp(path, content, mode)
	if err != nil {
		return err
	}
	if err := renameOver(temp, path); err != nil {
		os.Remove(temp)
		return fmt.Errorf("replace %s: %w", filepath.Base(path), err)
	}
	return signer.SyncFolder(filepath.Dir(path))
}

// createFile is replaceFile for a name that must be free: what stands there
// stays, and the error is signer.ErrExists.
func createFile(path string, content []byte, mode os.FileMode) error {
	temp, err := writeTemp(path, content, mode)
	if err != nil {
		return err
	}
	return placeTemp(temp, path)
}

// writeTempAs is writeTemp under a known name, whose earlier bytes are nobody's: what a
// crash leaves there is taken over by the next attempt.
func writeTempAs(temp string, content []byte, mode os.FileMode) error {
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return fill(file, temp, content, mode)
}

// placeTemp gives a temporary file its name, which must be free, or removes it.
func placeTemp(temp, path string) error {
	defer os.Remove(temp)
	if err := signer.Place(temp, path); err != nil {
		return err
	}
	return signer.SyncFolder(filepath.Dir(path))
}

func writeTemp(path string, content []byte, mode os.FileMode) (string, error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".sokyso-*.tmp")
	if err != nil {
		return "", fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return file.Name(), fill(file, path, content, mode)
}

// fill writes the temporary file of path durably, or removes it.
func fill(file *os.File, path string, content []byte, mode os.FileMode) error {
	_, err := file.Write(content)
	if err == nil && mode != 0o600 {
		err = file.Chmod(mode)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// readBounded reads a file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", filepath.Base(path), limit)
	}
	return content, nil
}
