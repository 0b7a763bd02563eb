package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sokyso/custody/signinglog"
	"sokyso/httpapi/wire"
	"sokyso/signer"
)

// advance takes a job whose signature is in the journal to its end: the same
// code in the run that made it and at a later start. An error leaves the job at
// the step that it reached.
func (a *Agent) advance(ctx context.Context, client *wire.Client, current *job, recovered bool) error {
	if current.Step == stepSigned {
		if err := a.commit(ctx, client, current, recovered); err != nil {
			return err
		}
	}
	if current.Step != stepCommitted {
		return nil
	}
	return a.finish(ctx, client, []*job{current}, recovered)[0]
}

// finish takes jobs whose outputs are in place to their end: the service has
// their records, the journal knows it.
func (a *Agent) finish(ctx context.Context, client *wire.Client, jobs []*job, recovered bool) []error {
	errs := make([]error, len(jobs))
	var logged []*job
	var at []int
	for i, current := range jobs {
		if current.Intent.Grant != "" {
			logged, at = append(logged, current), append(at, i)
		}
	}
	for n, err := range a.recordAll(ctx, client, logged) {
		errs[at[n]] = err
	}
	var done []journalEntry
	for i, current := range jobs {
		if errs[i] == nil {
			errs[i] = a.noteHandOff(current)
		}
		if errs[i] == nil {
			done = append(done, journalEntry{Job: current.ID, Step: stepDone, At: a.config.Now(), Index: current.Index, Recovered: recovered})
		}
	}
	if len(done) == 0 {
		return errs
	}
	if err := a.journal.append(done...); err != nil {
		// Told as it is: logged, with its entry. The next start sends it again,
		// which takes effect once.
		a.config.Logger.Error("journal", "error", err)
	}
	return errs
}

// commit gives the finished bytes their name. Once they have it nothing takes it
// back: an error after that leaves a job that the next start goes on with.
func (a *Agent) commit(ctx context.Context, client *wire.Client, current *job, recovered bool) error {
	if err := a.settle(current, recovered); err != nil {
		if recovered {
			return err
		}
		return a.giveUp(ctx, client, current, err)
	}
	a.step("after-rename")
	entry := journalEntry{Job: current.ID, Step: stepCommitted, At: a.config.Now(), Output: current.Output, Recovered: recovered}
	if err := a.journal.append(entry); err != nil {
		return fail("home_unusable", err, "folder", a.config.Home)
	}
	a.step("after-committed")
	return nil
}

// settle finds the job's bytes under their final name or puts them there. An
// error says that they have none yet. At a later start there is nobody to ask
// for another name when the one asked for was taken meanwhile: then it is
// numbered too.
//
// When the bytes are at neither name, a person has moved the file after a crash
// that came between its name and the journal. The token has signed, so the log
// has to know: the job goes on without its file.
func (a *Agent) settle(current *job, recovered bool) error {
	temp, sum := current.Intent.Temp, current.Signature.SHA256Out
	if current.staged {
		// What this process has just written need not be read again.
		if failure := signer.Place(temp, current.Output); failure == nil {
			a.placed(current, current.Output)
			return nil
		}
	}
	placed, err := holds(current.Output, sum)
	if err != nil {
		return err
	}
	if placed {
		// The crash came between the new name and the removal of the old one, or
		// just after both. The folder may not be on disk yet.
		a.placed(current, current.Output)
		return nil
	}
	staged, err := holds(temp, sum)
	if err != nil {
		return err
	}
	if !staged {
		// A drive that is not plugged in holds it perhaps.
		if _, err := os.Stat(filepath.Dir(temp)); err != nil {
			return outputError(err, temp)
		}
		a.config.Logger.Warn("output is missing", "job", current.ID, "output", current.Output)
		current.missing = true
		a.removeTemp(current) // other bytes than were signed
		return nil
	}
	place := target{wanted: current.Intent.Wanted, explicit: current.Intent.Explicit && !recovered}
	for output := current.Output; ; {
		failure := signer.Place(temp, output)
		if failure == nil {
			a.placed(current, output)
			return nil
		}
		if failure.Code != signer.CodeOutputExists {
			return outputError(failure, output)
		}
		// Somebody took the name meanwhile.
		if output, err = place.free(); err != nil {
			return err
		}
	}
}

// placed notes that the bytes have their final name, and makes it durable. That
// this fails is for the log only: the file is there, and the journal knows it.
func (a *Agent) placed(current *job, output string) {
	current.Output, current.placed = output, true
	a.removeTemp(current)
	if err := signer.SyncFolder(filepath.Dir(output)); err != nil {
		a.config.Logger.Warn("sync folder", "job", current.ID, "error", err)
	}
}

func (a *Agent) removeTemp(current *job) {
	if err := os.Remove(current.Intent.Temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		a.config.Logger.Warn("remove temporary file", "job", current.ID, "error", err)
	}
}

// giveUp takes back a signature whose bytes could not get their name in the run
// that made it: the person, who is there, is told why and signs again. This is
// done only when the bytes are certainly at neither name afterwards; else the
// job stays, and the next start finishes it.
func (a *Agent) giveUp(ctx context.Context, client *wire.Client, current *job, cause error) error {
	placed, err := holds(current.Output, current.Signature.SHA256Out)
	if err == nil && !placed {
		err = os.Remove(current.Intent.Temp)
	}
	if err != nil || placed {
		a.config.Logger.Warn("give up", "job", current.ID, "error", err)
		return a.notPlaced(current, cause)
	}
	// A crash from here to the journal leaves a signature without a file: it is
	// logged by the next start, as any that was made.
	reason := abandonReason(cause)
	if err := a.journal.append(journalEntry{Job: current.ID, Step: stepAbandoned, At: a.config.Now(), Reason: reason}); err != nil {
		return fail("home_unusable", err, "folder", a.config.Home)
	}
	_ = a.tellAbandoned(ctx, client, current.Intent.Grant, reason) // logged; else the grant runs out
	return cause
}

// notPlaced says of a signature that its file waits for its name.
func (a *Agent) notPlaced(current *job, cause error) error {
	code, reason := a.config.Catalogue.Explain(cause, current.Output)
	if code == signer.CodeWriteError || code == "internal" {
		reason = cause.Error() + "." // their sentences are for before the signature
	}
	return fail("not_placed", cause, "output", current.Output, "reason", reason)
}

// discard cleans up a job of which nothing was handed out, and tells the service
// that its grant was not used. When the service can't be told, the job stays in
// the journal as it is, for the next start.
func (a *Agent) discard(ctx context.Context, client *wire.Client, current *job, reason string, recovered bool) error {
	return a.discardAll(ctx, client, []*job{current}, reason, recovered)[0]
}

// discardAll is discard for several jobs.
func (a *Agent) discardAll(ctx context.Context, client *wire.Client, jobs []*job, reason string, recovered bool) []error {
	errs := make([]error, len(jobs))
	var unused []wire.GrantAbandon
	var at []int
	for i, current := range jobs {
		broken := a.journal.failure()
		switch {
		case current.Step != stepIntent && current.Step != stepAsked:
			errs[i] = fmt.Errorf("discard job %s: it is %s", current.ID, current.Step)
		case broken != nil:
			errs[i] = broken // it may say "signed" all the same: the next start sees
		case current.Intent.Temp != "":
			if err := os.Remove(current.Intent.Temp); err != nil && !errors.Is(err, os.ErrNotExist) {
				errs[i] = outputError(err, current.Intent.Temp)
			}
		}
		if errs[i] != nil || current.Intent.LogKey == "" || client == nil || a.pairing == nil || a.pairing.LogKey != current.Intent.LogKey {
			continue
		}
		abandon := wire.GrantAbandon{Grant: current.Intent.Grant, Reason: reason}
		if abandon.Grant == "" {
			abandon.Request = current.ID // whether there is a grant is not known
		}
		unused, at = append(unused, abandon), append(at, i)
	}
	for n, err := range a.tellAllAbandoned(ctx, client, unused) {
		errs[at[n]] = err
	}
	var entries []journalEntry
	for i, current := range jobs {
		if errs[i] == nil {
			entries = append(entries, journalEntry{Job: current.ID, Step: stepAbandoned, At: a.config.Now(), Reason: reason, Recovered: recovered})
		}
	}
	if len(entries) == 0 {
		return errs
	}
	if err := a.journal.append(entries...); err != nil {
		for i := range errs {
			if errs[i] == nil {
				errs[i] = fail("home_unusable", err, "folder", a.config.Home)
			}
		}
	}
	return errs
}

// tellAbandoned reports a grant that was not used.
func (a *Agent) tellAbandoned(ctx context.Context, client *wire.Client, grant, reason string) error {
	if grant == "" || client == nil {
		return nil
	}
	return a.tellAllAbandoned(ctx, client, []wire.GrantAbandon{{Grant: grant, Reason: reason}})[0]
}

// tellAllAbandoned reports grants that were not used, also when the person has
// cancelled. The errors are such as trying later may mend; a service that knows
// better is left in its belief.
func (a *Agent) tellAllAbandoned(ctx context.Context, client *wire.Client, unused []wire.GrantAbandon) []error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	errs := make([]error, len(unused))
	for start := 0; start < len(unused); start += wire.MaxBulk {
		part := unused[start:min(start+wire.MaxBulk, len(unused))]
		for i, err := range sendAbandons(ctx, client, part) {
			if err == nil {
				continue
			}
			a.config.Logger.Warn("abandon grant", "grant", part[i].Grant, "request", part[i].Request, "error", err)
			var nonsense *wire.NonsenseError
			if temporary(err) || errors.As(err, &nonsense) {
				errs[start+i] = err
			}
		}
	}
	return errs
}

func sendAbandons(ctx context.Context, client *wire.Client, unused []wire.GrantAbandon) []error {
	if len(unused) == 1 && unused[0].Grant != "" {
		return []error{client.Abandon(ctx, unused[0].Grant, wire.Abandon{Reason: unused[0].Reason})}
	}
	errs := make([]error, len(unused))
	outcomes, err := client.Abandons(ctx, unused)
	for i := range errs {
		if errs[i] = err; err == nil && outcomes[i].Problem != nil {
			errs[i] = outcomes[i].Problem
		}
	}
	return errs
}

// storeReceipt writes the receipt beside the output, or into the state folder
// when the output was moved away meanwhile. Its temporary file has the name of the
// job's, which is free by now: what a crash leaves is found by the next start.
func (a *Agent) storeReceipt(receipt signinglog.Receipt, current *job) error {
	text, err := receipt.Marshal()
	if err != nil {
		return fail("receipt_invalid", err)
	}
	path := current.Output + receiptSuffix
	if !current.isThere() {
		a.removeTemp(current)
		folder := filepath.Join(a.config.Home, "receipts")
		if err := makeFolder(folder); err != nil {
			return fail("receipt_write", err, "file", folder)
		}
		path = filepath.Join(folder, fmt.Sprintf("%s-%d%s", filepath.Base(current.Output), receipt.Index, receiptSuffix))
	}
	current.receipt = path
	temp := tempOf(path, current.ID)
	if err := writeTempAs(temp, text, 0o644); err != nil {
		return fail("receipt_write", err, "file", path)
	}
	a.step("after-receipt")
	err = placeTemp(temp, path)
	if !errors.Is(err, signer.ErrExists) {
		if err != nil {
			return fail("receipt_write", err, "file", path)
		}
		return nil
	}
	// An earlier run came this far. Its receipt may show an older checkpoint; any
	// that proves this entry is as good.
	stored, err := readReceipt(path)
	if err == nil && stored.Index == receipt.Index && bytes.Equal(stored.Entry, receipt.Entry) {
		if _, _, err := signinglog.CheckReceipt(stored, a.witness.verifier); err == nil {
			return nil
		}
	}
	return fail("receipt_write", &signer.Error{Code: signer.CodeOutputExists, Err: signer.ErrExists}, "file", path)
}

// isThere says whether the output still is where the job has put it. What this
// process has placed is not read again.
func (j *job) isThere() bool {
	if j.placed {
		_, err := os.Lstat(j.Output)
		return !errors.Is(err, os.ErrNotExist)
	}
	there, err := holds(j.Output, j.Signature.SHA256Out)
	return there || err != nil
}
