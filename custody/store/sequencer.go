package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/jmoiron/sqlx"

	"sokyso/custody"
	"sokyso/migrations"
)

const (
	batchLimit   = 64               // changes in one transaction
	batchTimeout = 30 * time.Second // for one transaction; a caller's own deadline is not the others'
)

// errClosed is the answer to changes after Close.
var errClosed = errors.New("register is closed")

// change is one caller's step, run inside a transaction it shares with others.
type change struct {
	ctx  context.Context
	make func(*tx) error // CreateSchool only: what must be there before the head
	run  func(*tx) error
	done chan error // one answer, always
}

// sequencer orders the changes of one school.
type sequencer struct {
	store   *Store
	school  custody.SchoolID
	changes chan *change
	quit    chan struct{}
	conn    *connection // the goroutine's; nil until needed and after trouble
}

// write runs a change and returns once its entries are durable. Run may be
// called once only; what it leaves in the caller's variables counts only when
// write returns nil.
func (s *Store) write(ctx context.Context, school custody.SchoolID, run func(*tx) error) error {
	return s.submit(school, &change{ctx: ctx, run: run, done: make(chan error, 1)})
}

func (s *Store) submit(school custody.SchoolID, c *change) error {
	q, err := s.sequencer(school)
	if err != nil {
		return err
	}
	select {
	case q.changes <- c:
	case <-q.quit:
		return errClosed
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
	return <-c.done
}

func (s *Store) sequencer(school custody.SchoolID) (*sequencer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	q := s.sequencers[school]
	if q == nil {
		q = &sequencer{store: s, school: school, changes: make(chan *change), quit: make(chan struct{})}
		s.sequencers[school] = q
		s.running.Go(q.loop)
	}
	return q, nil
}

func (q *sequencer) loop() {
	defer func() {
		if q.conn != nil {
			q.conn.discard()
		}
	}()
	for {
		var batch []*change
		select {
		case c := <-q.changes:
			batch = append(batch, c)
		case <-q.quit:
			return
		}
	waiting:
		for len(batch) < batchLimit {
			select {
			case c := <-q.changes:
				batch = append(batch, c)
			default:
				break waiting
			}
		}
		q.commit(batch)
	}
}

// commit runs a batch in one transaction and answers each of its changes.
func (q *sequencer) commit(batch []*change) {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	answers := make([]error, len(batch))
	if err := q.transact(ctx, batch, answers); err != nil {
		// Whatever failed, nothing of this transaction may be taken for done. The
		// connection goes with it: its state is not worth finding out.
		if q.conn != nil {
			q.conn.discard()
			q.conn = nil
		}
		for i := range answers {
			if answers[i] == nil {
				answers[i] = err
			}
		}
	}
	for i, c := range batch {
		c.done <- answers[i]
	}
}

func (q *sequencer) transact(ctx context.Context, batch []*change, answers []error) error {
	if q.conn == nil {
		conn, err := q.store.writer.db.Connx(ctx)
		if err != nil {
			return fmt.Errorf("connect to register: %w", driverError(err))
		}
		q.conn = &connection{conn: conn, prepared: map[string]*sqlx.Stmt{}}
	}
	begin := "BEGIN"
	if q.store.dialect == migrations.SQLite {
		begin = "BEGIN IMMEDIATE" // a read that turns into a write later would not wait for other writers
	}
	if err := q.conn.run(ctx, begin); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	t := &tx{querier: q.conn, store: q.store, ctx: ctx, school: q.school}
	if first := batch[0]; first.make != nil {
		t.now = q.store.now()
		if err := first.make(t); err != nil {
			answers[0] = err
			return q.rollback(ctx)
		}
	}
	if err := t.lockHead(); err != nil {
		return err
	}
	done := 0
	for i, c := range batch {
		answers[i] = q.runOne(ctx, t, c, len(batch) > 1)
		if answers[i] == nil {
			done++
		} else if errors.Is(answers[i], ErrUnreachable) {
			return answers[i]
		}
	}
	if done == 0 {
		return q.rollback(ctx)
	}
	if err := t.writeHead(); err != nil {
		return err
	}
	if err := q.conn.run(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	t.advanceMark()
	return nil
}

func (q *sequencer) rollback(ctx context.Context) error {
	if err := q.conn.run(ctx, "ROLLBACK"); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

// runOne runs a change; when others share the transaction, between a savepoint
// and its release, so that its failure undoes its own steps only.
func (q *sequencer) runOne(ctx context.Context, t *tx, c *change, shared bool) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if shared {
		if err := q.conn.run(ctx, "SAVEPOINT change"); err != nil {
			return err
		}
	}
	before := t.tail
	t.now = q.store.now()
	err := guard(func() error { return c.run(t) })
	switch {
	case err == nil && shared:
		return q.conn.run(ctx, "RELEASE SAVEPOINT change")
	case err != nil && shared:
		t.tail = before
		if undo := q.conn.run(ctx, "ROLLBACK TO SAVEPOINT change"); undo != nil {
			return fmt.Errorf("%w: roll back: %w", ErrUnreachable, errors.Join(undo, err))
		}
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
