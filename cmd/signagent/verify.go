package main

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"sokyso/signer"
	"sokyso/signer/agent"
	"sokyso/signer/validation"
)

type verifyCommand struct {
	Files   []string `arg:"" name:"file" help:"help_files"`
	Roots   string   `placeholder:"PEM" help:"help_roots"`
	Offline bool     `help:"help_offline"`
	At      string   `placeholder:"TIME" help:"help_at"`
	LogKey  string   `placeholder:"KEY" help:"help_log_key"`
	Receipt string   `placeholder:"F" help:"help_receipt"`

	PrivateIssuers bool `name:"private-issuers" help:"help_private_issuers"`

	Report   string `placeholder:"PDF" help:"help_report"`
	School   string `placeholder:"NAME" help:"help_school"`
	Superior string `placeholder:"NAME" help:"help_superior"`

	PasswordFile string `name:"password-file" placeholder:"F" help:"help_password_file"`

	JSON bool `name:"json" help:"help_json"`
}

// verifyMemory is where collecting garbage becomes more eager, in bytes: files that others made may be built to need
// much, of which most is garbage soon.
const verifyMemory = 192 << 20

// Run validates the files and prints what is found in each.
func (c *verifyCommand) Run(p *program) error {
	debug.SetMemoryLimit(verifyMemory)
	if c.Receipt != "" && len(c.Files) != 1 {
		return p.misuse("one_receipt")
	}
	v := agent.Verification{Offline: c.Offline, Receipt: c.Receipt, Catalogue: p.catalogue, Measure: c.Report != ""}
	checked := time.Now()
	var err error
	if v.At, err = c.time(); err != nil {
		return p.misuse("at")
	}
	if v.Roots, err = agent.LoadRoots(c.Roots); err != nil {
		_, message := p.catalogue.Explain(err, "")
		return &useError{message}
	}
	if v.Passwords, err = p.passwords(c.PasswordFile); err != nil {
		_, message := p.catalogue.Explain(err, "")
		return &useError{message}
	}
	home, err := agent.Home()
	if err != nil && c.LogKey == "" {
		home = ""
	}
	if v.LogKey, err = agent.LogVerifier(home, c.LogKey); err != nil && c.LogKey != "" {
		return p.misuse("log_key")
	}
	if !c.Offline {
		// A pairing that can't be read is no reason not to check a signature.
		if v.Register, err = agent.OpenRegister(home, p.catalogue); err != nil {
			_, message := p.catalogue.Explain(err, "")
			fmt.Fprintln(p.stderr, message)
		}
	}
	v.Cache, v.PrivateIssuers = &validation.Cache{Disk: agent.FetchedIn(home)}, c.PrivateIssuers
	reports := make([]agent.FileReport, len(c.Files))
	for i, file := range c.Files {
		reports[i] = v.Verify(p.ctx, file)
		p.status = worst(p.status, reports[i].Status())
	}
	if err := v.Register.Close(p.ctx); err != nil {
		_, message := p.catalogue.Explain(err, "")
		fmt.Fprintln(p.stderr, message)
	}
	c.print(p, v, checked, reports)
	if c.JSON {
		return p.printJSON(map[string]any{"files": reports})
	}
	for _, report := range reports {
		p.printReport(report)
	}
	return nil
}

// print writes the paper for the file. That it can't be written does not hold the
// verdicts back.
func (c *verifyCommand) print(p *program, v agent.Verification, checked time.Time, reports []agent.FileReport) {
	if c.Report == "" {
		return
	}
	printed := agent.PrintedReport{Verification: v, School: c.School, Superior: c.Superior, RootsFile: c.Roots, Version: version, Checked: checked}
	if printed.School == "" && v.Register != nil {
		printed.School = v.Register.Pairing.School
	}
	if err := printed.Save(c.Report, reports); err != nil {
		_, message := p.catalogue.Explain(err, "")
		fmt.Fprintln(p.stderr, message)
		if p.status == statusDone {
			p.status = statusFailed
		}
	}
}

// time reads --at: a moment, or a day in Vietnam, which means its end.
func (c *verifyCommand) time() (time.Time, error) {
	if c.At == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, c.At); err == nil {
		return at, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, c.At, signer.Vietnam)
	if err != nil {
		return time.Time{}, err
	}
	return day.AddDate(0, 0, 1).Add(-time.Second), nil
}

// worst of two exit statuses of verify: an invalid signature outweighs a doubt.
func worst(a, b int) int {
	for _, status := range []int{statusTotalFailed, statusIndeterminate} {
		if a == status || b == status {
			return status
		}
	}
	return statusDone
}

func (p *program) printReport(report agent.FileReport) {
	fmt.Fprintln(p.stdout, p.say("verify.conclusion", "file", report.File,
		"decision", p.say("conclusion.decision."+report.Conclusion.Decision), "message", report.Conclusion.Message))
	switch {
	case report.Conclusion.Reason == agent.ReasonUnreadable: // said
	case report.Error != "":
		fmt.Fprintln(p.stdout, p.say("verify.error", "file", report.File, "message", report.Error))
	case len(report.Signatures) == 0:
		fmt.Fprintln(p.stdout, p.say("verify.none", "file", report.File))
	}
	for _, s := range report.Signatures {
		fmt.Fprintln(p.stdout, p.say("verify.signature", "file", report.File,
			"indication", p.say("verify.indication."+s.Indication), "signer", s.Signer, "level", s.Level))
		if s.SubIndication != "" {
			fmt.Fprintln(p.stdout, "   "+p.say("sub."+s.SubIndication))
		}
		if s.ClaimedTime != "" {
			fmt.Fprintln(p.stdout, p.say("verify.time", "time", s.ClaimedTime))
		}
		// Beside "the document was altered", "covers the whole file" and "no changes
		// since" read as a contradiction: they are told of what can be believed.
		altered := s.Indication == string(validation.TotalFailed) && s.LaterChanges == validation.ChangesNone
		if s.Covers != "" && !altered {
			fmt.Fprintln(p.stdout, p.say("verify.covers."+s.Covers))
		}
		if s.LaterChanges != "" && s.Covers != "" && !altered {
			fmt.Fprintln(p.stdout, p.say("verify.changes."+s.LaterChanges))
		}
		steps := make([]string, len(s.Steps))
		for i, step := range s.Steps {
			steps[i] = p.say("step."+step.Step) + ": " + p.say("step.outcome."+step.Outcome)
		}
		fmt.Fprintln(p.stdout, p.say("verify.steps", "steps", strings.Join(steps, "; ")))
		for _, d := range s.Details {
			fmt.Fprintln(p.stdout, "   - "+d.Message)
		}
	}
}
