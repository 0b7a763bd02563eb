//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sokyso/signer/token/softhsm"
)

// slowFilesVariable is how many files BenchmarkSlowToken signs in place of 30;
// 1000 takes five minutes.
const slowFilesVariable = "SOKYSO_BENCH_FILES"

// tokenTime is what a common token takes for a signature.
const tokenTime = 300 * time.Millisecond

// BenchmarkSlowToken signs a batch with the service and a token that takes 300 ms
// for each signature, from the start of the program to its end: how much longer
// than the token's own time it takes, and the most memory that the agent and its
// worker had together.
func BenchmarkSlowToken(b *testing.B) {
	count := 30
	if text := os.Getenv(slowFilesVariable); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
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
		var peak atomic.Int64
		ended := make(chan struct{})
		go watchMemory(cmd.Process.Pid, &peak, ended)
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
		b.ReportMetric(float64(peak.Load())/(1<<10), "peak-MiB")
		b.ReportMetric(0, "ns/op")
	}
}

// watchMemory notes the largest sum of what a process and its children had
// resident at once, in KiB.
func watchMemory(pid int, peak *atomic.Int64, ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
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
		if sum > peak.Load() {
			peak.Store(sum)
		}
	}
}

// resident is a process's resident memory in KiB, 0 when it has ended.
func resident(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err == nil {
				return kib
			}
		}
	}
	return 0
}
