package agent

import (
	"context"
	"errors"
	"slices"
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
	for _, current := range jobs {
		a.recovered = append(a.recovered, Recovered{Input: current.Intent.Input, job: current.ID})
	}
	var silent error // the service's, once it did not answer
	ended := func(i int, err error) {
		if err == nil {
			return
		}
		a.recovered[i].Err = err
		a.config.Logger.Warn("recover", "job", jobs[i].ID, "step", string(jobs[i].Step), "error", err)
		if temporary(err) {
			silent = err
		}
	}
	if unsigned, at := among(jobs, stepAsked, stepIntent); len(unsigned) > 0 {
		for n, err := range a.discardAll(ctx, client, unsigned, "not_finished", true) {
			ended(at[n], err)
		}
	}
	signed, at := among(jobs, stepSigned)
	for n, current := range signed {
		err := a.commit(ctx, client, current, true)
		if err != nil && !current.placed {
			err = a.notPlaced(current, err)
		}
		ended(at[n], err)
	}
	placed, at := among(jobs, stepCommitted)
	var errs []error
	if silent == nil {
		errs = a.finish(ctx, client, placed, true)
	}
	for n := range placed {
		if silent != nil && errs == nil && placed[n].Intent.Grant != "" {
			a.recovered[at[n]].Err = silent
		} else if errs != nil {
			ended(at[n], errs[n])
		}
	}
	if silent != nil && errs == nil { // what needs no service is finished all the same
		for n, current := range placed {
			if current.Intent.Grant == "" {
				ended(at[n], a.finish(ctx, nil, []*job{current}, true)[0])
			}
		}
	}
	for i, current := range jobs {
		found := &a.recovered[i]
		if current.signed() {
			found.Output, found.Index = current.Output, current.Index
			if found.Err == nil && !current.isThere() {
				found.Moved, found.Receipt = true, current.receipt
			}
		}
	}
	// Of leave that was given ahead and not used there is nothing to tell.
	a.recovered = slices.DeleteFunc(a.recovered, func(r Recovered) bool { return r.Input == "" })
	return a.journal.broken
}

// among are the jobs at one of the steps, and where they stand in the list.
func among(jobs []*job, steps ...step) (found []*job, at []int) {
	for i, current := range jobs {
		if slices.Contains(steps, current.Step) {
			found, at = append(found, current), append(at, i)
		}
	}
	return found, at
}

// signed says whether the job has a signature that is not taken back.
func (j *job) signed() bool {
	return j.Step == stepSigned || j.Step == stepCommitted || j.Step == stepDone || j.Step == stepSeen
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
		if !current.signed() {
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
