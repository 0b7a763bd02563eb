package agent

import (
	"context"
	"crypto"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// A batch goes through its files in their order, one turn each: what a person
// is asked, the service's leave and the intent belong to a turn. Beside it the
// next files are read and copied. With a service a turn ends with the receipt: no
// leave is asked for while a signature is not in the log yet. Without one it ends
// when the token is logged in to, and the signatures are made in order too: while
// the token makes one, the next is laid out and the last ones are validated,
// written and named.

// Files in hand at once: the one whose turn it is, the next, and, where that may
// be, those that wait for the token or are finished.
const (
	handsPaired     = 2
	handsStandalone = 4
)

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

	// Of whose turn it is:
	device   *device           // nil until the first file needs the token
	logSeen  bool              // the log's head was checked in this batch; each receipt is checked anyway
	underway map[string]*stage // by the output wanted: who had it last
}

// stage is how far a file has come.
type stage struct {
	turn   chan struct{} // closed when it may begin
	signed chan struct{} // closed when the token has signed it, or will not
	done   chan struct{} // closed when it is finished

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
	r := &run{Agent: a, batch: &batch, earlier: a.journal.list(), underway: map[string]*stage{}}
	for range len(batch.Jobs) + 1 {
		r.stages = append(r.stages, newStage())
	}
	close(r.stages[0].turn)
	ahead, cancel := context.WithCancel(ctx)
	r.cancel = cancel
	defer cancel()

	width := handsStandalone
	if !batch.Standalone {
		width = handsPaired
	}
	hands := make(chan struct{}, width)
	results := make([]Result, len(batch.Jobs))
	var files sync.WaitGroup
	for i, job := range batch.Jobs {
		hands <- struct{}{}
		files.Go(func() {
			defer func() { <-hands }()
			results[i] = r.file(ctx, ahead, i, job)
		})
	}
	files.Wait()
	if r.device != nil {
		r.device.close()
	}
	return results
}

// file takes one file through its stages.
func (r *run) file(ctx, ahead context.Context, i int, work Job) Result {
	own := r.stages[i]
	defer close(own.done)
	defer own.hasSigned()
	pass := sync.OnceFunc(func() { close(r.stages[i+1].turn) })
	defer pass()

	var look *looked
	if i > 0 && !r.stopped.Load() {
		look = r.look(ahead, work, r.batch.Passwords.ahead)
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
	result, stop := r.signOne(ctx, i, work, look, pass)
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
		r.batch.Progress(Progress{Number: i + 1, Count: len(r.batch.Jobs), File: r.batch.Jobs[i].Input, Phase: phase})
	}
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
	l.err = passwords(ctx, work.Input, func(password pdf.Password) error {
		var err error
		l.input, err = signer.PrepareIn(ctx, l.source, filepath.Dir(l.place.wanted), password, r.batch.hashes()...)
		return err
	})
	return l
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
