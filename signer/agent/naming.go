package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"sokyso/signer"
)

// receiptSuffix is what the name of a receipt has more than that of its output.
const receiptSuffix = ".receipt"

// target says where an output goes. All paths are absolute.
type target struct {
	wanted   string // as asked for, or derived from the input's name
	explicit bool   // asked for by name: no other will do
	display  string // folder as the person wrote it
}

// targetOf derives the output's place from a job.
func targetOf(job Job) (target, error) {
	path := job.Output
	if path == "" {
		base := filepath.Base(job.Input)
		extension := filepath.Ext(base)
		if strings.EqualFold(extension, ".pdf") {
			base = unsigned(strings.TrimSuffix(base, extension)) + ".signed" + extension
		} else {
			base += ".signed.pdf"
		}
		folder := job.OutDir
		if folder == "" {
			folder = filepath.Dir(job.Input)
		}
		path = filepath.Join(folder, base)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return target{}, fmt.Errorf("output name: %w", err)
	}
	return target{wanted: absolute, explicit: job.Output != "", display: filepath.Dir(filepath.Clean(path))}, nil
}

// numbered is the end that targetOf and free give to a name.
var numbered = regexp.MustCompile(`\.signed( \(\d+\))?$`)

// unsigned takes that end off: a document that is signed again, as by the office
// head after the principal, becomes "a.signed (2).pdf", not "a.signed.signed.pdf".
func unsigned(stem string) string {
	if bare := numbered.ReplaceAllString(stem, ""); bare != "" {
		return bare
	}
	return stem
}

// free finds a name that neither an output nor a receipt has: the wanted one, or
// the wanted one with " (2)" and so on before its extension.
func (t target) free() (string, error) {
	extension := filepath.Ext(t.wanted)
	stem := strings.TrimSuffix(t.wanted, extension)
	for n := 1; n < 10_000; n++ {
		path := t.wanted
		if n > 1 {
			path = fmt.Sprintf("%s (%d)%s", stem, n, extension)
		}
		taken, err := anyExists(path, path+receiptSuffix)
		switch {
		case err != nil:
			return "", err
		case taken == "":
			return path, nil
		case t.explicit:
			return "", &signer.Error{Code: signer.CodeOutputExists, Err: signer.ErrExists, Params: map[string]string{"path": taken}}
		}
	}
	return "", &signer.Error{Code: signer.CodeOutputExists, Err: signer.ErrExists, Params: map[string]string{"path": t.wanted}}
}

// shown is an output's path as the person would write it.
func (t target) shown(path string) string {
	if filepath.Dir(path) == filepath.Dir(t.wanted) {
		return filepath.Join(t.display, filepath.Base(path))
	}
	return path
}

// anyExists names the first path that something stands at, "" if none does.
func anyExists(paths ...string) (string, error) {
	for _, path := range paths {
		_, err := os.Lstat(path)
		switch {
		case err == nil:
			return path, nil
		case !errors.Is(err, os.ErrNotExist):
			return "", outputError(err, path)
		}
	}
	return "", nil
}
