//go:build linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sokyso/signer/token"
)

// The matrix: whatever a module does at whichever call of the signing path, the
// agent answers in time with the right code, leaves no file half written, tries the
// PIN once at most, and the next run finishes exactly what is left.

// matrixFaults are what a module does, with the code that the person is told when
// the call can't do without.
var matrixFaults = []struct{ action, code string }{
	{"return 0x5", "device_error"},  // CKR_GENERAL_ERROR
	{"return 0x32", "token_gone"},   // CKR_DEVICE_REMOVED
	{"return 0xE0", "token_gone"},   // CKR_TOKEN_NOT_PRESENT
	{"return 0xB3", "session_lost"}, // CKR_SESSION_HANDLE_INVALID
	{"return 0x101", "login_needed"},
	{"crash", "module_crashed"},
	{"exit 0", "module_crashed"},
	{"hang", "module_hangs"},
	{"garbage", "device_error"},
	{"delay 50", ""},
	{"print 100000", ""},
	{"print-error 100000", ""},
	{"fork", ""},
}

// cell is one fault at one call of a run that signs two files.
type cell struct {
	orders   string
	sequence []string // the calls of an undisturbed run
	at       int      // from 0
	action   string
	code     string
}

// wants are the codes of the two files, "" for one that is signed.
func (c cell) wants() (first, second string) {
	call := c.sequence[c.at]
	before := func(name string) bool { return c.at < slices.Index(c.sequence, name) }
	deadly := !strings.HasPrefix(c.action, "return") && c.action != "garbage"
	code := c.code
	switch {
	case call == "C_CloseSession", call == "C_Finalize": // both files are signed by then
		code = ""
	case deadly:
	case c.action == "garbage" && !slices.Contains([]string{"C_GetSlotList", "C_GetTokenInfo", "C_FindObjects", "C_Sign"}, call):
		code = "" // the call has nothing to tell, or what it tells is asked for again
	case call == "C_Initialize":
		code = "module_initialize"
	case call == "C_GetSlotList":
	case call == "C_GetTokenInfo" && c.sequence[c.at-1] == "C_GetSlotList":
		if code == "token_gone" { // between two calls: there is none, then
			code = "token_no_match"
		}
	case call == "C_GetTokenInfo", call == "C_GetAttributeValue": // another slot's; asked for again
		code = ""
	case before("C_Login") && code == "token_gone":
		code = "token_no_match"
	case before("C_Login"): // what it shows without login is not all there may be
		code = ""
	case c.action == "garbage" && call == "C_Sign":
		code = "self_check_failed"
	}
	switch {
	case code == "":
		return "", ""
	case c.at > slices.Index(c.sequence, "C_Sign"):
		return "", code
	case code == "self_check_failed": // a matter of that file
		return code, ""
	}
	return code, "not_attempted"
}

// cellsAtOnce is how many cells run beside each other: many only wait.
const cellsAtOnce = 6

func TestFaultMatrix(t *testing.T) {
	cells := make(chan cell)
	var wait sync.WaitGroup
	for range cellsAtOnce {
		wait.Go(func() {
			for c := range cells {
				t.Run(fmt.Sprintf("%s %02d %s %s", c.orders, c.at+1, c.sequence[c.at], c.action), c.test)
			}
		})
	}
	for orders, calls := range map[string][]string{"": nil, "always-authenticate": {"C_SignInit", "C_Login context", "C_Sign"}} {
		sequence := undisturbed(t, orders)
		if len(sequence) < 19 {
			t.Errorf("an undisturbed run makes %d calls: %v", len(sequence), sequence)
		}
		for at, call := range sequence {
			if calls != nil && !slices.Contains(calls, call) {
				continue // the same as without these orders
			}
			for _, fault := range matrixFaults {
				if testing.Short() && fault.action != "crash" && fault.action != "return 0x32" {
					continue // the race detector looks at the ways, not at each cell
				}
				cells <- cell{orders, sequence, at, fault.action, fault.code}
			}
		}
	}
	close(cells)
	wait.Wait()
	if left := children(t); len(left) > 0 {
		t.Errorf("workers that are left: %v", left)
	}
}

// undisturbed lists the calls of a run that signs two files.
func undisturbed(t *testing.T, orders string) []string {
	d := newDesk(t, "a.pdf", "b.pdf")
	d.order(t, orders)
	for _, result := range d.sign(t, nil, "a.pdf", "b.pdf") {
		if !result.Good() {
			t.Fatalf("undisturbed: %+v", result)
		}
	}
	sequence, err := d.fault.Sequence()
	if err != nil {
		t.Fatal(err)
	}
	return sequence
}

func (c cell) test(t *testing.T) {
	files := []string{"a.pdf", "b.pdf"}
	d := newDesk(t, files...)
	d.order(t, c.orders, fmt.Sprintf("call at %d %s", c.at+1, c.action))
	if c.action == "hang" {
		d.config.TokenTimeout = 1500 * time.Millisecond
	}
	began := time.Now()
	results := d.sign(t, nil, files...)
	if took := time.Since(began); took > d.config.TokenTimeout+15*time.Second {
		t.Errorf("it took %v", took)
	}
	first, second := c.wants()
	var left, signed []string
	for i, want := range []string{first, second} {
		got := results[i]
		switch {
		case got.Code != want, want == "" && !got.Good(), want != "" && got.Status != StatusFailed:
			t.Errorf("%s: %s %q, want %q", files[i], got.Status, got.Code, want)
		case want != "" && !strings.Contains(got.Message, "Hãy") && want != "not_attempted":
			t.Errorf("%s: no next step in %q", files[i], got.Message)
		}
		if got.Status == StatusSigned {
			signed = append(signed, strings.Replace(files[i], ".pdf", ".signed.pdf", 1))
		} else {
			left = append(left, files[i])
		}
	}
	if err := d.whole(signed...); err != nil {
		t.Error(err)
	}
	if n := d.calls(t)["C_Login"]; n > 1 || d.asked > 1 {
		t.Errorf("the PIN was tried %d times and asked for %d times", n, d.asked)
	}

	// The token is well again; the next run does what is left, and no more.
	d.order(t, c.orders)
	d.config.TokenTimeout = 20 * time.Second
	if len(left) > 0 {
		stopped := first != "self_check_failed" && second != "self_check_failed"
		for _, result := range d.again(t, left, stopped && len(signed) > 0) {
			if !result.Good() {
				t.Errorf("the next run: %+v", result)
			}
		}
		if calls := d.calls(t); calls["C_Login"] != 1 || calls["C_Sign"] != len(left) {
			t.Errorf("the next run: %v", calls)
		}
	}
	if err := d.whole("a.signed.pdf", "b.signed.pdf"); err != nil {
		t.Errorf("after the next run: %v", err)
	}
}

// again resumes the batch that was left. One that signed nothing, or that went to its
// end though a file failed, leaves none: then what is left is signed by itself.
func (d *desk) again(t *testing.T, left []string, resumable bool) []Result {
	t.Helper()
	a, err := Open(context.Background(), d.config)
	if err != nil {
		t.Fatal(err)
	}
	list, err := a.Unfinished()
	if err != nil || resumable != (len(list) == 1) {
		t.Fatalf("unfinished batches: %+v, %v", list, err)
	}
	var results []Result
	if len(list) == 1 {
		results, err = a.Resume(context.Background(), list[0].ID, func(b *Batch) {
			b.PIN = func(context.Context, token.Info) ([]byte, error) { return []byte(d.pin), nil }
		})
	}
	if err = errors.Join(err, a.Close()); err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		return d.sign(t, nil, left...)
	}
	return results
}

// children lists the processes that this one has started and that still run.
func children(t *testing.T) []string {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var all []string
	for _, task := range tasks {
		text, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err != nil {
			continue // the thread has ended
		}
		all = append(all, strings.Fields(string(text))...)
	}
	return all
}
