// Package softhsm makes SoftHSM 2 tokens with keys and certificates, wholly from
// Go through PKCS#11. It is for tests and for the demo: a SoftHSM token is a
// folder of files and protects nothing.
//
//	store, err := softhsm.New(t.TempDir())
//	created, err := store.Create(softhsm.Spec{Label: "Hoa Sen", PIN: "123456"}, issue)
//	module, err := token.Load(store.Module())
//
// A Store is one token folder with its own softhsm2.conf. New makes this process
// use it (SOFTHSM2_CONF); another process gets it with Env. SoftHSM rewrites the
// folder at every login, and a process that starts at that moment may miss a
// token, so packages do not share a Store.
//
// SoftHSM reads its settings and finds its tokens only when it is initialised.
// Create therefore initialises the module again, also for a token.Module that is
// held open in this process, and fails with token.ErrBusy while a token.Token is
// open. With two Stores in one process the later New wins; Use changes it back.
//
// A Store is safe for concurrent use.
package softhsm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"sokyso/signer/token"
)

// modulePaths is where distributions put the module; SOFTHSM2_MODULE comes first.
var modulePaths = []string{
	"/usr/lib/softhsm/libsofthsm2.so",                   // Debian, Ubuntu
	"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",  // Debian, the real place
	"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so", //
	"/usr/lib64/pkcs11/libsofthsm2.so",                  // Fedora
	"/usr/lib/pkcs11/libsofthsm2.so",                    // Arch
	"/usr/local/lib/softhsm/libsofthsm2.so",             // built from source
	"/opt/homebrew/lib/softhsm/libsofthsm2.so",          // macOS
}

// ErrNotInstalled: no SoftHSM 2 module on this machine.
var ErrNotInstalled = errors.New("SoftHSM 2 is not installed (Debian: apt-get install softhsm2)")

// FindModule is the path of the SoftHSM module: $SOFTHSM2_MODULE, else the usual places.
func FindModule() (string, error) {
	if path := os.Getenv("SOFTHSM2_MODULE"); path != "" {
		return path, nil
	}
	for _, path := range modulePaths {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", ErrNotInstalled
}

// Store is one SoftHSM token folder.
type Store struct {
	dir, module string
}

// creating is held while tokens are made: the settings belong to the process.
var creating sync.Mutex

// New makes a token folder below dir, which is created if need be, or takes the
// one that is there, and makes this process use it.
func New(dir string) (*Store, error) {
	module, err := FindModule()
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("make token folder: %w", err)
	}
	s := &Store{dir: dir, module: module}
	if err := os.MkdirAll(filepath.Join(dir, tokenFolder), 0o700); err != nil {
		return nil, fmt.Errorf("make token folder: %w", err)
	}
	if err := os.WriteFile(s.conf(), settings(dir), 0o600); err != nil {
		return nil, fmt.Errorf("write softhsm2.conf: %w", err)
	}
	return s, s.Use()
}

// tokenFolder holds the tokens, in a Store's folder.
const tokenFolder = "tokens"

// settings are softhsm2.conf for the tokens in dir.
func settings(dir string) []byte {
	return fmt.Appendf(nil, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
		filepath.Join(dir, tokenFolder))
}

func (s *Store) conf() string { return filepath.Join(s.dir, "softhsm2.conf") }

// Dir is the folder that holds softhsm2.conf and the tokens.
func (s *Store) Dir() string { return s.dir }

// Module is the path of the SoftHSM module.
func (s *Store) Module() string { return s.module }

// Env is what another process needs in its environment to see these tokens.
func (s *Store) Env() []string { return []string{"SOFTHSM2_CONF=" + s.conf()} }

// Use makes this process see this Store's tokens. It fails with token.ErrBusy
// while a token is open in this process.
func (s *Store) Use() error {
	creating.Lock()
	defer creating.Unlock()
	return s.use(func(*token.Module) error { return nil })
}

// use runs f with the module freshly initialised on this Store.
func (s *Store) use(f func(*token.Module) error) error {
	// With cgo, Setenv changes the C library's environment too, where SoftHSM looks.
	if err := os.Setenv("SOFTHSM2_CONF", s.conf()); err != nil {
		return fmt.Errorf("set SOFTHSM2_CONF: %w", err)
	}
	module, err := token.Load(s.module)
	if err != nil {
		return err
	}
	if err := module.Reinitialize(); err != nil { // somebody else may have held it loaded
		return errors.Join(err, module.Close())
	}
	return errors.Join(f(module), module.Close())
}
