package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
)

// openToRead opens the register without the power to append. The mark is looked
// at when there is one; none is made.
func (p *program) openToRead(ctx context.Context) (*store.Store, error) {
	if err := p.checkThere(); err != nil {
		return nil, err
	}
	url, err := p.databaseURL()
	if err != nil {
		return nil, err
	}
	config := store.Config{URL: url}
	if _, err := os.Stat(p.markFile()); err == nil {
		config.MarkFile = p.markFile()
	}
	return store.Open(ctx, config)
}

// Run recomputes the log from the stored bytes and names the first bad entry.
func (c *LogVerifyCommand) Run(ctx context.Context, p *program) error {
	register, err := p.openToRead(ctx)
	if err != nil {
		return err
	}
	return errors.Join(c.verify(ctx, p, register), register.Close())
}

func (c *LogVerifyCommand) verify(ctx context.Context, p *program, register *store.Store) error {
	school, err := register.School(ctx)
	if err != nil {
		return err
	}
	key, err := c.verifierKey(p, school)
	if err != nil {
		return err
	}
	report, err := register.VerifyLog(ctx, school.ID, key)
	var bad *signinglog.BadEntryError
	if errors.As(err, &bad) {
		return p.fail("log_bad", map[string]string{"Entry": strconv.FormatInt(bad.Index, 10), "Reason": strings.Join(strings.Fields(bad.Reason), " ")}) // one line, whatever the row holds
	}
	if err == nil {
		err = register.CheckMark(ctx, school.ID)
	}
	if err != nil {
		return err
	}
	p.print("log_good", map[string]string{"School": school.Name, "Size": strconv.FormatInt(report.Size, 10), "Root": report.Root.String()})
	return nil
}

// verifierKey is the key that the checkpoint must be signed with: that given, else
// that of the signer key in the data folder, else the register's own word for it,
// which proves less and is said.
func (c *LogVerifyCommand) verifierKey(p *program, school custody.School) (string, error) {
	if c.LogKey != "" {
		if content, err := os.ReadFile(c.LogKey); err == nil {
			return strings.TrimSpace(string(content)), nil
		}
		return c.LogKey, nil
	}
	content, err := os.ReadFile(p.logKeyFile())
	if err == nil {
		return signinglog.VerifierKey(strings.TrimSpace(string(content)))
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("log key: %w", err)
	}
	fmt.Fprintln(p.stderr, p.say("log_key_of_register", map[string]string{"File": p.logKeyFile()}))
	return school.LogKey, nil
}

// Run prints the signed checkpoint, for a witness to keep.
func (c *LogCheckpointCommand) Run(ctx context.Context, p *program) error {
	register, err := p.openToRead(ctx)
	if err != nil {
		return err
	}
	school, err := register.School(ctx)
	var note []byte
	if err == nil {
		note, err = register.Checkpoint(ctx, school.ID)
	}
	if err := errors.Join(err, register.Close()); err != nil {
		return err
	}
	_, err = p.stdout.Write(note)
	return err
}
