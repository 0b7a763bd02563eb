package main

import (
	"fmt"

	"sokyso/signer/agent"
)

type proveCommand struct {
	Module   string `placeholder:"SO" help:"help_module"`
	Token    string `placeholder:"LABEL-OR-SERIAL" help:"help_token"`
	Cert     string `placeholder:"SHA256" help:"help_cert"`
	PINFile  string `name:"pin-file" placeholder:"F" help:"help_pin_file"`
	FinalTry bool   `help:"help_final_try"`
	JSON     bool   `name:"json" help:"help_json"`
}

// Run proves to the service that the person has the token and its PIN.
func (c *proveCommand) Run(p *program) error {
	config, err := p.config(c.Module)
	if err != nil {
		return err
	}
	a, err := agent.Open(p.ctx, config)
	if err != nil {
		return err
	}
	defer a.Close()
	p.tellRecovered(a.Recovered())
	batch := agent.Batch{Token: c.Token, Certificate: c.Cert, FinalTry: c.FinalTry, PIN: agent.PINFromTerminal(p.catalogue),
		Confirm: agent.ConfirmOnTerminal(p.catalogue), Warn: agent.WarnOnTerminal(p.stderr)}
	if c.PINFile != "" {
		batch.PIN = agent.PINFromFile(c.PINFile, p.stdin)
	}
	proof, err := a.Prove(p.ctx, batch, func(sentence string) { fmt.Fprintln(p.stderr, sentence) })
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printJSON(proof)
	}
	fmt.Fprintln(p.stdout, p.say("prove.done", "serial", proof.TokenSerial, "entry", fmt.Sprint(proof.EntryIndex), "receipt", proof.Receipt))
	return nil
}
