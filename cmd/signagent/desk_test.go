//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestTwoAtOneDesk: two runs at the same time share a state folder. They take
// turns; each output and each entry is there once.
func TestTwoAtOneDesk(t *testing.T) {
	s := testSchool(t)
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			if out, err := s.signCommand("principal", "thong-bao.pdf").CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	wait.Wait()
	s.mustBeWhole(t, "principal", "thong-bao.signed.pdf", "thong-bao.signed (2).pdf", "thong-bao.signed (3).pdf")
}

// TestPINIsNowhere looks for the PIN, right and wrong, in everything the agent
// has written.
func TestPINIsNowhere(t *testing.T) {
	s := testSchool(t)
	if result, status := s.signFile(t, "principal", "thong-bao.pdf"); status != 0 {
		t.Fatalf("%+v", result)
	}
	wrong := filepath.Join(s.dir, "wrong")
	if err := os.WriteFile(wrong, []byte("97531864"), 0o600); err != nil {
		t.Fatal(err)
	}
	if result, _ := s.signFile(t, "principal", "hai.pdf", "--pin-file", wrong); result.Code != "wrong_pin" {
		t.Fatalf("%+v", result)
	}
	os.Remove(wrong)
	os.Remove(s.pin("principal"))
	looked := 0
	err := filepath.WalkDir(s.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		looked++
		for _, pin := range []string{testPIN, "97531864"} {
			if strings.Contains(string(content), pin) {
				t.Errorf("%s holds the PIN", path)
			}
		}
		return nil
	})
	if err != nil || looked < 10 {
		t.Errorf("%d files, %v", looked, err)
	}
}

// BenchmarkBatch signs files of one batch with a real token and a real service,
// each granted, signed, validated, journaled and recorded.
func BenchmarkBatch(b *testing.B) {
	templateOnce.Do(func() { templateValue, templateError = makeTemplate() })
	if templateError != nil {
		b.Fatal(templateError)
	}
	s, err := newSchool(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.close()
	pdf := simplePDF(1, "")
	args := []string{"sign", "--token", s.template.serials["principal"], "--pin-file", s.pin("principal"), "--kind", "TB", "--purpose", "x", "--json"}
	for n := range b.N {
		name := fmt.Sprintf("%05d.pdf", n)
		if err := os.WriteFile(filepath.Join(s.dir, name), pdf, 0o600); err != nil {
			b.Fatal(err)
		}
		args = append(args, name)
	}
	b.ResetTimer()
	if out, err := s.agent("principal", args...).Output(); err != nil {
		b.Fatalf("%v\n%.2000s", err, out)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "files/s")
}
