package main

import (
	"fmt"

	"sokyso/signer/agent"
)

type doctorCommand struct {
	Module string `placeholder:"SO" help:"help_module"`
	JSON   bool   `name:"json" help:"help_json"`
}

// Run examines what signing needs and changes nothing.
func (c *doctorCommand) Run(p *program) error {
	config, err := p.config(c.Module)
	if err != nil {
		return err
	}
	checks := agent.Examine(p.ctx, config)
	for _, check := range checks {
		if !check.OK {
			p.status = statusFailed
		}
	}
	if c.JSON {
		return p.printJSON(map[string]any{"checks": checks})
	}
	for _, check := range checks {
		verdict := "doctor.ok"
		if !check.OK {
			verdict = "doctor.bad"
		}
		fmt.Fprintf(p.stdout, "%-4s %s: %s\n", p.say(verdict), p.say("doctor."+check.Name), check.Message)
	}
	return nil
}
