package background

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"sokyso/custody"
)

const (
	roundWorkers = 8 // schools that are worked for at a time
	roundTick    = 250 * time.Millisecond
)

// Rounds does the work of many schools with a few goroutines: it goes from school to
// school, and to one in which something was recorded at once. What another service
// records is found on the next round.
type Rounds struct {
	// Every is how often a school is looked at in which nothing happened here; 0 = a minute.
	Every time.Duration

	mu    sync.Mutex
	stops map[custody.SchoolID]*stop
}

// stop is a school on the rounds.
type stop struct {
	runner *Runner
	next   time.Time // true time
	busy   bool
	woken  bool // while it was busy
}

func (r *Rounds) every() time.Duration { return cmp.Or(r.Every, time.Minute) }

// Add has a school's work done from now on.
func (r *Rounds) Add(runner *Runner) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stops == nil {
		r.stops = map[custody.SchoolID]*stop{}
	}
	// Spread, so that a start with a thousand schools is no rush.
	r.stops[runner.School] = &stop{runner: runner, next: time.Now().Add(rand.N(r.every()))}
}

// Wake has a school looked at soon. It never waits.
func (r *Rounds) Wake(school custody.SchoolID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.stops[school]; s != nil {
		s.next, s.woken = time.Now(), s.busy
	}
}

// Run goes round until ctx ends, and returns when what was begun has stopped and its
// leases were given back.
func (r *Rounds) Run(ctx context.Context) {
	due := make(chan *stop)
	var workers sync.WaitGroup
	for range roundWorkers {
		workers.Go(func() {
			for s := range due {
				s.runner.visit(ctx)
				r.left(s)
			}
		})
	}
	for ctx.Err() == nil {
		for _, s := range r.due(time.Now()) {
			select {
			case due <- s:
			case <-ctx.Done():
			}
		}
		select {
		case <-time.After(roundTick):
		case <-ctx.Done():
		}
	}
	close(due)
	workers.Wait()
}

// due takes the stops whose turn it is, the longest waiting first.
func (r *Rounds) due(now time.Time) []*stop {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*stop
	for _, s := range r.stops {
		if !s.busy && !s.next.After(now) {
			s.busy = true
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *stop) int { return cmp.Compare(a.next.UnixNano(), b.next.UnixNano()) })
	return found
}

func (r *Rounds) left(s *stop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.busy = false
	if !s.woken {
		s.next = time.Now().Add(r.every() - rand.N(r.every()/4))
	}
	s.woken = false
}

// visit does once what there is to do of each job.
func (r *Runner) visit(ctx context.Context) {
	for _, job := range r.jobs {
		r.attempt(ctx, job)
	}
}
