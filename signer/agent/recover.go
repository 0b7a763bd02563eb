package agent

import (
	"context"
	"errors"
	"os"
	"time"

	"sokyso/httpapi/wire"
)

// recoveryTime bounds what a start spends on earlier work before it turns to its own.
const recoveryTime = 20 * time.Second

// Recovered is a job of an earlier run and what became of it.
type Recovered struct {
	Input  string
	Output string // "" when no signature came of it
	Index  *int64 // entry of the log
	Err    error  // what keeps it from its end; nil = settled

	// Moved: the signature is settled, but its file is not at Output (any more).
	Moved   bool
	Receipt string // where its receipt lies then; "" if it has none

	job string
}

// Recovered lists what the start found unfinished.
func (a *Agent) Recovered() []Recovered { return a.recovered }

// recover takes up every job that is not settled. It stops asking a service that
// does not answer; what is left then stays for the next start.
func (a *Agent) recover(ctx context.Context) error {
	jobs := a.journal.unsettled()
	if len(jobs) == 0 {
		return nil
	}
	if a.config.OnRecovery != nil {
		a.config.OnRecovery()
	}
	ctx, cancel := context.WithTimeout(ctx, recoveryTime)
	defer cancel()
	client := a.client
	if a.pairing != nil {
		var err error
		if client, err = wire.NewClient(wire.ClientConfig{URL: a.pairing.URL, APIKey: a.pairing.APIKey,
			Language: a.config.Catalogue.Language, HTTP: a.config.HTTP, Attempts: 2}); err != nil {
			return fail("pairing_damaged", err, "file", pairingName)
		}
	}
	var silent error // the service's, once it did not answer
	for _, current := range jobs {
		found := Recovered{Input: current.Intent.Input, job: current.ID}
		switch {
		case current.Step == stepIntent:
			found.Err = a.takeBack(ctx, client, current, silent)
		case silent != nil && current.Step == stepCommitted:
			found.Output, found.Err = current.Output, silent
		default:
			found.Err = a.advance(ctx, client, current, true)
			if found.Err != nil && current.Step == stepSigned && !current.placed {
				found.Err = a.notPlaced(current, found.Err)
			}
			found.Output, found.Index = current.Output, current.Index
			if found.Err == nil && !current.isThere() {
				found.Moved, found.Receipt = true, current.receipt
			}
		}
		if found.Err != nil {
			a.config.Logger.Warn("recover", "job", current.ID, "step", string(current.Step), "error", found.Err)
			if temporary(found.Err) {
				silent = found.Err
			}
		}
		a.recovered = append(a.recovered, found)
	}
	return a.journal.broken
}

// takeBack settles a job that never got as far as a signature. Its temporary
// file goes at once; the service is told when it answers.
func (a *Agent) takeBack(ctx context.Context, client *wire.Client, current *job, silent error) error {
	if silent == nil || current.Intent.Grant == "" {
		return a.discard(ctx, client, current, "not_finished", true)
	}
	if err := os.Remove(current.Intent.Temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return outputError(err, current.Intent.Temp)
	}
	return silent
}

// Pending is a signature that is not in the log yet.
type Pending struct {
	Output  string    `json:"output"`
	Since   time.Time `json:"since"`
	Code    string    `json:"code"`
	Message string    `json:"message"`
}

// Outbox lists what is still unfinished after the start's recovery.
func (a *Agent) Outbox() []Pending {
	var pending []Pending
	for _, current := range a.journal.unsettled() {
		if current.Step == stepIntent {
			continue // no signature: only its grant is to be given back
		}
		p := Pending{Output: current.Output, Since: current.Signature.SignedAt}
		err := error(fail("not_yet_logged", nil))
		if found := a.recoveryError(current); found != nil {
			err = found
		}
		var own *Error
		if errors.As(err, &own) {
			p.Code, p.Message = a.config.Catalogue.Explain(err, current.Output)
		} else {
			p.Code, p.Message = a.unlogged(err)
		}
		pending = append(pending, p)
	}
	return pending
}
