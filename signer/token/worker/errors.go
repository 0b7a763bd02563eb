package worker

import (
	"errors"
	"fmt"

	"sokyso/signer/token"
)

var (
	// ErrWorkerDied: the module took its process along.
	ErrWorkerDied = errors.New("the token's module crashed")
	// ErrHang: the module did not answer within the deadline and was stopped.
	// Whether it signed is not known.
	ErrHang = errors.New("the token's module does not answer")
)

const (
	codeDied = "module_crashed"
	codeHang = "module_hangs"
)

// DiedError is a child that ended in the middle of a call. It is ErrWorkerDied.
type DiedError struct {
	Module string
	Op     string // the call that it died in
	Status string // "signal: segmentation fault", "exit status 2" ...
	Output string // the end of what it printed
}

func (e *DiedError) Error() string {
	text := fmt.Sprintf("%s: %v: module %s (%s)", e.Op, ErrWorkerDied, e.Module, e.Status)
	if e.Output != "" {
		text += ": " + e.Output
	}
	return text
}

// Is makes it ErrWorkerDied.
func (e *DiedError) Is(target error) bool { return target == ErrWorkerDied }

// Code is the stable name of the condition in err: "module_crashed",
// "module_hangs", or what token.Code answers.
func Code(err error) string {
	switch {
	case errors.Is(err, ErrWorkerDied):
		return codeDied
	case errors.Is(err, ErrHang):
		return codeHang
	}
	return token.Code(err)
}

// Codes lists what Code may answer, for catalogue tests.
func Codes() []string { return append(token.Codes(), codeDied, codeHang) }
