package main

import (
	"fmt"

	"sokyso/signer/agent"
	"sokyso/signer/preview"
)

type doctorCommand struct {
	Module string `placeholder:"SO" help:"help_module"`
	Roots  string `placeholder:"PEM" help:"help_roots"`
	TSA    string `name:"tsa" placeholder:"URL" help:"help_tsa"`
	Bundle string `placeholder:"FILE" help:"help_bundle"`
	JSON   bool   `name:"json" help:"help_json"`
}

// Run examines what signing needs and changes nothing but the file that was asked for.
func (c *doctorCommand) Run(p *program) error {
	config, err := p.config(c.Module)
	if err != nil {
		return err
	}
	roots, err := agent.LoadRoots(c.Roots)
	if err != nil {
		return err
	}
	findings := agent.Examination{Config: config, Version: version, Roots: roots, TSA: c.TSA, ViewerCache: preview.CacheDir()}.Run(p.ctx)
	if findings.Failed() {
		p.status = statusFailed
	}
	if c.JSON {
		if err := p.printJSON(findings); err != nil {
			return err
		}
	} else {
		for _, check := range findings.Checks {
			fmt.Fprintf(p.stdout, "%-5s %s: %s\n", p.say("doctor."+check.Verdict), p.say("doctor."+check.Name), check.Message)
		}
	}
	if c.Bundle == "" {
		return nil
	}
	if err := findings.WriteSupport(c.Bundle); err != nil {
		return err
	}
	fmt.Fprintln(p.stderr, p.say("doctor.support_written", "file", c.Bundle))
	return nil
}
