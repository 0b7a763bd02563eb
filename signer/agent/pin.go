package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"sokyso/signer/token"
)

// maxPIN is the longest PIN that is taken; PKCS#11 modules allow less.
const maxPIN = 255

// PINFromFile reads the PIN when it is asked for, from a file, /dev/stdin or an
// inherited descriptor (/dev/fd/N): all of it but one line end. Stdin is what
// /dev/stdin stands for.
func PINFromFile(path string, stdin io.Reader) func(context.Context, token.Info) ([]byte, error) {
	return func(context.Context, token.Info) ([]byte, error) {
		source := stdin
		if path != "/dev/stdin" {
			file, err := os.Open(path)
			if err != nil {
				return nil, fail("pin_file", err, "file", path)
			}
			defer file.Close()
			source = file
		}
		return readPIN(source, path)
	}
}

// readPIN reads into one buffer that never grows, so that no copy of the PIN is
// left behind in memory.
func readPIN(source io.Reader, path string) ([]byte, error) {
	buffer := make([]byte, maxPIN+3) // two for the line end, one to see that it is too long
	n, err := io.ReadFull(source, buffer)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		clear(buffer)
		return nil, fail("pin_file", err, "file", path)
	}
	pin := bytes.TrimSuffix(bytes.TrimSuffix(buffer[:n], []byte("\n")), []byte("\r"))
	if len(pin) > maxPIN {
		clear(buffer)
		return nil, fail("pin_too_long", nil)
	}
	if len(pin) == 0 {
		return nil, fail("pin_empty", nil)
	}
	return pin, nil
}

// PINFromTerminal asks on the terminal of the process, without echo, and shows
// before what the token says of its PIN.
func PINFromTerminal(catalogue *Catalogue) func(context.Context, token.Info) ([]byte, error) {
	return func(ctx context.Context, info token.Info) ([]byte, error) {
		in, out, err := openTerminal()
		if err != nil {
			return nil, fail("pin_needed", err)
		}
		defer in.Close()
		defer out.Close()
		if flags := FlagWords(catalogue, info.Flags); flags != "" {
			fmt.Fprintln(out, catalogue.Sentence("pin.flags", "label", info.Label, "flags", flags))
		}
		fmt.Fprint(out, catalogue.Sentence("pin.prompt", "label", info.Label, "serial", info.Serial))
		return readHidden(ctx, in, out)
	}
}

// readHidden reads a line without echo. When the context ends first the terminal
// is put back as it was: an echo that stays off outlives the program.
func readHidden(ctx context.Context, in, out *os.File) ([]byte, error) {
	descriptor := int(in.Fd())
	before, err := term.GetState(descriptor)
	if err != nil {
		return nil, fail("pin_needed", err)
	}
	type answer struct {
		pin []byte
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		pin, err := term.ReadPassword(descriptor)
		answers <- answer{pin, err}
	}()
	defer fmt.Fprintln(out)
	select {
	case a := <-answers:
		switch {
		case errors.Is(a.err, io.EOF) || (a.err == nil && len(a.pin) == 0):
			return nil, fail("pin_empty", nil)
		case a.err != nil:
			return nil, fail("pin_needed", a.err)
		case len(a.pin) > maxPIN:
			clear(a.pin)
			return nil, fail("pin_too_long", nil)
		}
		return a.pin, nil
	case <-ctx.Done():
		_ = term.Restore(descriptor, before)
		return nil, fail("cancelled", ctx.Err())
	}
}

// FlagWords is what a token's flags say to its holder, "" when nothing is amiss.
func FlagWords(catalogue *Catalogue, flags token.Flags) string {
	var words []string
	for _, flag := range []struct {
		set  bool
		name string
	}{
		{!flags.Initialized, "uninitialized"},
		{flags.PINLocked, "locked"},
		{flags.PINFinalTry && !flags.PINLocked, "final_try"},
		{flags.PINCountLow && !flags.PINFinalTry && !flags.PINLocked, "count_low"},
		{flags.PINToBeChanged, "to_be_changed"},
		{flags.ProtectedAuthPath, "pin_pad"},
	} {
		if flag.set {
			words = append(words, catalogue.Sentence("flag."+flag.name))
		}
	}
	return strings.Join(words, ", ")
}
