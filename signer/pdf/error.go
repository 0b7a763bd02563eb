package pdf

import (
	"errors"
	"fmt"
	"io"
)

// Kind says what is wrong with a file, coarse enough to choose a sentence for a person.
type Kind int

// The kinds of an Error.
const (
	KindEmpty          Kind = iota + 1 // no bytes at all
	KindNotPDF                         // no PDF header in the first 1024 bytes
	KindTruncated                      // the end of the file is missing
	KindDamaged                        // the syntax or a cross-reference is wrong beyond repair
	KindPasswordNeeded                 // encrypted, and does not open with the empty password
	KindWrongPassword                  // encrypted, and does not open with the password given
	KindRecipients                     // encrypted for the holders of certain certificates
	KindEncryption                     // encrypted by a method, or in a way, that is not known here
	KindNoPages                        // readable, but without a single page
	KindTooComplex                     // a limit of this package was reached (see limits.go)
	KindRead                           // the underlying io.ReaderAt failed; the cause is wrapped
	KindUnsupported                    // a stream filter that holds no plain data (DCTDecode, JPXDecode, ...)
)

var kindNames = [...]string{
	KindEmpty: "empty file", KindNotPDF: "not a PDF", KindTruncated: "truncated", KindDamaged: "damaged",
	KindPasswordNeeded: "password needed", KindWrongPassword: "wrong password", KindRecipients: "encrypted for recipients",
	KindEncryption: "unsupported encryption", KindNoPages: "no pages", KindTooComplex: "too complex", KindRead: "read error",
	KindUnsupported: "unsupported",
}

// String returns the kind in words.
func (k Kind) String() string {
	if k > 0 && int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", int(k))
}

// Error is every error that reading returns.
type Error struct {
	Kind   Kind
	Offset int64  // byte offset in the file near which it was noticed; -1 when there is no such place
	Reason string // English, lower case, for logs
	Err    error  // the cause, for KindRead
}

// Error implements error.
func (e *Error) Error() string {
	s := "pdf: " + e.Kind.String()
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Offset >= 0 {
		s += fmt.Sprintf(" (at byte %d)", e.Offset)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, &Error{Kind: k}) compare kinds.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind
}

// KindOf returns the kind of the first *Error in err's chain, 0 if there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}

func fail(kind Kind, offset int64, format string, args ...any) *Error {
	return &Error{Kind: kind, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

func readFailed(offset int64, err error) *Error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &Error{Kind: KindRead, Offset: offset, Err: err}
}

// repairable tells the errors that rebuilding the cross-reference may cure from those it can't.
func repairable(err error) bool {
	switch KindOf(err) {
	case KindDamaged, KindTruncated, KindNoPages, KindUnsupported:
		return true
	}
	return false
}
