package desk

import (
	"net/http"

	"sokyso/signer/agent"
)

// signIns are browsers that the person's token is asked to sign in at the custody site.
// The desk's mutex guards them.
type signIns struct {
	arrived string                       // code of an address that the operating system handed over; "" = none
	asked   map[string]agent.SignInAsked // by id: what the service was asked about and the person was shown
}

// maxSignIns bounds what is remembered of sign-ins; they are over in minutes.
const maxSignIns = 20

// acceptSignIn keeps the code of an address for the page, which was opened for it.
func (d *Desk) acceptSignIn(address string) error {
	code, err := agent.ParseSignIn(address)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.signIns.arrived = code
	return nil
}

// getSignIn tells the page the code that it was opened for, once.
func (d *Desk) getSignIn(*http.Request) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	code := d.signIns.arrived
	d.signIns.arrived = ""
	return map[string]string{"code": code}, nil
}

// postClaimSignIn asks the service what the token is to sign, for the page to show it.
func (d *Desk) postClaimSignIn(r *http.Request) (any, error) {
	var asked struct {
		Code        string `json:"code"`
		Token       string `json:"token"`
		Certificate string `json:"certificate"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	code, err := agent.ParseSignIn(asked.Code)
	if err != nil {
		return nil, err
	}
	a, err := d.signInAgent(r)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	shown, err := a.ClaimSignIn(r.Context(), agent.Batch{Token: asked.Token, Certificate: asked.Certificate}, code)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.signIns.asked) >= maxSignIns || d.signIns.asked == nil {
		d.signIns.asked = map[string]agent.SignInAsked{}
	}
	d.signIns.asked[shown.ID] = shown
	return shown, nil
}

// postAnswerSignIn has the token sign what was shown, and answers with the number for the
// browser. Only what this desk has shown is signed.
func (d *Desk) postAnswerSignIn(r *http.Request) (any, error) {
	var given struct {
		ID          string `json:"id"`
		Certificate string `json:"certificate"`
		PIN         string `json:"pin"`
		FinalTry    bool   `json:"final_try"`
	}
	if err := read(r, &given); err != nil {
		return nil, err
	}
	d.mu.Lock()
	shown, known := d.signIns.asked[given.ID]
	d.mu.Unlock()
	if !known {
		return nil, refusal(http.StatusConflict, "sign_in_unknown")
	}
	a, err := d.signInAgent(r)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	number, err := a.AnswerSignIn(r.Context(), agent.Batch{Token: shown.TokenSerial, Certificate: given.Certificate, FinalTry: given.FinalTry, PIN: agent.PINGiven([]byte(given.PIN))}, shown)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	delete(d.signIns.asked, given.ID)
	d.mu.Unlock()
	return map[string]string{"number": number}, nil
}

// signInAgent opens the agent, unless a batch has the token.
func (d *Desk) signInAgent(r *http.Request) (*agent.Agent, error) {
	if d.signing() {
		return nil, refusal(http.StatusConflict, "busy")
	}
	return agent.Open(r.Context(), d.cfg.Agent)
}
