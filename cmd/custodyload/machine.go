//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// tick is the unit of processor times under /proc on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// processTimes reads from /proc/PID/stat: its own time, that of children it has waited for,
// and its parent.
func processTimes(pid int) (own, waited time.Duration, parent int, err error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, 0, err
	}
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	if len(fields) < 15 {
		return 0, 0, 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	number := func(i int) time.Duration {
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		return time.Duration(n)
	}
	return (number(11) + number(12)) * tick, (number(13) + number(14)) * tick, int(number(1)), nil
}

// treeTime is the time of a process with its children, living and ended.
func treeTime(root int) (time.Duration, error) {
	total, waited, _, err := processTimes(root)
	if err != nil {
		return 0, err
	}
	total += waited
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if own, _, parent, err := processTimes(pid); err == nil && parent == root {
			total += own
		}
	}
	return total, nil
}

// machineTime is what all processors have worked since the machine began.
func machineTime() (time.Duration, error) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(content), "\n")
	fields := strings.Fields(first)
	var total int64
	for i, field := range fields[1:] {
		if i == 3 || i == 4 || i > 7 { // idle and waiting; guests count as user
			continue
		}
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return time.Duration(total) * tick, nil
}

// syncTimes writes 8 KiB and syncs it, 200 times, and returns median and 99th percentile.
func syncTimes(folder string) (median, worst time.Duration, err error) {
	file, err := os.Create(filepath.Join(folder, "sync-probe"))
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	block := bytes.Repeat([]byte{'x'}, 8<<10)
	var times []time.Duration
	for range 200 {
		began := time.Now()
		if _, err := file.Write(block); err != nil {
			return 0, 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, 0, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times[100], times[198], nil
}

// insertRate is how many rows of a kilobyte a second one connection commits, each by itself.
func insertRate(ctx context.Context, url string) (float64, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS load_probe (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, content bytea NOT NULL)"); err != nil {
		return 0, err
	}
	content := bytes.Repeat([]byte{'x'}, 1<<10)
	n, began := 0, time.Now()
	for time.Since(began) < 2*time.Second {
		if _, err := conn.Exec(ctx, "INSERT INTO load_probe (content) VALUES ($1)", content); err != nil {
			return 0, err
		}
		n++
	}
	took := time.Since(began)
	_, err = conn.Exec(ctx, "DROP TABLE load_probe")
	return float64(n) / took.Seconds(), err
}
