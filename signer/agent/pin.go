package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

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
		return readHidden(ctx, in, out, catalogue.Sentence("pin.prompt", "label", info.Label, "serial", info.Serial))
	}
}

// readHidden shows the prompt and reads a line without echo. The echo is off
// before the prompt is shown: a quick person's first digits would stay on the
// screen. The terminal is put back as it was, also when the context ends first: an
// echo that stays off outlives the program.
func readHidden(ctx context.Context, in, out *os.File, prompt string) ([]byte, error) {
	descriptor := int(in.Fd())
	before, err := term.MakeRaw(descriptor)
	if err != nil {
		return nil, fail("pin_needed", err)
	}
	defer fmt.Fprintln(out)
	defer func() { _ = term.Restore(descriptor, before) }()
	fmt.Fprint(out, prompt)
	type answer struct {
		pin []byte
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		pin, err := readLine(in)
		answers <- answer{pin, err}
	}()
	select {
	case a := <-answers:
		return a.pin, a.err
	case <-ctx.Done():
		return nil, fail("cancelled", ctx.Err())
	}
}

// Keys of a terminal that does not edit lines by itself.
const (
	keyInterrupt = 0x03 // Ctrl-C
	keyEnd       = 0x04 // Ctrl-D
	keyBackspace = 0x08
	keyErase     = 0x15 // Ctrl-U
	keyDelete    = 0x7f
)

// readLine reads a PIN key by key into one buffer, so that no copy is left behind.
func readLine(in io.Reader) ([]byte, error) {
	pin := make([]byte, 0, maxPIN+1)
	give := func(err error) ([]byte, error) {
		clear(pin[:cap(pin)])
		return nil, err
	}
	key := make([]byte, 1)
	defer clear(key)
	for {
		n, err := in.Read(key)
		if n == 0 {
			if err == nil {
				continue
			}
			return give(fail("pin_needed", err))
		}
		switch key[0] {
		case '\r', '\n', keyEnd:
			if len(pin) == 0 {
				return give(fail("pin_empty", nil))
			}
			return pin, nil
		case keyInterrupt:
			return give(fail("cancelled", context.Canceled))
		case keyBackspace, keyDelete:
			_, size := utf8.DecodeLastRune(pin)
			pin = pin[:len(pin)-size]
		case keyErase:
			pin = pin[:0]
		default:
			if len(pin) == maxPIN {
				return give(fail("pin_too_long", nil))
			}
			pin = append(pin, key[0])
		}
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
