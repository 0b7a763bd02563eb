package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"

	"sokyso/signer"
	"sokyso/signer/agent"
	"sokyso/signer/desk"
)

// serveCommand is the signing desk in the browser.
type serveCommand struct {
	Files      []string `arg:"" optional:"" name:"file" help:"help_serve_files"`
	Module     string   `placeholder:"SO" help:"help_module"`
	Roots      string   `placeholder:"PEM" help:"help_roots"`
	Level      string   `enum:"b-b,b-t,b-lt,b-lta" default:"b-b" help:"help_level"`
	TSA        string   `name:"tsa" placeholder:"URL" help:"help_tsa"`
	OutDir     string   `placeholder:"DIR" help:"help_serve_out_dir"`
	Address    string   `placeholder:"127.0.0.1:PORT" help:"help_address"`
	NoOpen     bool     `help:"help_no_open"`
	Standalone bool     `help:"help_standalone"`

	Tray bool `help:"help_tray"`

	invitation string // of the custody site, to be opened at once
}

// Run opens the desk and serves it until the program is stopped.
func (c *serveCommand) Run(p *program) error {
	if c.TSA != "" && c.Level == string(signer.LevelBB) {
		return p.misuse("tsa")
	}
	if err := p.checkServices(c.Level, c.TSA, c.Roots); err != nil {
		return err
	}
	config, err := p.config(c.Module)
	if err != nil {
		return err
	}
	roots, err := agent.LoadRoots(c.Roots)
	if err != nil {
		return err
	}
	d, err := desk.New(desk.Config{Agent: config, Roots: roots, Level: signer.Level(c.Level), TSA: c.TSA, OutDir: c.OutDir,
		Address: c.Address, Standalone: c.Standalone, Show: func(address string) {
			if !c.NoOpen {
				_ = openBrowser(address) // who asked sees that nothing opens, and has the address above
			}
		}})
	if err != nil {
		return err
	}
	for _, file := range c.Files {
		if err := d.Open(file); err != nil {
			_, message := p.catalogue.Explain(err, file)
			fmt.Fprintln(p.stderr, message)
			p.status = statusFailed
		}
	}
	listener, err := d.Listen()
	if err != nil {
		return p.misuse("address", "reason", err.Error())
	}
	withdraw, err := d.Announce()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer withdraw()
	if c.invitation != "" {
		if err := d.Accept(p.ctx, c.invitation); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	fmt.Fprintln(p.stdout, p.say("serve.at", "url", d.URL()))
	if !c.NoOpen {
		if err := openBrowser(d.URL()); err != nil {
			fmt.Fprintln(p.stderr, p.say("serve.open_yourself"))
		}
	}
	ctx, quit := context.WithCancel(p.ctx)
	defer quit()
	if c.Tray {
		go p.showTray(ctx, d, quit)
	}
	return d.Serve(ctx, listener)
}

// openBrowser shows an address in the person's browser.
func openBrowser(address string) error {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	case "darwin":
		name = "open"
	}
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	return nil
}
