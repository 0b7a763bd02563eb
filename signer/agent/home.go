package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sokyso/signer"
	"sokyso/signer/validation"
)

// HomeVariable names the environment variable that moves the state folder.
const HomeVariable = "SOKYSO_HOME"

// Home is the folder of the agent's state: $SOKYSO_HOME, else the folder sokyso
// in the user's configuration folder.
func Home() (string, error) {
	if home := os.Getenv(HomeVariable); home != "" {
		return filepath.Abs(home)
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", fail("home_unusable", err, "folder", "~/.config/sokyso")
	}
	return filepath.Join(config, "sokyso"), nil
}

// fetchedSize is how much is kept of what checking signatures fetched, in bytes.
const fetchedSize = 64 << 20

// FetchedIn keeps what checking signatures fetched in the state folder; nowhere
// when there is none.
func FetchedIn(home string) *validation.Disk {
	if home == "" {
		return nil
	}
	return validation.NewDisk(filepath.Join(home, "fetched"), fetchedSize)
}

// makeHome creates the state folder and takes other people's rights from it.
func makeHome(home string) error {
	if home == "" {
		return fail("home_unusable", errors.New("no state folder given"), "folder", "")
	}
	if err := makeFolder(filepath.Join(home, journalFolder)); err != nil {
		return fail("home_unusable", err, "folder", home)
	}
	for _, folder := range []string{home, filepath.Join(home, journalFolder)} {
		info, err := os.Stat(folder)
		if err != nil {
			return fail("home_unusable", fmt.Errorf("look at state folder: %w", err), "folder", home)
		}
		if info.Mode().Perm()&0o077 == 0 {
			continue
		}
		if err := os.Chmod(folder, 0o700); err != nil {
			return fail("home_unusable", fmt.Errorf("close state folder to others: %w", err), "folder", home)
		}
	}
	return nil
}

// makeFolder makes a folder and those above it, for good: a journal is worth
// nothing in a folder that a power cut takes away.
func makeFolder(folder string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	parent := filepath.Dir(folder)
	if parent != folder {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make state folder: %w", err)
	}
	return signer.SyncFolder(parent)
}
