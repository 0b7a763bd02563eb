package background

import (
	"context"
	"time"

	"sokyso/custody"
)

// Retention is the job that erases, once a day, what the school's setting says is kept
// too long.
func (r *Runner) Retention() Job {
	return Job{
		Name: JobRetention, Every: 24 * time.Hour,
		Run: func(ctx context.Context) (int, error) {
			n, err := r.Store.EraseKept(ctx, custody.SystemActor(r.School))
			return int(n), err
		},
	}
}
