package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"sokyso/custody/store"
)

// program is one run: what the commands share.
type program struct {
	flags  Flags
	config *config
	app    *kong.Application
	words  *catalogue
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// usageError is a wrong use of the command line: exit status 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// shownError has been told to the person already.
type shownError struct{ err error }

func (e *shownError) Error() string { return e.err.Error() }

// Run carries out one command and returns the exit status.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	onlyOwn()
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr}
	var err error
	if p.words, err = loadCatalogue(languageOf(args)); err != nil {
		fmt.Fprintln(stderr, "custodyd:", err)
		return 1
	}
	command, err := p.parse(args)
	if err == nil && command != nil {
		err = command.Run(ctx, p)
	}
	if err == nil {
		return 0
	}
	var usage *usageError
	var shown *shownError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, usage.text)
		return 2
	case errors.As(err, &shown):
		return 1
	}
	fmt.Fprintln(stderr, p.explain(err))
	return 1
}

// command is what the command line selected.
type command interface {
	Run(ctx context.Context, p *program) error
}

// parse returns no command when help or the version was asked for.
func (p *program) parse(args []string) (command, error) {
	ended := false
	var err error
	if p.config, err = p.readConfig(args); err != nil {
		return nil, err
	}
	parser, err := kong.New(&p.flags, kong.Name("custodyd"), kong.Description(p.say("help_program", nil)), kong.Writers(p.stdout, p.stderr),
		kong.Vars(p.words.help()), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Resolvers(p.config),
		kong.Exit(func(int) { ended = true }))
	if err != nil {
		return nil, fmt.Errorf("command line: %w", err)
	}
	p.app = parser.Model
	if err := p.config.check(p, p.app); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if len(args) == 1 && args[0] == "--version" {
		fmt.Fprintln(p.stdout, "custodyd", version)
		return nil, nil
	}
	parsed, err := parser.Parse(args)
	if ended {
		return nil, nil
	}
	if err != nil {
		return nil, &usageError{p.say("usage", map[string]string{"Error": err.Error()})}
	}
	if p.flags.School != "" && !schoolName.MatchString(p.flags.School) {
		return nil, &usageError{p.say("school_name", map[string]string{"Name": p.flags.School})}
	}
	selected, ok := parsed.Selected().Target.Addr().Interface().(command)
	if !ok {
		return nil, &usageError{p.say("usage", map[string]string{"Error": parsed.Command()})}
	}
	return selected, nil
}

// databaseURL is where the register is.
func (p *program) databaseURL() (string, error) {
	if p.flags.DatabaseFile != "" {
		content, err := os.ReadFile(p.flags.DatabaseFile)
		if err != nil {
			return "", fmt.Errorf("database file: %w", err)
		}
		url := strings.TrimSpace(string(content))
		if url == "" || strings.ContainsAny(url, "\n\r") {
			return "", &usageError{p.say("database_file_content", map[string]string{"File": p.flags.DatabaseFile})}
		}
		return url, nil
	}
	if p.flags.Database != "" {
		return p.flags.Database, nil
	}
	return "sqlite:" + filepath.Join(p.flags.Data, "custody.db"), nil
}

func (p *program) logKeyFile() string {
	if p.flags.LogKeyFile != "" {
		return p.flags.LogKeyFile
	}
	return filepath.Join(p.schoolFolder(p.flags.School), logKeyName)
}

func (p *program) markFile() string { return filepath.Join(p.schoolFolder(p.flags.School), markName) }

// ownDatabase reports whether the register is the file in the data folder.
func (p *program) ownDatabase() bool { return p.flags.Database == "" && p.flags.DatabaseFile == "" }

// checkThere tells somebody who forgot init, or mistyped --data, what is missing
// before SQLite would.
func (p *program) checkThere() error {
	if !p.ownDatabase() {
		return nil
	}
	database := filepath.Join(p.flags.Data, "custody.db")
	if _, err := os.Stat(database); !errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := p.checkNotRestoring(); err != nil {
		return err
	}
	return p.fail("no_database", map[string]string{"Data": p.flags.Data})
}

// checkNotRestoring tells of a restore that has not come to its end where the register
// would be.
func (p *program) checkNotRestoring() error {
	part := filepath.Join(p.flags.Data, "custody.db"+restoringSuffix)
	if _, err := os.Stat(part); err == nil {
		return p.fail("restore_left", map[string]string{"Data": p.flags.Data, "File": part})
	}
	return nil
}

// protect takes the data folder's register away from other users of the machine.
// Where that fails, as for a user who only has the group's rights, it is said and
// the work goes on.
func (p *program) protect() {
	if !p.ownDatabase() {
		return
	}
	database := filepath.Join(p.flags.Data, "custody.db")
	for _, path := range []string{p.flags.Data, p.schoolFolder(p.flags.School), database, database + "-wal", database + "-shm", p.logKeyFile(), p.markFile()} {
		if err := makePrivate(path); err != nil {
			fmt.Fprintln(p.stderr, p.say("not_private", map[string]string{"File": path, "Error": err.Error()}))
		}
	}
}

// open opens the register for changes: with the log's key and the mark.
func (p *program) open(ctx context.Context, config store.Config) (*store.Store, error) {
	if err := p.checkThere(); err != nil {
		return nil, err
	}
	key, err := os.ReadFile(p.logKeyFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil, p.fail("no_log_key", map[string]string{"File": p.logKeyFile()})
	}
	if err != nil {
		return nil, fmt.Errorf("log key: %w", err)
	}
	if config.URL, err = p.databaseURL(); err != nil {
		return nil, err
	}
	p.protect()
	config.LogKey, config.MarkFile = strings.TrimSpace(string(key)), p.markFile()
	return store.Open(ctx, config)
}
