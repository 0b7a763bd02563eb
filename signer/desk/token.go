package desk

import (
	"net/http"
	"time"

	"sokyso/signer/agent"
)

// tokenView is a token as the page shows it.
type tokenView struct {
	Serial       string            `json:"serial"`
	Label        string            `json:"label"`
	Model        string            `json:"model"`
	Flags        string            `json:"flags"` // in words, "" when all is well
	Locked       bool              `json:"locked"`
	FinalTry     bool              `json:"final_try"`
	MaybeFinal   bool              `json:"maybe_final"` // it may be, for all that is known: agent.PINState
	CountLow     bool              `json:"count_low"`
	PINPad       bool              `json:"pin_pad"` // the token asks for the PIN itself
	Certificates []certificateView `json:"certificates"`
}

type certificateView struct {
	SHA256   string    `json:"sha256"`
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"not_after"`
	Valid    bool      `json:"valid"` // by its dates, now
}

// getTokens lists the tokens that are plugged in, with the certificates that can sign.
func (d *Desk) getTokens(r *http.Request) (any, error) {
	found := agent.Discover(r.Context(), d.cfg.Agent)
	now := d.cfg.Agent.Now()
	tokens := []tokenView{}
	for _, report := range found.Tokens {
		state := agent.PINState{Info: report.Info, Wrong: report.WrongPINs}
		sure, maybe := state.LastTry()
		v := tokenView{
			Serial: report.Serial, Label: report.Label, Model: report.Model, Flags: agent.PINWords(d.cfg.Agent.Catalogue, state),
			Locked: report.Flags.PINLocked, FinalTry: sure, MaybeFinal: maybe, CountLow: report.Flags.PINCountLow,
			PINPad: report.Flags.ProtectedAuthPath, Certificates: []certificateView{},
		}
		for _, c := range report.Certificates {
			if !c.HasKey {
				continue // its issuer's
			}
			v.Certificates = append(v.Certificates, certificateView{c.SHA256, c.Subject, c.Issuer, c.NotAfter, !now.Before(c.NotBefore) && now.Before(c.NotAfter)})
		}
		tokens = append(tokens, v)
	}
	// Message says why no token is seen: driver, reader service, reader or token.
	return map[string]any{"tokens": tokens, "message": found.Message}, nil
}
