package background

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"sokyso/custody"
	"sokyso/custody/notices"
	"sokyso/custody/store"
	"sokyso/custody/witness"
)

const (
	tick = 2 * time.Second // how often a service looks whether there is something to do
	// lease is how long a job of a service that died stays undone; it is renewed all
	// the while.
	lease      = time.Minute
	renewEvery = lease / 3
	// wrapUp bounds what is still written after the service was told to stop.
	wrapUp = 10 * time.Second
)

// Job is work that one service at a time does.
type Job struct {
	Name  string
	Every time.Duration // how long after a run the next is due
	// Ready reports that there is something to do before the next run is due; nil =
	// never. It must only read.
	Ready func(ctx context.Context) (bool, error)
	// Run does what there is to do and says how much that was.
	Run func(ctx context.Context) (done int, err error)
}

// Config says whose work is done.
type Config struct {
	Store  *store.Store
	School custody.SchoolID
	Holder string           // name of this service, different from all others
	Now    func() time.Time // nil = time.Now
	Logger *slog.Logger     // nil: none
}

// Runner runs jobs.
type Runner struct {
	Config
	jobs []Job

	mu    sync.Mutex           // guards the next two
	seen  map[string]time.Time // by job: when its loop last came round, or its lease was last kept
	ended bool                 // Run has returned
}

// stalledAfter is how long a job's loop may be silent: a lease that it should have kept has
// run out since then, and what is still written after a run has had its time.
const stalledAfter = lease + wrapUp

// Stalled names the jobs whose loops stand still, sorted: nothing looks after them, though
// the service may answer requests. Before Run none does.
func (r *Runner) Stalled() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for name, seen := range r.seen {
		if r.ended || r.Now().Sub(seen) > stalledAfter {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (r *Runner) note(job string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[job] = r.Now()
}

// New returns a runner of the jobs.
func New(c Config, jobs ...Job) *Runner {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Runner{Config: c, jobs: jobs, seen: map[string]time.Time{}}
}

// Run does the work until ctx ends, and returns when what was begun has stopped and
// its leases were given back.
func (r *Runner) Run(ctx context.Context) {
	var group sync.WaitGroup
	for _, job := range r.jobs {
		r.note(job.Name)
		group.Go(func() {
			for {
				r.note(job.Name)
				r.attempt(ctx, job)
				select {
				case <-ctx.Done():
					return
				case <-time.After(tick + rand.N(tick/4)):
				}
			}
		})
	}
	group.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
}

// attempt is Once, and writes down what went wrong.
func (r *Runner) attempt(ctx context.Context, job Job) {
	if err := r.Once(ctx, job); err != nil && ctx.Err() == nil {
		r.Logger.Warn("background work", "job", job.Name, "error", err)
	}
}

// Once runs a job if there is something to do and nobody else does it.
func (r *Runner) Once(ctx context.Context, job Job) error {
	wanted, err := r.Store.JobDue(ctx, r.School, job.Name)
	if err == nil && !wanted && job.Ready != nil {
		wanted, err = job.Ready(ctx)
	}
	if err != nil || !wanted {
		return err
	}
	claimed, err := r.Store.ClaimJob(ctx, r.School, job.Name, r.Holder, lease)
	if err != nil || !claimed {
		return err
	}
	done, err := r.keepLease(ctx, job)
	outcome, due := store.OutcomeOK, r.Now().Add(job.Every)
	if err != nil {
		outcome = outcomeOf(err)
		due = r.Now().Add(min(job.Every, time.Minute))
	}
	if errors.Is(err, context.Canceled) {
		outcome, due = store.OutcomeOK, r.Now() // told to stop: another service goes on
	}
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), wrapUp)
	defer cancel()
	return errors.Join(err, r.Store.FinishJob(finish, r.School, job.Name, r.Holder, outcome, done, due))
}

// keepLease runs the job while its lease is renewed; a lost lease stops it.
func (r *Runner) keepLease(ctx context.Context, job Job) (int, error) {
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		for {
			select {
			case <-running.Done():
				return
			case <-time.After(renewEvery):
			}
			kept, err := r.Store.RenewJob(running, r.School, job.Name, r.Holder, lease)
			switch {
			case err == nil && !kept:
				stop(errLeaseLost)
			case err == nil:
				r.note(job.Name)
			}
		}
	})
	done, err := job.Run(running)
	if cause := context.Cause(running); errors.Is(cause, errLeaseLost) {
		err = errLeaseLost
	}
	stop(nil)
	renewing.Wait()
	return done, err
}

var errLeaseLost = errors.New("another service took the work over")

// outcomeOf is a code that says enough to find the cause in the service's log.
func outcomeOf(err error) string {
	var failure *notices.Failure
	var refused *custody.Error
	var path *os.PathError
	switch {
	case errors.As(err, &failure):
		return failure.Code
	case errors.Is(err, errLeaseLost):
		return "lease_lost"
	case errors.As(err, &refused) && refused.Params["reason"] != "":
		return refused.Params["reason"]
	case errors.Is(err, witness.ErrRefused):
		return "witness_refused"
	case errors.Is(err, witness.ErrAsked):
		return "witness_unreachable"
	case errors.As(err, &path):
		return "folder_unwritable"
	case errors.Is(err, store.ErrUnreachable):
		return "database_unreachable"
	case errors.Is(err, store.ErrBusy):
		return "database_busy"
	}
	return notices.CodeInternal
}
