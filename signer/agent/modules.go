package agent

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// moduleName is the file of the state folder that remembers the module used last.
const moduleName = "module"

// candidates are files that are PKCS#11 modules of tokens in use in Vietnam where
// they are installed, by system. They are tried by name only: what a module is
// shows when it is loaded, in the worker.
var candidates = map[string][]string{
	"linux": {
		"/usr/lib/bit4id/libbit4xpki.so",
		"/usr/lib/viettel-ca_v6.so",
		"/usr/lib/fptca_v4.so",
		"/usr/lib/libeTPkcs11.so",
		"/usr/lib/libeToken.so",
		"/usr/lib/libgclib.so",
		"/usr/lib/libcastle.so",
		"/usr/lib/libwdpkcs.so",
		"/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib64/pkcs11/libsofthsm2.so",
	},
	"darwin": {
		"/Library/bit4id/pkcs11/libbit4xpki.dylib",
		"/usr/local/lib/viettel-ca_v6.dylib",
		"/usr/local/lib/libeTPkcs11.dylib",
		"/usr/local/lib/libcastle.dylib",
		"/opt/homebrew/lib/softhsm/libsofthsm2.so",
	},
	"windows": {
		`C:\Windows\System32\bit4xpki.dll`,
		`C:\Windows\System32\eTPKCS11.dll`,
		`C:\Windows\System32\viettel-ca_v6.dll`,
		`C:\Windows\System32\vnptca_p11_v8.dll`,
		`C:\Windows\System32\fpt-ca_v5.dll`,
	},
}

// FindModule is the module to use: the one named, else the one used last, else
// the first candidate that is installed.
func FindModule(home, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	if content, err := readBounded(filepath.Join(home, moduleName), 4096); err == nil {
		if path := strings.TrimSpace(string(content)); path != "" {
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	for _, path := range candidates[runtime.GOOS] {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fail("module_missing", nil)
}

// rememberModule keeps a module that a signature was made with. That it can't be
// kept is no harm.
func rememberModule(home, module string) {
	absolute, err := filepath.Abs(module)
	if err != nil || strings.ContainsAny(absolute, "\r\n") {
		return
	}
	path := filepath.Join(home, moduleName)
	if content, err := readBounded(path, 4096); err == nil && strings.TrimSpace(string(content)) == absolute {
		return
	}
	_ = replaceFile(path, []byte(absolute+"\n"), 0o600)
}
