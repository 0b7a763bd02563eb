package preview_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sokyso/signer/preview"
)

// TestMemoryOfALongScan: a scan of 300 pages that is leafed through does not fill the child's memory.
func TestMemoryOfALongScan(t *testing.T) {
	long := filepath.Join(t.TempDir(), "scan.pdf")
	args := []string{"--empty", "--pages"}
	for range 75 {
		args = append(args, sample("quy-che-scan.pdf").Path)
	}
	if out, err := exec.Command("qpdf", append(args, "--", long)...).CombinedOutput(); err != nil {
		t.Fatalf("qpdf: %v\n%s", err, out)
	}
	v := newViewer(t)
	file := preview.File{Path: long}
	if count, err := v.Pages(t.Context(), file); err != nil || count != 300 {
		t.Fatalf("%d pages, %v", count, err)
	}
	step := 10
	if testing.Short() {
		step = 50
	}
	for page := 1; page <= 300; page += step {
		if _, _, err := v.Picture(t.Context(), file, page, 900); err != nil {
			t.Fatal(err)
		}
	}
	if peak := peakOfChildren(t); peak > 200<<10 {
		t.Errorf("the child took %d KiB", peak)
	} else {
		t.Logf("the child took at most %d KiB", peak)
	}
}

// peakOfChildren is the most resident memory of a child process of this one, in KiB.
func peakOfChildren(t *testing.T) int {
	t.Helper()
	most := 0
	children, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range children {
		list, err := os.ReadFile(path)
		if err != nil {
			continue // a thread that has ended
		}
		for _, pid := range strings.Fields(string(list)) {
			status, err := os.ReadFile("/proc/" + pid + "/status")
			if err != nil {
				continue
			}
			for _, line := range strings.Split(string(status), "\n") {
				if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
					if kib, err := strconv.Atoi(strings.Fields(value)[0]); err == nil {
						most = max(most, kib)
					}
				}
			}
		}
	}
	if most == 0 {
		t.Fatal("no child is seen")
	}
	return most
}
