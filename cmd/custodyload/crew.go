//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"sokyso/httpapi/wire"
)

// crew is everybody who works on the service in a run.
type crew struct {
	school  *school
	agents  []*agent
	readers []*reader
	ledger  *ledger
	path    string // of the ledger
	measure *measurements
	gate    *gate
}

// gather pairs the agents, signs the readers in and makes signatures ahead: about prepared of
// them, so that the run measures the service and not the signing.
func gather(ctx context.Context, s *school, cfg config, prepared int, persist bool) (*crew, error) {
	c := &crew{school: s, path: filepath.Join(cfg.folder, "ledger.jsonl"), measure: newMeasurements(), gate: &gate{rate: cfg.rate}}
	machine := 20
	ready := make([]chan wire.Record, signers)
	share := make([]int, signers) // of what is signed: an agent in a batch signs as many as its batch at a time
	for i := range cfg.single + cfg.bulk {
		if share[i%signers]++; i >= cfg.single {
			share[i%signers] += cfg.batch - 1
		}
	}
	for i := range ready {
		share[i] = share[i] * prepared / (cfg.single + cfg.bulk*cfg.batch)
		ready[i] = make(chan wire.Record, share[i]+1)
	}
	for i := range cfg.single + cfg.bulk {
		machine++
		by := s.signers[i%signers]
		client, err := s.pair(ctx, by, machine, cfg.timeout)
		if err != nil {
			return nil, fmt.Errorf("pair agent %d: %w", i+1, err)
		}
		batch := 1
		if i >= cfg.single {
			batch = cfg.batch
		}
		c.agents = append(c.agents, &agent{school: s, signer: by, client: client, batch: batch, ready: ready[i%signers], measure: c.measure, gate: c.gate, persist: persist})
	}
	for i := range cfg.people {
		machine++
		r, err := newReader(s, s.readers[i%len(s.readers)], machine, cfg.think, c.measure)
		if err != nil {
			return nil, err
		}
		if err := r.signIn(ctx); err != nil {
			return nil, err
		}
		c.readers = append(c.readers, r)
	}
	var group sync.WaitGroup
	failed := make([]error, signers)
	for i, by := range s.signers {
		group.Go(func() {
			for range share[i] {
				record, err := s.finished(by)
				if err != nil {
					failed[i] = err
					return
				}
				ready[i] <- record
			}
		})
	}
	group.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	var err error
	if c.ledger, err = openLedger(c.path); err != nil {
		return nil, err
	}
	for _, a := range c.agents {
		a.ledger = c.ledger
	}
	return c, s.settled(ctx)
}

// work has everybody work until stop ends. What agents have in hand then they finish, for
// which they have patience.
func (c *crew) work(ctx, stop context.Context, patience time.Duration) error {
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(stop, func() { time.AfterFunc(patience, cancel) })()
	var group sync.WaitGroup
	failed := make([]error, len(c.agents))
	for i, a := range c.agents {
		group.Go(func() { failed[i] = a.work(working, stop) })
	}
	for _, r := range c.readers {
		group.Go(func() { r.read(stop) })
	}
	group.Wait()
	return errors.Join(append(failed, c.ledger.close())...)
}

// judge reads the log through the API and by each replica's own command, and holds the
// ledger against it.
func (c *crew) judge(ctx context.Context, replicas []*replica) (*verdict, error) {
	log, err := readLog(ctx, c.school.admin, c.school.verifier)
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	found, err := judge(c.path, log, c.school.begin, c.school.verifier)
	if err != nil {
		return nil, err
	}
	for _, r := range replicas {
		if _, err := r.command(ctx, "", "log", "verify"); err != nil {
			found.find("%s: %v", r.name, err)
		}
	}
	return found, found.err()
}
