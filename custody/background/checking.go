package background

import (
	"context"
	"time"

	"sokyso/custody"
)

// Checking is the job that opens the monthly custody check on the day that the
// school's settings name.
func (r *Runner) Checking() Job {
	return Job{
		Name: JobChecks, Every: 15 * time.Minute,
		Run: func(ctx context.Context) (int, error) {
			_, opened, err := r.Store.OpenDueCheck(ctx, custody.SystemActor(r.School))
			if !opened {
				return 0, err
			}
			return 1, err
		},
	}
}
