package agent

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	journalFolder = "journal"
	journalName   = "journal"
	// compactAbove is the size from which settled jobs are dropped at the next start.
	compactAbove = 256 << 10
	// maxJournal bounds what is read: some 50,000 signatures that never reached the service.
	maxJournal = 256 << 20
	// rememberRecovered is how long a recovered job waits for its command to be given again.
	rememberRecovered = 30 * 24 * time.Hour
)

// journal is the durable list of jobs. Whoever has it open holds the lock of the
// state folder. Entries are in the file before the step that follows them is taken.
type journal struct {
	path string
	file *os.File

	mu     sync.Mutex // held while the fields below are read or changed
	end    int64      // of the last good entry
	jobs   map[string]*job
	order  []*job          // as they began
	kept   map[string]bool // batches that are not finished: their jobs stay
	broken error           // set when the file could not be brought back to a known end: nothing more is written
}

// job is the state of one signature, from its entries.
type job struct {
	ID        string
	Step      step
	At        time.Time // of the latest entry
	Intent    intent
	Signature finishedRecord
	Output    string // valid from stepSigned on
	Index     *int64
	Recovered bool
	Reason    string

	// What only this process knows.
	staged  bool     // it has written the temporary file
	placed  bool     // it has seen the bytes under their final name
	missing bool     // it has found them neither there nor in the temporary file
	notes   []string // of package signer, for the person who asked for it
	receipt string   // where it has stored the receipt, or found it
}

// openJournal reads the journal of a state folder, making one if there is none,
// and cuts off a torn tail.
func openJournal(home string, now time.Time) (*journal, error) {
	j := &journal{path: filepath.Join(home, journalFolder, journalName)}
	var err error
	if j.kept, err = batchIDs(home); err != nil {
		return nil, err
	}
	if err := j.load(); err != nil {
		return nil, err
	}
	if j.end > compactAbove {
		if err := j.compact(now); err != nil {
			j.close()
			return nil, err
		}
	}
	return j, nil
}

func (j *journal) load() error {
	content, err := readBounded(j.path, maxJournal)
	if errors.Is(err, os.ErrNotExist) || (err == nil && len(content) == 0) {
		content = []byte(journalHeader)
		err = replaceFile(j.path, content, 0o600)
	}
	if err != nil {
		return fail("home_unusable", fmt.Errorf("journal: %w", err), "folder", filepath.Dir(j.path))
	}
	j.jobs, j.order = make(map[string]*job), nil
	entries, end, err := parseJournal(content)
	if err != nil {
		return fail("journal_damaged", err, "file", j.path)
	}
	for i, entry := range entries {
		if err := j.apply(entry); err != nil {
			return fail("journal_damaged", fmt.Errorf("entry %d: %w", i+1, err), "file", j.path)
		}
	}
	file, err := os.OpenFile(j.path, os.O_RDWR, 0)
	if err != nil {
		return fail("home_unusable", fmt.Errorf("open journal: %w", err), "folder", filepath.Dir(j.path))
	}
	j.file, j.end = file, end
	if end < int64(len(content)) {
		if err := j.cut(); err != nil {
			file.Close()
			return fail("home_unusable", fmt.Errorf("cut the journal's torn tail: %w", err), "folder", filepath.Dir(j.path))
		}
	}
	return nil
}

// parseJournal returns the entries up to the first line that can't be read and
// where they end. Bad bytes at the end are a torn tail; a bad line that good ones
// follow is damage, since appending can't leave that.
func parseJournal(content []byte) ([]journalEntry, int64, error) {
	rest, ok := bytes.CutPrefix(content, []byte(journalHeader))
	if !ok {
		return nil, 0, fmt.Errorf("it does not start with %q", journalHeader[:len(journalHeader)-1])
	}
	var entries []journalEntry
	end := len(journalHeader)
	var bad error
	for position := end; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		var entry journalEntry
		err := errors.New("line without an end")
		if whole {
			entry, err = parseEntry(line)
		}
		position += len(line) + 1
		rest = after
		switch {
		case err != nil && bad == nil:
			bad = fmt.Errorf("byte %d: %w", end, err)
		case err == nil && bad != nil:
			return nil, 0, fmt.Errorf("a damaged line stands before good ones: %w", bad)
		case err == nil:
			entries = append(entries, entry)
			end = position
		}
	}
	return entries, int64(end), nil
}

// apply takes an entry into the state.
func (j *journal) apply(entry journalEntry) error {
	current := j.jobs[entry.Job]
	if current == nil {
		current = &job{ID: entry.Job}
	}
	if !slices.Contains(follows[current.Step], entry.Step) {
		return fmt.Errorf("job %s: step %q after %q", entry.Job, entry.Step, current.Step)
	}
	switch entry.Step {
	case stepAsked, stepIntent:
		if entry.Intent == nil || entry.Job == "" {
			return errors.New("intent without its facts")
		}
		current.Intent, current.Output = *entry.Intent, entry.Intent.Output
		if current.Step == "" {
			j.jobs[entry.Job] = current
			j.order = append(j.order, current)
		}
	case stepSigned:
		if entry.Signature == nil {
			return errors.New("signature without its facts")
		}
		current.Signature = *entry.Signature
	case stepCommitted:
		if entry.Output != "" {
			current.Output = entry.Output
		}
	case stepDone:
		current.Index = entry.Index
	case stepAbandoned:
		current.Reason = entry.Reason
	}
	current.Step, current.At = entry.Step, entry.At
	current.Recovered = current.Recovered || entry.Recovered
	return nil
}

// append makes entries durable, all with one fsync, then takes them into the
// state. After an error the file ends where it did before.
func (j *journal) append(entries ...journalEntry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return j.broken
	}
	var lines []byte
	for _, entry := range entries {
		line, err := entry.marshal()
		if err != nil {
			return err
		}
		lines = append(lines, line...)
	}
	_, err := j.file.WriteAt(lines, j.end)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		if cut := j.cut(); cut != nil {
			j.broken = fmt.Errorf("journal is in an unknown state: %w", errors.Join(err, cut))
			return j.broken
		}
		return fmt.Errorf("append to journal: %w", err)
	}
	for _, entry := range entries {
		if err := j.apply(entry); err != nil {
			// A step out of turn is a mistake of this program; what was written must
			// not make the journal unreadable for the next start.
			j.broken = errors.Join(err, j.cut())
			return j.broken
		}
	}
	j.end += int64(len(lines))
	return nil
}

// job is the job with that ID.
func (j *journal) job(id string) *job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.jobs[id]
}

// list is all jobs, as they began.
func (j *journal) list() []*job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.order)
}

// failure is why nothing more can be written, nil when it can.
func (j *journal) failure() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.broken
}

// cut makes the file end at j.end, durably.
func (j *journal) cut() error {
	if err := j.file.Truncate(j.end); err != nil {
		return err
	}
	return j.file.Sync()
}

// unsettled are the jobs that a start has to look after, oldest first.
func (j *journal) unsettled() []*job {
	var jobs []*job
	for _, job := range j.order {
		switch job.Step {
		case stepAsked, stepIntent, stepSigned, stepCommitted:
			jobs = append(jobs, job)
		}
	}
	return jobs
}

// remembered says whether a settled job is still of use: it was finished by a
// later start, and its command may be given again.
func (j *job) remembered(now time.Time) bool {
	return j.Step == stepDone && j.Recovered && now.Sub(j.At) < rememberRecovered
}

// compact writes the journal anew without the jobs that are settled.
func (j *journal) compact(now time.Time) error {
	content := []byte(journalHeader)
	for _, job := range j.order {
		settled := job.Step == stepSeen || (job.Step == stepDone && !job.remembered(now))
		if job.Step == stepAbandoned || settled && !j.kept[job.Intent.Batch] {
			continue
		}
		for _, entry := range job.entries() {
			line, err := entry.marshal()
			if err != nil {
				return err
			}
			content = append(content, line...)
		}
	}
	j.close() // Windows replaces no file that is open
	if err := replaceFile(j.path, content, 0o600); err != nil {
		return fail("home_unusable", fmt.Errorf("shorten journal: %w", err), "folder", filepath.Dir(j.path))
	}
	return j.load()
}

// entries are the fewest entries that lead to the job's state.
func (j *job) entries() []journalEntry {
	entry := func(step step) journalEntry {
		return journalEntry{Job: j.ID, Step: step, At: j.At}
	}
	begin := entry(stepIntent)
	begin.Intent = &j.Intent
	if j.Step == stepAsked {
		begin.Step = stepAsked
	}
	entries := []journalEntry{begin}
	if j.Step == begin.Step {
		return entries
	}
	signed := entry(stepSigned)
	signed.Signature = &j.Signature
	entries = append(entries, signed)
	if j.Step == stepSigned {
		return entries
	}
	committed := entry(stepCommitted)
	committed.Output, committed.Recovered = j.Output, j.Recovered
	entries = append(entries, committed)
	if j.Step == stepCommitted {
		return entries
	}
	done := entry(stepDone)
	done.Index, done.Recovered = j.Index, j.Recovered
	entries = append(entries, done)
	if j.Step == stepSeen {
		entries = append(entries, entry(stepSeen))
	}
	return entries
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}

// peekJournal reads the journal without lock or change; it can't be written to.
func peekJournal(home string) (*journal, error) {
	path := filepath.Join(home, journalFolder, journalName)
	j := &journal{path: path, jobs: make(map[string]*job)}
	content, err := readBounded(path, maxJournal)
	if errors.Is(err, os.ErrNotExist) || (err == nil && len(content) == 0) {
		return j, nil
	}
	if err != nil {
		return nil, fail("home_unusable", err, "folder", home)
	}
	entries, _, err := parseJournal(content)
	if err != nil {
		return nil, fail("journal_damaged", err, "file", path)
	}
	for _, entry := range entries {
		if err := j.apply(entry); err != nil {
			return nil, fail("journal_damaged", err, "file", path)
		}
	}
	return j, nil
}
