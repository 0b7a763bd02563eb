package agent

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestVerifyRemembersWhatItSaw: the checkpoint is kept for the next time, but not past
// an agent that is signing: that one keeps its own, and the two must not write at once.
func TestVerifyRemembersWhatItSaw(t *testing.T) {
	log := newTestLog(t)
	log.grow(3)
	home := t.TempDir()
	pairing := Pairing{URL: "http://127.0.0.1:1", APIKey: "key", School: "Trường Mầm non Hoa Sen", LogKey: log.key, PairedAt: time.Now()}
	if err := pairing.write(home); err != nil {
		t.Fatal(err)
	}
	r, err := OpenRegister(home, NewCatalogue(Vietnamese))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(t.Context()); err != nil { // nothing was asked
		t.Fatal(err)
	}
	seen := log.checkpoint(3)
	if err := r.witness.seeHead(t.Context(), seen); err != nil {
		t.Fatal(err)
	}
	r.last = seen
	kept := filepath.Join(home, checkpointName)
	lock, err := lockHome(t.Context(), home, time.Second, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Errorf("while another agent signs: %v", err)
	}
	if _, err := os.Stat(kept); !os.IsNotExist(err) {
		t.Errorf("written beside another agent: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(kept); err != nil || !bytes.Equal(content, seen) {
		t.Errorf("kept %q, %v", content, err)
	}
	if r, err := OpenRegister(t.TempDir(), NewCatalogue(Vietnamese)); r != nil || err != nil {
		t.Errorf("not paired: %v, %v", r, err)
	}
	if r, err := OpenRegister("", NewCatalogue(Vietnamese)); r != nil || err != nil {
		t.Errorf("no state folder: %v, %v", r, err)
	}
}
