package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"sokyso/signer"
	"sokyso/signer/agent"
)

type resumeCommand struct {
	Batch        string `arg:"" optional:"" name:"batch" help:"help_batch"`
	List         bool   `help:"help_list"`
	Discard      bool   `help:"help_discard"`
	Yes          bool   `help:"help_yes"`
	Module       string `placeholder:"SO" help:"help_module"`
	PINFile      string `name:"pin-file" placeholder:"F" help:"help_pin_file"`
	FinalTry     bool   `help:"help_final_try"`
	PasswordFile string `name:"password-file" placeholder:"F" help:"help_password_file"`
	Report       string `placeholder:"FILE.csv|FILE.pdf" help:"help_report"`
	JSON         bool   `name:"json" help:"help_json"`
}

// Run finishes what an interrupted batch left, or lists or discards such batches.
func (c *resumeCommand) Run(p *program) error {
	switch {
	case c.List && c.Discard:
		return p.misuse("resume_both")
	case c.Yes && !c.Discard:
		return p.misuse("resume_yes")
	case c.PINFile == "/dev/stdin" && c.PasswordFile == "/dev/stdin":
		return p.misuse("stdin_both")
	}
	if err := p.checkReport(c.Report); err != nil {
		return err
	}
	a, err := p.open(c.Module)
	if err != nil {
		return err
	}
	defer a.Close()
	batches, err := a.Unfinished()
	if err != nil {
		return err
	}
	if c.List {
		return c.list(p, batches)
	}
	id := c.Batch
	if id == "" {
		switch len(batches) {
		case 0:
			return c.list(p, batches)
		case 1:
			id = batches[0].ID
		default:
			if err := c.list(p, batches); err != nil {
				return err
			}
			return &useError{p.say("resume.choose")}
		}
	}
	if c.Discard {
		return c.discard(p, a, batches, id)
	}
	results, err := c.resume(p, a, id)
	if err != nil {
		return err
	}
	return p.printSigned(results, c.JSON, c.Report)
}

func (c *resumeCommand) resume(p *program, a *agent.Agent, id string) ([]agent.Result, error) {
	passwords, err := p.passwords(c.PasswordFile)
	if err != nil {
		return nil, err
	}
	results, err := a.Resume(p.ctx, id, func(batch *agent.Batch) {
		batch.Passwords, batch.FinalTry, batch.Progress = passwords, c.FinalTry, p.progress()
		batch.PIN = agent.PINFromTerminal(p.catalogue)
		batch.Confirm, batch.Warn = agent.ConfirmOnTerminal(p.catalogue), agent.WarnOnTerminal(p.stderr)
		if c.PINFile != "" {
			batch.PIN = agent.PINFromFile(c.PINFile, p.stdin)
		}
	})
	if err == nil && p.unfinished(a) > 0 {
		p.tellLeft(results)
	}
	return results, err
}

func (c *resumeCommand) list(p *program, batches []agent.Unfinished) error {
	if c.JSON {
		return p.printJSON(map[string]any{"batches": batches})
	}
	for _, b := range batches {
		if b.Err != nil {
			_, message := p.catalogue.Explain(b.Err, "")
			fmt.Fprintln(p.stdout, p.say("resume.item_damaged", "batch", b.ID, "message", message))
			continue
		}
		fmt.Fprintln(p.stdout, p.say("resume.item", "batch", b.ID, "begun", b.Begun.In(signer.Vietnam).Format("15:04 02/01/2006"),
			"signed", strconv.Itoa(b.Signed), "count", strconv.Itoa(b.Files), "file", b.First))
	}
	if len(batches) == 0 {
		fmt.Fprintln(p.stdout, p.say("resume.none"))
	}
	return nil
}

func (c *resumeCommand) discard(p *program, a *agent.Agent, batches []agent.Unfinished, id string) error {
	left := ""
	for _, b := range batches {
		if b.ID == id && b.Err == nil {
			left = strconv.Itoa(b.Files - b.Signed)
		}
	}
	if !c.Yes {
		if file, ok := p.stdin.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
			return p.misuse("resume_confirm")
		}
		fmt.Fprint(p.stderr, p.say("resume.confirm", "batch", id, "left", left))
		answer, err := bufio.NewReader(p.stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "co", "có", "yes":
		default:
			fmt.Fprintln(p.stdout, p.say("resume.kept"))
			return nil
		}
	}
	if err := a.DiscardBatch(id); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, p.say("resume.discarded", "batch", id))
	return nil
}

// unfinished counts the batches that can be resumed.
func (p *program) unfinished(a *agent.Agent) int {
	batches, err := a.Unfinished()
	if err != nil {
		return 0
	}
	return len(batches)
}

// tellUnfinished says on standard error which batches wait.
func (p *program) tellUnfinished(a *agent.Agent, key string) {
	batches, err := a.Unfinished()
	if err != nil {
		return // told by the command that lists them
	}
	for _, b := range batches {
		if b.Err == nil {
			fmt.Fprintln(p.stderr, p.say(key, "batch", b.ID, "left", strconv.Itoa(b.Files-b.Signed)))
		}
	}
}

// tellLeft says on standard error that the batch can be resumed.
func (p *program) tellLeft(results []agent.Result) {
	left := 0
	for _, result := range results {
		if result.Status != agent.StatusSigned {
			left++
		}
	}
	if left > 0 {
		fmt.Fprintln(p.stderr, p.say("resume.hint", "left", strconv.Itoa(left)))
	}
}
