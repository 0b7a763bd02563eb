package background

import (
	"context"
	"time"
)

// countAgain is how long a table that could not be counted is left alone.
const countAgain = 10 * time.Minute

// Counting is the job that has the database count tables that have grown much since it last
// did, so that it looks into them as large ones. It is a register's and not a school's: one
// school's runner of each service has it.
func (r *Runner) Counting() Job {
	var after time.Time // a job is attempted by one goroutine
	return Job{
		Name: JobStatistics, Every: 24 * time.Hour,
		Ready: func(ctx context.Context) (bool, error) {
			if r.Now().Before(after) {
				return false, nil
			}
			grown, err := r.Store.GrownTables(ctx)
			return len(grown) > 0, err
		},
		Run: func(ctx context.Context) (int, error) {
			counted, left, err := r.Store.CountTables(ctx)
			if counted == 0 && left > 0 {
				after = r.Now().Add(countAgain)
			}
			return counted, err
		},
	}
}
