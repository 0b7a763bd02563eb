package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"sokyso/signer/pdf"
)

// Passwords open encrypted files: the one that was given, those that opened a
// file before, or what a person answers. They are kept in memory only.
type Passwords struct {
	// Given is tried on each file that needs one; then nobody is asked.
	Given pdf.Password
	// Ask is for the password of a file, "" to leave it alone. Again says that
	// the last answer was wrong. nil = there is nobody to ask.
	Ask func(ctx context.Context, file string, again bool) (pdf.Password, error)

	known []pdf.Password
}

// maxAsked is how often a person is asked for one file's password. Unlike a PIN
// it locks nothing.
const maxAsked = 3

// open calls try with one password after the other until the file opens or
// something else is wrong with it. The empty password is tried with the first.
func (p *Passwords) open(ctx context.Context, file string, try func(pdf.Password) error) error {
	if p == nil {
		return try("")
	}
	err := try(p.Given)
	if p.Given != "" || !locked(err) {
		return err
	}
	for _, password := range p.known {
		if err := try(password); !locked(err) {
			return err
		}
	}
	for i := 0; i < maxAsked && p.Ask != nil; i++ {
		password, failed := p.Ask(ctx, file, i > 0)
		if failed != nil {
			return failed
		}
		if password == "" {
			return err
		}
		if err = try(password); !locked(err) {
			if !slices.Contains(p.known, password) {
				p.known = append(p.known, password)
			}
			return err
		}
	}
	return err
}

// ahead tries what can be tried before a file's turn: nobody is asked, and what
// others have opened meanwhile is left alone.
func (p *Passwords) ahead(_ context.Context, _ string, try func(pdf.Password) error) error {
	if p == nil {
		return try("")
	}
	return try(p.Given)
}

// locked says whether another password may open the file.
func locked(err error) bool {
	kind := pdf.KindOf(err)
	return kind == pdf.KindPasswordNeeded || kind == pdf.KindWrongPassword
}

// maxPassword bounds a password file, in bytes; PDF looks at 127 of them.
const maxPassword = 1000

// LoadPassword reads a password from a file, /dev/stdin or an inherited
// descriptor (/dev/fd/N): all of it but one line end, and the mark that some
// editors put before UTF-8. Stdin is what /dev/stdin stands for; an empty path
// is no password.
func LoadPassword(path string, stdin io.Reader) (pdf.Password, error) {
	if path == "" {
		return "", nil
	}
	source := stdin
	if path != "/dev/stdin" {
		file, err := os.Open(path)
		if err != nil {
			return "", fail("password_file", err, "file", path)
		}
		defer file.Close()
		source = file
	}
	content, err := io.ReadAll(io.LimitReader(source, maxPassword+6)) // mark and line end, and one to see that it is too long
	if err != nil {
		return "", fail("password_file", err, "file", path)
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	content = bytes.TrimSuffix(bytes.TrimSuffix(content, []byte("\n")), []byte("\r"))
	switch {
	case len(content) == 0:
		return "", fail("password_empty", nil, "file", path)
	case len(content) > maxPassword:
		return "", fail("password_too_long", nil, "file", path)
	}
	return pdf.Password(content), nil
}

// PasswordFromTerminal asks on the terminal of the process, without echo. Where
// there is none, there is no answer.
func PasswordFromTerminal(catalogue *Catalogue) func(context.Context, string, bool) (pdf.Password, error) {
	return func(ctx context.Context, file string, again bool) (pdf.Password, error) {
		in, out, err := openTerminal()
		if err != nil {
			return "", nil
		}
		defer in.Close()
		defer out.Close()
		if again {
			fmt.Fprintln(out, catalogue.Sentence("password.wrong"))
		}
		typed, err := readHidden(ctx, in, out, catalogue.Sentence("password.prompt", "file", file))
		defer clear(typed)
		var own *Error
		if errors.As(err, &own) && own.Code == "cancelled" {
			return "", err
		}
		return pdf.Password(typed), nil
	}
}
