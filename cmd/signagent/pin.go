package main

import (
	"fmt"

	"sokyso/signer/agent"
)

type pinCommand struct {
	Module     string `placeholder:"SO" help:"help_module"`
	Token      string `placeholder:"LABEL-OR-SERIAL" help:"help_token"`
	PINFile    string `name:"pin-file" placeholder:"F" help:"help_pin_file"`
	NewPINFile string `name:"new-pin-file" placeholder:"F" help:"help_new_pin_file"`
	FinalTry   bool   `help:"help_final_try"`
	JSON       bool   `name:"json" help:"help_json"`
}

// pinResult is what became of the PIN. The JSON form is part of the command line's
// contract.
type pinResult struct {
	Serial  string `json:"serial"`
	Label   string `json:"label"`
	Status  string `json:"status"` // changed or failed
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Run changes the PIN of a token: the old one is asked for, then the new one twice.
func (c *pinCommand) Run(p *program) error {
	if c.PINFile != "" && c.PINFile == c.NewPINFile {
		return p.misuse("pin_files")
	}
	config, err := p.config(c.Module)
	if err != nil {
		return err
	}
	change := agent.PINChange{Token: c.Token, Old: agent.PINFromTerminal(p.catalogue), New: agent.NewPINFromTerminal(p.catalogue)}
	change.FinalTry, change.Confirm, change.Warn = c.FinalTry, agent.ConfirmOnTerminal(p.catalogue), agent.WarnOnTerminal(p.stderr)
	if c.PINFile != "" {
		change.Old = agent.PINFromFile(c.PINFile, p.stdin)
	}
	if c.NewPINFile != "" {
		change.New = agent.PINFromFile(c.NewPINFile, p.stdin)
	}
	info, err := agent.ChangePIN(p.ctx, config, change)
	result := pinResult{Serial: info.Serial, Label: info.Label, Status: "changed"}
	if err != nil {
		p.status, result.Status = statusFailed, "failed"
		result.Code, result.Message = p.catalogue.Explain(err, "")
	}
	switch {
	case c.JSON:
		return p.printJSON(result)
	case err != nil:
		fmt.Fprintln(p.stderr, result.Message)
	default:
		fmt.Fprintln(p.stdout, p.say("pin.changed", "label", info.Label, "serial", info.Serial))
	}
	return nil
}
