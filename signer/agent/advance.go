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
		a.step("after-rename")
	}
	if current.Step != stepCommitted {
		return nil
	}
	var index *int64
	if current.Intent.Grant != "" {
		at, err := a.record(ctx, client, current)
		if err != nil {
			return err
		}
		index = &at
	}
	done := journalEntry{Job: current.ID, Step: stepDone, At: a.config.Now(), Index: index, Recovered: recovered}
	if err := a.journal.append(done); err != nil {
		// Told as it is: logged, with its entry. The next start sends it again,
		// which takes effect once.
		current.Index = index
		a.config.Logger.Error("journal", "error", err)
	}
	return nil
}

// commit gives the finished bytes their name.
func (a *Agent) commit(ctx context.Context, client *wire.Client, current *job, recovered bool) error {
	output, err := a.settle(current, recovered)
	if errors.Is(err, errLost) {
		a.discard(ctx, client, current, "not_finished", recovered)
		return fail("signature_lost", err, "output", current.Output)
	}
	if err != nil {
		if !recovered {
			a.discard(ctx, client, current, abandonReason(err), false)
		}
		return err
	}
	entry := journalEntry{Job: current.ID, Step: stepCommitted, At: a.config.Now(), Output: output, Recovered: recovered}
	if err := a.journal.append(entry); err != nil {
		current.Output = output
		return fail("home_unusable", err, "folder", a.config.Home)
	}
	return nil
}

// errLost says that neither temporary file nor output holds the signature.
var errLost = errors.New("neither the temporary file nor the output is there")

// settle finds the job's bytes under their final name or puts them there, and
// answers with the name. At a later start there is nobody to ask for another
// name when the one asked for was taken meanwhile: then it is numbered too.
func (a *Agent) settle(current *job, recovered bool) (string, error) {
	temp, sum := current.Intent.Temp, current.Signature.SHA256Out
	placed, err := holds(current.Output, sum)
	if err != nil {
		return "", err
	}
	if placed {
		// The crash came between the new name and the removal of the old one, or
		// just after both. The folder may not be on disk yet.
		if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", outputError(err, temp)
		}
		return current.Output, syncFolder(filepath.Dir(current.Output))
	}
	staged, err := holds(temp, sum)
	if err != nil {
		return "", err
	}
	if !staged {
		// A drive that is not plugged in holds it perhaps.
		if _, err := os.Stat(filepath.Dir(temp)); err != nil {
			return "", outputError(err, temp)
		}
		return "", errLost
	}
	place := target{wanted: current.Intent.Wanted, explicit: current.Intent.Explicit && !recovered}
	for output := current.Output; ; {
		err := placeFile(temp, output)
		if err == nil {
			return output, syncFolder(filepath.Dir(output))
		}
		if !errors.Is(err, os.ErrExist) {
			return "", outputError(err, output)
		}
		// Somebody took the name meanwhile.
		if output, err = place.free(); err != nil {
			return "", err
		}
	}
}

// discard cleans up a job of which nothing was handed out, and tells the service
// that its grant was not used. When the service can't be told, the job stays in
// the journal as it is, for the next start.
func (a *Agent) discard(ctx context.Context, client *wire.Client, current *job, reason string, recovered bool) error {
	if err := os.Remove(current.Intent.Temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return outputError(err, current.Intent.Temp)
	}
	if current.Intent.Grant != "" && client != nil && a.pairing != nil && a.pairing.LogKey == current.Intent.LogKey {
		if err := a.tellAbandoned(ctx, client, current.Intent.Grant, reason); err != nil && current.Step == stepIntent {
			return err
		}
	}
	err := a.journal.append(journalEntry{Job: current.ID, Step: stepAbandoned, At: a.config.Now(), Reason: reason, Recovered: recovered})
	if err != nil {
		return fail("home_unusable", err, "folder", a.config.Home)
	}
	return nil
}

// tellAbandoned reports a grant that was not used, also when the person has
// cancelled. The error is one that trying later may mend; a service that knows
// better is left in its belief.
func (a *Agent) tellAbandoned(ctx context.Context, client *wire.Client, grant, reason string) error {
	if grant == "" || client == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	err := client.Abandon(ctx, grant, wire.Abandon{Reason: reason})
	if err == nil {
		return nil
	}
	a.config.Logger.Warn("abandon grant", "grant", grant, "error", err)
	var nonsense *wire.NonsenseError
	if temporary(err) || errors.As(err, &nonsense) {
		return err
	}
	return nil
}

// record tells the service of a finished signature and checks its receipt. It
// returns the entry's index once the receipt lies beside the output.
func (a *Agent) record(ctx context.Context, client *wire.Client, current *job) (int64, error) {
	if a.pairing == nil || a.pairing.LogKey != current.Intent.LogKey {
		return 0, fail("other_pairing", nil)
	}
	s := current.Signature
	answer, err := client.Record(ctx, current.Intent.Grant, wire.Record{
		CMS: s.CMS, ByteRangeDigest: s.ByteRangeDigest, SHA256Out: s.SHA256Out, Level: s.Level, Field: s.Field, SignedAt: s.SignedAt,
	})
	if err != nil {
		return 0, err
	}
	a.step("after-record")
	receipt, err := receiptOf(answer)
	if err != nil {
		return 0, err
	}
	if err := checkReceipt(receipt, a.witness.verifier, current); err != nil {
		return 0, err
	}
	if err := a.witness.see(ctx, receipt.Checkpoint); err != nil {
		return 0, err
	}
	if err := a.storeReceipt(receipt, current); err != nil {
		current.Index = &receipt.Index // it is logged all the same
		return 0, err
	}
	return receipt.Index, nil
}

// storeReceipt writes the receipt beside the output, or into the state folder
// when the output was moved away meanwhile.
func (a *Agent) storeReceipt(receipt signinglog.Receipt, current *job) error {
	text, err := receipt.Marshal()
	if err != nil {
		return fail("receipt_invalid", err)
	}
	path := current.Output + receiptSuffix
	if _, err := os.Lstat(current.Output); errors.Is(err, os.ErrNotExist) {
		folder := filepath.Join(a.config.Home, "receipts")
		if err := makeFolder(folder); err != nil {
			return fail("receipt_write", err, "file", folder)
		}
		path = filepath.Join(folder, fmt.Sprintf("%s-%d%s", filepath.Base(current.Output), receipt.Index, receiptSuffix))
	}
	err = createFile(path, text, 0o644)
	if !errors.Is(err, os.ErrExist) {
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
