package pdf

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the hand-made vectors to testdata/pdf")

const vectorDir = "../../testdata/pdf"

// TestVectors opens every file in testdata/pdf and compares it with its line in expectations.txt.
func TestVectors(t *testing.T) {
	want := readExpectations(t)
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.pdf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			expected, ok := want[name]
			if !ok {
				t.Fatalf("no line in expectations.txt")
			}
			delete(want, name)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(b); got != expected {
				t.Errorf("got  %s\nwant %s", got, expected)
			}
		})
	}
	for name := range want {
		t.Errorf("%s is in expectations.txt but not there", name)
	}
}

// readExpectations reads lines "name | expected | what it is".
func readExpectations(t *testing.T) map[string]string {
	b, err := os.ReadFile(filepath.Join(vectorDir, "expectations.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		part := strings.Split(line, "|")
		if len(part) != 3 {
			t.Fatalf("expectations.txt: %q", line)
		}
		want[strings.TrimSpace(part[0])] = strings.TrimSpace(part[1])
	}
	return want
}

// describe says what the reader makes of a file, in one line.
func describe(b []byte) string {
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return "error: " + KindOf(err).String()
	}
	count, err := f.PageCount()
	if err != nil {
		return "pages: " + err.Error()
	}
	read := 0
	for p, err := range f.Pages() {
		if err != nil {
			return "page: " + err.Error()
		}
		read++
		if q, err := f.Page(read); err != nil || q.Ref != p.Ref {
			return fmt.Sprintf("page %d: %v %v %v", read, q.Ref, p.Ref, err)
		}
	}
	if read != count {
		return fmt.Sprintf("pages: %d counted, %d read", count, read)
	}
	fields, err := f.Fields()
	if err != nil {
		return "fields: " + err.Error()
	}
	s := fmt.Sprintf("%s pages %d", f.Version(), count)
	if len(fields) > 0 {
		s += fmt.Sprintf(" fields %d", len(fields))
	}
	for _, r := range f.Revisions() {
		s += " " + r.Kind.String()
	}
	if e, ok := f.Encryption(); ok {
		s += " encrypted " + e.Method
		if !e.Owner && !e.Modify && !e.Annotate && !e.Fill {
			s += " restricted"
		}
	}
	if _, found, err := f.Misplaced(context.Background(), 0); err != nil {
		return "misplaced: " + err.Error()
	} else if found {
		s += " misplaced"
	}
	if _, ok := f.Rebuilt(); ok && f.revisions[0].Kind != XRefRebuilt {
		s += " repaired"
	}
	return s
}

// TestDraftsAreCurrent holds that the committed hand-made vectors are what the code below makes.
func TestDraftsAreCurrent(t *testing.T) {
	for name, b := range drafts() {
		path := filepath.Join(vectorDir, name)
		if *update {
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, b) {
			t.Errorf("%s differs: go test -run TestDraftsAreCurrent -update", name)
		}
	}
}
