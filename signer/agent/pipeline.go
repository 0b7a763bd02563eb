package agent

import (
	"context"
	"crypto"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// A batch goes through its files in their order, one turn each: what a person is
// asked and the intent belong to a turn. It ends when the token is logged in to,
// and the signatures are made in order too: while the token makes one, the next is
// laid out and the last ones are validated, written and named. The service's leave
// is asked for ahead (leave.go), and it is told of the signatures together
// (reporter.go).

// handsAtOnce is how many files are in hand: the one whose turn it is, the next,
// and those that wait for the token or are being finished. Those that only wait
// for their receipt do not count.
const handsAtOnce = 4

// run is one batch under way.
type run struct {
	*Agent
	batch   *Batch
	cache   validation.Cache
	earlier []*job      // what the journal knew before this batch
	stopped atomic.Bool // the next file would fail alike
	told    sync.Mutex  // held while the caller is told of progress
	module  sync.Once   // to remember it
	stages  []*stage    // one for each file
	cancel  func()      // ends what is done ahead
	ahead   context.Context

	leaves     []*leave // one for each file; filled by askAhead
	asked      sync.WaitGroup
	reporter   *reporter
	signatures atomic.Int64 // made in this run
	finished   int          // files; guarded by told
	began      time.Time    // the first file was finished; guarded by told

	// Of whose turn it is:
	device   *device           // nil until the first file needs the token
	logSeen  bool              // the log's head was checked in this batch; each receipt is checked anyway
	underway map[string]*stage // by the output wanted: who had it last
	asking   int               // the first file that leave was asked for ahead; 0 = none
	alones   []*leave          // that were asked for one by one
}

// hand is what a file holds while it is worked on.
type hand struct {
	pass     func() // gives the turn to the next file, once
	free     func() // lets another file be taken in hand, once
	finished func() // says that the file's output is there or will not be, once
	reported bool   // the reporter has had its job
}

// stage is how far a file has come.
type stage struct {
	turn   chan struct{} // closed when it may begin
	signed chan struct{} // closed when the token has signed it, or will not
	done   chan struct{} // closed when its output has its name, or will not

	hasSigned func() // closes signed, once
}

func newStage() *stage {
	s := &stage{turn: make(chan struct{}), signed: make(chan struct{}), done: make(chan struct{})}
	s.hasSigned = sync.OnceFunc(func() { close(s.signed) })
	return s
}

// SignBatch signs the files and says what became of each. An error of a file
// does not stop the others; an error that they would share does, and a wrong PIN
// always: a file that the token has signed by then is finished, no other is.
func (a *Agent) SignBatch(ctx context.Context, batch Batch) []Result {
	if batch.Stamping == nil {
		batch.Stamping = &signer.Stamping{} // one trial time-stamp for the batch
	}
	if err := makeOutDirs(batch.Jobs, batch.OutDir); err != nil {
		return FailAll(a.config.Catalogue, batch.Jobs, err)
	}
	if len(batch.Jobs) > 1 && batch.id == "" {
		if err := a.store(&batch); err != nil {
			return FailAll(a.config.Catalogue, batch.Jobs, err)
		}
	}
	r := &run{Agent: a, batch: &batch, earlier: a.journal.list(), underway: map[string]*stage{}}
	for range len(batch.Jobs) + 1 {
		r.stages = append(r.stages, newStage())
		r.leaves = append(r.leaves, &leave{ready: make(chan struct{})})
	}
	close(r.stages[0].turn)
	r.leaves = r.leaves[:len(batch.Jobs)]
	r.ahead, r.cancel = context.WithCancel(ctx)
	defer r.cancel()

	r.reporter = newReporter(r)
	quit := make(chan struct{})
	var reporting, files sync.WaitGroup
	reporting.Go(func() { r.reporter.work(ctx, quit) })
	hands := make(chan struct{}, handsAtOnce)
	results := make([]Result, len(batch.Jobs))
	for i, job := range batch.Jobs {
		hands <- struct{}{}
		files.Go(func() { results[i] = r.file(ctx, i, job, sync.OnceFunc(func() { <-hands })) })
	}
	files.Wait()
	close(quit)
	reporting.Wait()
	r.cancel()
	r.asked.Wait()
	r.giveBack(ctx)
	if r.device != nil {
		r.device.close()
	}
	r.settleBatch(ctx, results)
	if err := keepHistory(a.config.Home, a.config.Now(), &batch, results); err != nil {
		a.config.Logger.Warn("history", "error", err)
	}
	return results
}

// beginAsking has leave asked for ahead, from the given file on, once.
func (r *run) beginAsking(from int) {
	if r.batch.Standalone || r.asking > 0 || from >= len(r.batch.Jobs) {
		return
	}
	r.asking = from
	r.asked.Go(func() { r.askAhead(r.ahead, from) })
}

// file takes one file through its stages.
func (r *run) file(ctx context.Context, i int, work Job, free func()) (result Result) {
	own := r.stages[i]
	in := &hand{free: free, finished: sync.OnceFunc(func() { close(own.done) }), pass: sync.OnceFunc(func() { close(r.stages[i+1].turn) })}
	defer func() {
		in.pass()
		own.hasSigned()
		in.finished()
		in.free()
		if !in.reported {
			r.reporter.without()
		}
		result.Document = work.Document
		r.fileDone(i)
	}()

	var look *looked
	if i > 0 && !r.stopped.Load() {
		look = r.look(r.ahead, work, r.batch.Passwords.ahead)
	}
	<-own.turn
	if r.stopped.Load() {
		look.close()
		return r.failed(Result{Input: work.Input}, fail("not_attempted", nil))
	}
	// What failed ahead of its turn may have wanted an earlier file's output, or a
	// person's answer.
	r.progress(i, "prepare")
	if look == nil || look.err != nil {
		look.close()
		for _, before := range r.stages[:i] {
			<-before.done
		}
		look = r.look(ctx, work, r.batch.Passwords.open)
	}
	defer look.close()
	result, stop := r.signOne(ctx, i, work, look, in)
	if stop {
		r.stopped.Store(true)
		r.cancel()
	}
	r.config.Logger.Info("file", "input", work.Input, "status", result.Status, "code", result.Code, "algorithm", result.Algorithm)
	return result
}

// alone waits until no other file has the output in work: it is named after
// what is there then.
func (r *run) alone(i int, place target) {
	if before := r.underway[place.wanted]; before != nil {
		<-before.done
	}
	r.underway[place.wanted] = r.stages[i]
}

func (r *run) progress(i int, phase string) {
	if r.batch.Progress != nil {
		r.told.Lock()
		defer r.told.Unlock()
		r.batch.Progress(Progress{Number: i + 1, Count: len(r.batch.Jobs), File: r.batch.Jobs[i].Input, Phase: phase, Done: r.finished})
	}
}

// fileDone tells how far the batch is. The pace leaves out the first file, in
// which a person has typed the PIN.
func (r *run) fileDone(i int) {
	r.told.Lock()
	defer r.told.Unlock()
	now := r.config.Now()
	if r.finished++; r.finished == 1 {
		r.began = now
	}
	if r.batch.Progress == nil {
		return
	}
	p := Progress{Number: i + 1, Count: len(r.batch.Jobs), File: r.batch.Jobs[i].Input, Phase: "done", Done: r.finished}
	if took := now.Sub(r.began); r.finished > 1 && took > 0 {
		p.Pace = float64(r.finished-1) / took.Seconds()
		p.Left = time.Duration(float64(p.Count-p.Done) / p.Pace * float64(time.Second))
	}
	r.batch.Progress(p)
}

// looked is a file that was read: what can be known of it without token and
// service.
type looked struct {
	source *signer.FileSource
	input  *signer.Prepared
	place  target
	err    error
}

func (l *looked) close() {
	if l == nil {
		return
	}
	if l.input != nil {
		l.input.Close()
	}
	if l.source != nil {
		l.source.Close()
	}
}

// opener tries passwords on a file.
type opener = func(ctx context.Context, file string, try func(pdf.Password) error) error

// look opens a file, reads it, and copies it into the folder of its output where
// that can be.
func (r *run) look(ctx context.Context, work Job, passwords opener) *looked {
	l := &looked{}
	if l.err = r.mayBegin(ctx); l.err != nil {
		return l
	}
	if l.source, l.err = signer.OpenFile(work.Input); l.err != nil {
		return l
	}
	if l.place, l.err = targetOf(work); l.err != nil {
		return l
	}
	l.err = passwords(ctx, work.Input, l.prepare(ctx, filepath.Dir(l.place.wanted), r.batch.hashes()))
	return l
}

// prepare reads the file with a password; a folder takes a copy of it.
func (l *looked) prepare(ctx context.Context, folder string, hashes []crypto.Hash) func(pdf.Password) error {
	return func(password pdf.Password) error {
		var err error
		if folder == "" {
			l.input, err = signer.PrepareWithPassword(ctx, l.source, password, hashes...)
		} else {
			l.input, err = signer.PrepareIn(ctx, l.source, folder, password, hashes...)
		}
		return err
	}
}

// inTurn is the token's key for one file of a batch: it signs after the files
// before, and not when the batch was stopped meanwhile.
type inTurn struct {
	crypto.Signer
	run  *run
	file int
}

// Sign implements crypto.Signer.
func (k inTurn) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if k.file > 0 {
		<-k.run.stages[k.file-1].signed
	}
	if k.run.stopped.Load() {
		return nil, fail("not_attempted", nil)
	}
	signature, err := k.Signer.Sign(random, digest, opts)
	if err == nil {
		k.run.stages[k.file].hasSigned()
	}
	return signature, err
}
