package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/mod/sumdb/note"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
)

// openToRead opens the register without the power to append. The mark is looked
// at when there is one; none is made. A damaged mark does not keep anybody from
// reading: it comes back as the second result, for who verifies.
func (p *program) openToRead(ctx context.Context) (register *store.Store, damagedMark, err error) {
	if err := p.checkThere(); err != nil {
		return nil, nil, err
	}
	url, err := p.databaseURL()
	if err != nil {
		return nil, nil, err
	}
	config := store.Config{URL: url, Origin: p.originIn(p.flags.School)}
	if p.hasMark() {
		config.MarkFile = p.markFile()
	}
	register, err = store.Open(ctx, config)
	if errors.Is(err, store.ErrMarkDamaged) {
		damagedMark, config.MarkFile = err, ""
		register, err = store.Open(ctx, config)
	}
	return register, damagedMark, err
}

func (p *program) hasMark() bool {
	_, err := os.Stat(p.markFile())
	return err == nil
}

// Run recomputes the log from the stored bytes and names the first bad entry.
func (c *LogVerifyCommand) Run(ctx context.Context, p *program) error {
	register, damagedMark, err := p.openToRead(ctx)
	if err != nil {
		return err
	}
	return errors.Join(c.verify(ctx, p, register, damagedMark), register.Close())
}

func (c *LogVerifyCommand) verify(ctx context.Context, p *program, register *store.Store, damagedMark error) error {
	school, err := register.School(ctx)
	if err != nil {
		return err
	}
	key, err := c.verifierKey(ctx, p, register, school)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return fmt.Errorf("log key: %w", err)
	}
	signed, err := register.Checkpoint(ctx, school.ID)
	if err != nil {
		return err
	}
	if _, err := signinglog.Open(signed, verifier); errors.Is(err, signinglog.ErrSignature) {
		return p.fail("log_other_key", nil) // no entry is to blame
	}
	report, err := register.VerifyLog(ctx, school.ID, key)
	var bad *signinglog.BadEntryError
	if errors.As(err, &bad) {
		return p.fail("log_bad", map[string]string{"Entry": strconv.FormatInt(bad.Index, 10), "Reason": strings.Join(strings.Fields(bad.Reason), " ")}) // one line, whatever the row holds
	}
	if err == nil {
		err = c.checkWitness(ctx, p, register, school.ID, verifier, report)
	}
	if err == nil {
		err = register.CheckMark(ctx, school.ID)
	}
	if err == nil {
		err = damagedMark
	}
	if err != nil {
		return err
	}
	// A whole log may still be yesterday's copy: only the mark or a witness tells.
	if !p.hasMark() && c.Checkpoint == "" {
		fmt.Fprintln(p.stderr, p.say("no_mark", map[string]string{"File": p.markFile()}))
	}
	if unexplained := report.Erased - report.Explained; unexplained > 0 {
		fmt.Fprintln(p.stderr, p.say("log_unexplained", map[string]string{"Count": strconv.FormatInt(unexplained, 10)}))
	}
	p.print("log_good", map[string]string{"School": school.Name, "Size": strconv.FormatInt(report.Size, 10), "Root": report.Root.String()})
	return nil
}

// checkWitness compares the log that was just recomputed with a checkpoint that
// somebody else kept (RFC 6962 §2.1.2): the log must still have those entries, in
// that order.
func (c *LogVerifyCommand) checkWitness(ctx context.Context, p *program, register *store.Store, school custody.SchoolID, verifier note.Verifier, report store.VerifyReport) error {
	if c.Checkpoint == "" {
		return nil
	}
	kept, err := os.ReadFile(c.Checkpoint)
	if err != nil {
		return p.fail("no_checkpoint", map[string]string{"File": c.Checkpoint})
	}
	older, err := signinglog.Open(kept, verifier)
	if err != nil {
		return p.fail("checkpoint_unreadable", map[string]string{"File": c.Checkpoint})
	}
	sizes := map[string]string{"Kept": strconv.FormatInt(older.Size, 10), "Size": strconv.FormatInt(report.Size, 10)}
	if older.Size > report.Size {
		return p.fail("log_rewound", sizes)
	}
	proof, err := register.ConsistencyProof(ctx, school, older.Size, report.Size)
	if err != nil {
		return err
	}
	newer, err := signinglog.Open(report.Checkpoint, verifier)
	if err != nil {
		return err
	}
	if err := signinglog.CheckConsistency(older, newer, proof); err != nil {
		return p.fail("log_other_way", sizes)
	}
	p.print("log_extends", sizes)
	return nil
}

// verifierKey is the key that the checkpoint must be signed with: that given, else
// that of the signer key in the data folder, else the register's own word for it,
// which proves less and is said.
func (c *LogVerifyCommand) verifierKey(ctx context.Context, p *program, register *store.Store, school custody.School) (string, error) {
	if c.LogKey != "" {
		key := c.LogKey
		if content, err := os.ReadFile(c.LogKey); err == nil {
			key = strings.TrimSpace(string(content))
		}
		if _, err := note.NewVerifier(key); err != nil {
			return "", p.fail("log_key_malformed", map[string]string{"Key": c.LogKey})
		}
		return key, nil
	}
	content, err := os.ReadFile(p.logKeyFile())
	if err == nil {
		// The log goes by the key it began with. Where that was replaced, the file's own has
		// to be the one that signs today.
		key := strings.TrimSpace(string(content))
		if current, err := register.LogKeyIsCurrent(ctx, school.ID, key); err == nil && current {
			return school.LogKey, nil
		}
		return signinglog.VerifierKey(key)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("log key: %w", err)
	}
	fmt.Fprintln(p.stderr, p.say("log_key_of_register", map[string]string{"File": p.logKeyFile()}))
	return school.LogKey, nil
}

// Run prints the signed checkpoint, for a witness to keep.
func (c *LogCheckpointCommand) Run(ctx context.Context, p *program) error {
	register, _, err := p.openToRead(ctx)
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

// Run writes the log as files, entries and hashes, without the values that stand
// beside the log: names, summaries, file names. Files of an earlier export that are
// the same are left alone.
func (c *LogExportCommand) Run(ctx context.Context, p *program) error {
	register, _, err := p.openToRead(ctx)
	if err != nil {
		return err
	}
	return errors.Join(c.export(ctx, p, register), register.Close())
}

func (c *LogExportCommand) export(ctx context.Context, p *program, register *store.Store) error {
	school, err := register.School(ctx)
	if err != nil {
		return err
	}
	// A folder with something else in it is somebody's mistake.
	if found, err := os.ReadDir(c.Folder); err == nil && len(found) > 0 {
		if _, err := os.Stat(filepath.Join(c.Folder, signinglog.CheckpointPath)); err != nil {
			return p.fail("export_folder", map[string]string{"Folder": c.Folder})
		}
	}
	size, err := register.ExportLog(ctx, custody.SystemActor(school.ID), func(path string, content []byte) error {
		return writeTile(filepath.Join(c.Folder, filepath.FromSlash(path)), content)
	})
	if bad := (*signinglog.BadEntryError)(nil); errors.As(err, &bad) {
		return p.fail("log_bad", map[string]string{"Entry": strconv.FormatInt(bad.Index, 10), "Reason": bad.Reason})
	}
	if err != nil {
		return err
	}
	p.print("log_exported", map[string]string{"School": school.Name, "Size": strconv.FormatInt(size, 10), "Folder": c.Folder, "Key": school.LogKey})
	return nil
}

func writeTile(file string, content []byte) error {
	if there, err := os.ReadFile(file); err == nil && bytes.Equal(there, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("export log: %w", err)
	}
	if err := renameio.WriteFile(file, content, 0o644); err != nil {
		return fmt.Errorf("export log: %w", err)
	}
	return nil
}
