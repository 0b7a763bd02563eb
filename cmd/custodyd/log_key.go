package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
)

// LogChangeKeyCommand has a new key sign the log.
type LogChangeKeyCommand struct {
	Yes bool `help:"${help_change_key_yes}"`
}

// Run makes a key, has the present one name it as its successor in the log, and puts it
// in its place. Stopped half-way, it goes on where it was: the new key lies beside the
// present one until the log has it.
func (c *LogChangeKeyCommand) Run(ctx context.Context, p *program) error {
	register, err := p.open(ctx, store.Config{})
	if err != nil {
		return err
	}
	return errors.Join(c.change(ctx, p, register), register.Close())
}

func (c *LogChangeKeyCommand) change(ctx context.Context, p *program, register *store.Store) error {
	school, err := register.School(ctx)
	if err != nil {
		return err
	}
	next := p.logKeyFile() + ".next"
	content, err := os.ReadFile(next)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if !c.Yes {
			return p.fail("change_key_sure", map[string]string{"School": school.Name})
		}
		key, _, err := signinglog.GenerateKey(school.Origin)
		if err != nil {
			return err
		}
		content = []byte(key + "\n")
		if err := renameio.WriteFile(next, content, 0o600); err != nil {
			return fmt.Errorf("new log key: %w", err)
		}
		if err := makePrivate(next); err != nil {
			return fmt.Errorf("new log key: %w", err)
		}
	case err != nil:
		return fmt.Errorf("new log key: %w", err)
	}
	key := strings.TrimSpace(string(content))
	current, err := register.LogKeyIsCurrent(ctx, school.ID, key)
	if err == nil && !current {
		err = register.ChangeLogKey(ctx, custody.SystemActor(school.ID), key)
	}
	if err != nil {
		return err
	}
	before := p.logKeyFile() + ".before"
	old, err := os.ReadFile(p.logKeyFile())
	if err == nil {
		err = renameio.WriteFile(before, old, 0o600)
	}
	if err == nil {
		err = makePrivate(before)
	}
	if err == nil {
		err = os.Rename(next, p.logKeyFile()) // there is a key at any moment, else nothing starts any more
	}
	if err != nil {
		return fmt.Errorf("put the new log key in its place: %w", err)
	}
	p.print("key_changed", map[string]string{"File": p.logKeyFile(), "Before": filepath.Base(before), "Key": school.LogKey})
	return nil
}
