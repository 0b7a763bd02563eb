//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openPty makes a pseudo-terminal: the side of the person and the program's.
func openPty(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return person, program
}

// TestPINIsNotEchoed types the PIN when it is asked for, as a person does, and
// looks at all that the terminal shows. Progress is shown there too.
func TestPINIsNotEchoed(t *testing.T) {
	s := testSchool(t)
	person, program := openPty(t)
	cmd := s.agent("principal", "sign", "thong-bao.pdf", "--token", s.template.serials["principal"], "--kind", "TB", "--purpose", "x")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close()
	shown := make(chan []byte)
	go func() {
		defer close(shown)
		for {
			buffer := make([]byte, 4096)
			n, err := person.Read(buffer)
			if n > 0 {
				shown <- buffer[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	var screen bytes.Buffer
	typed := false
	for deadline := time.After(30 * time.Second); ; {
		select {
		case part, open := <-shown:
			screen.Write(part)
			if !typed && strings.Contains(screen.String(), "Mã PIN của USB ký số “Hieu truong”") && strings.HasSuffix(screen.String(), "): ") {
				typed = true
				if _, err := person.WriteString(testPIN + "\n"); err != nil {
					t.Fatal(err)
				}
			}
			if open {
				continue
			}
		case <-deadline:
			t.Error("no end within 30 s")
			_ = cmd.Process.Kill()
		}
		break
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, screen.String())
	}
	if text := screen.String(); !typed || strings.Contains(text, testPIN) || !strings.Contains(text, "ĐÃ KÝ") || !strings.Contains(text, "xin phép dịch vụ") {
		t.Errorf("the terminal showed:\n%s", text)
	}
}

// TestInterruptedAtThePrompt: Ctrl-C while the PIN is asked for. Nothing is
// signed, the grant is given back, and the terminal echoes again.
func TestInterruptedAtThePrompt(t *testing.T) {
	s := testSchool(t)
	person, program := openPty(t)
	defer program.Close()
	cmd := s.agent("principal", "sign", "thong-bao.pdf", "hai.pdf", "--token", s.template.serials["principal"], "--kind", "TB", "--purpose", "x", "--json")
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, &out, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var screen []byte
	for buffer := make([]byte, 4096); !bytes.HasSuffix(screen, []byte("): ")); {
		n, err := person.Read(buffer)
		if err != nil {
			t.Fatalf("%v\n%s", err, screen)
		}
		screen = append(screen, buffer[:n]...)
	}
	go func() { // what it still says has to be read, or it waits
		for buffer := make([]byte, 4096); ; {
			if _, err := person.Read(buffer); err != nil {
				return
			}
		}
	}()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if cmd.ProcessState.ExitCode() != 1 || strings.Count(out.String(), `"code": "cancelled"`) != 1 || strings.Count(out.String(), `"code": "not_attempted"`) != 1 {
		t.Errorf("%v\n%s", cmd.ProcessState, out.String())
	}
	state, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if state.Lflag&unix.ECHO == 0 {
		t.Error("the terminal does not echo any more")
	}
	if n := len(s.mustEntries(t, "abandonment")); n != 1 {
		t.Errorf("%d abandoned grants", n)
	}
	s.mustBeWhole(t, "principal")
}
