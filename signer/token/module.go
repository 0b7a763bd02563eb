package token

import (
	"errors"
	"path/filepath"
	"sync"

	"github.com/miekg/pkcs11"
)

// library is one PKCS#11 module in this process. C_Initialize belongs to the
// process, so all Modules of one path share one library.
type library struct {
	path    string
	context *pkcs11.Ctx
	native  native

	// mu is read-locked by calls that need the module initialised and no token
	// of theirs open, locked by whoever initialises or finalises it.
	mu sync.RWMutex
	// refs counts the Modules that are not closed; guarded by registry.mu.
	refs int
	// foreign: somebody else in this process had initialised it, so it is not
	// ours to finalise. Guarded by mu.
	foreign bool

	// tokens guards the two below.
	tokens sync.Mutex
	open   int          // Tokens that are open
	logins map[uint]int // by slot: Tokens that are logged in; the login is the process's
}

var registry = struct {
	mu        sync.Mutex
	libraries map[string]*library
}{libraries: map[string]*library{}}

// Module is a PKCS#11 module that is loaded and initialised. It is safe for
// concurrent use.
type Module struct {
	library *library

	mu     sync.Mutex
	closed bool
	tokens map[*Token]struct{}
}

// Load loads and initialises the module at path. In one process a module is
// loaded once: a second Load of the same file shares it, and the last Close
// finalises it. The error is a *LoadError.
func Load(path string) (*Module, error) {
	if err := inspectPath(path); err != nil {
		return nil, err
	}
	key := path
	if filepath.Base(path) != path {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			key = real
		}
		if absolute, err := filepath.Abs(key); err == nil {
			key = absolute
		}
	}

	registry.mu.Lock()
	defer registry.mu.Unlock()
	lib := registry.libraries[key]
	if lib == nil {
		entry, err := openLibrary(key)
		if err != nil {
			return nil, explainLoader(path, err)
		}
		functions, err := newNative(entry)
		if err != nil {
			return nil, explainLoader(path, err)
		}
		context := pkcs11.New(libraryName(key))
		if context == nil {
			return nil, &LoadError{Path: path, Reason: LoadOther}
		}
		lib = &library{path: path, context: context, native: functions, logins: map[uint]int{}}
		registry.libraries[key] = lib
	}
	if lib.refs == 0 {
		if err := lib.initialize(); err != nil {
			return nil, explainInitialize(path, err)
		}
	}
	lib.refs++
	return &Module{library: lib, tokens: map[*Token]struct{}{}}, nil
}

func (l *library) initialize() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.context.Initialize()
	l.foreign = errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED))
	if l.foreign {
		return nil
	}
	return err
}

// finalize must be called with mu held.
func (l *library) finalize() error {
	if l.foreign {
		return nil
	}
	return l.context.Finalize()
}

// Path is the path that the module was first loaded by.
func (m *Module) Path() string { return m.library.path }

// Close closes the tokens that this Module opened. The last Close of a module's
// path finalises it; the library stays mapped. A second Close does nothing.
func (m *Module) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	open := m.tokens
	m.tokens = nil
	m.mu.Unlock()

	var failures []error
	for t := range open {
		failures = append(failures, t.Close())
	}
	registry.mu.Lock()
	defer registry.mu.Unlock()
	m.library.refs--
	if m.library.refs == 0 {
		m.library.mu.Lock()
		defer m.library.mu.Unlock()
		failures = append(failures, fail("finalize module", m.library.finalize()))
	}
	return errors.Join(failures...)
}

func (m *Module) check(op string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return &Error{Op: op, Kind: ErrClosed}
	}
	return nil
}

// Reinitialize finalises and initialises the module again, which is how some
// modules (SoftHSM) come to see new tokens and new settings. It refuses with
// ErrBusy while a token of this module is open anywhere in the process.
func (m *Module) Reinitialize() error {
	if err := m.check("initialize module again"); err != nil {
		return err
	}
	l := m.library
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tokens.Lock()
	open := l.open
	l.tokens.Unlock()
	if open > 0 || l.foreign {
		return &Error{Op: "initialize module again", Kind: ErrBusy}
	}
	if err := l.finalize(); err != nil {
		return fail("finalize module", err)
	}
	if err := l.context.Initialize(); err != nil {
		return explainInitialize(l.path, err)
	}
	return nil
}

// Direct runs f with the module's PKCS#11 context, which stays initialised that
// long. It is for the few that make tokens or measure them; f must close what
// sessions it opens.
func (m *Module) Direct(f func(*pkcs11.Ctx) error) error {
	if err := m.check("use module"); err != nil {
		return err
	}
	m.library.mu.RLock()
	defer m.library.mu.RUnlock()
	return f(m.library.context)
}
