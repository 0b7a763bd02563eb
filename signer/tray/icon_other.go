//go:build !linux && !windows

package tray

import (
	"context"
	"errors"
	"time"
)

// ErrNone says that there is no tray to put an icon into.
var ErrNone = errors.New("this system's tray is not supported")

// Config is what the icon is made of.
type Config struct {
	Say   Words
	State func(context.Context) State
	Do    func(Command)
	Every time.Duration
}

// Run says that there is no tray.
func Run(context.Context, Config) error { return ErrNone }
