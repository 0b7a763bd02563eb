package agent

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// moduleName is the file of the state folder that remembers the module used last.
const moduleName = "module"

// Where a candidate comes from.
const (
	sourceNamed      = "named"      // by the person
	sourceRemembered = "remembered" // it signed last
	sourceKnown      = "known"      // a file of a maker of tokens in use in Vietnam
	sourceP11Kit     = "p11-kit"    // the system's own list
)

// candidate is a file that may be a PKCS#11 module. What it is shows when it is
// loaded, in a worker; a name says nothing.
type candidate struct{ path, source string }

// modulePlaces says, by system, in which folders modules are installed, and under
// which names: first those of the government's own certification authority, then
// those of chip vendors and public ones. ${...} is taken from the environment.
var modulePlaces = map[string]struct{ folders, names []string }{
	"linux": {
		[]string{"/usr/lib/bit4id", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
			"/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/usr/lib64/pkcs11", "/usr/lib/pkcs11"},
		[]string{"libbit4xpki.so", "libeTPkcs11.so", "libeToken.so", "libIDPrimePKCS11.so", "libgclib.so", "libcastle.so", "libwdpkcs.so",
			"viettel-ca_v6.so", "fptca_v4.so", "opensc-pkcs11.so", "libsofthsm2.so"},
	},
	"darwin": {
		[]string{"/Library/bit4id/pkcs11", "/usr/local/lib", "/Library/OpenSC/lib", "/opt/homebrew/lib/softhsm",
			"/Applications/Viettel-CA Token Manager V6.0.app/Contents/MacOS", "/usr/local/lib/softhsm"},
		[]string{"libbit4xpki.dylib", "libeTPkcs11.dylib", "libcastle.dylib", "eps2003csp11.dylib", "viettel-ca_v6.dylib",
			"opensc-pkcs11.so", "libsofthsm2.so"},
	},
	"windows": {
		[]string{`${SystemRoot}\System32`, `${SystemRoot}\SysWOW64`, `${ProgramFiles}\Bkav Corporation\BkavCA Token Manager`,
			`${ProgramFiles(x86)}\Bkav Corporation\BkavCA Token Manager`, `${ProgramFiles}\OpenSC Project\OpenSC\pkcs11`},
		[]string{"bit4xpki.dll", "eTPKCS11.dll", "IDPrimePKCS1164.dll", "gclib.dll", "eps2003csp11.dll", "ShuttleCsp11_3003.dll",
			"ngp11v211.dll", "WDPKCS.dll", "aetpkss1.dll",
			"viettel-ca_v6.dll", "viettel-ca_v5.dll", "viettel-ca_v4.dll", "viettel-ca_v3.dll", "viettel-ca_v2.dll", "viettel-ca_v1.dll", "viettel-ca.dll",
			"vnptca_p11_v10.dll", "vnptca_p11_v9.dll", "vnptca_p11_v8.dll", "vnptca_p11_v7.dll", "vnptca_p11_v6.dll",
			"vnpt-ca_csp11.dll", "vnpt-ca_v34.dll", "vnpt-ca_cl_v1.dll", "fpt-ca_v5.dll", "fpt-ca_v4.dll", "fptca_v3.dll", "fpt-ca.dll",
			"BkavCA.dll", "BkavCAv2S.dll", "bkavcaetoken_p11.dll", "st3csp11.dll", "ncca_csp11_v1.dll", "CA2_csp11.dll", "CA2_v34.dll",
			"ca2_ace_csp11.dll", "newca_v4.dll", "nca_v4.dll", "easyca_csp11_v1.dll", "misaca_csp11_v2.dll", "efy-ca_v1.dll", "fca_v1.dll",
			"vina-ca_v5.dll", "vina-ca_v3.dll", "vina-ca_v1.dll", "safe-ca_v2.dll", "safe-ca_v1.dll", "CKCA.dll", "opensc-pkcs11.dll"},
	},
}

// candidatesFor lists the files to try: the named one alone; else the one used
// last, those that are known, and those of p11-kit. Each file is there once.
func candidatesFor(home, named string) []candidate {
	if named != "" {
		return []candidate{{named, sourceNamed}}
	}
	var all []candidate
	if path := remembered(home); path != "" {
		all = append(all, candidate{path, sourceRemembered})
	}
	places := modulePlaces[runtime.GOOS]
	for _, name := range places.names {
		for _, folder := range places.folders {
			all = append(all, candidate{filepath.Join(os.Expand(folder, os.Getenv), name), sourceKnown})
		}
	}
	if runtime.GOOS == "linux" {
		for _, path := range systemP11Kit().modules() {
			all = append(all, candidate{path, sourceP11Kit})
		}
	}
	return installed(all)
}

// installed leaves out what is not there, and files that are there under several
// names, links among them.
func installed(all []candidate) []candidate {
	var kept []candidate
	var files []os.FileInfo
	for _, c := range all {
		info, err := os.Stat(c.path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if slices.ContainsFunc(files, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
			continue
		}
		kept, files = append(kept, c), append(files, info)
	}
	return kept
}

// FindModule is the module to use where only one can be: the one named, else the one
// used last, else the first candidate that is installed.
func FindModule(home, named string) (string, error) {
	if all := candidatesFor(home, named); len(all) > 0 {
		return all[0].path, nil
	}
	return "", fail("module_missing", nil)
}

// remembered is the module used last, "" when there is none.
func remembered(home string) string {
	content, err := readBounded(filepath.Join(home, moduleName), 4096)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

// rememberModule keeps a module that a signature was made with. That it can't be
// kept is no harm.
func rememberModule(home, module string) {
	absolute, err := filepath.Abs(module)
	if err != nil || strings.ContainsAny(absolute, "\r\n") || remembered(home) == absolute {
		return
	}
	_ = replaceFile(filepath.Join(home, moduleName), []byte(absolute+"\n"), 0o600)
}
