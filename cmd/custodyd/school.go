package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sokyso/custody/signinglog"
	"sokyso/custody/store"
)

// Run makes the folder, the register, the log's key and the school. What is there
// already is kept, so that an init that broke off can be run again; a school that
// is there already is an error.
func (c *InitCommand) Run(ctx context.Context, p *program) error {
	if p.flags.School != "" { // the folder of a school that is one of several
		if _, err := os.Stat(filepath.Join(p.flags.Data, logKeyName)); errors.Is(err, os.ErrNotExist) {
			return p.fail("no_first_school", map[string]string{"Data": p.flags.Data})
		}
	}
	if p.ownDatabase() && p.flags.School == "" {
		if err := p.checkNotRestoring(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(p.schoolFolder(p.flags.School), 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	p.protect()
	if err := ensureLogKey(p.logKeyFile(), c.SchoolCode); err != nil {
		return err
	}
	url, err := p.databaseURL()
	if err != nil {
		return err
	}
	if err := store.Migrate(ctx, url); err != nil {
		return err
	}
	register, err := p.open(ctx, store.Config{})
	if err != nil {
		return err
	}
	school, err := register.CreateSchool(ctx, store.NewSchool{Name: c.SchoolName, Code: c.SchoolCode, Superior: c.Superior, Place: c.Place,
		Further: p.flags.School != ""})
	if err := errors.Join(err, register.Close()); err != nil {
		return err
	}
	p.print("init_done", map[string]string{"School": school.Name, "Data": p.flags.Data, "Key": school.LogKey, "File": p.logKeyFile()})
	return nil
}

// ensureLogKey makes the log's signer key, mode 0600, unless there is one. It is
// never replaced: with another key the log would be another log.
func ensureLogKey(path, code string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("log key: %w", err)
	}
	key, _, err := signinglog.GenerateKey(originOf(code))
	if err == nil {
		_, err = file.WriteString(key + "\n")
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("log key: %w", err), os.Remove(path))
	}
	return nil
}

// originOf names the log (C2SP tlog-checkpoint): the school's code to recognise it
// by, and a random part, because codes of schools repeat.
func originOf(code string) string {
	readable := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(code))
	var random [6]byte
	rand.Read(random[:])
	return "sokyso/" + strings.TrimPrefix(readable+"-", "-") + hex.EncodeToString(random[:])
}

// Run brings the schema up to date.
func (c *MigrateCommand) Run(ctx context.Context, p *program) error {
	if err := p.checkThere(); err != nil {
		return err
	}
	url, err := p.databaseURL()
	if err != nil {
		return err
	}
	if err := store.Migrate(ctx, url); err != nil {
		return err
	}
	p.print("migrate_done", nil)
	return nil
}
