package worker

import (
	"os"
	"path/filepath"
	"slices"

	"sokyso/signer/token"
)

// Program32 is the program that serves 32-bit modules on 64-bit Windows. It lies in
// the same folder as the one that starts it; it is cmd/tokenworker, built for 386.
const Program32 = "tokenworker32.exe"

// programFor is the program that can load the module: own, but for a 32-bit DLL on
// 64-bit Windows, where vendors often install no other. Without Program32 it is own
// all the same, whose answer names the two architectures.
func programFor(own, module, system, architecture string) string {
	if system != "windows" || architecture != "amd64" || !slices.Contains(token.Architectures(module), "386") {
		return own
	}
	beside := filepath.Join(filepath.Dir(own), Program32)
	if info, err := os.Stat(beside); err != nil || !info.Mode().IsRegular() {
		return own
	}
	return beside
}
