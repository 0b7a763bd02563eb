package preview

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// Argument is the private first argument that makes a program a viewer's child.
const Argument = "viewer"

// RunIfAsked turns this process into a viewer's child, and does not return, when its first argument is Argument. A
// program calls it first in main, a test in TestMain.
func RunIfAsked() {
	if len(os.Args) > 1 && os.Args[1] == Argument {
		cacheDir := ""
		if len(os.Args) > 2 {
			cacheDir = os.Args[2]
		}
		if err := serve(os.Stdin, os.Stdout, cacheDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// idleEnd is after how long without a request the child ends.
const idleEnd = 5 * time.Minute

// serve answers requests until the input ends, at which the process ends even in the middle of one: the parent is
// gone, or wants it so.
func serve(in io.Reader, out io.Writer, cacheDir string) error {
	requests := make(chan request)
	go func() {
		decoder := json.NewDecoder(bufio.NewReader(in))
		for {
			var r request
			if err := decoder.Decode(&r); err != nil {
				os.Exit(0)
			}
			requests <- r
		}
	}()
	e, err := newEngine(cacheDir)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	for {
		select {
		case r := <-requests:
			answer, err := e.answer(r)
			if err != nil {
				if trapped(err) {
					err = fmt.Errorf("%w: %v", ErrCrashed, err) // not also damaged
				}
				answer = response{Code: code(err), Text: err.Error()}
			}
			if err := encoder.Encode(answer); err != nil {
				return err
			}
		case <-time.After(idleEnd):
			return nil // gives its memory back; the parent starts another when it needs one
		}
	}
}
