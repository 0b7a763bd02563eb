package main

import (
	"context"
	"errors"
	"fmt"

	"sokyso/signer/desk"
	"sokyso/signer/tray"
)

// trayCommand is the desk behind an icon: nothing is shown until the person asks for it.
type trayCommand struct{}

// Run serves the desk with its icon. Where there is no tray the desk runs all the same.
func (c *trayCommand) Run(p *program) error {
	return (&serveCommand{Level: "b-b", NoOpen: true, Tray: true}).Run(p)
}

// showTray puts the icon up until the context ends; quit ends the desk. That there is no tray is said and no more.
func (p *program) showTray(ctx context.Context, d *desk.Desk, quit func()) {
	known := 0
	err := tray.Run(ctx, tray.Config{
		Say: func(key string, params ...string) string { return p.say(key, params...) },
		State: func(ctx context.Context) tray.State {
			waiting, pending, offline := d.Standing(ctx)
			if offline {
				waiting = known
			}
			known = waiting
			return tray.State{Waiting: waiting, Pending: pending, Offline: offline}
		},
		Do: func(command tray.Command) {
			switch command {
			case tray.OpenDesk, tray.OpenWaiting:
				if err := openBrowser(d.URL()); err != nil {
					fmt.Fprintln(p.stderr, p.say("serve.open_yourself"))
				}
			case tray.Quit:
				quit()
			}
		},
	})
	if errors.Is(err, tray.ErrNone) {
		fmt.Fprintln(p.stderr, p.say("serve.no_tray"))
	}
}
