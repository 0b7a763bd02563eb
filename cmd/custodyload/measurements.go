//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"sokyso/httpapi/wire"
)

// measurements are those of a run. Times of requests that failed are not among them; how
// many failed, and how, is.
type measurements struct {
	pairs atomic.Int64 // signatures granted, recorded and in the ledger
	late  atomic.Int64 // signatures made while it was measured, since none was left

	mu     sync.Mutex
	times  map[string][]time.Duration
	errors map[string]int // by kind and code
}

func newMeasurements() *measurements {
	return &measurements{times: map[string][]time.Duration{}, errors: map[string]int{}}
}

func (m *measurements) add(kind string, took time.Duration, err error) {
	var problem *wire.Problem
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.times[kind] = append(m.times[kind], took)
	case errors.As(err, &problem) && problem.Status < 500 && problem.Status != 429: // refuse counts it
	default:
		m.errors[kind+": "+codeOf(err)]++
	}
}

func (m *measurements) refuse(kind string, problem *wire.Problem) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.errors[kind+": refused "+strconv.Itoa(problem.Status)+" "+problem.Code]++
}

// codeOf is the least by which a failure can be told from others.
func codeOf(err error) string {
	var problem *wire.Problem
	var unreachable *wire.UnreachableError
	var nonsense *wire.NonsenseError
	switch {
	case errors.As(err, &problem):
		return strconv.Itoa(problem.Status) + " " + problem.Code
	case errors.As(err, &unreachable):
		return "unreachable"
	case errors.As(err, &nonsense):
		return "nonsense: " + nonsense.Reason
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "no answer in time"
	}
	if text := err.Error(); len(text) < 40 {
		return text
	}
	return "unreachable"
}

// reset forgets what was measured while it got warm.
func (m *measurements) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.times, m.errors = map[string][]time.Duration{}, map[string]int{}
	m.pairs.Store(0)
	m.late.Store(0)
}

// table prints how long each kind of request took, and what failed.
func (m *measurements) table(w io.Writer, length time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\trequests\ta second\tp50 ms\tp99 ms\tlongest ms\t\n")
	for _, kind := range []string{kindGrant, kindRecord, kindGrants, kindRecords, kindPage} {
		times := slices.Sorted(slices.Values(m.times[kind]))
		if len(times) == 0 {
			continue
		}
		at := func(share float64) float64 {
			return float64(times[min(int(share*float64(len(times))), len(times)-1)].Microseconds()) / 1000
		}
		fmt.Fprintf(table, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t\n", kind, len(times), float64(len(times))/length.Seconds(), at(0.5), at(0.99), at(1))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(m.errors)) {
		fmt.Fprintf(w, "%8d × %s\n", m.errors[kind], kind)
	}
	return nil
}

// unexpected are failures that no fault explains: refusals, answers 500, nonsense.
func (m *measurements) unexpected(expected func(code string) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for code, n := range m.errors {
		if !expected(code) {
			errs = append(errs, fmt.Errorf("%d × %s", n, code))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("answers that nobody should get:\n%w", errors.Join(errs...))
}

// gate lets the agents through at a rate, as documents come to be signed; they come whether
// or not the ones before are done, so that a service too slow for the rate shows as waiting.
type gate struct {
	mu    sync.Mutex
	rate  float64 // signatures a second; 0 = no gate
	next  time.Time
	worst time.Duration // how far behind the rate the agents fell
}

func (g *gate) pass(stop context.Context, n int) bool {
	if g.rate <= 0 {
		return stop.Err() == nil
	}
	g.mu.Lock()
	if g.next.IsZero() {
		g.next = time.Now()
	}
	due := g.next
	g.next = due.Add(time.Duration(float64(n) / g.rate * float64(time.Second)))
	wait := time.Until(due)
	g.worst = max(g.worst, -wait)
	g.mu.Unlock()
	if wait <= 0 {
		return stop.Err() == nil
	}
	return sleep(stop, wait)
}
