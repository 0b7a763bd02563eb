package main

import (
	"fmt"
	"strconv"

	"sokyso/signer"
	"sokyso/signer/agent"
)

type augmentCommand struct {
	Files  []string `arg:"" name:"file" help:"help_files"`
	Output *string  `short:"o" placeholder:"OUT" help:"help_output"`
	OutDir *string  `placeholder:"DIR" help:"help_out_dir"`
	Level  string   `enum:"b-t,b-lt,b-lta" default:"b-lta" help:"help_level"`
	TSA    string   `name:"tsa" placeholder:"URL" help:"help_tsa"`
	stamping
	Roots        string `placeholder:"PEM" help:"help_roots"`
	PasswordFile string `name:"password-file" placeholder:"F" help:"help_password_file"`
	JSON         bool   `name:"json" help:"help_json"`
}

// Run raises the level of the files' signatures and prints what became of each.
func (c *augmentCommand) Run(p *program) error {
	if err := p.checkServices(c.Level, c.TSA, c.Roots); err != nil {
		return err
	}
	if err := p.checkStamping(c.stamping); err != nil {
		return err
	}
	if c.Roots == "" {
		return p.misuse("roots_missing", "level", c.Level)
	}
	if err := p.checkOutputs(c.Files, c.Output, c.OutDir); err != nil {
		return err
	}
	work := agent.Augmentation{
		Files: c.Files, Output: text(c.Output), OutDir: text(c.OutDir), Level: signer.Level(c.Level), TSA: c.TSA,
		Stamping:  c.stamping.options(),
		Catalogue: p.catalogue, Progress: p.progress(),
	}
	var err error
	if work.Passwords, err = p.passwords(c.PasswordFile); err != nil {
		return c.print(p, work.FailAll(err))
	}
	if work.Roots, err = agent.LoadRoots(c.Roots); err != nil {
		return c.print(p, work.FailAll(err))
	}
	return c.print(p, work.Run(p.ctx))
}

func (c *augmentCommand) print(p *program, results []agent.Raised) error {
	raised := 0
	for _, result := range results {
		if result.Status == agent.StatusRaised {
			raised++
		}
		if result.Code != "" {
			p.status = statusFailed
		}
	}
	if c.JSON {
		return p.printJSON(map[string]any{"files": results})
	}
	for _, result := range results {
		key := "augment.failed"
		if result.Status == agent.StatusRaised {
			key = "augment.done"
		}
		fmt.Fprintln(p.stdout, p.say(key, "file", result.Input, "output", result.Output, "level", result.Level))
		if result.Message != "" {
			fmt.Fprintln(p.stdout, "   "+result.Message)
		}
	}
	if len(results) > 1 {
		fmt.Fprintln(p.stdout, p.say("augment.summary", "raised", strconv.Itoa(raised), "count", strconv.Itoa(len(results))))
	}
	return nil
}
