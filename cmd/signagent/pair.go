package main

import (
	"fmt"
	"os"
)

type pairCommand struct {
	URL    string `arg:"" name:"url" help:"help_url"`
	Code   string `arg:"" name:"code" help:"help_code"`
	Device string `placeholder:"NAME" help:"help_device"`
}

// Run trades the code for an API key and says whom this computer signs for now.
func (c *pairCommand) Run(p *program) error {
	a, err := p.open("")
	if err != nil {
		return err
	}
	defer a.Close()
	device := c.Device
	if device == "" {
		if device, err = os.Hostname(); err != nil || device == "" {
			device = "signagent"
		}
	}
	pairing, err := a.Pair(p.ctx, c.URL, c.Code, device)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, p.say("pair.done", "school", pairing.School, "name", pairing.Person))
	fmt.Fprintln(p.stdout, p.say("pair.key", "key", pairing.LogKey))
	return nil
}
