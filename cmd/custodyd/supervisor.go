package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// supervisor tells systemd, where it started the service, how it stands. Without it nothing
// is told.
type supervisor struct {
	logger *slog.Logger
}

func (s supervisor) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.logger.Warn("systemd was not told", "state", state, "error", err)
	}
}

// watch says that the service is alive as often as it is asked to, while it is: a service
// whose background stands still is started again. It returns with ctx.
func (s supervisor) watch(ctx context.Context, alive func() bool) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	ticker := time.NewTicker(every / 3)
	defer ticker.Stop()
	for {
		if alive() {
			s.tell(daemon.SdNotifyWatchdog)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// credentials are the secrets that systemd hands over in a folder of the service's own: the
// files of /etc/custodyd/secrets, each named like the option that it is for.
var credentials = []string{"log-key", "database", "smtp-password", "webhook", "webhook-secret"}

// takeCredentials sets the variable of each option whose file systemd has handed over, unless
// it is set already.
func takeCredentials() error {
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	if folder == "" {
		return nil
	}
	for _, name := range credentials {
		file, option := filepath.Join(folder, "secrets_"+name), variable(name+"-file")
		if _, err := os.Stat(file); err != nil || os.Getenv(option) != "" {
			continue
		}
		if err := os.Setenv(option, file); err != nil {
			return err
		}
	}
	return nil
}
