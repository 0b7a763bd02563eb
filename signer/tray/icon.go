//go:build linux || windows

package tray

import (
	"context"
	"errors"
	"runtime"
	"time"

	"fyne.io/systray"
)

// ErrNone says that there is no tray to put an icon into.
var ErrNone = errors.New("this desktop has no tray")

// Config is what the icon is made of.
type Config struct {
	Say   Words
	State func(context.Context) State // asked every Every and after each command
	Do    func(Command)               // the person has chosen a line; Quit ends Run too
	Every time.Duration               // 0 = 30 s
}

// Run shows the icon until the context ends or the person quits. Where there is no tray it returns ErrNone at once. It may
// be called once in a process.
func Run(ctx context.Context, c Config) error {
	if err := available(); err != nil {
		return errors.Join(ErrNone, err)
	}
	if c.Every == 0 {
		c.Every = 30 * time.Second
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // Windows: the window and its messages belong to one thread
		systray.Run(func() { show(ctx, cancel, c) }, func() {})
	}()
	select {
	case <-ended: // the system took it away
	case <-ctx.Done():
		systray.Quit()
		select {
		case <-ended:
		case <-time.After(5 * time.Second): // a program that ends must not hang on its icon
		}
	}
	return nil
}

// show draws the menu and follows the person and the clock.
func show(ctx context.Context, quit func(), c Config) {
	systray.SetIcon(icon)
	systray.SetTitle(c.Say("tray.name"))
	lines := State{}.Lines(c.Say)
	items := make([]*systray.MenuItem, len(lines))
	chosen := make(chan Command)
	for i, line := range lines {
		items[i] = systray.AddMenuItem(line.Text, "")
		if line.Command == None {
			items[i].Disable()
			continue
		}
		go func() {
			for {
				select {
				case <-items[i].ClickedCh:
					select {
					case chosen <- line.Command:
					case <-ctx.Done():
						return
					}
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	for {
		state := c.State(ctx)
		for i, line := range state.Lines(c.Say) {
			items[i].SetTitle(line.Text)
		}
		systray.SetTooltip(state.Tooltip(c.Say))
		select {
		case <-ctx.Done():
			return
		case <-time.After(c.Every):
		case command := <-chosen:
			c.Do(command)
			if command == Quit {
				quit()
				return
			}
		}
	}
}
