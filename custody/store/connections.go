package store

import (
	"context"
	"fmt"
	"sync"

	"github.com/jmoiron/sqlx"

	"sokyso/migrations"
)

// connections are the connections on which logs are written. Where a service is for one school
// its sequencer keeps one for good; sequencers of many schools hand them on, with what is
// prepared on them.
type connections struct {
	pool    *pool
	dialect migrations.Dialect
	slots   chan struct{} // holds one for each connection that is in use; nil = the pool's own bound

	mu   sync.Mutex
	idle []*connection
}

// newConnections allows so many connections in use at a time, 0 for as many as the pool has.
func newConnections(p *pool, dialect migrations.Dialect, most int) *connections {
	cs := &connections{pool: p, dialect: dialect}
	if most > 0 {
		cs.slots = make(chan struct{}, most)
	}
	return cs
}

// take waits for a connection.
func (cs *connections) take(ctx context.Context) (*connection, error) {
	if cs.slots != nil {
		select {
		case cs.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to register: %w: %w", ErrBusy, ctx.Err())
		}
	}
	cs.mu.Lock()
	if last := len(cs.idle) - 1; last >= 0 {
		c := cs.idle[last]
		cs.idle = cs.idle[:last]
		cs.mu.Unlock()
		return c, nil
	}
	cs.mu.Unlock()
	conn, err := cs.pool.db.Connx(ctx)
	if err != nil {
		cs.free()
		return nil, fmt.Errorf("connect to register: %w", driverError(err))
	}
	return &connection{conn: conn, prepared: map[string]*sqlx.Stmt{}, pipelined: cs.dialect == migrations.Postgres}, nil
}

// give hands a connection on that is in no transaction.
func (cs *connections) give(c *connection) {
	cs.mu.Lock()
	cs.idle = append(cs.idle, c)
	cs.mu.Unlock()
	cs.free()
}

func (cs *connections) free() {
	if cs.slots != nil {
		<-cs.slots
	}
}

// discard gives a connection up, and those that rest: what has broken one has often broken
// all of them.
func (cs *connections) discard(c *connection) {
	c.discard()
	cs.free()
	cs.discardIdle()
}

func (cs *connections) discardIdle() {
	cs.mu.Lock()
	idle := cs.idle
	cs.idle = nil
	cs.mu.Unlock()
	for _, c := range idle {
		c.discard()
	}
}
