package agent

import (
	"context"
	"strconv"
	"strings"

	"sokyso/signer/token"
)

// PINConsent is what the person is told before a PIN is typed, and asked.
type PINConsent struct {
	// FinalTry: the person wants the PIN tried although one more wrong one locks the token.
	FinalTry bool
	// Confirm asks for that word when FinalTry is not set; nil = it is not given.
	Confirm func(ctx context.Context, state PINState) (bool, error)
	// Warn tells the person something before the PIN is asked for; nil = nobody is told.
	Warn func(message string)
}

// before tells what the token says of its PIN, and refuses a token that is locked,
// or on what may be its last try when the person has not agreed to that.
func (c PINConsent) before(ctx context.Context, config Config, info token.Info) error {
	if info.Flags.PINLocked {
		return &token.LoginError{Flags: info.Flags, Err: &token.Error{Op: "log in", Kind: token.ErrPINLocked}}
	}
	state, err := pinState(config.Home, info)
	if err != nil {
		return err
	}
	c.warn(config.Catalogue, state)
	sure, maybe := state.LastTry()
	if c.FinalTry || !sure && !maybe {
		return nil
	}
	agreed := false
	if c.Confirm != nil {
		if agreed, err = c.Confirm(ctx, state); err != nil {
			return err
		}
	}
	switch {
	case agreed:
		return nil
	case sure:
		return fail("pin_final_try", nil, "label", info.Label)
	}
	return fail("pin_maybe_final_try", nil, "label", info.Label, "count", strconv.Itoa(state.Wrong))
}

func (c PINConsent) warn(catalogue *Catalogue, state PINState) {
	if c.Warn == nil {
		return
	}
	info := state.Info
	if words := PINWords(catalogue, state); words != "" {
		c.Warn(catalogue.Sentence("pin.flags", "label", info.Label, "flags", words))
	}
	switch {
	case info.Flags.ProtectedAuthPath:
		c.Warn(catalogue.Sentence("pin.pad", "label", info.Label, "serial", info.Serial))
		return
	case info.Flags.PINToBeChanged:
		c.Warn(catalogue.Sentence("pin.to_be_changed"))
	}
	if capsLock() {
		c.Warn(catalogue.Sentence("pin.caps_lock"))
	}
	if vietnameseKeyboard() {
		c.Warn(catalogue.Sentence("pin.keyboard"))
	}
}

// PINWords is what is known of a token and its PIN in words for its holder, "" when
// nothing is amiss.
func PINWords(catalogue *Catalogue, state PINState) string {
	words := FlagWords(catalogue, state.Info.Flags)
	if state.Wrong == 0 || state.Info.Flags.PINLocked {
		return words
	}
	own := catalogue.Sentence("flag.wrong", "count", strconv.Itoa(state.Wrong))
	return strings.TrimPrefix(words+", "+own, ", ")
}
