package forms_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"sokyso/custody/forms"
)

var pin = flag.Bool("pin", false, "write the sums of the papers as they come out now: for a new version only")

const pinned = "testdata/version1.txt"

// TestVersion1StaysTheSame: papers that were issued must come out the same for good.
// If this fails, the words, the layout, the writer of PDFs or the compressor has
// changed: give the changed templates a new version and keep version 1 as it was.
func TestVersion1StaysTheSame(t *testing.T) {
	var now bytes.Buffer
	all := samples()
	report := *all[forms.PeriodReport].(*forms.Report)
	withDetails := pdf(t, &report)
	report.More = nil // as they were first issued
	all[forms.PeriodReport] = &report
	for _, rule := range forms.Rules {
		fmt.Fprintf(&now, "%s %x\n", rule.Kind, sha256.Sum256(pdf(t, all[rule.Kind])))
	}
	fmt.Fprintf(&now, "%s with details %x\n", forms.PeriodReport, sha256.Sum256(withDetails))
	if *pin {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(pinned, now.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(pinned)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(&now)
	for _, line := range strings.Split(strings.TrimSpace(string(want)), "\n") {
		if !lines.Scan() || lines.Text() != line {
			t.Errorf("%q is now %q", line, lines.Text())
		}
	}
}
