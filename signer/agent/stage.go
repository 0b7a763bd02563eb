package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"sokyso/signer"
)

// tempOf is the temporary file of a job. The name is known before the file is
// there, so that after a crash exactly this job's file is found and no other
// program's.
func tempOf(output, jobID string) string {
	return filepath.Join(filepath.Dir(output), signer.TempPrefix+jobID+signer.TempSuffix)
}

// probe finds out early, before a PIN is typed, that the folder of an output
// can't be written to.
func probe(temp string) error {
	if probeUnnamed(filepath.Dir(temp)) {
		return nil
	}
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return outputError(err, temp)
	}
	if err := errors.Join(file.Close(), os.Remove(temp)); err != nil {
		return outputError(err, temp)
	}
	return nil
}

// holds says whether the file at path has these bytes. A file that is not there
// holds nothing.
func holds(path, sha256Hex string) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at output: %w", err)
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return false, fmt.Errorf("look at output: %w", err)
	}
	return hex.EncodeToString(digest.Sum(nil)) == sha256Hex, nil
}

// outputError gives an error of the file system on the output the code of
// package signer, so that a person reads the same sentence wherever it came up.
func outputError(err error, path string) error {
	code := signer.CodeWriteError
	var known *signer.Error
	if errors.As(err, &known) {
		switch known.Code {
		case signer.CodeWriteError, signer.CodeNoPermission, signer.CodeNotFound: // told below, as of the output
		default:
			return err
		}
	}
	switch {
	case isDiskFull(err):
		code = signer.CodeDiskFull
	case errors.Is(err, fs.ErrExist):
		code = signer.CodeOutputExists
	case errors.Is(err, fs.ErrPermission), isReadOnly(err):
		return fail("no_permission_out", err, "folder", filepath.Dir(path))
	case errors.Is(err, fs.ErrNotExist), isNotFolder(err):
		return fail("no_folder_out", err, "folder", filepath.Dir(path))
	}
	return &signer.Error{Code: code, Err: err, Params: map[string]string{"path": path}}
}
