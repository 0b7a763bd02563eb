package agent

import (
	"bufio"
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
	buffer := newSecret()[:maxPIN+3] // two for the line end, one to see that it is too long
	n, err := io.ReadFull(source, buffer)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		wipe(buffer)
		return nil, fail("pin_file", err, "file", path)
	}
	pin := bytes.TrimSuffix(bytes.TrimSuffix(buffer[:n], []byte("\n")), []byte("\r"))
	if len(pin) > maxPIN {
		wipe(buffer)
		return nil, fail("pin_too_long", nil)
	}
	if len(pin) == 0 {
		return nil, fail("pin_empty", nil)
	}
	return pin, nil
}

// PINFromTerminal asks on the terminal of the process, without echo.
func PINFromTerminal(catalogue *Catalogue) func(context.Context, token.Info) ([]byte, error) {
	return func(ctx context.Context, info token.Info) ([]byte, error) {
		return onTerminal(func(in, out *os.File) ([]byte, error) {
			return readTyped(ctx, in, out, catalogue, catalogue.Sentence("pin.prompt", "label", info.Label, "serial", info.Serial))
		})
	}
}

// NewPINFromTerminal asks for a new PIN twice. Two that differ are refused.
func NewPINFromTerminal(catalogue *Catalogue) func(context.Context, token.Info) ([]byte, error) {
	return func(ctx context.Context, info token.Info) ([]byte, error) {
		return onTerminal(func(in, out *os.File) ([]byte, error) {
			first, err := readHidden(ctx, in, out, catalogue.Sentence("pin.prompt_new", "label", info.Label))
			if err != nil {
				return nil, err
			}
			second, err := readHidden(ctx, in, out, catalogue.Sentence("pin.prompt_again"))
			if err == nil && !bytes.Equal(first, second) {
				err = fail("pin_mismatch", nil)
			}
			wipe(second)
			if err != nil {
				wipe(first)
				return nil, err
			}
			return first, nil
		})
	}
}

func onTerminal(read func(in, out *os.File) ([]byte, error)) ([]byte, error) {
	in, out, err := openTerminal()
	if err != nil {
		return nil, fail("pin_needed", err)
	}
	defer in.Close()
	defer out.Close()
	return read(in, out)
}

// readTyped is readHidden for a PIN that is tried. One with letters that no PIN pad
// has comes from a Vietnamese input method: the person is told and asked once more, and
// what is typed then counts.
func readTyped(ctx context.Context, in, out *os.File, catalogue *Catalogue, prompt string) ([]byte, error) {
	pin, err := readHidden(ctx, in, out, prompt)
	if err != nil || !bytes.ContainsFunc(pin, func(r rune) bool { return r > '~' }) {
		return pin, err
	}
	wipe(pin)
	fmt.Fprintln(out, catalogue.Sentence("pin.composed"))
	return readHidden(ctx, in, out, prompt)
}

// WarnOnTerminal tells the person on the terminal of the process, or where there is
// none, on other.
func WarnOnTerminal(other io.Writer) func(message string) {
	return func(message string) {
		in, out, err := openTerminal()
		if err != nil {
			fmt.Fprintln(other, message)
			return
		}
		in.Close()
		fmt.Fprintln(out, message)
		out.Close()
	}
}

// confirmLetters are how many of a serial's last characters are typed to agree to what
// may lock the token: nobody types them by habit.
const confirmLetters = 4

// ConfirmOnTerminal asks on the terminal of the process for the person's word before
// what may be the last try of a PIN. Without a terminal it is not given.
func ConfirmOnTerminal(catalogue *Catalogue) func(context.Context, PINState) (bool, error) {
	return func(ctx context.Context, state PINState) (bool, error) {
		in, out, err := openTerminal()
		if err != nil {
			return false, nil
		}
		defer in.Close()
		defer out.Close()
		wanted := state.Info.Serial
		wanted = wanted[max(0, len(wanted)-confirmLetters):]
		key := "pin.confirm_final"
		if sure, _ := state.LastTry(); !sure {
			key = "pin.confirm_maybe"
		}
		fmt.Fprint(out, catalogue.Sentence(key, "label", state.Info.Label, "serial", state.Info.Serial, "wanted", wanted, "count", fmt.Sprint(state.Wrong)))
		typed := make(chan string, 1)
		go func() {
			line, _ := bufio.NewReader(in).ReadString('\n') // what came before an error is no word
			typed <- strings.TrimSpace(line)
		}()
		select {
		case word := <-typed:
			return wanted != "" && strings.EqualFold(word, wanted), nil
		case <-ctx.Done():
			fmt.Fprintln(out)
			return false, fail("cancelled", ctx.Err())
		}
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
	pin := newSecret()
	give := func(err error) ([]byte, error) {
		wipe(pin)
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
