package main

import (
	"fmt"
	"time"

	"sokyso/signer/agent"
)

// tokenFlags choose the token that signs something that is no document.
type tokenFlags struct {
	Module   string `placeholder:"SO" help:"help_module"`
	Token    string `placeholder:"LABEL-OR-SERIAL" help:"help_token"`
	Cert     string `placeholder:"SHA256" help:"help_cert"`
	PINFile  string `name:"pin-file" placeholder:"F" help:"help_pin_file"`
	FinalTry bool   `help:"help_final_try"`
}

// batch is what the agent wants to know for one signature.
func (c *tokenFlags) batch(p *program) agent.Batch {
	batch := agent.Batch{Token: c.Token, Certificate: c.Cert, FinalTry: c.FinalTry, PIN: agent.PINFromTerminal(p.catalogue),
		Confirm: agent.ConfirmOnTerminal(p.catalogue), Warn: agent.WarnOnTerminal(p.stderr)}
	if c.PINFile != "" {
		batch.PIN = agent.PINFromFile(c.PINFile, p.stdin)
	}
	return batch
}

type proveCommand struct {
	tokenFlags
	Check    bool   `help:"help_check"`
	HandOver string `placeholder:"ID" help:"help_hand_over"`
	// The receiver says that they have changed the PIN; never which it is.
	PINChanged bool `name:"pin-changed" help:"help_pin_changed"`
	JSON       bool `name:"json" help:"help_json"`
}

// Run proves to the service that the person has the token and its PIN; with --check
// it only tells what the service waits for, with --hand-over it confirms one.
func (c *proveCommand) Run(p *program) error {
	a, err := p.open(c.Module)
	if err != nil {
		return err
	}
	defer a.Close()
	if c.Check {
		return c.tellAsked(p, a)
	}
	show := func(sentence string) { fmt.Fprintln(p.stderr, sentence) }
	var proof agent.Proof
	done := "prove.done"
	if c.HandOver != "" {
		done = "prove.confirmed"
		var changed *bool // nil = not said
		if c.PINChanged {
			changed = &c.PINChanged
		}
		proof, err = a.ConfirmHandOver(p.ctx, c.batch(p), c.HandOver, changed, show)
	} else {
		proof, err = a.Prove(p.ctx, c.batch(p), show)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printJSON(proof)
	}
	fmt.Fprintln(p.stdout, p.say(done, "serial", proof.TokenSerial, "entry", fmt.Sprint(proof.EntryIndex), "receipt", proof.Receipt))
	return nil
}

// tellAsked lists the tokens that an open custody check waits for.
func (c *proveCommand) tellAsked(p *program, a *agent.Agent) error {
	asked, err := a.AskedProofs(p.ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printJSON(asked)
	}
	if len(asked) == 0 {
		fmt.Fprintln(p.stdout, p.say("prove.none_asked"))
	}
	for _, proof := range asked {
		due := proof.Due
		if day, err := time.Parse(time.DateOnly, due); err == nil {
			due = day.Format("02/01/2006")
		}
		fmt.Fprintln(p.stdout, p.say("prove.asked", "label", proof.Label, "serial", proof.TokenSerial, "due", due))
	}
	return nil
}
