package wire

import (
	"errors"
	"fmt"
)

// ErrPlainHTTP refuses an address of another machine without TLS.
var ErrPlainHTTP = errors.New("plain http is only for this machine: use https")

// UnreachableError says that no answer of the service arrived. Whether the
// request took effect is not known, unless it was never sent.
type UnreachableError struct {
	URL string
	Err error
}

func (e *UnreachableError) Error() string { return fmt.Sprintf("custody service %s: %v", e.URL, e.Err) }

func (e *UnreachableError) Unwrap() error { return e.Err }

// NonsenseError says that what answered at the address does not keep to the
// protocol: it is another program, a captive portal, or a broken service.
type NonsenseError struct {
	URL       string
	Operation string // method and path
	Reason    string
}

func (e *NonsenseError) Error() string {
	return fmt.Sprintf("custody service %s: %s: not the protocol: %s", e.URL, e.Operation, e.Reason)
}
