package main

import (
	"fmt"
	"time"

	"sokyso/signer/agent"
)

type tokensCommand struct {
	Module string `placeholder:"SO" help:"${help_module}"`
	JSON   bool   `name:"json" help:"${help_json}"`
}

// Run lists tokens with their certificates, without logging in.
func (c *tokensCommand) Run(p *program) error {
	config, err := p.config(c.Module)
	if err != nil {
		return err
	}
	tokens, err := agent.ListTokens(p.ctx, config)
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printJSON(map[string]any{"tokens": tokens})
	}
	if len(tokens) == 0 {
		fmt.Fprintln(p.stdout, p.say("tokens.none"))
	}
	for _, t := range tokens {
		fmt.Fprintln(p.stdout, p.say("tokens.token", "label", t.Label, "serial", t.Serial, "model", t.Model,
			"flags", agent.FlagWords(p.catalogue, t.Flags)))
		for _, certificate := range t.Certificates {
			fmt.Fprintln(p.stdout, p.say("tokens.certificate", "subject", certificate.Subject,
				"until", certificate.NotAfter.Format(time.RFC3339), "sha256", certificate.SHA256))
		}
	}
	return nil
}
