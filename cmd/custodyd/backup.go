package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/google/renameio/v2"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
)

// BackupCommand copies the register into a file, also while the service runs.
type BackupCommand struct {
	File           string `arg:"" type:"path" help:"${help_backup_file}"`
	Force          bool   `help:"${help_backup_force}"`
	PassphraseFile string `type:"path" help:"${help_backup_passphrase}" placeholder:"FILE"`
}

// RestoreCommand makes the register of a backup where there is none.
type RestoreCommand struct {
	File           string `arg:"" type:"path" help:"${help_restore_file}"`
	PassphraseFile string `type:"path" help:"${help_restore_passphrase}" placeholder:"FILE"`
}

// Run writes the backup; a file of that name is a whole one, see store.BackupFile.
func (c *BackupCommand) Run(ctx context.Context, p *program) error {
	if _, err := os.Lstat(c.File); err == nil && !c.Force {
		return p.fail("backup_exists", map[string]string{"File": c.File})
	}
	var sealed []byte
	if c.PassphraseFile != "" {
		var err error
		if sealed, err = p.sealLogKey(c.PassphraseFile); err != nil {
			return err
		}
	}
	register, _, err := p.openToRead(ctx)
	if err != nil {
		return err
	}
	return errors.Join(c.write(ctx, p, register, sealed), register.Close())
}

func (c *BackupCommand) write(ctx context.Context, p *program, register *store.Store, sealed []byte) error {
	school, err := register.School(ctx)
	if err != nil {
		return err
	}
	made, err := register.BackupFile(ctx, school.ID, sealed, c.File, p.rowsDone("backup_rows"))
	var path *os.PathError
	var link *os.LinkError
	switch { // full, gone, or somebody else's
	case errors.As(err, &path):
		return p.fail("backup_unwritable", map[string]string{"File": c.File, "Error": path.Err.Error()})
	case errors.As(err, &link):
		return p.fail("backup_unwritable", map[string]string{"File": c.File, "Error": link.Err.Error()})
	}
	if err != nil {
		return err
	}
	if err := makePrivate(c.File); err != nil {
		fmt.Fprintln(p.stderr, p.say("not_private", map[string]string{"File": c.File, "Error": err.Error()}))
	}
	p.print("backup_done", map[string]string{"School": made.School, "Size": strconv.FormatInt(made.Size, 10), "File": c.File})
	if sealed == nil {
		p.print("backup_key_apart", map[string]string{"File": p.logKeyFile()})
	}
	return nil
}

// rowsDone tells how far it is, once a second from the second second on.
func (p *program) rowsDone(key string) func(int64) {
	next := time.Now().Add(2 * time.Second)
	return func(rows int64) {
		if now := time.Now(); now.After(next) {
			next = now.Add(time.Second)
			fmt.Fprintln(p.stderr, p.say(key, map[string]string{"Rows": strconv.FormatInt(rows, 10)}))
		}
	}
}

// sealLogKey encrypts the log's key with a passphrase (age, scrypt).
func (p *program) sealLogKey(passphraseFile string) ([]byte, error) {
	passphrase, err := p.passphrase(passphraseFile)
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(p.logKeyFile())
	if err != nil {
		return nil, p.fail("no_log_key", map[string]string{"File": p.logKeyFile()})
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("seal log key: %w", err)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, recipient)
	if err == nil {
		_, err = w.Write(key)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("seal log key: %w", err)
	}
	return sealed.Bytes(), nil
}

// passphrase is the first line of a file.
func (p *program) passphrase(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", p.fail("passphrase_unreadable", map[string]string{"File": file})
	}
	line, _, _ := strings.Cut(string(content), "\n")
	if line = strings.TrimSuffix(line, "\r"); len([]rune(line)) < 12 {
		return "", p.fail("passphrase_short", map[string]string{"File": file})
	}
	return line, nil
}

// openKey is the log's key out of a backup.
func (p *program) openKey(sealed []byte, file string) ([]byte, error) {
	passphrase, err := p.passphrase(file)
	if err != nil {
		return nil, err
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("open log key: %w", err)
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), identity)
	if err != nil {
		return nil, p.fail("passphrase_wrong", nil)
	}
	key, err := io.ReadAll(io.LimitReader(r, 4096))
	if err != nil {
		return nil, p.fail("passphrase_wrong", nil)
	}
	return key, nil
}

// Run restores beside the place of the register, recomputes the log, and only then puts it
// there. The mark in the data folder stays as it is: a copy that is older than what was
// signed is found out by it.
func (c *RestoreCommand) Run(ctx context.Context, p *program) error {
	file, err := os.Open(c.File)
	if err != nil {
		return p.fail("backup_unreadable", map[string]string{"File": c.File})
	}
	defer file.Close()
	made, err := store.ReadBackup(file)
	if err != nil {
		return c.explain(p, err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var key []byte
	if c.PassphraseFile != "" {
		if made.SealedKey == nil {
			return p.fail("backup_without_key", map[string]string{"File": c.File})
		}
		if key, err = p.openKey(made.SealedKey, c.PassphraseFile); err != nil {
			return err
		}
		if there, err := os.ReadFile(p.logKeyFile()); err == nil && !bytes.Equal(there, key) {
			return p.fail("other_log_key", map[string]string{"File": p.logKeyFile()})
		}
	}
	if err := os.MkdirAll(p.flags.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if p.ownDatabase() {
		err = c.intoFolder(ctx, p, file, key)
	} else {
		var url string
		if url, err = p.databaseURL(); err == nil {
			err = c.into(ctx, p, url, file, key)
		}
	}
	if err != nil {
		return c.explain(p, err)
	}
	p.protect()
	p.print("restore_done", map[string]string{"School": made.School, "Size": strconv.FormatInt(made.Size, 10), "Made": made.MadeAt.In(time.FixedZone("", 7*3600)).Format("15:04 02/01/2006")})
	return c.next(ctx, p)
}

// intoFolder makes the database file of the data folder.
func (c *RestoreCommand) intoFolder(ctx context.Context, p *program, file io.Reader, key []byte) error {
	database := filepath.Join(p.flags.Data, "custody.db")
	for _, there := range []string{database, database + "-wal"} {
		if _, err := os.Lstat(there); err == nil {
			return store.ErrNotEmpty
		}
	}
	part := database + restoringSuffix
	discard := func() error {
		var errs []error
		for _, left := range []string{part, part + "-wal", part + "-shm", part + "-journal"} {
			if err := os.Remove(left); err != nil && !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}
	if err := discard(); err != nil { // of one that was stopped
		return err
	}
	if err := c.into(ctx, p, "sqlite:"+part, file, key); err != nil {
		return errors.Join(err, discard())
	}
	for _, left := range []string{part + "-wal", part + "-shm"} { // empty: everything was written back
		_ = os.Remove(left)
	}
	if err := makePrivate(part); err != nil {
		fmt.Fprintln(p.stderr, p.say("not_private", map[string]string{"File": part, "Error": err.Error()}))
	}
	if err := os.Rename(part, database); err != nil {
		return errors.Join(fmt.Errorf("put the register in its place: %w", err), discard())
	}
	return store.SyncFolder(p.flags.Data)
}

// restoringSuffix is what the name of a database has while it is restored, and afterwards
// where that was broken off.
const restoringSuffix = ".restoring"

// into restores at a URL and recomputes the logs there. The log's key, where the backup has
// it, is in its place before the register is: a register without it could not go on, and
// would be in the way of another restore.
func (c *RestoreCommand) into(ctx context.Context, p *program, url string, file io.Reader, key []byte) error {
	_, err := store.Restore(ctx, url, file, p.rowsDone("restore_rows"), func(made store.Backup, register *store.Store) error {
		schools, err := register.Schools(ctx)
		if err != nil {
			return err
		}
		stated := false
		for _, school := range schools {
			first := school.Origin == made.Origin
			if first {
				school.LogKey = made.Key
			}
			report, err := register.VerifyLog(ctx, school.ID, school.LogKey)
			if err == nil && first && (report.Size != made.Size || string(report.Checkpoint) != made.Checkpoint) {
				err = &signinglog.BadEntryError{Index: report.Size - 1, Reason: "the log is not the one that the backup states"}
			}
			if err != nil {
				return err
			}
			stated = stated || first
		}
		if !stated {
			return &signinglog.BadEntryError{Reason: "the log that the backup states is not in it"}
		}
		if key == nil {
			return nil
		}
		if err := renameio.WriteFile(p.logKeyFile(), key, 0o600, renameio.WithTempDir(filepath.Dir(p.logKeyFile()))); err != nil {
			return fmt.Errorf("log key: %w", err)
		}
		return nil
	})
	return err
}

// next says what is missing before the service can start, and whether it will append.
func (c *RestoreCommand) next(ctx context.Context, p *program) error {
	if _, err := os.Stat(p.logKeyFile()); err != nil {
		p.print("restore_key_apart", map[string]string{"File": p.logKeyFile()})
	}
	register, damagedMark, err := p.openToRead(ctx)
	if err != nil {
		return err
	}
	err = damagedMark
	if school, schoolErr := register.School(ctx); err == nil {
		if err = schoolErr; err == nil {
			err = register.CheckMark(ctx, school.ID)
		}
	}
	refusal := (*custody.Error)(nil)
	if errors.As(err, &refusal) && refusal.Params["reason"] == custody.ReasonWhichSchool {
		err = nil // a register of several, of which no key is here yet
	} else if refusal != nil {
		fmt.Fprintln(p.stderr, p.explain(err))
		fmt.Fprintln(p.stderr, p.say("restore_behind", nil))
		err = nil
	}
	return errors.Join(err, register.Close())
}

func (c *RestoreCommand) explain(p *program, err error) error {
	var bad *signinglog.BadEntryError
	switch {
	case errors.As(err, &bad):
		return p.fail("restore_bad_log", map[string]string{"File": c.File, "Entry": strconv.FormatInt(bad.Index, 10), "Reason": strings.Join(strings.Fields(bad.Reason), " ")})
	case errors.Is(err, store.ErrBackup):
		return p.fail("backup_damaged", map[string]string{"File": c.File, "Error": err.Error()})
	case errors.Is(err, store.ErrBackupNewer):
		return p.fail("backup_newer", map[string]string{"File": c.File})
	case errors.Is(err, store.ErrNotEmpty):
		return p.fail("restore_not_empty", map[string]string{"Data": p.flags.Data})
	}
	return err
}
