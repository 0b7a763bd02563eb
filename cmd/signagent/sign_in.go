package main

import (
	"fmt"

	"sokyso/signer/agent"
)

// signInCommand signs a waiting browser in at the custody site, by the code that it shows.
type signInCommand struct {
	Code string `arg:"" help:"help_sign_in_code"`
	tokenFlags
	// Elsewhere is the word for a browser at another network address, where nobody can be asked.
	Elsewhere bool `help:"help_elsewhere"`
	JSON      bool `name:"json" help:"help_json"`
}

// Run shows what the token is to sign, asks, signs, and shows the number for the browser.
func (c *signInCommand) Run(p *program) error {
	code, err := agent.ParseSignIn(c.Code)
	if err != nil {
		return err
	}
	a, err := p.open(c.Module)
	if err != nil {
		return err
	}
	defer a.Close()
	number, err := a.SignIn(p.ctx, c.batch(p), code, func(asked agent.SignInAsked) bool {
		fmt.Fprintln(p.stderr, asked.Sentence)
		if !asked.Elsewhere {
			return true // the PIN is the person's word
		}
		fmt.Fprintln(p.stderr, asked.Warning)
		return c.Elsewhere || agent.AgreeOnTerminal(p.ctx, p.say("sign_in.agree"))
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return p.printJSON(map[string]string{"number": number})
	}
	fmt.Fprintln(p.stdout, p.say("sign_in.number", "number", number[:3]+" "+number[3:]))
	return nil
}
