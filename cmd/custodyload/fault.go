//go:build linux

package main

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"
)

// fault is one kind of harm: make does it and undoes it, so that afterwards nothing is in
// the service's way, and it has to come back by itself.
type fault struct {
	name string
	make func(ctx context.Context, s *site, chance *rand.Rand) error
}

// faults are those that can be made at this site.
func (s *site) faults() []fault {
	all := []fault{
		{"a replica is killed and started again", func(ctx context.Context, s *site, chance *rand.Rand) error {
			r := s.replicas[chance.IntN(len(s.replicas))]
			return again(ctx, r, syscall.SIGKILL, upTo(chance, time.Second))
		}},
		{"a replica is told to end, and started again", func(ctx context.Context, s *site, chance *rand.Rand) error {
			r := s.replicas[chance.IntN(len(s.replicas))]
			return again(ctx, r, syscall.SIGTERM, upTo(chance, time.Second))
		}},
		{"both replicas are killed", func(ctx context.Context, s *site, chance *rand.Rand) error {
			for _, r := range s.replicas {
				if err := r.end(syscall.SIGKILL); err != nil {
					return err
				}
			}
			for _, r := range s.replicas {
				if err := r.start(); err != nil {
					return err
				}
			}
			return nil
		}},
		{"PostgreSQL is restarted", restart("fast")},
		{"PostgreSQL is ended at once, and recovers", restart("immediate")},
		{"clients are turned away", func(ctx context.Context, s *site, chance *rand.Rand) error {
			s.front.refusing.Store(true)
			defer s.front.refusing.Store(false)
			s.front.drop()
			sleep(ctx, upTo(chance, 2*time.Second))
			return nil
		}},
		{"clients hear nothing", func(ctx context.Context, s *site, chance *rand.Rand) error {
			defer s.front.hang()()
			sleep(ctx, upTo(chance, 4*time.Second))
			return nil
		}},
		{"answers are cut in their middle", func(ctx context.Context, s *site, chance *rand.Rand) error {
			s.front.cutting.Store(int64(5 + chance.IntN(40)))
			defer s.front.cutting.Store(0)
			sleep(ctx, upTo(chance, 2*time.Second))
			return nil
		}},
		{"a replica loses its connections to the database", func(ctx context.Context, s *site, chance *rand.Rand) error {
			for range 1 + chance.IntN(5) {
				s.toData[chance.IntN(len(s.toData))][s.leader].drop()
				sleep(ctx, upTo(chance, 300*time.Millisecond))
			}
			return nil
		}},
		{"answers of the database are cut in their middle", func(ctx context.Context, s *site, chance *rand.Rand) error {
			way := s.toData[chance.IntN(len(s.toData))][s.leader]
			way.cutting.Store(int64(1 + chance.IntN(10)))
			defer way.cutting.Store(0)
			sleep(ctx, upTo(chance, 2*time.Second))
			return nil
		}},
		{"a replica hears nothing from the database", func(ctx context.Context, s *site, chance *rand.Rand) error {
			defer s.toData[chance.IntN(len(s.toData))][s.leader].hang()()
			sleep(ctx, upTo(chance, 6*time.Second))
			return nil
		}},
		{"PostgreSQL fails over to its follower", func(ctx context.Context, s *site, chance *rand.Rand) error {
			if err := s.failOver(ctx); err != nil {
				return err
			}
			return s.followAgain(ctx)
		}},
	}
	if s.network != nil {
		all = append(all, fault{"a replica's cable is pulled", func(ctx context.Context, s *site, chance *rand.Rand) error {
			if err := s.network.pull(); err != nil {
				return err
			}
			sleep(ctx, upTo(chance, 6*time.Second))
			return s.network.plug()
		}})
	}
	if s.disks[0] != nil && s.disks[1] != nil {
		all = append(all, fault{"the disk of the write-ahead log is full", func(ctx context.Context, s *site, chance *rand.Rand) error {
			disk, db := s.disks[s.leader], s.databases[s.leader]
			if err := disk.fill(); err != nil {
				return err
			}
			// Until the server has ended over it, or long enough for it to have met it.
			for range 40 {
				if !sleep(ctx, 250*time.Millisecond) || !db.runs(ctx) {
					break
				}
			}
			if err := disk.clear(); err != nil {
				return err
			}
			if db.runs(ctx) {
				return nil
			}
			return db.start(ctx)
		}})
	}
	return all
}

func upTo(chance *rand.Rand, longest time.Duration) time.Duration {
	return time.Duration(chance.Int64N(int64(longest)))
}

// again ends a replica and starts it after a while.
func again(ctx context.Context, r *replica, signal syscall.Signal, after time.Duration) error {
	if err := r.end(signal); err != nil {
		return err
	}
	sleep(ctx, after)
	return r.start()
}

func restart(mode string) func(context.Context, *site, *rand.Rand) error {
	return func(ctx context.Context, s *site, _ *rand.Rand) error {
		db := s.databases[s.leader]
		if err := db.stop(ctx, mode); err != nil {
			return err
		}
		return db.start(ctx)
	}
}
