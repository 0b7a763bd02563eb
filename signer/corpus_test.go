package signer_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"sokyso/signer"
)

// corpusVariable names a folder of other people's PDF files. They can't be committed, so that the test runs where
// somebody has such a folder:
//
//	SOKYSO_TEST_CORPUS=/path/to/pdfs go test -run TestCorpus -timeout 3h -v ./signer
const corpusVariable = "SOKYSO_TEST_CORPUS"

// corpusTime is what signing one file may take.
const corpusTime = 5 * time.Second

var errSlow = fmt.Errorf("takes more than %v", corpusTime)

// corpusResult is what became of one file.
type corpusResult struct {
	name   string
	opens  bool // poppler shows page 1
	err    error
	faults map[string]string
}

// outcome is one word for the table.
func (r corpusResult) outcome() string {
	switch {
	case errors.Is(r.err, errPanic):
		return "panic"
	case errors.Is(r.err, errSlow):
		return "slow"
	case r.err != nil:
		return signer.CodeOf(r.err)
	case len(r.faults) > 0:
		return "rejected"
	}
	return "accepted"
}

// TestCorpus signs each file, has it judged as TestPeer does, and signs it twice more: all signatures must hold. Of
// the files that open in a viewer 99 of 100 must be accepted; files that no password opens and those whose
// certification forbids signatures are not counted.
func TestCorpus(t *testing.T) {
	root := os.Getenv(corpusVariable)
	if root == "" {
		t.Skipf("%s names no folder", corpusVariable)
	}
	w := newWorld(t)
	dir := t.TempDir()
	var mu sync.Mutex
	var results []corpusResult
	t.Run("files", func(t *testing.T) {
		for i, name := range corpusFiles(t, root) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := corpusFile(t, w, filepath.Join(root, name), filepath.Join(dir, fmt.Sprint(i)))
				r.name = name
				mu.Lock()
				defer mu.Unlock()
				results = append(results, r)
			})
		}
	})
	slices.SortFunc(results, func(a, b corpusResult) int { return strings.Compare(a.name, b.name) })
	t.Logf("each file that was not accepted\n%s", corpusList(results))
	t.Logf("by source\n%s", corpusTable(results))
	counted, accepted := 0, 0
	for _, r := range results {
		switch r.outcome() {
		case "panic", "slow":
			t.Errorf("%s: %v", r.name, r.err)
		case signer.CodePasswordNeeded, signer.CodeEncryptedForRecipients, signer.CodeEncryptionUnsupported, signer.CodeSigningForbidden:
			continue
		}
		if r.opens {
			counted++
		}
		if r.opens && r.outcome() == "accepted" {
			accepted++
		}
	}
	if 100*accepted < 99*counted {
		t.Errorf("%d of %d files accepted", accepted, counted)
	}
}

func corpusFiles(t *testing.T, root string) []string {
	var names []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.EqualFold(filepath.Ext(path), ".pdf") {
			return err
		}
		name, err := filepath.Rel(root, path)
		names = append(names, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// corpusFile signs and judges. temp begins the names of the files that are made.
func corpusFile(t *testing.T, w *world, path, temp string) corpusResult {
	in, out := temp+"-in.pdf", temp+"-out.pdf"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, in, b)
	defer func() {
		left, _ := filepath.Glob(temp + "-*")
		for _, name := range left {
			_ = os.Remove(name)
		}
	}()
	said := claim{"Trần Thị Hòa", "Ký duyệt (lần 1)"}
	r := corpusResult{err: corpusSign(in, out, w.seal, said)}
	if r.err != nil {
		if _, err := os.Lstat(out); err == nil {
			t.Errorf("there is an output, though the file was refused")
		}
		r.opens = picture(t, in) != nil
		return r
	}
	before := look(t, w, in)
	r.opens = before.page != nil
	r.faults = judge(t, w, filepath.Base(path), in, out, before, said)
	if fault := signTwiceMore(t, w, out, temp, len(before.signatures)); fault != "" && r.faults[colEarlier] == "" {
		r.faults[colEarlier] = fault
	}
	return r
}

func corpusSign(in, out string, who identity, said claim) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- fmt.Errorf("%w: %v", errPanic, r)
			}
		}()
		done <- ourSign(in, out, who, said)
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(corpusTime):
		return errSlow
	}
}

// signTwiceMore answers what is wrong with the signatures after a second and a third of ours.
func signTwiceMore(t *testing.T, w *world, signed, temp string, before int) string {
	valid := validSignatures(t, w, signed)
	for i, who := range []identity{w.principal, w.deputy} {
		out := fmt.Sprintf("%s-%d.pdf", temp, i)
		if err := corpusSign(signed, out, who, claim{"Nguyễn Văn Nghĩa", "Lần nữa"}); err != nil {
			return fmt.Sprintf("signature %d of ours: %v", i+2, err)
		}
		now := validSignatures(t, w, out)
		if len(now) != len(valid)+1 {
			return fmt.Sprintf("signature %d of ours: %d valid signatures became %d", i+2, len(valid), len(now))
		}
		for ranges := range valid {
			if !now[ranges] {
				return fmt.Sprintf("signature %d of ours: the one over %s is no longer valid", i+2, ranges)
			}
		}
		signed, valid = out, now
	}
	return ""
}

// validSignatures asks pdfsig for the ranges of the signatures that hold.
func validSignatures(t *testing.T, w *world, path string) map[string]bool {
	valid := map[string]bool{}
	for ranges, s := range pdfsig(t, w, path) {
		if s.valid {
			valid[ranges] = true
		}
	}
	return valid
}

// corpusList is one line for each file that was refused or rejected.
func corpusList(results []corpusResult) string {
	var b strings.Builder
	for _, r := range results {
		if r.outcome() == "accepted" {
			continue
		}
		fmt.Fprintf(&b, "%s\topens %t\t%s", r.name, r.opens, r.outcome())
		if r.err != nil {
			fmt.Fprintf(&b, "\t%s", firstLine(r.err.Error()))
		}
		for _, column := range columns {
			if fault := r.faults[column]; fault != "" {
				fmt.Fprintf(&b, "\t%s: %.200s", column, firstLine(fault))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// corpusTable counts the outcomes by first folder.
func corpusTable(results []corpusResult) string {
	count := map[string]map[string]int{}
	outcomes := map[string]bool{}
	for _, r := range results {
		source, _, _ := strings.Cut(filepath.ToSlash(r.name), "/")
		for _, source := range []string{source, "~all"} {
			if count[source] == nil {
				count[source] = map[string]int{}
			}
			c := count[source]
			c["files"]++
			if r.opens {
				c["opens"]++
				c[r.outcome()]++
			} else {
				c["not open: "+r.outcome()]++
				outcomes["not open: "+r.outcome()] = true
				continue
			}
			outcomes[r.outcome()] = true
		}
	}
	heads := append([]string{"files", "opens"}, slices.Sorted(maps.Keys(outcomes))...)
	var b bytes.Buffer
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "source\t%s\n", strings.Join(heads, "\t"))
	for _, source := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprint(tw, source)
		for _, head := range heads {
			fmt.Fprintf(tw, "\t%d", count[source][head])
		}
		fmt.Fprintln(tw)
	}
	_ = tw.Flush()
	return b.String()
}
