package agent

import (
	"bytes"
	"context"
	"fmt"

	"sokyso/signer/token"
	"sokyso/signer/token/worker"
)

// PINChange is a new PIN for a token.
type PINChange struct {
	Token string // label or serial; "" = the only one
	// Old and New give the PINs; New is asked after Old. Not used with a PIN pad. The
	// bytes are zeroed after use.
	Old, New func(ctx context.Context, info token.Info) ([]byte, error)
	PINConsent
}

// ChangePIN has the token change its PIN, with one try of the old one, and tells which
// token it was. A new PIN that breaks the rules is refused before the token is asked.
func ChangePIN(ctx context.Context, config Config, change PINChange) (token.Info, error) {
	config = config.withDefaults()
	if err := makeHome(config.Home); err != nil {
		return token.Info{}, err
	}
	lock, err := lockHome(ctx, config.Home, config.LockWait, config.OnWait)
	if err != nil {
		return token.Info{}, err
	}
	defer lock.Close()
	report, err := Discover(ctx, config).choose(&Batch{Token: change.Token})
	if err != nil {
		return token.Info{}, err
	}
	client, err := worker.Start(ctx, config.worker(report.Modules[0]))
	if err != nil {
		return token.Info{}, err
	}
	defer client.Close()
	info, err := client.Open(ctx, token.Selector{TokenSerial: report.Serial})
	if err != nil {
		return token.Info{}, err
	}
	if err := change.run(ctx, config, client, info); err != nil {
		if worker.Code(err) != "" {
			err = &tokenError{info: info, err: err}
		}
		return info, err
	}
	return info, nil
}

func (c PINChange) run(ctx context.Context, config Config, client *worker.Client, info token.Info) error {
	if err := c.before(ctx, config, info); err != nil {
		return err
	}
	var old, fresh []byte
	defer func() { wipe(old); wipe(fresh) }()
	if !info.Flags.ProtectedAuthPath {
		var err error
		if old, err = askPIN(ctx, c.Old, info); err != nil {
			return err
		}
		if fresh, err = askPIN(ctx, c.New, info); err != nil {
			return err
		}
		if err := checkNewPIN(old, fresh, info); err != nil {
			return err
		}
	}
	return tryPIN(config.Home, info, func() error { return client.ChangePIN(ctx, old, fresh) })
}

// shortestPIN is the shortest new PIN that is taken, in characters, whatever less a
// token allows.
const shortestPIN = 6

// checkNewPIN holds the rules for a new PIN: as long as the token wants it and not too
// short, of characters that every keyboard has, not the old one, and not one that
// everybody tries first.
func checkNewPIN(old, fresh []byte, info token.Info) error {
	least, most := max(shortestPIN, int(info.MinPIN)), maxPIN
	if info.MaxPIN > 0 {
		most = min(most, int(info.MaxPIN))
		least = min(least, most)
	}
	switch {
	case bytes.Equal(old, fresh):
		return fail("pin_same", nil)
	case bytes.ContainsFunc(fresh, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fail("pin_characters", nil)
	case len(fresh) < least, len(fresh) > most:
		return fail("pin_length", nil, "least", fmt.Sprint(least), "most", fmt.Sprint(most))
	case weakPIN(fresh):
		return fail("pin_weak", nil)
	}
	return nil
}

// weakPIN: one character again and again, or a run up or down (12345678, fedcba).
func weakPIN(pin []byte) bool {
	step := int(pin[1]) - int(pin[0])
	if step < -1 || step > 1 {
		return false
	}
	for i := 1; i < len(pin); i++ {
		if int(pin[i])-int(pin[i-1]) != step {
			return false
		}
	}
	return true
}
