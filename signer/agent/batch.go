package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"sokyso/httpapi/wire"
	"sokyso/signer"
	"sokyso/signer/validation"
)

// failed fills a result with an error that came before anything was handed out.
func (r *run) failed(result Result, err error) Result {
	return failedResult(r.config.Catalogue, result, err)
}

// signOne takes a file that was looked at through all other steps. Stop is set
// when the next file would fail alike. Pass gives the turn to the next one.
func (r *run) signOne(ctx context.Context, i int, work Job, look *looked, hand *hand) (result Result, stop bool) {
	result = Result{Input: work.Input}
	broken := func(err error) (Result, bool) { return r.failed(result, err), explain(err, work.Input).fatal }

	err := look.err
	if err == nil {
		err = r.mayBegin(ctx)
	}
	if err != nil {
		return broken(err)
	}
	input, place := look.input, look.place
	sum := input.SHA256()
	result.SHA256In = hex.EncodeToString(sum[:])
	if r.changedSince(i, result.SHA256In) {
		_, changedAt := stateOf(work.Input)
		return broken(fail("changed_meanwhile", nil, "at", changedAt.Format(time.RFC3339)))
	}
	r.alone(i, place)
	switch earlier := r.finishedEarlier(r.earlier, work, result.SHA256In, place.wanted); {
	case earlier == nil:
	case earlier.Step == stepSigned:
		return broken(r.recoveryError(earlier))
	default:
		return r.alreadySigned(result, earlier, place), false
	}
	plan, err := r.plan(work, look, result.SHA256In)
	if err != nil {
		return broken(err)
	}
	if err := r.openDevice(ctx); err != nil {
		return broken(err)
	}
	asked := r.config.Now()
	if err := r.device.valid(asked); err != nil {
		return broken(err)
	}
	name := r.device.certificate.X509.Subject.CommonName
	options := r.options(work, name, r.expectedPage())
	if err := input.Check(options, r.device.chain(r.batch.Roots)...); err != nil {
		return broken(err)
	}
	if r.batch.aboveBB() {
		r.progress(i, "foresee")
		if err := signer.Foresee(ctx, r.device.chain(r.batch.Roots), options); err != nil {
			return r.failed(result, err), true // the same token, authority and roots serve all files
		}
	}

	r.progress(i, "grant")
	leave := &leave{job: plan.id, asked: asked}
	if !r.batch.Standalone {
		if leave, err = r.leaveFor(ctx, i, work, input, result.SHA256In); err != nil {
			return broken(err)
		}
		plan.name(leave.job)
	}
	current, err := r.begin(ctx, i, plan, leave.grant)
	if err != nil {
		return broken(err)
	}

	r.progress(i, "sign")
	if err := r.makeSignature(ctx, i, current, input, leave, hand); err != nil {
		if failed := r.discard(ctx, r.client, current, abandonReason(err), false); failed != nil {
			r.config.Logger.Warn("discard", "job", current.ID, "error", failed) // the next start does it
		}
		return broken(err)
	}

	r.signatures.Add(1)
	r.progress(i, "record")
	if err = r.commit(ctx, r.client, current, false); err == nil {
		hand.finished() // its name is taken, whatever comes
		hand.free()     // the next file may be taken in hand while this one waits
		if r.batch.Standalone {
			err = r.finish(ctx, nil, []*job{current}, false)[0]
		} else {
			err = r.reporter.record(current)
			hand.reported = true
		}
	}
	return r.signed(result, current, place, err)
}

// planned is an intent that is not in the journal yet.
type planned struct {
	id     string // UUID
	intent intent
}

// name gives the job another ID.
func (p *planned) name(id string) {
	p.id, p.intent.Temp = id, tempOf(p.intent.Output, id)
}

// plan finds the output's name and makes sure that its folder takes files.
func (r *run) plan(work Job, look *looked, sha256In string) (planned, error) {
	place := look.place
	output, err := place.free()
	if err != nil {
		return planned{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return planned{}, fmt.Errorf("name job: %w", err)
	}
	path, err := filepath.Abs(work.Input)
	if err != nil {
		return planned{}, fmt.Errorf("name input: %w", err)
	}
	temp := tempOf(output, id.String())
	plan := planned{id: id.String(), intent: intent{
		Input: path, SHA256In: sha256In, Wanted: place.wanted, Explicit: place.explicit, Output: output, Temp: temp,
		Act: work.Act, Capacity: work.Capacity, Batch: r.batch.id,
	}}
	if look.input.Copied() {
		return plan, nil // the copy lies in the folder
	}
	return plan, probe(temp)
}

// begin puts the intent into the journal: from here on the job is known.
func (r *run) begin(ctx context.Context, i int, plan planned, grant wire.Grant) (*job, error) {
	plan.intent.Grant, plan.intent.Serial = grant.ID, r.device.info.Serial
	if r.batch.id != "" {
		plan.intent.Number = r.batch.numbers[i]
	}
	if grant.ID != "" {
		plan.intent.LogKey = r.pairing.LogKey
	}
	err := r.journal.append(journalEntry{Job: plan.id, Step: stepIntent, At: r.config.Now(), Intent: &plan.intent})
	if err != nil {
		_ = r.tellAbandoned(ctx, r.client, grant.ID, "other") // unconfirmed then; it runs out
		return nil, fail("home_unusable", err, "folder", r.config.Home)
	}
	r.step("after-intent")
	return r.journal.job(plan.id), nil
}

// mayBegin refuses a file before anything is read when there is no leave to sign
// at all.
func (r *run) mayBegin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fail("cancelled", err)
	}
	if r.pairing == nil && !r.batch.Standalone {
		return fail("not_paired", nil)
	}
	return nil
}

// facts are those of a file that is signed now.
func (r *run) facts(work Job, name, page string) facts {
	f := facts{job: work, signer: name, at: r.config.Now(), page: page}
	if !r.batch.Standalone {
		f.school = r.pairing.School
	}
	return f
}

// expectedPage has the length of the address that the grant will name, for finding out
// before whether there is room for it.
func (r *run) expectedPage() string {
	if r.pairing == nil {
		return ""
	}
	return r.pairing.URL + fmt.Sprintf(wire.PathCheckSignature, uuid.Nil)
}

// options say how a file is signed now. What was checked for one file is not
// checked anew for the next.
func (r *run) options(work Job, name, page string) signer.Options {
	options := r.batch.signerOptions(r.facts(work, name, page))
	options.Cache = &r.cache
	return options
}

// makeSignature goes from the intent to the journal's "signed". On an error
// nothing has been handed out. The turn is passed on when the token can sign.
func (r *run) makeSignature(ctx context.Context, i int, current *job, input *signer.Prepared, leave *leave, hand *hand) error {
	grant := leave.grant
	if err := r.device.login(ctx, r.batch); err != nil {
		return err
	}
	// A person may think long over a PIN. By the own clock alone: that it differs
	// from the service's does not matter.
	if grant.ID != "" && r.config.Now().Sub(leave.asked) > grant.ExpiresAt.Sub(grant.GrantedAt) {
		return &wire.Problem{Code: wire.CodeGrantExpired}
	}
	if r.batch.Code && grant.CheckURL == "" {
		return fail("no_check_page", nil)
	}
	name := r.device.certificate.X509.Subject.CommonName
	if !r.batch.Standalone {
		name = grant.Signer
	}
	key, chain, options := inTurn{r.device.signer(ctx), r, i}, r.device.chain(r.batch.Roots), r.options(r.batch.Jobs[i], name, grant.CheckURL)
	r.beginAsking(i + 1)
	hand.pass()
	document, err := input.Sign(ctx, key, chain, options)
	var own *Error
	switch {
	case errors.As(err, &own) && own.Code == "not_attempted":
		return own
	case err != nil:
		return r.device.named(err)
	}
	r.step("after-sign")
	if err := document.Stage(current.Intent.Temp); err != nil {
		return outputError(err, current.Intent.Temp)
	}
	current.staged = true
	r.step("after-stage")
	digest, out := document.ByteRangeDigest(), document.SHA256Out()
	level := r.batch.Level
	if level == "" {
		level = signer.LevelBB
	}
	err = r.journal.append(journalEntry{Job: current.ID, Step: stepSigned, At: r.config.Now(), Signature: &finishedRecord{
		CMS: document.CMS(), CertificateSHA256: r.device.certificate.SHA256, ByteRangeDigest: hex.EncodeToString(digest),
		SHA256Out: hex.EncodeToString(out[:]), Level: string(level), Algorithm: algorithmName(document), Field: document.Field(),
		SignedAt: document.SigningTime(),
	}})
	if err != nil {
		return fail("home_unusable", err, "folder", r.config.Home)
	}
	current.notes = document.Notes()
	r.step("after-signed")
	r.module.Do(func() { rememberModule(r.config.Home, r.device.client.Module()) })
	return nil
}

// priorSignatures are those that the input carries, for the service to judge
// whether somebody competent has signed.
func priorSignatures(ctx context.Context, input *signer.Prepared) ([]wire.PriorSignature, error) {
	report, err := validation.ValidateFile(ctx, input.PDF(), input, validation.Options{Offline: true})
	if err != nil {
		return nil, fmt.Errorf("earlier signatures: %w", err)
	}
	return competent(report), nil
}

// competent leaves out signatures that prove nothing of the document as it now
// reads: those that fail, and those after which it was changed in a way that a
// signature does not stand for.
func competent(report *validation.Report) []wire.PriorSignature {
	var prior []wire.PriorSignature
	for _, s := range report.Signatures {
		switch {
		case len(s.CMS) == 0, s.Certificate == nil, s.Indication == validation.TotalFailed,
			s.LaterChanges != validation.ChangesNone && s.LaterChanges != validation.ChangesPermitted:
			continue
		}
		prior = append(prior, wire.PriorSignature{
			Field: s.Field, CMS: s.CMS, ByteRangeDigest: hex.EncodeToString(s.ByteRangeDigest),
			CertificateSHA256: s.CertificateSHA256, CoversWholeFile: s.Covers == validation.CoversFile,
		})
	}
	return prior
}

// signed fills the result of a file whose signature exists. Err says what keeps
// it from the log.
func (r *run) signed(result Result, current *job, place target, err error) (Result, bool) {
	if current.missing {
		err = fail("output_missing", err, "output", current.Output)
	}
	if !current.placed {
		result.EntryIndex = current.Index
		return r.failed(result, err), explain(err, result.Input).fatal
	}
	result.Status = StatusSigned
	result.Output, result.SHA256Out, result.Level = place.shown(current.Output), current.Signature.SHA256Out, current.Signature.Level
	result.EntryIndex, result.Algorithm = current.Index, current.Signature.Algorithm
	result.SignedAt = current.Signature.SignedAt
	if err == nil {
		var messages []string
		for _, note := range current.notes {
			messages = append(messages, r.config.Catalogue.Sentence("note."+note))
		}
		if info, err := os.Stat(current.Output); place.safe && err == nil && info.Size() > safeSize {
			messages = append(messages, r.config.Catalogue.Sentence("note.too_large", "megabytes", decimal(info.Size()/1_000_000)))
		}
		if r.batch.Standalone {
			messages = append(messages, r.config.Catalogue.Sentence("standalone.warning"))
		}
		result.Message = strings.Join(messages, " ")
		return result, false
	}
	e := explain(err, result.Input)
	result.Code, result.Message = r.unlogged(err)
	result.Wanting = result.Code != "not_yet_logged"
	return result, e.fatal || result.Wanting
}

// unlogged explains what keeps a finished signature from the log.
func (a *Agent) unlogged(err error) (code, message string) {
	code, message = a.config.Catalogue.Explain(err, "")
	var own *Error
	switch {
	case errors.As(err, &own) && own.Code != "home_unusable":
		return code, message // these sentences tell that it is signed
	case code == "service_unreachable", code == "cancelled":
		return a.config.Catalogue.Explain(fail("not_yet_logged", err), "")
	}
	return code, a.config.Catalogue.Sentence("agent.signed_unlogged", "reason", message)
}

// finishedEarlier finds among the jobs one that the same command began in an
// earlier run and that was finished without that run's telling of it, or whose
// file still waits for its name.
func (a *Agent) finishedEarlier(jobs []*job, work Job, sha256In, wanted string) *job {
	input, err := filepath.Abs(work.Input)
	if err != nil {
		return nil
	}
	for _, earlier := range jobs {
		if earlier.Intent.Input != input {
			continue // two files of a batch may say the same
		}
		told := !earlier.remembered(a.config.Now()) && earlier.Step != stepCommitted && earlier.Step != stepSigned
		if told || earlier.Intent.SHA256In != sha256In || earlier.Intent.Wanted != wanted ||
			earlier.Intent.Act != work.Act || earlier.Intent.Capacity != work.Capacity {
			continue
		}
		if earlier.Step == stepSigned {
			return earlier
		}
		if there, err := holds(earlier.Output, earlier.Signature.SHA256Out); err == nil && there {
			return earlier
		}
	}
	return nil
}

func (r *run) alreadySigned(result Result, earlier *job, place target) Result {
	result.Status, result.Output = StatusSigned, place.shown(earlier.Output)
	result.SHA256Out, result.Level, result.EntryIndex = earlier.Signature.SHA256Out, earlier.Signature.Level, earlier.Index
	result.Algorithm, result.SignedAt = earlier.Signature.Algorithm, earlier.Signature.SignedAt
	result.Message = r.config.Catalogue.Sentence("agent.already_signed")
	if earlier.Step == stepCommitted && earlier.Intent.Grant != "" {
		if err := r.recoveryError(earlier); err != nil {
			result.Code, result.Message = r.unlogged(err)
			result.Wanting = result.Code != "not_yet_logged"
		}
		return result
	}
	if earlier.Step != stepDone {
		return result // told before
	}
	if err := r.journal.append(journalEntry{Job: earlier.ID, Step: stepSeen, At: r.config.Now()}); err != nil {
		r.config.Logger.Warn("journal", "error", err)
	}
	return result
}

// recoveryError is what the start could not do about a job, nil if all is done.
func (a *Agent) recoveryError(job *job) error {
	for _, recovered := range a.recovered {
		if recovered.job == job.ID {
			return recovered.Err
		}
	}
	return nil
}

// abandonReason is the service's word for why a grant was not used.
func abandonReason(err error) string {
	code := explain(err, "").code
	switch code {
	case "wrong_pin", "pin_locked", "token_gone", "self_check_failed", "disk_full", "cancelled":
		return code
	case "canceled", "pin_needed", "pin_empty", "pin_file", "pin_final_try", "pin_maybe_final_try":
		return "cancelled"
	}
	return "other"
}
