//go:build linux

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestTooLargeToSend: with a name for other systems the person is told that they
// take no file of that size; without one nobody has asked.
func TestTooLargeToSend(t *testing.T) {
	s := testSchool(t)
	writeLarge(t, filepath.Join(s.dir, "quét.pdf"), 51_000_000, 1<<20)
	for args, told := range map[string]bool{"": false, "--safe-names": true} {
		result, status := s.signFile(t, "principal", "quét.pdf", append(strings.Fields(args), "--standalone")...)
		if status != 0 || strings.Contains(result.Message, "nặng 51 MB") != told {
			t.Errorf("%q: status %d, %+v", args, status, result)
		}
	}
	if result, status := s.signFile(t, "principal", "hai.pdf", "--safe-names", "--standalone"); status != 0 || strings.Contains(result.Message, "MB") {
		t.Errorf("status %d, %+v", status, result)
	}
}
