package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"sokyso/custody/signinglog"
	"sokyso/signer/agent"
)

// logCommand holds the commands about a log itself.
type logCommand struct {
	Check logCheckCommand `cmd:"" help:"help_log_check"`
}

type logCheckCommand struct {
	Folder     string `arg:"" type:"path" name:"folder" help:"help_log_folder"`
	LogKey     string `placeholder:"KEY" help:"help_log_key"`
	Checkpoint string `placeholder:"FILE" help:"help_log_checkpoint"`

	JSON bool `name:"json" help:"help_json"`
}

// logFindings is what --json prints.
type logFindings struct {
	Folder  string         `json:"folder"`
	Origin  string         `json:"origin,omitempty"`
	Size    int64          `json:"size"`
	Root    string         `json:"root,omitempty"`
	Entries map[string]int `json:"entries"` // by type
	Kept    bool           `json:"kept"`    // it extends a checkpoint that was kept
	Code    string         `json:"code,omitempty"`
	BadAt   *int64         `json:"bad_entry,omitempty"`
	Message string         `json:"message"`
}

// Run recomputes a log that custodyd log export wrote, on this computer and
// without its register. Exit status: 0 whole, 3 not whole, 1 not readable, 2 wrong use.
func (c *logCheckCommand) Run(p *program) error {
	home, err := agent.Home()
	if err != nil {
		home = ""
	}
	verifier, err := agent.LogVerifier(home, c.LogKey)
	if err != nil || verifier == nil {
		return p.misuse("log_key")
	}
	var older []signinglog.Checkpoint
	if c.Checkpoint != "" {
		signed, err := os.ReadFile(c.Checkpoint)
		if err != nil {
			return p.misuse("log_checkpoint", "file", c.Checkpoint)
		}
		kept, err := signinglog.Open(signed, verifier)
		if err != nil {
			return p.misuse("log_checkpoint", "file", c.Checkpoint)
		}
		older = append(older, kept)
	}
	// What this agent saw of its own school's log is a witness by itself.
	seen, err := agent.SeenCheckpoint(home, verifier)
	if err != nil {
		return err
	}
	if seen != nil {
		older = append(older, *seen)
	}
	found := logFindings{Folder: c.Folder, Entries: map[string]int{}, Kept: len(older) > 0}
	checkpoint, err := signinglog.CheckTiles(os.DirFS(c.Folder), verifier, func(_ int64, e signinglog.Entry) error {
		found.Entries[string(e.Type)]++
		return nil
	}, older...)
	found.Origin, found.Size, found.Root = checkpoint.Origin, checkpoint.Size, ""
	if err == nil {
		found.Root = checkpoint.Root.String()
	}
	p.judgeLog(&found, err)
	if c.JSON {
		return p.printJSON(found)
	}
	if p.status != statusDone {
		fmt.Fprintln(p.stderr, found.Message)
		return nil
	}
	fmt.Fprintln(p.stdout, found.Message)
	return nil
}

// judgeLog says what the check came to.
func (p *program) judgeLog(found *logFindings, err error) {
	var bad *signinglog.BadEntryError
	var forked *signinglog.InconsistentError
	switch {
	case err == nil:
		key := "log.whole"
		if found.Kept {
			key = "log.whole_kept"
		}
		found.Message = p.say(key, "origin", found.Origin, "size", strconv.FormatInt(found.Size, 10),
			"signatures", strconv.Itoa(found.Entries[string(signinglog.TypeSignature)]), "root", found.Root)
	case errors.As(err, &bad):
		p.status, found.Code, found.BadAt = statusTotalFailed, "log_bad", &bad.Index
		found.Message = p.say("log.bad", "entry", strconv.FormatInt(bad.Index, 10), "reason", strings.Join(strings.Fields(bad.Reason), " "))
	case errors.As(err, &forked):
		p.status, found.Code = statusTotalFailed, "log_forked"
		found.Message = p.say("log.forked", "kept", strconv.FormatInt(forked.Older.Size, 10), "size", strconv.FormatInt(forked.Newer.Size, 10))
	case errors.Is(err, signinglog.ErrSignature), errors.Is(err, signinglog.ErrOrigin), errors.Is(err, signinglog.ErrMalformedCheckpoint):
		p.status, found.Code = statusTotalFailed, "log_other_key"
		found.Message = p.say("log.other_key")
	case errors.Is(err, fs.ErrNotExist):
		p.status, found.Code = statusFailed, "log_missing"
		found.Message = p.say("log.missing", "folder", found.Folder)
	default:
		p.status, found.Code = statusFailed, "log_unreadable"
		found.Message = p.say("log.unreadable", "folder", found.Folder)
	}
}
