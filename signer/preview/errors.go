package preview

import (
	"errors"
	"fmt"
	"strings"
)

// What a call of a Viewer fails with, besides the context's error.
var (
	ErrPassword = errors.New("the file wants a password, or another one")
	ErrDamaged  = errors.New("PDFium can't read the file")
	ErrNoPage   = errors.New("there is no such page")
	ErrTooSlow  = errors.New("showing the file takes too long")
	ErrTooLarge = errors.New("showing the page takes too much memory")
	ErrCrashed  = errors.New("the viewer's process or PDFium in it ended")
	ErrClosed   = errors.New("the viewer is closed")
)

// conditions are the errors that the child can answer with, by the code on the pipe.
var conditions = map[string]error{
	"password": ErrPassword, "damaged": ErrDamaged, "no_page": ErrNoPage, "too_large": ErrTooLarge, "crashed": ErrCrashed,
}

// answered is the error that a child's answer tells, nil for none.
func (r response) answered() error {
	if r.Code == "" && r.Text == "" {
		return nil
	}
	if condition, known := conditions[r.Code]; known {
		return fmt.Errorf("%w: %s", condition, r.Text)
	}
	return errors.New(r.Text)
}

// trapped tells that PDFium itself ended, as it does when it finds no more memory: nothing it keeps is to be used again.
// The runtime of WebAssembly says so by text only.
func trapped(err error) bool {
	return strings.Contains(err.Error(), "wasm error: ")
}

// code is the code of an error on the pipe, "" for one without.
func code(err error) string {
	for code, condition := range conditions {
		if errors.Is(err, condition) {
			return code
		}
	}
	return ""
}
