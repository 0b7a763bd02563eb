package main

import (
	"fmt"

	"sokyso/signer/agent"
	"sokyso/signer/desk"
)

// openCommand opens a document that waits on the custody site, or signs a browser in there. The operating system runs it
// for addresses that begin with "sokyso:", so its argument is anybody's: it is one of three forms, or refused.
type openCommand struct {
	Invitation string `arg:"" help:"help_invitation"`
	NoOpen     bool   `help:"help_no_open"`
}

// Run hands the invitation to the desk that is running, or becomes the desk.
func (c *openCommand) Run(p *program) error {
	if agent.IsSignIn(c.Invitation) {
		if _, err := agent.ParseSignIn(c.Invitation); err != nil {
			return err
		}
	} else if _, err := agent.ParseInvitation(c.Invitation); err != nil {
		return err
	}
	home, err := agent.Home()
	if err != nil {
		return err
	}
	taken, err := desk.HandOver(p.ctx, home, c.Invitation, nil)
	if err != nil {
		return err
	}
	if taken {
		fmt.Fprintln(p.stdout, p.say("open.handed_over"))
		return nil
	}
	return (&serveCommand{Level: "b-b", NoOpen: c.NoOpen, invitation: c.Invitation}).Run(p)
}
