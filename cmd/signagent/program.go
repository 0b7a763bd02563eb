package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"sokyso/signer/agent"
)

const (
	statusDone          = 0
	statusFailed        = 1
	statusUse           = 2
	statusTotalFailed   = 3
	statusIndeterminate = 4
)

// testOnlyStep is called after each step of a signature. Tests of this program
// end the process there.
var testOnlyStep func(step string)

// commands is the command line.
type commands struct {
	Lang    string           `help:"help_lang" enum:"vi,en," default:"" placeholder:"vi|en"`
	Version kong.VersionFlag `help:"help_version"`

	Sign     signCommand     `cmd:"" help:"help_sign"`
	Prepare  prepareCommand  `cmd:"" help:"help_prepare"`
	Issue    issueCommand    `cmd:"" help:"help_issue"`
	Resume   resumeCommand   `cmd:"" help:"help_resume"`
	Augment  augmentCommand  `cmd:"" help:"help_augment"`
	Verify   verifyCommand   `cmd:"" help:"help_verify"`
	Tokens   tokensCommand   `cmd:"" help:"help_tokens"`
	PIN      pinCommand      `cmd:"" name:"pin" help:"help_pin"`
	Pair     pairCommand     `cmd:"" help:"help_pair"`
	Prove    proveCommand    `cmd:"" help:"help_prove"`
	SignIn   signInCommand   `cmd:"" help:"help_sign_in"`
	Outbox   outboxCommand   `cmd:"" help:"help_outbox"`
	Log      logCommand      `cmd:"" help:"help_log"`
	Unlogged unloggedCommand `cmd:"" help:"help_unlogged"`
	Doctor   doctorCommand   `cmd:"" help:"help_doctor"`
	Serve    serveCommand    `cmd:"" help:"help_serve"`
	Open     openCommand     `cmd:"" help:"help_open"`
	Tray     trayCommand     `cmd:"" help:"help_tray_command"`
}

// program is what a command works with.
type program struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	catalogue      *agent.Catalogue
	status         int
}

// useError is wrong use: exit status 2.
type useError struct{ message string }

func (e *useError) Error() string { return e.message }

// exited carries the status out of kong, which wants to end the process.
type exited int

// Run is the program without its process: the exit status for the arguments.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	p := &program{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, catalogue: agent.NewCatalogue(languageIn(args))}
	defer func() {
		if left, ok := recover().(exited); ok {
			status = int(left)
		}
	}()
	parser, err := kong.New(&commands{}, kong.Name("signagent"), kong.Description(p.say("help.description")),
		kong.Writers(stdout, stderr), kong.Exit(func(status int) { panic(exited(status)) }), kong.Vars{"version": version},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Help(p.printHelp))
	if err != nil {
		fmt.Fprintln(stderr, p.say("use.wrong", "reason", err.Error()))
		return statusUse
	}
	selected, err := parser.Parse(args)
	if err != nil {
		return p.wrong(p.say("use.wrong", "reason", p.parseError(err)))
	}
	err = selected.Run(p)
	var use *useError
	switch {
	case errors.As(err, &use):
		return p.wrong(use.message)
	case err != nil:
		_, message := p.catalogue.Explain(err, "")
		fmt.Fprintln(stderr, message)
		return statusFailed
	}
	return p.status
}

func (p *program) wrong(message string) int {
	fmt.Fprintln(p.stderr, message)
	fmt.Fprintln(p.stderr, p.say("use.help"))
	return statusUse
}

// languageIn finds --lang before anything is parsed: help and errors of parsing
// are in that language too.
func languageIn(args []string) string {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--lang="); ok {
			return value
		}
		if arg == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

func (p *program) say(key string, params ...string) string {
	return p.catalogue.Sentence(key, params...)
}

// misuse is a useError with a sentence of the catalogue.
func (p *program) misuse(key string, params ...string) error {
	return &useError{p.say("use."+key, params...)}
}

// printJSON writes a value for another program.
func (p *program) printJSON(value any) error {
	encoder := json.NewEncoder(p.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// onTerminal says whether progress has anybody to look at it.
func (p *program) onTerminal() bool {
	file, ok := p.stderr.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func (p *program) note(text string) {
	if p.onTerminal() {
		fmt.Fprintln(p.stderr, text)
	}
}

// passwords are those of encrypted files: of --password-file, or asked for.
func (p *program) passwords(file string) (*agent.Passwords, error) {
	given, err := agent.LoadPassword(file, p.stdin)
	if err != nil {
		return nil, err
	}
	return &agent.Passwords{Given: given, Ask: agent.PasswordFromTerminal(p.catalogue)}, nil
}

// config is the agent's configuration of a command.
func (p *program) config(module string) (agent.Config, error) {
	home, err := agent.Home()
	if err != nil {
		return agent.Config{}, err
	}
	return agent.Config{
		Home: home, Module: module, Catalogue: p.catalogue, OnStep: testOnlyStep,
		OnWait:     func() { p.note(p.say("sign.waiting")) },
		OnRecovery: func() { p.note(p.say("sign.phase.recover")) },
	}, nil
}

// open opens the agent of a command and says what the start found unfinished.
func (p *program) open(module string) (*agent.Agent, error) {
	config, err := p.config(module)
	if err != nil {
		return nil, err
	}
	a, err := agent.Open(p.ctx, config)
	if err != nil {
		return nil, err
	}
	p.tellRecovered(a.Recovered())
	return a, nil
}

// tellRecovered says on standard error what the start found unfinished.
func (p *program) tellRecovered(recovered []agent.Recovered) {
	for _, r := range recovered {
		switch {
		case r.Moved:
			fmt.Fprintln(p.stderr, p.movedText(r))
		case r.Err != nil && r.Output != "":
			_, message := p.catalogue.Explain(r.Err, r.Output)
			fmt.Fprintln(p.stderr, p.say("recovered.pending", "output", r.Output, "message", message))
		case r.Err != nil:
			_, message := p.catalogue.Explain(r.Err, r.Input)
			fmt.Fprintln(p.stderr, message)
		case r.Output != "":
			fmt.Fprintln(p.stderr, p.say("recovered.finished", "output", r.Output, "entry", entryText(r.Index)))
		default:
			fmt.Fprintln(p.stderr, p.say("recovered.discarded", "file", r.Input))
		}
	}
}

// movedText tells that a settled signature's file is not where it was put.
func (p *program) movedText(r agent.Recovered) string {
	return p.say("recovered.moved", "output", r.Output, "entry", entryText(r.Index), "receipt", r.Receipt)
}

func entryText(index *int64) string {
	if index == nil {
		return ""
	}
	return fmt.Sprint(*index)
}
