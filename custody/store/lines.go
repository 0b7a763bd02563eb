package store

import (
	"context"
	"fmt"
	"sync"

	"github.com/jmoiron/sqlx"

	"sokyso/migrations"
)

// lines are the connections on which logs are written. Where a service is for one school
// its sequencer keeps one for good; sequencers of many schools hand them on, with what is
// prepared on them.
type lines struct {
	pool    *pool
	dialect migrations.Dialect
	slots   chan struct{} // holds one for each connection that is in use; nil = the pool's own bound

	mu   sync.Mutex
	idle []*connection
}

// newLines allows so many connections in use at a time, 0 for as many as the pool has.
func newLines(p *pool, dialect migrations.Dialect, most int) *lines {
	l := &lines{pool: p, dialect: dialect}
	if most > 0 {
		l.slots = make(chan struct{}, most)
	}
	return l
}

// take waits for a connection.
func (l *lines) take(ctx context.Context) (*connection, error) {
	if l.slots != nil {
		select {
		case l.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to register: %w: %w", ErrBusy, ctx.Err())
		}
	}
	l.mu.Lock()
	if last := len(l.idle) - 1; last >= 0 {
		c := l.idle[last]
		l.idle = l.idle[:last]
		l.mu.Unlock()
		return c, nil
	}
	l.mu.Unlock()
	conn, err := l.pool.db.Connx(ctx)
	if err != nil {
		l.free()
		return nil, fmt.Errorf("connect to register: %w", driverError(err))
	}
	return &connection{conn: conn, prepared: map[string]*sqlx.Stmt{}, pipelined: l.dialect == migrations.Postgres}, nil
}

// give hands a connection on that is in no transaction.
func (l *lines) give(c *connection) {
	l.mu.Lock()
	l.idle = append(l.idle, c)
	l.mu.Unlock()
	l.free()
}

func (l *lines) free() {
	if l.slots != nil {
		<-l.slots
	}
}

// discard gives a connection up, and those that rest: what has broken one has often broken
// all of them.
func (l *lines) discard(c *connection) {
	c.discard()
	l.free()
	l.discardIdle()
}

func (l *lines) discardIdle() {
	l.mu.Lock()
	idle := l.idle
	l.idle = nil
	l.mu.Unlock()
	for _, c := range idle {
		c.discard()
	}
}
