package agent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sokyso/httpapi/wire"
)

const (
	historyName = "history.jsonl"
	// maxHistory bounds what is read back: the newest part of the file, in bytes.
	maxHistory = 16 << 20
)

// HistoryEntry is a file that was signed on this computer. What the file and its
// receipt are worth shows when they are verified; this is a list to find them by.
type HistoryEntry struct {
	At        time.Time          `json:"at"`
	Input     string             `json:"input"`
	Output    string             `json:"output"`
	SHA256Out string             `json:"sha256_out"`
	Index     *int64             `json:"entry_index"`
	Act       string             `json:"act"`
	Capacity  string             `json:"capacity,omitempty"`
	Document  wire.DocumentFacts `json:"document"`
}

// keepHistory adds what a batch has signed. It is a convenience: a line that is
// lost in a power cut is no loss, so it is not forced to the disk.
func keepHistory(home string, now time.Time, batch *Batch, results []Result) error {
	var lines bytes.Buffer
	for i, result := range results {
		if result.Status != StatusSigned || i >= len(batch.Jobs) {
			continue
		}
		job := batch.Jobs[i]
		line, err := json.Marshal(HistoryEntry{At: now.UTC(), Input: job.Input, Output: absolute(result.Output), SHA256Out: result.SHA256Out,
			Index: result.EntryIndex, Act: job.Act, Capacity: job.Capacity, Document: job.Document})
		if err != nil {
			return fmt.Errorf("history: %w", err)
		}
		lines.Write(line)
		lines.WriteByte('\n')
	}
	if lines.Len() == 0 {
		return nil
	}
	file, err := os.OpenFile(filepath.Join(home, historyName), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	_, err = file.Write(lines.Bytes()) // one write: lines of two programs do not mix
	return errors.Join(err, file.Close())
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// ReadHistory reads what was signed on this computer, the newest first. A line
// that can't be read, as a power cut leaves it, is passed over.
func ReadHistory(home string) ([]HistoryEntry, error) {
	file, err := os.Open(filepath.Join(home, historyName))
	if errors.Is(err, os.ErrNotExist) {
		return []HistoryEntry{}, nil
	}
	if err != nil {
		return nil, fail("home_unusable", fmt.Errorf("history: %w", err), "folder", home)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fail("home_unusable", fmt.Errorf("history: %w", err), "folder", home)
	}
	if info.Size() > maxHistory {
		if _, err := file.Seek(-maxHistory, 2); err != nil {
			return nil, fail("home_unusable", fmt.Errorf("history: %w", err), "folder", home)
		}
	}
	entries := []HistoryEntry{}
	type output struct{ path, sum string }
	known := map[output]bool{} // a file that an interrupted run had signed is told of by the next one too
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var entry HistoryEntry
		if json.Unmarshal(scanner.Bytes(), &entry) == nil && entry.Output != "" && !known[output{entry.Output, entry.SHA256Out}] {
			known[output{entry.Output, entry.SHA256Out}] = true
			entries = append(entries, entry)
		}
	}
	slices.Reverse(entries)
	return entries, scanner.Err()
}

// CountPending counts the signatures that the journal has not settled, without
// lock or change.
func CountPending(home string) (int, error) {
	j, err := peekJournal(home)
	if err != nil {
		return 0, err
	}
	return len(j.unsettled()), nil
}
