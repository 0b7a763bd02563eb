package token

import (
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// openLibrary loads the DLL by its wide name (the ANSI call fails without a word
// on letters outside the code page), with its own folder first for its
// dependencies, and finds its C_GetFunctionList.
func openLibrary(path string) (unsafe.Pointer, error) {
	var flags uintptr
	if filepath.IsAbs(path) {
		flags = windows.LOAD_WITH_ALTERED_SEARCH_PATH
	}
	handle, err := windows.LoadLibraryEx(path, 0, flags)
	if err != nil {
		return nil, err
	}
	entry, err := windows.GetProcAddress(handle, "C_GetFunctionList")
	if err != nil {
		windows.FreeLibrary(handle)
		return nil, errNoEntry
	}
	return *(*unsafe.Pointer)(unsafe.Pointer(&entry)), nil
}

// libraryName is what the same library is opened by a second time: a DLL that is
// loaded is found by its base name, which the ANSI call can take.
func libraryName(path string) string { return filepath.Base(path) }
