//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"sokyso/httpapi/wire"
)

// The kinds of lines of a ledger.
const (
	lineAsked    = "asked"    // leave is about to be asked for: Request
	lineGranted  = "granted"  // it was answered: Request, Grant, Index of its entry
	lineRefused  = "refused"  // it was refused for good: Request
	lineSending  = "sending"  // a signature is about to be recorded: Grant
	lineRecorded = "recorded" // it was answered: Grant, Receipt
)

// line is one line of a ledger, in JSON.
type line struct {
	Kind    string        `json:"kind"`
	At      time.Time     `json:"at"`
	Request string        `json:"request,omitempty"`
	Grant   string        `json:"grant,omitempty"`
	Index   int64         `json:"index,omitempty"`
	Out     string        `json:"sha256_out,omitempty"` // of the signed file
	Receipt *wire.Receipt `json:"receipt,omitempty"`
}

// ledger is a file that only grows. What keep returns from is durable. Several that wait at
// the same time share one sync.
type ledger struct {
	file  *os.File
	lines chan part
	ended chan struct{}
}

type part struct {
	text []byte
	done chan error // nil: nobody waits
}

func openLedger(path string) (*ledger, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	l := &ledger{file: file, lines: make(chan part, 256), ended: make(chan struct{})}
	go l.write()
	return l, nil
}

func (l *ledger) write() {
	defer close(l.ended)
	for first := range l.lines {
		parts, text := []part{first}, first.text
	waiting:
		for len(parts) < 256 {
			select {
			case next, open := <-l.lines:
				if !open {
					break waiting
				}
				parts, text = append(parts, next), append(text, next.text...)
			default:
				break waiting
			}
		}
		_, err := l.file.Write(text)
		synced := false
		for _, p := range parts {
			if p.done == nil {
				continue
			}
			if err == nil && !synced {
				err, synced = l.file.Sync(), true
			}
			p.done <- err
		}
	}
}

// note writes lines before something is asked; that they are durable is not waited for.
func (l *ledger) note(lines ...line) error { return l.put(nil, lines) }

// keep writes lines and returns when they are durable.
func (l *ledger) keep(lines ...line) error {
	done := make(chan error, 1)
	if err := l.put(done, lines); err != nil {
		return err
	}
	return <-done
}

func (l *ledger) put(done chan error, lines []line) error {
	var text []byte
	now := time.Now().UTC()
	for _, each := range lines {
		each.At = now
		encoded, err := json.Marshal(each)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		text = append(append(text, encoded...), '\n')
	}
	l.lines <- part{text, done}
	return nil
}

// close ends the ledger. Nobody may write any more.
func (l *ledger) close() error {
	close(l.lines)
	<-l.ended
	return errors.Join(l.file.Sync(), l.file.Close())
}

// readLedger hands over each line of the file.
func readLedger(path string, each func(line) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<20)
	for n := 1; ; n++ {
		text, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(text) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("ledger line %d: %w", n, err)
		}
		var read line
		if err := json.Unmarshal(text, &read); err != nil {
			return fmt.Errorf("ledger line %d: %w", n, err)
		}
		if err := each(read); err != nil {
			return fmt.Errorf("ledger line %d: %w", n, err)
		}
	}
}
