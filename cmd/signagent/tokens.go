package main

import (
	"fmt"
	"time"

	"sokyso/signer/agent"
)

type tokensCommand struct {
	Module   string `placeholder:"SO" help:"help_module"`
	Register bool   `help:"help_register"`
	JSON     bool   `name:"json" help:"help_json"`
}

// Run lists tokens with their certificates, without logging in, and the modules that
// are of no use.
func (c *tokensCommand) Run(p *program) error {
	config, err := p.config(c.Module)
	if err != nil {
		return err
	}
	found := agent.Discover(p.ctx, config)
	named := c.Module != "" && found.Modules[0].Code != ""
	if named {
		p.status = statusFailed
	}
	if c.Register {
		return c.register(p, config, found)
	}
	if c.JSON {
		return p.printJSON(found)
	}
	for _, t := range found.Tokens {
		fmt.Fprintln(p.stdout, p.say("tokens.token", "label", t.Label, "serial", t.Serial, "model", t.Model,
			"flags", agent.PINWords(p.catalogue, agent.PINState{Info: t.Info, Wrong: t.WrongPINs})))
		for _, certificate := range t.Certificates {
			fmt.Fprintln(p.stdout, p.say("tokens.certificate", "subject", certificate.Subject,
				"until", certificate.NotAfter.Format(time.RFC3339), "sha256", certificate.SHA256))
		}
		if t.Message != "" {
			fmt.Fprintln(p.stdout, "   "+t.Message)
		}
	}
	if found.Message != "" && !named {
		fmt.Fprintln(p.stdout, found.Message)
	}
	for _, module := range found.Modules {
		if module.Message != "" && (named || module.Message != found.Message) {
			fmt.Fprintln(p.stderr, module.Message)
		}
	}
	return nil
}

// register sends the certificates to the paired service, where an admin confirms them.
func (c *tokensCommand) register(p *program, config agent.Config, found agent.Discovery) error {
	proposals, err := agent.Propose(p.ctx, config, found)
	if err != nil {
		return err
	}
	for _, proposal := range proposals {
		if proposal.Status == "refused" {
			p.status = statusFailed
		}
	}
	if len(proposals) == 0 {
		p.status = statusFailed
	}
	if c.JSON {
		return p.printJSON(proposals)
	}
	if len(proposals) == 0 {
		message := found.Message
		if message == "" {
			message = p.say("tokens.nothing_to_register")
		}
		fmt.Fprintln(p.stderr, message)
	}
	for _, proposal := range proposals {
		fmt.Fprintln(p.stdout, p.say("tokens."+proposal.Status, "subject", proposal.Subject, "serial", proposal.TokenSerial, "sha256", proposal.SHA256, "message", proposal.Message))
	}
	return nil
}
