package agent

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"sokyso/httpapi/wire"
)

// A batch reports its finished signatures together: when the last file is there,
// when there are many, or when the oldest has waited for a moment.
const (
	reportAt    = 50
	reportAfter = 2 * time.Second
)

// reporter sends records beside the signing. Its goroutine has the jobs that
// wait; who handed one in reads it again after its answer.
type reporter struct {
	run  *run
	kick chan struct{} // there is a reason to send now

	mu       sync.Mutex // held while the fields below are read or changed
	waiting  []*report
	expected int // files of which a record may still come
	since    time.Time
}

type report struct {
	job    *job
	answer chan error
}

func newReporter(r *run) *reporter {
	return &reporter{run: r, kick: make(chan struct{}, 1), expected: len(r.batch.Jobs)}
}

// record hands a job in whose output is in place, and waits until the service
// has its record, or can't be told.
func (p *reporter) record(current *job) error {
	own := &report{job: current, answer: make(chan error, 1)}
	p.mu.Lock()
	if len(p.waiting) == 0 {
		p.since = time.Now()
	}
	p.waiting = append(p.waiting, own)
	p.expected--
	p.mu.Unlock()
	p.wake()
	return <-own.answer
}

// without says that a file has ended and nothing of it is to be recorded.
func (p *reporter) without() {
	p.mu.Lock()
	p.expected--
	p.mu.Unlock()
	p.wake()
}

func (p *reporter) wake() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// due takes what is to be sent now, or says how long to wait.
func (p *reporter) due() ([]*report, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		return nil, time.Hour
	}
	if wait := reportAfter - time.Since(p.since); wait > 0 && p.expected > 0 && len(p.waiting) < reportAt {
		return nil, wait
	}
	now := p.waiting
	p.waiting = nil
	slices.SortStableFunc(now, func(a, b *report) int { return cmp.Compare(a.job.Intent.Number, b.job.Intent.Number) })
	return now, 0
}

// work sends until quit is closed and nothing waits.
func (p *reporter) work(ctx context.Context, quit <-chan struct{}) {
	var silent error // the service's, once it did not answer
	for {
		due, wait := p.due()
		if len(due) == 0 {
			timer := time.NewTimer(wait)
			select {
			case <-p.kick:
			case <-timer.C:
			case <-quit:
				timer.Stop()
				return
			}
			timer.Stop()
			continue
		}
		jobs := make([]*job, len(due))
		for i, r := range due {
			jobs[i] = r.job
		}
		var errs []error
		if silent == nil {
			errs = p.run.finish(ctx, p.run.client, jobs, false)
		}
		for i, r := range due {
			err := silent
			if silent == nil {
				err = errs[i]
			}
			if err != nil && explain(err, "").fatal {
				p.run.stopped.Store(true)
				p.run.cancel()
			}
			if err != nil && temporary(err) {
				silent = err
			}
			r.answer <- err
		}
	}
}

// recordAll tells the service of finished signatures and checks its receipts. A
// job without an error has its index, and its receipt beside its output.
func (a *Agent) recordAll(ctx context.Context, client *wire.Client, jobs []*job) []error {
	errs := make([]error, len(jobs))
	for start := 0; start < len(jobs); {
		end, size := start, 0
		for end < len(jobs) && end-start < wire.MaxBulk && (end == start || size+len(jobs[end].Signature.CMS) <= wire.MaxBulkBytes) {
			size += len(jobs[end].Signature.CMS)
			end++
		}
		part := jobs[start:end]
		receipts, failures := a.sendRecords(ctx, client, part)
		for i, current := range part {
			if errs[start+i] = failures[i]; failures[i] == nil {
				a.step("after-record")
				errs[start+i] = a.takeReceipt(ctx, current, receipts[i])
			}
		}
		start = end
	}
	return errs
}

// sendRecords sends at most wire.MaxBulk records: one as one.
func (a *Agent) sendRecords(ctx context.Context, client *wire.Client, jobs []*job) ([]wire.Receipt, []error) {
	receipts, errs := make([]wire.Receipt, len(jobs)), make([]error, len(jobs))
	var records []wire.GrantRecord
	var sent []int
	for i, current := range jobs {
		if a.pairing == nil || a.pairing.LogKey != current.Intent.LogKey {
			errs[i] = fail("other_pairing", nil)
			continue
		}
		s := current.Signature
		records, sent = append(records, wire.GrantRecord{Grant: current.Intent.Grant, Record: wire.Record{
			CMS: s.CMS, ByteRangeDigest: s.ByteRangeDigest, SHA256Out: s.SHA256Out, Level: s.Level, Field: s.Field, SignedAt: s.SignedAt,
		}}), append(sent, i)
	}
	if len(records) == 1 {
		receipts[sent[0]], errs[sent[0]] = client.Record(ctx, records[0].Grant, records[0].Record)
		return receipts, errs
	}
	if len(records) == 0 {
		return receipts, errs
	}
	outcomes, err := client.Records(ctx, records)
	for n, i := range sent {
		switch {
		case err != nil:
			errs[i] = err
		case outcomes[n].Problem != nil:
			errs[i] = outcomes[n].Problem
		default:
			receipts[i] = *outcomes[n].Receipt
		}
	}
	return receipts, errs
}

// takeReceipt checks the receipt of a job and stores it.
func (a *Agent) takeReceipt(ctx context.Context, current *job, answer wire.Receipt) error {
	receipt, err := receiptOf(answer)
	if err != nil {
		return err
	}
	if err := checkReceipt(receipt, a.witness.verifier, current); err != nil {
		return err
	}
	if err := a.witness.see(ctx, receipt.Checkpoint); err != nil {
		return err
	}
	current.Index = &receipt.Index // it is logged, whatever comes
	return a.storeReceipt(receipt, current)
}
