package agent

import (
	"context"
	"math/rand/v2"
	"time"
)

// Pauses between tries to reach a service that does not answer: they double, and
// half of each is by chance, so that a school's agents do not come back together.
const (
	firstSendPause = 2 * time.Second
	longSendPause  = 2 * time.Minute
)

// Send reports what is pending, in the order of signing, and tries again while
// the service does not answer, for at most limit. Waiting is told before each
// pause how much is left. What a try can't mend (the service refuses it, its drive
// is not there) is left to [Agent.Outbox] to tell.
func (a *Agent) Send(ctx context.Context, limit time.Duration, waiting func(left int, wait time.Duration)) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for pause := firstSendPause; ; pause = min(2*pause, longSendPause) {
		left := 0
		for _, found := range a.recovered {
			if found.Err != nil && temporary(found.Err) {
				left++
			}
		}
		if left == 0 || ctx.Err() != nil {
			return
		}
		wait := pause/2 + rand.N(pause/2)
		waiting(left, wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		settled := a.settledBefore()
		if err := a.recover(ctx); err != nil {
			a.config.Logger.Error("send", "error", err)
			return
		}
		a.recovered = append(settled, a.recovered...)
	}
}

// settledBefore takes those that are done out of what recovery found, so that it
// may look again at the others.
func (a *Agent) settledBefore() []Recovered {
	var settled []Recovered
	for _, found := range a.recovered {
		if found.Err == nil {
			settled = append(settled, found)
		}
	}
	a.recovered = nil
	return settled
}
