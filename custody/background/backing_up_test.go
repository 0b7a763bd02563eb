package background_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sokyso/custody/background"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// TestBackingUp: each copy is a whole register, the oldest go, and files of others stay.
func TestBackingUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		folder := filepath.Join(t.TempDir(), "bản sao")
		job := background.New(background.Config{Store: r.Store, School: r.School.ID, Holder: "a", Now: r.Clock.Now})
		backup := job.BackingUp(background.Backups{Folder: folder, Every: 24 * time.Hour, Keep: 2})
		for day := range 4 {
			if day == 1 {
				if err := os.WriteFile(filepath.Join(folder, "sokyso-khac.backup"), []byte("x"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if done, err := backup.Run(t.Context()); err != nil || done != 1 {
				t.Fatalf("%d: %v", done, err)
			}
			r.Clock.Advance(24 * time.Hour)
		}
		var names []string
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		if want := []string{"sokyso-20261009-091500.backup", "sokyso-20261010-091500.backup", "sokyso-khac.backup"}; !slices.Equal(names, want) {
			t.Fatalf("the folder has %q, want %q", names, want)
		}
		file, err := os.Open(filepath.Join(folder, names[1]))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		url := storetest.Fresh(t, "sqlite")
		made, err := store.Restore(t.Context(), url, file, nil, nil)
		if err != nil || made.Origin != r.School.Origin {
			t.Errorf("restored %+v: %v", made, err)
		}

		// Where nothing can be written, the copies that are there stay.
		blocked := background.Backups{Folder: filepath.Join(folder, names[0], "x"), Every: time.Hour, Keep: 1}
		if _, err := job.BackingUp(blocked).Run(t.Context()); err == nil {
			t.Error("backed up into a file")
		}
	})
}
