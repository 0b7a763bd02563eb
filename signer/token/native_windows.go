package token

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// systemReason reads the loader's error by its number: its words are in the person's
// language. ERROR_MOD_NOT_FOUND does not say which DLL is missing: the file's own list
// does, as far as it is not needed by another one only.
func systemReason(path string, err error) (LoadReason, string) {
	switch {
	case errors.Is(err, windows.ERROR_MOD_NOT_FOUND):
		if filepath.Base(path) == path {
			return LoadNotFound, err.Error()
		}
		return LoadMissingDependency, strings.Join(missingImports(path, foundBy(path)), ", ")
	case errors.Is(err, windows.ERROR_PROC_NOT_FOUND): // the library is there, in another version
		return LoadMissingDependency, err.Error()
	case errors.Is(err, windows.ERROR_BAD_EXE_FORMAT): // one that it needs, since its own header was looked at
		return LoadWrongArchitecture, err.Error()
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return LoadNoPermission, err.Error()
	}
	return "", ""
}

// foundBy says whether the loader finds a DLL that the one at path needs.
func foundBy(path string) func(name string) bool {
	folders := []string{filepath.Dir(path)}
	if system, err := windows.GetSystemDirectory(); err == nil {
		folders = append(folders, system)
	}
	if root, err := windows.GetWindowsDirectory(); err == nil {
		folders = append(folders, root)
	}
	folders = append(folders, filepath.SplitList(os.Getenv("PATH"))...)
	return func(name string) bool {
		for _, folder := range folders {
			if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
				return true
			}
		}
		return false
	}
}
