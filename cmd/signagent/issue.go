package main

import (
	"fmt"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/signer"
	"sokyso/signer/agent"
	"sokyso/signer/desk"
	"sokyso/signer/preview"
)

// issueCommand numbers, dates and seals a document that its leader has signed, in one pass.
type issueCommand struct {
	File         string  `arg:"" name:"file" help:"help_issue_file"`
	Output       *string `short:"o" placeholder:"OUT" help:"help_output"`
	OutDir       *string `placeholder:"DIR" help:"help_out_dir"`
	Number       string  `placeholder:"07" help:"help_issue_number"`
	Date         string  `placeholder:"2026-11-26" help:"help_issue_date"`
	Module       string  `placeholder:"SO" help:"help_module"`
	Token        string  `placeholder:"LABEL-OR-SERIAL" help:"help_token"`
	Cert         string  `placeholder:"SHA256" help:"help_cert"`
	PINFile      string  `name:"pin-file" placeholder:"F" help:"help_pin_file"`
	FinalTry     bool    `help:"help_final_try"`
	Standalone   bool    `help:"help_standalone"`
	PasswordFile string  `name:"password-file" placeholder:"F" help:"help_password_file"`

	Symbol  string `placeholder:"TB-MNHS" help:"help_issue_symbol"`
	Kind    string `placeholder:"TB" help:"help_issue_kind"`
	Summary string `placeholder:"TEXT" help:"help_issue_summary"`

	Level string `enum:"b-b,b-t,b-lt,b-lta" default:"b-b" help:"help_level"`
	TSA   string `name:"tsa" placeholder:"URL" help:"help_tsa"`
	stamping
	Roots string `placeholder:"PEM" help:"help_roots"`

	Image      string  `placeholder:"PNG" help:"help_issue_image"`
	ImageWidth float64 `placeholder:"MM" help:"help_image_width"`
	JSON       bool    `name:"json" help:"help_json"`
}

// Run issues the document: what stands in the way is told before the token is asked for anything.
func (c *issueCommand) Run(p *program) error {
	sign := c.asSign()
	if err := sign.check(p); err != nil {
		return err
	}
	var date time.Time
	if c.Date != "" {
		var err error
		if date, err = time.ParseInLocation(time.DateOnly, c.Date, signer.Vietnam); err != nil {
			return p.misuse("issue_date")
		}
	}
	passwords, err := p.passwords(c.PasswordFile)
	if err != nil {
		return err
	}
	job := agent.Job{Input: c.File, Output: text(c.Output), OutDir: text(c.OutDir), Act: wire.ActIssue,
		Document: wire.DocumentFacts{Number: c.Number, Symbol: c.Symbol, Kind: c.Kind, Summary: c.Summary}}
	batch := agent.Batch{
		Jobs: []agent.Job{job}, OutDir: text(c.OutDir), Token: c.Token, Certificate: c.Cert, Standalone: c.Standalone, Level: signer.Level(c.Level), TSA: c.TSA, Stamping: c.stamping.options(),
		FinalTry: c.FinalTry, PIN: agent.PINFromTerminal(p.catalogue), Confirm: agent.ConfirmOnTerminal(p.catalogue),
		Warn: agent.WarnOnTerminal(p.stderr), Progress: p.progress(), Passwords: passwords,
	}
	if c.PINFile != "" {
		batch.PIN = agent.PINFromFile(c.PINFile, p.stdin)
	}
	if err := c.fill(p, &batch, date); err != nil {
		return p.printSigned(agent.FailAll(p.catalogue, batch.Jobs, err), c.JSON, "")
	}
	if c.Standalone && !c.JSON {
		fmt.Fprintln(p.stderr, p.say("standalone.warning"))
	}
	return p.printSigned(sign.sign(p, batch), c.JSON, "")
}

// asSign is the command of which this one is a part: the flags that they share are held to the same rules.
func (c *issueCommand) asSign() *signCommand {
	return &signCommand{
		Files: []string{c.File}, Output: c.Output, OutDir: c.OutDir, Module: c.Module, PINFile: c.PINFile, PasswordFile: c.PasswordFile,
		Act: wire.ActIssue, Level: c.Level, TSA: c.TSA, stamping: c.stamping, Roots: c.Roots,
	}
}

// fill reads the document and gives the job its entries, facts and the seal's place.
func (c *issueCommand) fill(p *program, batch *agent.Batch, date time.Time) error {
	roots, err := agent.LoadRoots(c.Roots)
	if err != nil {
		return err
	}
	viewer := preview.New(preview.Config{CacheDir: preview.CacheDir()})
	defer viewer.Close()
	job := &batch.Jobs[0]
	check := agent.Verification{Roots: roots, Offline: true, Passwords: batch.Passwords, Catalogue: p.catalogue}
	issuing, err := desk.ReadIssuing(p.ctx, viewer, check, c.File, batch.Passwords.Given)
	if err != nil {
		return err
	}
	if job.Entries, err = issuing.Entries(c.Number, date); err != nil {
		return err
	}
	job.Document = issuing.Facts(job.Document)
	picture, content, err := loadPicture(c.Image, c.ImageWidth)
	if err != nil {
		return err
	}
	if job.Field = issuing.SealField(); job.Field != "" {
		job.Visible = &agent.Visible{Page: 1, Image: content}
		return nil
	}
	placer := desk.Placer{Viewer: viewer}
	file := preview.File{Path: c.File, Password: string(batch.Passwords.Given)}
	if job.Visible, err = placer.Preset(p.ctx, file, wire.ActIssue, picture); err != nil {
		return err
	}
	job.Visible.Image = content
	return nil
}
