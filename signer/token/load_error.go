package token

import (
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"
)

// LoadReason says why a module can't be used.
type LoadReason string

const (
	LoadNotFound          LoadReason = "not_found"
	LoadIsFolder          LoadReason = "is_folder"
	LoadNoPermission      LoadReason = "no_permission"
	LoadNotLibrary        LoadReason = "not_library"        // not a shared library of this system
	LoadWrongArchitecture LoadReason = "wrong_architecture" // e.g. 32-bit module, 64-bit program
	LoadMissingDependency LoadReason = "missing_dependency" // a library that it needs is not there
	LoadNotPKCS11         LoadReason = "not_pkcs11"         // no C_GetFunctionList
	LoadInitialize        LoadReason = "initialize"         // C_Initialize fails
	LoadOther             LoadReason = "other"
)

var loadReasons = []LoadReason{LoadNotFound, LoadIsFolder, LoadNoPermission, LoadNotLibrary,
	LoadWrongArchitecture, LoadMissingDependency, LoadNotPKCS11, LoadInitialize, LoadOther}

func (r LoadReason) code() string { return "module_" + string(r) }

var errNoEntry = errors.New("no C_GetFunctionList")

// LoadError is a module that can't be used, with the exact reason.
type LoadError struct {
	Path   string
	Reason LoadReason
	// Detail: the two architectures, the library that is missing, or the
	// loader's own sentence.
	Detail string
	Err    error
}

func (e *LoadError) Error() string {
	text := map[LoadReason]string{
		LoadNotFound:          "file not found",
		LoadIsFolder:          "is a folder",
		LoadNoPermission:      "no permission to read it",
		LoadNotLibrary:        "not a shared library",
		LoadWrongArchitecture: "built for another architecture",
		LoadMissingDependency: "a library that it needs is missing",
		LoadNotPKCS11:         "not a PKCS#11 module",
		LoadInitialize:        "can't be initialised",
	}[e.Reason]
	if text == "" {
		text = "can't be loaded"
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return fmt.Sprintf("load module %s: %s", e.Path, text)
}

func (e *LoadError) Unwrap() error { return e.Err }

// inspectPath finds what is wrong with the file before the loader sees it. A
// name without a folder is left to the loader's search path.
func inspectPath(path string) error {
	if !strings.ContainsAny(path, `/\`) {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &LoadError{Path: path, Reason: LoadNoPermission, Err: err}
	case err != nil:
		return &LoadError{Path: path, Reason: LoadNotFound, Err: err}
	case info.IsDir():
		return &LoadError{Path: path, Reason: LoadIsFolder}
	case !info.Mode().IsRegular():
		return &LoadError{Path: path, Reason: LoadNotLibrary, Detail: "not a regular file"}
	}
	file, err := os.Open(path)
	if err != nil {
		return &LoadError{Path: path, Reason: LoadNoPermission, Err: err}
	}
	defer file.Close()
	kind, architectures := architecturesOf(file)
	wanted := map[string]string{"windows": "PE", "darwin": "Mach-O"}[runtime.GOOS]
	if wanted == "" {
		wanted = "ELF"
	}
	switch {
	case kind == "":
		return &LoadError{Path: path, Reason: LoadNotLibrary}
	case kind != wanted:
		return &LoadError{Path: path, Reason: LoadNotLibrary, Detail: fmt.Sprintf("it is a %s file, this system loads %s", kind, wanted)}
	}
	for _, architecture := range architectures {
		if architecture == runtime.GOARCH {
			return nil
		}
	}
	return &LoadError{Path: path, Reason: LoadWrongArchitecture,
		Detail: fmt.Sprintf("the module is %s, this program is %s", strings.Join(architectures, ", "), runtime.GOARCH)}
}

// Architectures is what a shared library is built for, in Go's words ("386",
// "amd64"), as its header says; none when it is no library or can't be read.
func Architectures(path string) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	_, architectures := architecturesOf(file)
	return architectures
}

// architecturesOf reads the header: the kind of file ("ELF", "PE", "Mach-O", ""
// when it is none of these) and its architectures in Go's words.
func architecturesOf(file *os.File) (string, []string) {
	if f, err := elf.NewFile(file); err == nil {
		names := map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_386: "386", elf.EM_AARCH64: "arm64", elf.EM_ARM: "arm",
			elf.EM_RISCV: "riscv64", elf.EM_S390: "s390x", elf.EM_PPC64: "ppc64le", elf.EM_LOONGARCH: "loong64"}
		name, known := names[f.Machine]
		if !known {
			name = f.Machine.String()
		}
		return "ELF", []string{name}
	}
	if f, err := pe.NewFile(file); err == nil {
		names := map[uint16]string{pe.IMAGE_FILE_MACHINE_AMD64: "amd64", pe.IMAGE_FILE_MACHINE_I386: "386", pe.IMAGE_FILE_MACHINE_ARM64: "arm64"}
		name, known := names[f.Machine]
		if !known {
			name = fmt.Sprintf("machine 0x%x", f.Machine)
		}
		return "PE", []string{name}
	}
	names := map[macho.Cpu]string{macho.CpuAmd64: "amd64", macho.Cpu386: "386", macho.CpuArm64: "arm64", macho.CpuArm: "arm"}
	if f, err := macho.NewFile(file); err == nil {
		return "Mach-O", []string{names[f.Cpu]}
	}
	if f, err := macho.NewFatFile(file); err == nil {
		var all []string
		for _, part := range f.Arches {
			all = append(all, names[part.Cpu])
		}
		return "Mach-O", all
	}
	return "", nil
}

// explainLoader gives the loader's refusal its reason.
func explainLoader(path string, err error) error {
	if errors.Is(err, errNoEntry) || errors.Is(err, errNoFunctions) {
		return &LoadError{Path: path, Reason: LoadNotPKCS11, Detail: err.Error(), Err: err}
	}
	text := err.Error()
	base := filepath.Base(path)
	// glibc and musl: "libpcsclite.so.1: cannot open shared object file: No such
	// file or directory".
	if missing, rest, found := strings.Cut(text, ": "); found && strings.Contains(rest, "No such file") {
		if filepath.Base(missing) == base {
			return &LoadError{Path: path, Reason: LoadNotFound, Detail: text, Err: err}
		}
		return &LoadError{Path: path, Reason: LoadMissingDependency, Detail: missing, Err: err}
	}
	if reason, detail := systemReason(path, err); reason != "" {
		return &LoadError{Path: path, Reason: reason, Detail: detail, Err: err}
	}
	if strings.Contains(text, "undefined symbol") {
		return &LoadError{Path: path, Reason: LoadMissingDependency, Detail: text, Err: err}
	}
	return &LoadError{Path: path, Reason: LoadOther, Detail: text, Err: err}
}

// missingImports lists the DLLs that a DLL names as needed and that are not there.
// Those that Windows makes up as it runs (api-ms-win-..., ext-ms-...) always are.
func missingImports(path string, there func(name string) bool) []string {
	file, err := pe.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	symbols, err := file.ImportedSymbols() // "function:library.dll"; ImportedLibraries does nothing on PE
	if err != nil {
		return nil
	}
	var missing []string
	for _, symbol := range symbols {
		_, name, _ := strings.Cut(symbol, ":")
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "api-ms-") || strings.HasPrefix(lower, "ext-ms-") || slices.Contains(missing, name) || there(name) {
			continue
		}
		missing = append(missing, name)
	}
	return missing
}

func explainInitialize(path string, err error) error {
	detail := err.Error()
	var code pkcs11.Error
	if errors.As(err, &code) {
		detail = returnName(uint(code))
	}
	return &LoadError{Path: path, Reason: LoadInitialize, Detail: detail, Err: err}
}
