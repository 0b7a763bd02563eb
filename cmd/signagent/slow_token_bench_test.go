//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sokyso/signer/token/softhsm"
)

// slowFilesVariable is how many files BenchmarkSlowToken signs in place of 30;
// 1000 takes five minutes.
const slowFilesVariable = "SOKYSO_BENCH_FILES"

// slowTokenVariable is how many milliseconds the token takes in place of
// commonTokenTime: memory is as telling with a quick one.
const slowTokenVariable = "SOKYSO_BENCH_TOKEN_MS"

// commonTokenTime is what a common token takes for a signature.
const commonTokenTime = 300 * time.Millisecond

// BenchmarkSlowToken signs a batch with the service and a token that takes 300 ms
// for each signature, from the start of the program to its end.
//
//	of-token-time    its time in terms of the token's own
//	peak-MiB         the most memory that the agent and its worker had together
//	late-over-early  the same in the last third of the time, in terms of the middle one's: 1 is flat
func BenchmarkSlowToken(b *testing.B) {
	count := 30
	if text := os.Getenv(slowFilesVariable); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	tokenTime := commonTokenTime
	if text := os.Getenv(slowTokenVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			b.Fatalf("%s: %q", slowTokenVariable, text)
		}
		tokenTime = time.Duration(n) * time.Millisecond
	}
	for b.Loop() {
		b.StopTimer()
		s := testSchool(b)
		module, err := softhsm.FindModule()
		if err != nil {
			b.Fatal(err)
		}
		fault, err := softhsm.NewFault(s.dir, module)
		if err != nil {
			b.Fatal(err)
		}
		if err := fault.Order(fmt.Sprintf("C_Sign delay %d", tokenTime.Milliseconds())); err != nil {
			b.Fatal(err)
		}
		args := s.batchFiles(b, count, "--module", fault.Module())
		b.StartTimer()
		cmd := s.agent("principal", args...)
		var out strings.Builder
		cmd.Stdout = &out
		began := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		ended, memory := make(chan struct{}), make(chan []int64, 1)
		go func() { memory <- watchMemory(cmd.Process.Pid, ended) }()
		err = cmd.Wait()
		took := time.Since(began)
		close(ended)
		if err != nil {
			b.Fatalf("%v: %s", err, out.String())
		}
		var answer struct{ Files []signedFile }
		if err := json.Unmarshal([]byte(out.String()), &answer); err != nil || len(answer.Files) != count {
			b.Fatalf("%v: %d files", err, len(answer.Files))
		}
		for _, file := range answer.Files {
			if file.Status != "signed" || file.EntryIndex == nil {
				b.Fatalf("%+v", file)
			}
		}
		b.ReportMetric(float64(took)/float64(time.Duration(count)*tokenTime), "of-token-time")
		had := <-memory
		if len(had) < 3 {
			b.Fatalf("memory was seen %d times", len(had))
		}
		third := len(had) / 3
		b.ReportMetric(float64(slices.Max(had))/(1<<10), "peak-MiB")
		b.ReportMetric(float64(slices.Max(had[2*third:]))/float64(slices.Max(had[third:2*third])), "late-over-early")
		b.ReportMetric(0, "ns/op")
	}
}

// watchMemory notes again and again what a process and its children have resident
// together, in KiB, until it has ended.
func watchMemory(pid int, ended <-chan struct{}) (had []int64) {
	for {
		select {
		case <-ended:
			return had
		case <-time.After(50 * time.Millisecond):
		}
		sum := resident(pid)
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		if err != nil {
			continue
		}
		seen := map[string]bool{}
		for _, thread := range threads {
			children, err := os.ReadFile(thread)
			if err != nil {
				continue
			}
			for _, child := range strings.Fields(string(children)) {
				if number, err := strconv.Atoi(child); err == nil && !seen[child] {
					seen[child] = true
					sum += resident(number)
				}
			}
		}
		if sum > 0 {
			had = append(had, sum)
		}
	}
}

// resident is a process's resident memory in KiB, 0 when it has ended; of a page
// that several share (the two are one program) each has its part.
func resident(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err == nil {
				return kib
			}
		}
	}
	return 0
}
