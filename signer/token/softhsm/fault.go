package softhsm

import (
	_ "embed" // the C source of the module
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed fault/fault.c
var faultSource []byte

// Fault is a PKCS#11 module around SoftHSM that fails on order, for what SoftHSM
// never does: lock a PIN, ask for a PIN at each signature, lose the token, hang,
// crash. It needs a C compiler (cc) and Linux.
//
// Orders are lines of a control file that the module reads at each call, so they
// work across processes:
//
//	C_Sign return 0x32          answer with this CK_RV instead of making the call
//	C_Sign after 3 return 0x32  the same, but let the process's first 3 calls pass
//	C_Sign at 3 return 0x32     the same, at the third call only
//	C_Sign alternate 0x32       the same, at every second call
//	C_Sign delay 300            wait so many milliseconds first
//	C_Sign hang                 never come back, asleep
//	C_Sign spin                 never come back, busy
//	C_Sign crash                write to a bad address
//	C_Sign exit 3               end the process
//	C_Sign eat                  take memory until there is no more
//	C_Sign garbage              answer CKR_OK with lengths and bytes that can't be
//	C_Sign print 100000         print what looks like an answer, and so many bytes more
//	C_Sign print-error 100000   the same, to standard error
//	C_Sign fork                 leave a child behind that keeps the descriptors
//	call at 7 crash             the same for the process's seventh call, whatever it is
//	pin-tries 3                 lock after so many wrong PINs, with the flags for it
//	pin-lies 5                  never show those flags, and refuse PINs with this CK_RV
//	pin-pad 123456 654321       have a PIN pad, and type this on it; the second as a new PIN
//	pin-to-be-changed           the PIN is still the factory's
//	no-token, no-reader         show slots without tokens, or no slots
//	serial 00c0ffee             hold other tokens now: all have this serial
//	always-authenticate         want a PIN for every signature
//	signature-length 100000     lie about the length of a signature
//
// The calls that take orders are those of listing, login, finding, signing and
// changing the PIN; "C_Login context" is the login for a single signature.
type Fault struct {
	module, control string
}

// NewFault builds the module in dir around the module at path (Store.Module).
func NewFault(dir, path string) (*Fault, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("build fault module: %w", err)
	}
	f := &Fault{module: filepath.Join(dir, "fault.so"), control: filepath.Join(dir, "fault.control")}
	source := filepath.Join(dir, "fault.c")
	if err := os.WriteFile(source, faultSource, 0o600); err != nil {
		return nil, fmt.Errorf("build fault module: %w", err)
	}
	compile := exec.Command("cc", "-std=gnu17", "-shared", "-fPIC", "-O1", "-w", "-o", f.module,
		fmt.Sprintf("-DMODULE=%q", path), source, "-ldl")
	if out, err := compile.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build fault module: %w\n%s", err, out)
	}
	return f, nil
}

// Clone copies the module and a Store's tokens into dir. What is ordered, called or
// typed there has nothing to do with the original: several can be used at once.
func (f *Fault) Clone(dir string, store *Store) (*Fault, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("copy fault module: %w", err)
	}
	copied := &Fault{module: filepath.Join(dir, "fault.so"), control: filepath.Join(dir, "fault.control")}
	binary, err := os.ReadFile(f.module)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(copied.module, binary, 0o700)
	}
	if err == nil {
		err = os.CopyFS(filepath.Join(dir, tokenFolder), os.DirFS(filepath.Join(store.dir, tokenFolder)))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "fault.conf"), settings(dir), 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("copy fault module: %w", err)
	}
	return copied, nil
}

// Module is the path of the module.
func (f *Fault) Module() string { return f.module }

// Order replaces all orders by these; none at all heals the module, but for the
// count of wrong PINs, which only a right one resets.
func (f *Fault) Order(lines ...string) error {
	next := f.control + ".new" // replaced at once: the module may be reading
	if err := os.WriteFile(next, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("order fault: %w", err)
	}
	return os.Rename(next, f.control)
}

// Calls counts the calls made to the module since the last Forget, by any
// process, by name: "C_Login", "C_Sign" ...
func (f *Fault) Calls() (map[string]int, error) {
	sequence, err := f.Sequence()
	if err != nil {
		return nil, err
	}
	calls := map[string]int{}
	for _, name := range sequence {
		calls[name]++
	}
	return calls, nil
}

// Sequence lists the calls since the last Forget in their order.
func (f *Fault) Sequence() ([]string, error) {
	text, err := os.ReadFile(f.control + ".calls")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read calls: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		names = append(names, strings.TrimSuffix(line, "\n"))
	}
	return names, nil
}

// Forget starts the count of calls again.
func (f *Fault) Forget() error {
	err := os.Remove(f.control + ".calls")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
