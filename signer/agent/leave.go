package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"sokyso/httpapi/wire"
	"sokyso/signer"
)

// A batch asks for leave in portions, the next one while the token is busy with
// the one before: from the second file on, once the token is logged in to. A
// portion is what the token signs in a minute or so, since a grant holds for
// minutes. What is in hand is in the journal, so that a later start gives back
// what a crash leaves.
const (
	firstPortion = 8
	portionTime  = 75 * time.Second
	// askingTime bounds the asking for one portion.
	askingTime = 30 * time.Second
	// graceOfGrant is how long a grant must still hold when its file's turn comes.
	graceOfGrant = time.Minute
)

// leave is the service's answer for one file.
type leave struct {
	file  int    // in the batch, from 0
	job   string // UUID, the request's identifier
	grant wire.Grant
	sum   string // SHA-256 of the file as it was then
	asked time.Time
	err   error // refused
	ready chan struct{}
}

// given says whether there is an answer at all.
func (l *leave) given() bool { return l.grant.ID != "" || l.err != nil }

// askAhead asks for the files from the given one on, until all have an answer or
// the batch stops.
func (r *run) askAhead(ctx context.Context, from int) {
	defer func() {
		for _, l := range r.leaves[from:] {
			close(l.ready)
		}
	}()
	began, first := r.config.Now(), from
	for from < len(r.batch.Jobs) && ctx.Err() == nil && !r.stopped.Load() {
		portion := firstPortion
		if n := from - first; n > 0 {
			portion = n * 4
			if signed := r.signatures.Load(); signed > 1 {
				pace := r.config.Now().Sub(began) / time.Duration(signed)
				portion = int(portionTime / max(pace, time.Millisecond))
			}
			portion = min(max(portion, firstPortion), wire.MaxBulk)
		}
		to := min(from+portion, len(r.batch.Jobs))
		r.askFor(ctx, from, to)
		start := from
		for ; from < to; from++ {
			close(r.leaves[from].ready)
		}
		select {
		case <-r.stages[start].turn:
		case <-ctx.Done():
		}
	}
}

// askFor looks at files and asks for leave for those that can be signed. What is
// the matter with the others is found again, and told, when their turn comes.
func (r *run) askFor(ctx context.Context, from, to int) {
	var requests []wire.GrantRequest
	var asked []*leave
	size := 0
	flush := func() {
		if len(requests) > 0 {
			r.takeLeave(ctx, requests, asked)
		}
		requests, asked, size = nil, nil, 0
	}
	for i := from; i < to && ctx.Err() == nil; i++ {
		request, ok := r.requestAhead(ctx, i)
		if !ok {
			continue
		}
		own := len(request.Certificate)
		for _, prior := range request.Prior {
			own += len(prior.CMS)
		}
		if size+own > wire.MaxBulkBytes {
			flush()
		}
		l := r.leaves[i]
		l.file, l.job, l.sum = i, request.Request, request.SHA256In
		requests, asked, size = append(requests, request), append(asked, l), size+own
	}
	flush()
}

// takeLeave sends the requests, which the journal knows by then, and gives each
// file its answer.
func (r *run) takeLeave(ctx context.Context, requests []wire.GrantRequest, asked []*leave) {
	now := r.config.Now()
	entries := make([]journalEntry, len(requests))
	for n, request := range requests {
		entries[n] = r.askedEntry(asked[n].file, request, now)
	}
	if err := r.journal.append(entries...); err != nil {
		for _, l := range asked {
			l.err = fail("home_unusable", err, "folder", r.config.Home)
		}
		return
	}
	// What was asked is waited for when the batch stops meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askingTime)
	defer cancel()
	outcomes, err := r.client.Grants(ctx, requests)
	var refused []journalEntry
	for n, l := range asked {
		l.asked = now
		switch {
		case err != nil:
			l.err = err // whether it took effect is not known: the grant is given back
		case outcomes[n].Problem != nil:
			l.err = outcomes[n].Problem
			refused = append(refused, refusedEntry(l, now))
		default:
			if l.err = r.rightGrant(ctx, *outcomes[n].Grant); l.err == nil {
				l.grant = *outcomes[n].Grant
			}
		}
	}
	if len(refused) > 0 {
		if err := r.journal.append(refused...); err != nil {
			r.config.Logger.Error("journal", "error", err) // the next start asks the service
		}
	}
}

// askedEntry makes the request known to the journal, which no other is sent
// without: whatever becomes of the answer, the next start can give it back.
func (r *run) askedEntry(file int, request wire.GrantRequest, now time.Time) journalEntry {
	asked := &intent{
		SHA256In: request.SHA256In, Act: request.Act, Capacity: request.Capacity, LogKey: r.pairing.LogKey,
		Serial: r.device.info.Serial, Batch: r.batch.id,
	}
	if r.batch.id != "" {
		asked.Number = r.batch.numbers[file]
	}
	return journalEntry{Job: request.Request, Step: stepAsked, At: now, Intent: asked}
}

// refusedEntry says that the service has given no leave.
func refusedEntry(l *leave, now time.Time) journalEntry {
	return journalEntry{Job: l.job, Step: stepAbandoned, At: now, Reason: "refused"}
}

// requestAhead reads a file ahead of its turn, without keeping anything of it
// but the request.
func (r *run) requestAhead(ctx context.Context, i int) (wire.GrantRequest, bool) {
	work := r.batch.Jobs[i]
	source, err := signer.OpenFile(work.Input)
	if err != nil {
		return wire.GrantRequest{}, false
	}
	defer source.Close()
	place, err := targetOf(work)
	if err != nil {
		return wire.GrantRequest{}, false
	}
	l := &looked{source: source, place: place}
	l.err = r.batch.Passwords.ahead(ctx, work.Input, l.prepare(ctx, "", r.batch.hashes()))
	if l.err != nil {
		return wire.GrantRequest{}, false
	}
	defer l.input.Close()
	sum := l.input.SHA256()
	sha256In := hex.EncodeToString(sum[:])
	if r.changedSince(i, sha256In) || r.finishedEarlier(r.earlier, work, sha256In, place.wanted) != nil {
		return wire.GrantRequest{}, false
	}
	options := r.batch.signerOptions(r.facts(work, r.device.certificate.X509.Subject.CommonName, r.expectedPage()))
	if err := l.input.Check(options, r.device.chain(r.batch.Roots)...); err != nil {
		return wire.GrantRequest{}, false
	}
	id, err := uuid.NewV7()
	if err != nil {
		return wire.GrantRequest{}, false
	}
	request, err := r.grantRequest(ctx, id.String(), work, l.input)
	return request, err == nil
}

// leaveFor is the leave for the file whose turn it is: the one that was asked for
// ahead, where it is good still, or one asked for now.
func (r *run) leaveFor(ctx context.Context, i int, work Job, input *signer.Prepared, sum string) (*leave, error) {
	if r.asking > 0 && i >= r.asking {
		l := r.leaves[i]
		select {
		case <-l.ready:
		case <-ctx.Done():
			return nil, fail("cancelled", ctx.Err())
		}
		holds := l.grant.ExpiresAt.Sub(l.grant.GrantedAt) - graceOfGrant
		switch {
		case l.err != nil:
			return nil, l.err
		case l.given() && l.sum != sum:
			return nil, &signer.Error{Code: signer.CodeInputChanged, Params: map[string]string{"path": work.Input}}
		case l.given() && r.config.Now().Sub(l.asked) < holds:
			return l, nil
		}
	}
	return r.askAlone(ctx, i, work, input)
}

// askAlone asks for one file now.
func (r *run) askAlone(ctx context.Context, i int, work Job, input *signer.Prepared) (*leave, error) {
	if !r.logSeen {
		if err := r.checkLog(ctx); err != nil {
			return nil, err
		}
		r.logSeen = true
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("name job: %w", err)
	}
	request, err := r.grantRequest(ctx, id.String(), work, input)
	if err != nil {
		return nil, err
	}
	l := &leave{file: i, job: request.Request, sum: request.SHA256In, asked: r.config.Now()}
	if err := r.journal.append(r.askedEntry(i, request, l.asked)); err != nil {
		return nil, fail("home_unusable", err, "folder", r.config.Home)
	}
	r.alones = append(r.alones, l)
	if l.grant, err = r.client.Grant(ctx, request); err == nil {
		err = r.rightGrant(ctx, l.grant)
	}
	var refusal *wire.Problem
	if errors.As(err, &refusal) && !temporary(err) {
		if err := r.journal.append(refusedEntry(l, r.config.Now())); err != nil {
			r.config.Logger.Error("journal", "error", err) // the next start asks the service
		}
	}
	return l, err
}

// grantRequest is what the service is asked for a file.
func (r *run) grantRequest(ctx context.Context, request string, job Job, input *signer.Prepared) (wire.GrantRequest, error) {
	prior, err := priorSignatures(ctx, input)
	if err != nil {
		return wire.GrantRequest{}, err
	}
	document := job.Document
	document.FileName = filepath.Base(job.Input)
	sum := input.SHA256()
	return wire.GrantRequest{
		Request: request, TokenSerial: r.device.info.Serial, Certificate: r.device.certificate.X509.Raw, SHA256In: hex.EncodeToString(sum[:]),
		Document: document, Act: job.Act, Capacity: job.Capacity, Prior: prior,
	}, nil
}

// rightGrant refuses one for another certificate.
func (r *run) rightGrant(ctx context.Context, grant wire.Grant) error {
	if grant.CertificateSHA256 == r.device.certificate.SHA256 {
		return nil
	}
	_ = r.tellAbandoned(ctx, r.client, grant.ID, "other") // logged; else it runs out
	return &wire.NonsenseError{URL: r.client.URL(), Operation: "POST " + wire.PathGrants, Reason: "the grant is for another certificate"}
}

// giveBack tells the service of the grants that this batch did not come to use.
func (r *run) giveBack(ctx context.Context) {
	var unused []*job
	for _, l := range slices.Concat(r.leaves, r.alones) {
		if current := r.journal.job(l.job); current != nil && current.Step == stepAsked {
			unused = append(unused, current)
		}
	}
	for i, err := range r.discardAll(ctx, r.client, unused, "cancelled", false) {
		if err != nil {
			r.config.Logger.Warn("give back", "job", unused[i].ID, "error", err) // the next start does it
		}
	}
}
