package agent

import "fmt"

// Error is a failure that has a sentence in the catalogue under agent.<Code>.
type Error struct {
	Code   string
	Err    error             // the cause, for the log; may be nil
	Params map[string]string // what the sentence names
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Code
	}
	return fmt.Sprintf("%s: %v", e.Code, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// fail makes an *Error; params are pairs of name and value.
func fail(code string, err error, params ...string) *Error {
	e := &Error{Code: code, Err: err, Params: make(map[string]string, len(params)/2)}
	for i := 0; i+1 < len(params); i += 2 {
		e.Params[params[i]] = params[i+1]
	}
	return e
}
