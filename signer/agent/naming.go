package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"sokyso/signer"
)

// receiptSuffix is what the name of a receipt has more than that of its output.
const receiptSuffix = ".receipt"

// target says where an output goes. All paths are absolute.
type target struct {
	wanted   string // as asked for, or derived from the input's name
	explicit bool   // asked for by name: no other will do
	safe     bool   // a name that every system takes, numbers too
	display  string // folder as the person wrote it
}

// targetOf derives the output's place from a job.
func targetOf(job Job) (target, error) {
	path := job.Output
	if path == "" {
		base := filepath.Base(job.Input)
		extension := filepath.Ext(base)
		if job.SafeName {
			base = safeStem(strings.TrimSuffix(base, extension)) + safeEnd
		} else if strings.EqualFold(extension, ".pdf") {
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
	return target{wanted: absolute, explicit: job.Output != "", safe: job.SafeName && job.Output == "", display: filepath.Dir(filepath.Clean(path))}, nil
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

// A name for systems that take neither diacritics nor special characters, and at
// most 50 characters and 50 MB (as Ninh Bình's rules for document systems demand).
const (
	safeLength = 50
	safeSize   = 50_000_000 // bytes; above it the person is told
	safeEnd    = "-signed.pdf"
	// safeNumber is kept free for a number.
	safeNumber = len("-9999")
)

var safeNumbered = regexp.MustCompile(`-signed(-\d+)?$`)

// safeStem writes a name in Latin letters without marks, digits and hyphens, so
// short that end and number fit.
func safeStem(stem string) string {
	stem = safeNumbered.ReplaceAllString(unsigned(stem), "")
	var b strings.Builder
	for _, r := range norm.NFD.String(stem) {
		switch {
		case r == 'đ':
			b.WriteByte('d')
		case r == 'Đ':
			b.WriteByte('D')
		case unicode.Is(unicode.Mn, r): // the mark of the letter before
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	safe := b.String()
	safe = strings.Trim(safe[:min(len(safe), safeLength-len(safeEnd)-safeNumber)], "-")
	if safe == "" {
		return "tai-lieu"
	}
	return safe
}

// free finds a name that neither an output nor a receipt has: the wanted one, or
// the wanted one with " (2)" and so on before its extension.
func (t target) free() (string, error) {
	extension := filepath.Ext(t.wanted)
	stem := strings.TrimSuffix(t.wanted, extension)
	for n := 1; n < 10_000; n++ {
		path := t.wanted
		if n > 1 {
			form := "%s (%d)%s"
			if t.safe {
				form = "%s-%d%s"
			}
			path = fmt.Sprintf(form, stem, n, extension)
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
