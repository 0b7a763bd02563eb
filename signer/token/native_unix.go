//go:build unix

package token

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"runtime"
	"unsafe"
)

// openLibrary loads the shared library and finds its C_GetFunctionList. The
// error is the loader's own sentence. The library stays loaded: threads of
// PC/SC and of vendor modules do not survive being unloaded.
func openLibrary(path string) (unsafe.Pointer, error) {
	// dlerror tells of the calling thread only: dlopen must be on the same one.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	handle := C.dlopen(name, C.RTLD_NOW|C.RTLD_LOCAL)
	if handle == nil {
		return nil, errors.New(C.GoString(C.dlerror()))
	}
	symbol := C.CString("C_GetFunctionList")
	defer C.free(unsafe.Pointer(symbol))
	entry := C.dlsym(handle, symbol)
	if entry == nil {
		C.dlclose(handle)
		return nil, errNoEntry
	}
	return entry, nil
}

// libraryName is what the same library is opened by a second time.
func libraryName(path string) string { return path }

// systemReason: the loader's sentence says it all here.
func systemReason(string, error) (LoadReason, string) { return "", "" }
