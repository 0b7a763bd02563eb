package agent

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 10, 7, 12, 0, 0, 0, time.UTC)

func testJournal(t interface {
	Fatal(args ...any)
	Helper()
}, home string) *journal {
	t.Helper()
	if err := makeHome(home); err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(home, noon)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func entryOf(job string, step step) journalEntry {
	e := journalEntry{Job: job, Step: step, At: noon}
	switch step {
	case stepAsked, stepIntent:
		e.Intent = &intent{Input: "/a.pdf", Output: "/a.signed.pdf", Wanted: "/a.signed.pdf", Temp: "/t"}
	case stepSigned:
		e.Signature = &finishedRecord{CMS: []byte{1, 2, 3}, SHA256Out: strings.Repeat("0", 64), SignedAt: noon}
	case stepCommitted:
		e.Output = "/a.signed (2).pdf"
	}
	return e
}

func mustAppend(t *testing.T, j *journal, entries ...journalEntry) {
	t.Helper()
	for _, entry := range entries {
		if err := j.append(entry); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJournalRemembers(t *testing.T) {
	home := t.TempDir()
	j := testJournal(t, home)
	mustAppend(t, j, entryOf("one", stepIntent), entryOf("two", stepIntent), entryOf("one", stepSigned), entryOf("one", stepCommitted))
	j.close()
	j = testJournal(t, home)
	defer j.close()
	jobs := j.unsettled()
	if len(jobs) != 2 || jobs[0].Step != stepCommitted || jobs[0].Output != "/a.signed (2).pdf" || jobs[1].Step != stepIntent {
		t.Fatalf("%+v", jobs)
	}
	if !bytes.Equal(jobs[0].Signature.CMS, []byte{1, 2, 3}) || !jobs[0].Signature.SignedAt.Equal(noon) {
		t.Errorf("%+v", jobs[0].Signature)
	}
}

// TestJournalSurvivesAnyTornTail cuts a journal at every byte, and also puts
// rubbish behind the cut, as a power cut may leave it.
func TestJournalSurvivesAnyTornTail(t *testing.T) {
	home := t.TempDir()
	j := testJournal(t, home)
	var ends []int64
	for _, step := range []step{stepIntent, stepSigned, stepCommitted, stepDone} {
		ends = append(ends, j.end)
		mustAppend(t, j, entryOf("one", step))
	}
	ends = append(ends, j.end)
	j.close()
	whole, err := os.ReadFile(j.path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := ends[0]; cut <= int64(len(whole)); cut++ {
		for _, rubbish := range []string{"", strings.Repeat("\x00", 50), "\xff\xfe{\"job"} {
			if err := os.WriteFile(j.path, append(slices.Clone(whole[:cut]), rubbish...), 0o600); err != nil {
				t.Fatal(err)
			}
			again := testJournal(t, home)
			kept := 0
			for kept+1 < len(ends) && ends[kept+1] <= cut {
				kept++
			}
			if again.end != ends[kept] {
				t.Fatalf("cut at %d: ends at %d instead of %d", cut, again.end, ends[kept])
			}
			again.close()
			if content, _ := os.ReadFile(j.path); !bytes.Equal(content, whole[:ends[kept]]) {
				t.Fatalf("cut at %d: the file keeps a torn tail", cut)
			}
		}
	}
}

func TestDamagedJournalIsNotPassedOver(t *testing.T) {
	home := t.TempDir()
	j := testJournal(t, home)
	mustAppend(t, j, entryOf("one", stepIntent))
	middle := j.end
	mustAppend(t, j, entryOf("one", stepSigned), entryOf("one", stepCommitted))
	j.close()
	whole, err := os.ReadFile(j.path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"a bit in the middle": func(b []byte) []byte { b[middle+20] ^= 1; return b },
		"a line is gone": func(b []byte) []byte {
			return append(b[:middle], b[middle+1+int64(bytes.IndexByte(b[middle:], '\n')):]...)
		},
		"header of another":    func(b []byte) []byte { return append([]byte("sokyso agent journal 2\n"), b[len(journalHeader):]...) },
		"not a journal at all": func([]byte) []byte { return []byte("%PDF-1.7\n") },
	} {
		if err := os.WriteFile(j.path, damage(slices.Clone(whole)), 0o600); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(j.path)
		_, err := openJournal(home, noon)
		var failure *Error
		if !errors.As(err, &failure) || failure.Code != "journal_damaged" {
			t.Errorf("%s: %v", name, err)
		}
		if after, _ := os.ReadFile(j.path); !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestJournalKeepsTheOrderOfSteps(t *testing.T) {
	j := testJournal(t, t.TempDir())
	defer j.close()
	mustAppend(t, j, entryOf("one", stepIntent))
	end := j.end
	if err := j.append(entryOf("one", stepDone)); err == nil {
		t.Fatal("done after intent was taken")
	}
	if info, err := os.Stat(j.path); err != nil || info.Size() != end {
		t.Errorf("the refused entry is in the file: %v, %v", info.Size(), err)
	}
}

// TestFailedAppendLeavesNothing makes the disk full for the journal alone.
func TestFailedAppendLeavesNothing(t *testing.T) {
	j := testJournal(t, t.TempDir())
	defer j.close()
	mustAppend(t, j, entryOf("one", stepIntent))
	end, working := j.end, j.file
	readOnly, err := os.Open(j.path)
	if err != nil {
		t.Fatal(err)
	}
	j.file = readOnly // every write fails, and so does bringing the file back
	if err := j.append(entryOf("one", stepSigned)); err == nil {
		t.Fatal("written to a file open for reading")
	}
	if j.broken == nil {
		t.Error("the journal goes on in an unknown state")
	}
	readOnly.Close()
	j.file = working
	if err := j.append(entryOf("one", stepSigned)); err == nil {
		t.Error("a broken journal was written to")
	}
	if j.end != end || j.jobs["one"].Step != stepIntent {
		t.Error("the failed entry was taken into the state")
	}
}

func TestCompactKeepsWhatMatters(t *testing.T) {
	home := t.TempDir()
	j := testJournal(t, home)
	finish := func(job string, recovered bool, at time.Time) {
		entries := []journalEntry{entryOf(job, stepIntent), entryOf(job, stepSigned), entryOf(job, stepCommitted), entryOf(job, stepDone)}
		entries[3].Recovered, entries[3].At = recovered, at
		index := int64(7)
		entries[3].Index = &index
		mustAppend(t, j, entries...)
	}
	finish("plain", false, noon)
	finish("recovered", true, noon)
	finish("long ago", true, noon.Add(-40*24*time.Hour))
	mustAppend(t, j, entryOf("given up", stepIntent), entryOf("given up", stepAbandoned), entryOf("open", stepIntent), entryOf("open", stepSigned))
	before := j.end
	if err := j.compact(noon); err != nil {
		t.Fatal(err)
	}
	defer j.close()
	var kept []string
	for _, job := range j.order {
		kept = append(kept, job.ID)
	}
	if !slices.Equal(kept, []string{"recovered", "open"}) {
		t.Errorf("kept %v", kept)
	}
	recovered := j.jobs["recovered"]
	if recovered.Step != stepDone || !recovered.Recovered || recovered.Index == nil || *recovered.Index != 7 || recovered.Output != "/a.signed (2).pdf" {
		t.Errorf("%+v", recovered)
	}
	if j.end >= before {
		t.Error("it has not become shorter")
	}
	mustAppend(t, j, entryOf("open", stepCommitted))
}

// TestJournalProperty: whatever is appended is read back, in any order that the
// steps allow.
func TestJournalProperty(t *testing.T) {
	root := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		home := filepath.Join(root, fmt.Sprint(run))
		j := testJournal(t, home)
		state := map[string]step{}
		for range rapid.IntRange(0, 12).Draw(t, "entries") {
			job := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "job")
			next := follows[state[job]]
			if len(next) == 0 {
				continue
			}
			state[job] = rapid.SampledFrom(next).Draw(t, "step")
			if err := j.append(entryOf(job, state[job])); err != nil {
				t.Fatal(err)
			}
		}
		j.close()
		j = testJournal(t, home)
		if rapid.Bool().Draw(t, "compact") {
			if err := j.compact(noon); err != nil {
				t.Fatal(err)
			}
		}
		defer j.close()
		for job, step := range state {
			got := j.jobs[job]
			settled := step == stepDone || step == stepAbandoned || step == stepSeen
			if got == nil && settled {
				continue // compacted away
			}
			if got == nil || got.Step != step {
				t.Fatalf("job %s: %+v instead of step %s", job, got, step)
			}
		}
	})
}

func FuzzParseJournal(f *testing.F) {
	line, _ := entryOf("one", stepIntent).marshal()
	f.Add([]byte(journalHeader))
	f.Add(append([]byte(journalHeader), line...))
	f.Add(append(append([]byte(journalHeader), line...), line[:10]...))
	f.Fuzz(func(t *testing.T, content []byte) {
		entries, end, err := parseJournal(content)
		if err != nil {
			return
		}
		again, endAgain, err := parseJournal(content[:end])
		if err != nil || end != endAgain || len(again) != len(entries) {
			t.Fatalf("the part that was read reads otherwise alone: %d/%d entries, %v", len(again), len(entries), err)
		}
	})
}
