package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sokyso/custody"
)

// OutcomeOK is the outcome of a run without an error; others are codes of errors.
const OutcomeOK = "ok"

// Job is work in the background and what became of its last run.
type Job struct {
	Name        string
	Holder      string     // who ran it last, or runs it
	HeldUntil   *time.Time // while it runs: it may be taken over then
	Due         time.Time  // of the next run
	StartedAt   *time.Time
	FinishedAt  *time.Time
	SucceededAt *time.Time
	Outcome     string // OutcomeOK, or the code of an error; "" before the first run
	Done        int    // things done in the last run
	Failures    int    // runs that failed, one after another
}

// jobLate is how long after its time a job that nobody runs is late.
const jobLate = 15 * time.Minute

// Late reports whether the next run should have been long ago: no service runs, or
// whoever took the work died and nobody has taken it over.
func (j Job) Late(now time.Time) bool {
	return j.HeldUntil == nil && now.After(j.Due.Add(jobLate))
}

type jobRow struct {
	Name        string `db:"name"`
	Holder      string `db:"holder"`
	HeldUntil   stamp  `db:"held_until_at"`
	Due         stamp  `db:"due_at"`
	StartedAt   *stamp `db:"started_at"`
	FinishedAt  *stamp `db:"finished_at"`
	SucceededAt *stamp `db:"succeeded_at"`
	Outcome     string `db:"outcome"`
	Done        int    `db:"done"`
	Failures    int    `db:"failures"`
}

func (r jobRow) job(now time.Time) Job {
	j := Job{Name: r.Name, Holder: r.Holder, Due: r.Due.Time, StartedAt: r.StartedAt.moment(), FinishedAt: r.FinishedAt.moment(),
		SucceededAt: r.SucceededAt.moment(), Outcome: r.Outcome, Done: r.Done, Failures: r.Failures}
	if r.HeldUntil.After(now) {
		j.HeldUntil = r.HeldUntil.moment()
	}
	return j
}

const queryJobs = `SELECT name, holder, held_until_at, due_at, started_at, finished_at, succeeded_at, outcome, done, failures FROM background_jobs WHERE school_id = ?`

// JobDue reports whether a job is to run by its schedule and nobody has its lease. A
// job that never ran is due.
func (s *Store) JobDue(ctx context.Context, school custody.SchoolID, name string) (bool, error) {
	var row jobRow
	err := s.reader.get(ctx, &row, queryJobs+` AND name = ?`, string(school), name)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read job %s: %w", name, err)
	}
	now := s.now()
	return !row.Due.After(now) && !row.HeldUntil.After(now), nil
}

// ClaimJob takes the lease of a job until it is finished, or for that long: who is
// late has lost it to whoever claims it next. It answers false when another has it.
// Services on one database must agree on the time to a fraction of a lease.
func (s *Store) ClaimJob(ctx context.Context, school custody.SchoolID, name, holder string, lease time.Duration) (bool, error) {
	now := s.now()
	claimed, err := s.writer.exec(ctx, `INSERT INTO background_jobs (school_id, name, holder, held_until_at, due_at, started_at, outcome, done, failures)
		VALUES (?,?,?,?,?,?,'',0,0)
		ON CONFLICT (school_id, name) DO UPDATE SET holder = excluded.holder, held_until_at = excluded.held_until_at, started_at = excluded.started_at
		WHERE background_jobs.held_until_at <= ?`,
		string(school), name, holder, at(now.Add(lease)), at(now), at(now), at(now))
	if err != nil {
		return false, fmt.Errorf("claim job %s: %w", name, err)
	}
	return claimed == 1, nil
}

// RenewJob keeps the lease of a job that runs on; false when it was lost.
func (s *Store) RenewJob(ctx context.Context, school custody.SchoolID, name, holder string, lease time.Duration) (bool, error) {
	now := s.now()
	kept, err := s.writer.exec(ctx, `UPDATE background_jobs SET held_until_at = ? WHERE school_id = ? AND name = ? AND holder = ? AND held_until_at > ?`,
		at(now.Add(lease)), string(school), name, holder, at(now))
	if err != nil {
		return false, fmt.Errorf("renew job %s: %w", name, err)
	}
	return kept == 1, nil
}

// FinishJob gives the lease back and notes what became of the run: its outcome, how
// much it did, and when the next is due. Who has lost the lease notes nothing.
func (s *Store) FinishJob(ctx context.Context, school custody.SchoolID, name, holder, outcome string, done int, due time.Time) error {
	now := at(s.now())
	succeeded, failures := any(now), 0
	if outcome != OutcomeOK {
		succeeded, failures = nil, 1
	}
	if _, err := s.writer.exec(ctx, `UPDATE background_jobs SET held_until_at = 0, due_at = ?, finished_at = ?, succeeded_at = COALESCE(?, succeeded_at), outcome = ?, done = ?,
		failures = CASE WHEN ? = 0 THEN 0 ELSE failures + 1 END WHERE school_id = ? AND name = ? AND holder = ?`,
		at(due), now, succeeded, outcome, done, failures, string(school), name, holder); err != nil {
		return fmt.Errorf("finish job %s: %w", name, err)
	}
	return nil
}

// LateJobs names the work in the background of all schools that should have run long
// ago: names of jobs only, for who watches the service.
func (s *Store) LateJobs(ctx context.Context) ([]string, error) {
	now := s.now()
	var names []string
	if err := s.reader.list(ctx, &names, `SELECT DISTINCT name FROM background_jobs WHERE held_until_at <= ? AND due_at < ? ORDER BY name`, at(now), at(now.Add(-jobLate))); err != nil {
		return nil, fmt.Errorf("list late jobs: %w", err)
	}
	return names, nil
}

// Jobs lists the work in the background: for who manages the register.
func (s *Store) Jobs(ctx context.Context, actor custody.Actor) ([]Job, error) {
	if !actor.Roles.May(custody.RunRegister) {
		return nil, custody.Forbidden("")
	}
	var rows []jobRow
	if err := s.reader.list(ctx, &rows, queryJobs+` ORDER BY name`, string(actor.School)); err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	now, jobs := s.now(), make([]Job, len(rows))
	for i, row := range rows {
		jobs[i] = row.job(now)
	}
	return jobs, nil
}
