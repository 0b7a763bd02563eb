package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sokyso/custody"
	"sokyso/migrations"
)

const (
	batchLimit   = 64               // changes in one transaction; no more are taken once there are so many
	batchTimeout = 30 * time.Second // for one transaction; a caller's own deadline is not the others'
	busyTries    = 4                // more runs of a batch that found the database busy (serialization, deadlock, lock)
	busyPause    = 10 * time.Millisecond
)

// errClosed is the answer to changes after Close.
var errClosed = errors.New("register is closed")

// change is one caller's step, run inside a transaction it shares with others.
type change struct {
	ctx    context.Context
	make   func(*tx) error // CreateSchool only: what must be there before the head
	run    func(*tx) error // may be run again, after what it did was rolled back
	done   chan error      // one answer, always
	proofs *batchProofs    // of the entries of its transaction; set before the answer

	// One of these for what happens to grants, none for any other change.
	request  *requestKey     // asks for this grant
	record   custody.GrantID // records this grant's signature: see tx.deferred
	abandons bool
}

// ofGrants: what is known of people and tokens stays true.
func (c *change) ofGrants() bool { return c.request != nil || c.record != "" || c.abandons }

// sequencer orders the changes of one school.
type sequencer struct {
	store   *Store
	school  custody.SchoolID
	changes chan []*change // sent together, at most batchLimit
	quit    chan struct{}
	conn    *connection // the goroutine's; nil until needed and after trouble
	begun   bool        // a transaction is open on conn
	known   known
}

// write runs a change and returns once its entries are durable. Run may be
// called more than once, each time on the state of before; what it leaves in the
// caller's variables counts only when write returns nil.
func (s *Store) write(ctx context.Context, school custody.SchoolID, run func(*tx) error) error {
	return s.submit(school, &change{ctx: ctx, run: run, done: make(chan error, 1)})
}

func (s *Store) submit(school custody.SchoolID, c *change) error {
	keyed := keyedOf(c.ctx)
	if keyed != nil {
		c.run = keyed.keep(c.run)
	}
	err := s.submitAll(c.ctx, school, []*change{c})[0]
	if keyed != nil && err == nil {
		keyed.done = true
	}
	return err
}

// submitAll runs changes in as few transactions as batchLimit allows, in their
// order, and answers for each. One that fails leaves the others alone.
func (s *Store) submitAll(ctx context.Context, school custody.SchoolID, changes []*change) []error {
	answers := make([]error, len(changes))
	q, err := s.sequencer(school)
	for start := 0; start < len(changes); start += batchLimit {
		part := changes[start:min(start+batchLimit, len(changes))]
		if err == nil {
			select {
			case q.changes <- part:
			case <-q.quit:
				err = errClosed
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		for i, c := range part {
			if answers[start+i] = err; err == nil {
				answers[start+i] = <-c.done
			}
		}
	}
	return answers
}

func (s *Store) sequencer(school custody.SchoolID) (*sequencer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	q := s.sequencers[school]
	if q == nil {
		q = &sequencer{store: s, school: school, changes: make(chan []*change), quit: make(chan struct{})}
		s.sequencers[school] = q
		s.running.Go(q.loop)
	}
	return q, nil
}

func (q *sequencer) loop() {
	defer func() {
		if q.conn != nil {
			q.store.connections.discard(q.conn)
		}
	}()
	for {
		var batch []*change
		select {
		case together := <-q.changes:
			batch = append(batch, together...)
		case <-q.quit:
			return
		}
	waiting:
		for len(batch) < batchLimit {
			select {
			case together := <-q.changes:
				batch = append(batch, together...)
			default:
				break waiting
			}
		}
		q.commit(batch)
		if q.store.config.Many && q.conn != nil {
			q.store.connections.give(q.conn)
			q.conn = nil
		}
	}
}

// commit runs a batch in one transaction and answers each of its changes. It
// tries without savepoints first, since nearly all changes succeed or find out
// that they can't before they write. When one fails half way, everything is
// rolled back and run again with a savepoint for each; when others were in the way,
// a few times. A transaction that could not begin is not tried again: the database
// has waited already.
func (q *sequencer) commit(batch []*change) {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	// Changes of one batch were asked for at the same time: their order is free.
	slices.SortStableFunc(batch, func(a, b *change) int {
		switch {
		case (a.record == "") == (b.record == ""):
			return 0
		case a.record == "":
			return -1
		}
		return 1
	})
	answers := make([]error, len(batch))
	err := q.transact(ctx, batch, answers, false)
	for try := 1; err != nil && !errors.Is(err, ErrUnreachable) && q.begun; try++ {
		busy := errors.Is(err, ErrBusy)
		if try > 1 && !busy || try > busyTries {
			break
		}
		if undo := q.rollback(ctx); undo != nil {
			err = errors.Join(err, undo) // the first tells what happened
			break
		}
		if busy && !wait(ctx, time.Duration(try)*busyPause) {
			break
		}
		clear(answers)
		err = q.transact(ctx, batch, answers, true)
	}
	if err != nil {
		// Whatever failed, nothing of this transaction may be taken for done. The
		// connection goes with it: its state is not worth finding out.
		if q.conn != nil {
			q.store.connections.discard(q.conn)
			q.conn, q.begun = nil, false
		}
		q.known.forget()
		for i := range answers {
			if answers[i] == nil || errors.Is(answers[i], errHalfDone) {
				answers[i] = err
			}
		}
	}
	for i, c := range batch {
		c.done <- answers[i]
	}
}

// wait pauses for up to twice the time, so that services which met once don't
// meet again.
func wait(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause + rand.N(pause)):
		return true
	case <-ctx.Done():
		return false
	}
}

// errHalfDone asks for a second run with savepoints.
var errHalfDone = errors.New("a change failed after it had written")

func (q *sequencer) transact(ctx context.Context, batch []*change, answers []error, savepoints bool) error {
	began := time.Now() // a duration, not a moment of the register
	if q.conn == nil {
		var err error
		if q.conn, err = q.store.connections.take(ctx); err != nil {
			return err
		}
	}
	if err := q.begin(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	t := &tx{connection: q.conn, store: q.store, ctx: ctx, school: q.school, immediate: savepoints, recordsOnly: true, known: &q.known}
	others := false // than of grants
	for _, c := range batch {
		if c.record != "" && !savepoints {
			t.wanted = append(t.wanted, string(c.record))
		}
		if c.request != nil && !savepoints {
			t.requests = append(t.requests, *c.request)
		}
		t.recordsOnly = t.recordsOnly && c.record != ""
		others = others || !c.ofGrants()
	}
	if first := batch[0]; first.make != nil {
		t.now = q.store.now()
		if err := first.make(t); err != nil {
			answers[0] = err
			for i := range batch[1:] {
				answers[i+1] = custody.NotFound("school")
			}
			return q.rollback(ctx)
		}
	}
	if err := t.lockHead(); err != nil {
		if refusal := (*custody.Error)(nil); !errors.As(err, &refusal) {
			return err
		}
		for i := range answers {
			answers[i] = err
		}
		return q.rollback(ctx)
	}
	done := 0
	for i, c := range batch {
		if savepoints {
			answers[i] = q.runGuarded(ctx, t, c)
		} else {
			answers[i] = q.runOne(t, c)
		}
		switch {
		case answers[i] == nil:
			done++
		case errors.Is(answers[i], ErrUnreachable), errors.Is(answers[i], errHalfDone), errors.Is(answers[i], ErrBusy):
			return answers[i]
		}
	}
	if done == 0 {
		return q.rollback(ctx)
	}
	if err := t.flush(); err != nil {
		return err
	}
	signed, err := t.writeHead()
	if err != nil {
		return err
	}
	if err := q.conn.run(ctx, commitCommand); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	q.begun = false
	reached("committed")
	if !others {
		size, root := t.end()
		q.known.moveTo(size, root, t.tail.entries)
	}
	t.advanceMark()
	reached("marked")
	t.tell(done, began)
	proofs := t.proofs(signed)
	for _, c := range batch {
		c.proofs = proofs
	}
	return nil
}

// begin opens the transaction. On PostgreSQL that is sent with the first query.
func (q *sequencer) begin(ctx context.Context) error {
	if q.store.dialect == migrations.SQLite {
		// A read that turns into a write later would not wait for other writers.
		err := q.conn.run(ctx, "BEGIN IMMEDIATE")
		q.begun = err == nil
		return err
	}
	// Not what the server's default happens to be: the checks rest on reading what
	// others have committed once the head is locked, and a receipt on being durable.
	q.begun = true
	return errors.Join(q.conn.later(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"), q.conn.later(ctx, "SET LOCAL synchronous_commit = on"))
}

func (q *sequencer) rollback(ctx context.Context) error {
	q.begun = false
	q.conn.waiting = pgx.Batch{}
	if err := q.conn.run(ctx, "ROLLBACK"); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

// runOne runs a change without a savepoint. One that fails before it wrote
// anything has nothing to undo but its place in the log.
func (q *sequencer) runOne(t *tx, c *change) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if c.record == "" && c.request == nil {
		if err := t.flush(); err != nil {
			return err
		}
	}
	before := t.begin()
	err := guard(func() error { return c.run(t) })
	if !c.ofGrants() {
		q.known.forget()
	}
	if err == nil {
		return nil
	}
	if refusal := (*custody.Error)(nil); t.wrote || !errors.As(err, &refusal) {
		return fmt.Errorf("%w: %w", errHalfDone, err) // PostgreSQL goes on after no error
	}
	t.undo(before)
	return err
}

// runGuarded runs a change between a savepoint and its release, so that its
// failure undoes its own steps only.
func (q *sequencer) runGuarded(ctx context.Context, t *tx, c *change) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if err := q.conn.run(ctx, "SAVEPOINT change"); err != nil {
		return err
	}
	before := t.begin()
	err := guard(func() error { return c.run(t) })
	if !c.ofGrants() {
		q.known.forget()
	}
	if err == nil {
		return q.conn.run(ctx, "RELEASE SAVEPOINT change")
	}
	t.undo(before)
	if undo := q.conn.run(ctx, "ROLLBACK TO SAVEPOINT change"); undo != nil {
		return fmt.Errorf("%w: roll back: %w", ErrUnreachable, errors.Join(undo, err))
	}
	return err
}

// guard turns a panic in one caller's step into that caller's error: the
// goroutine writes for others too.
func guard(run func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return run()
}
