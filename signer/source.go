package signer

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Source is an input: *bytes.Reader and *io.SectionReader are sources, OpenFile makes one of a file.
type Source interface {
	io.ReaderAt
	Size() int64
}

// FileSource is a file opened for reading.
type FileSource struct {
	file *os.File
	info os.FileInfo
}

// OpenFile opens a regular file. The error is an *Error: not_found, is_folder, no_permission, empty_file, not_pdf
// for a device or pipe, read_error.
func OpenFile(path string) (*FileSource, error) {
	// A pipe would block in open; it is looked at by name first.
	info, err := os.Stat(path)
	if err != nil {
		return nil, reading(err, path)
	}
	if e := regular(info, path); e != nil {
		return nil, e
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, reading(err, path)
	}
	if info, err = f.Stat(); err != nil {
		_ = f.Close()
		return nil, reading(err, path)
	}
	if e := regular(info, path); e != nil {
		_ = f.Close()
		return nil, e
	}
	return &FileSource{file: f, info: info}, nil
}

func regular(info os.FileInfo, path string) error {
	switch {
	case info.IsDir():
		return fail(CodeIsFolder, fmt.Errorf("open %s: it is a folder", path), "path", path)
	case !info.Mode().IsRegular():
		return fail(CodeNotPDF, fmt.Errorf("open %s: not a regular file (%s)", path, info.Mode()), "path", path)
	case info.Size() == 0:
		return fail(CodeEmptyFile, fmt.Errorf("open %s: empty", path), "path", path)
	}
	return nil
}

// ReadAt implements io.ReaderAt.
func (s *FileSource) ReadAt(p []byte, off int64) (int, error) { return s.file.ReadAt(p, off) }

// Size is the size when the file was opened.
func (s *FileSource) Size() int64 { return s.info.Size() }

// Name is the path it was opened by.
func (s *FileSource) Name() string { return s.file.Name() }

// Close closes the file.
func (s *FileSource) Close() error { return s.file.Close() }

var errChanged = errors.New("the input was changed while it was being signed")
