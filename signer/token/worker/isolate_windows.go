package worker

import (
	"fmt"
	"os"
	"os/exec"
	"unsafe"

	"golang.org/x/sys/windows"
)

// isolate moves the protocol to handles of its own that no program started by the
// module inherits, and turns standard output to standard error. A DLL brings a C
// library of its own that asks for the standard handles when it is loaded, which is
// later.
func isolate(stdin, stdout *os.File) (in, out *os.File, err error) {
	if in, err = moved(stdin); err != nil {
		return nil, nil, err
	}
	if out, err = moved(stdout); err != nil {
		return nil, nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	if err := windows.SetStdHandle(windows.STD_INPUT_HANDLE, windows.Handle(null.Fd())); err != nil {
		return nil, nil, fmt.Errorf("empty standard input: %w", err)
	}
	if err := windows.SetStdHandle(windows.STD_OUTPUT_HANDLE, windows.Handle(os.Stderr.Fd())); err != nil {
		return nil, nil, fmt.Errorf("turn standard output to standard error: %w", err)
	}
	// The C library that Windows brings, which this program and many modules use, has
	// asked already: its descriptors are moved, which closes the handles under them.
	originals = []*os.File{stdin, stdout}
	library := windows.NewLazySystemDLL("msvcrt.dll")
	if open, dup2 := library.NewProc("_open"), library.NewProc("_dup2"); open.Find() == nil && dup2.Find() == nil {
		nul := []byte("NUL\x00")
		descriptor, _, _ := open.Call(uintptr(unsafe.Pointer(&nul[0])), 0)
		dup2.Call(descriptor, 0)
		dup2.Call(2, 1)
	}
	os.Stdin, os.Stdout = null, os.Stderr
	// No window of the system that waits for somebody to press a button when the
	// module crashes, and no dump of a memory that a PIN is in.
	windows.SetErrorMode(windows.SEM_FAILCRITICALERRORS | windows.SEM_NOGPFAULTERRORBOX | windows.SEM_NOOPENFILEERRORBOX)
	return in, out, nil
}

// originals are kept from being closed a second time when they are collected.
var originals []*os.File

func moved(file *os.File) (*os.File, error) {
	own := windows.CurrentProcess()
	var handle windows.Handle
	err := windows.DuplicateHandle(own, windows.Handle(file.Fd()), own, &handle, 0, false, windows.DUPLICATE_SAME_ACCESS)
	if err != nil {
		return nil, fmt.Errorf("move %s: %w", file.Name(), err)
	}
	return os.NewFile(uintptr(handle), file.Name()), nil
}

// tie: adopt does it, once the child runs.
func tie(*exec.Cmd) {}

// adopt puts the child into a job that ends with this process, whatever ends it, and
// bounds its memory. Where that can't be, such as inside a job of an old Windows,
// the end of standard input ends the child all the same.
func adopt(child *os.Process) (release func()) {
	nothing := func() {}
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nothing
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{ProcessMemoryLimit: maxMemory}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_PROCESS_MEMORY
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err == nil {
		var process windows.Handle
		process, err = windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(child.Pid))
		if err == nil {
			err = windows.AssignProcessToJobObject(job, process)
			windows.CloseHandle(process)
		}
	}
	if err != nil {
		windows.CloseHandle(job)
		return nothing
	}
	return func() { windows.CloseHandle(job) }
}
