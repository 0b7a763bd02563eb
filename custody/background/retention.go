package background

import (
	"context"
	"errors"
	"time"

	"sokyso/custody"
)

// Retention is the job that erases, once a day, what the school's setting says is kept
// too long, and forgets the keys of requests that are older than a day.
func (r *Runner) Retention() Job {
	return Job{
		Name: JobRetention, Every: 24 * time.Hour,
		Run: func(ctx context.Context) (int, error) {
			n, err := r.Store.EraseKept(ctx, custody.SystemActor(r.School))
			_, failed := r.Store.DropOldKeys(ctx, r.School)
			return int(n), errors.Join(err, failed)
		},
	}
}
