//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
)

// site is what faults are made in: replicas behind a balancer, two PostgreSQL of which one
// follows the other, and a proxy on each way from a replica to a database.
type site struct {
	front     *proxy
	replicas  []*replica
	toData    [][]*proxy // by replica, to each database
	databases [2]*database
	leader    int            // of databases
	disks     [2]*filesystem // of their write-ahead logs; nil where nobody may mount
	network   *network       // of the last replica; nil where nobody may make one
	without   []string       // what could not be made here, and why
}

// newSite starts everything. What only root can make is left out for others.
func newSite(ctx context.Context, cfg config) (*site, error) {
	s := &site{}
	err := s.build(ctx, cfg)
	if err != nil {
		s.close(ctx)
	}
	return s, err
}

func (s *site) build(ctx context.Context, cfg config) error {
	// Little room for the write-ahead log, so that a full disk is felt soon; and a follower
	// that tries again at once: by default it waits five seconds, and every commit with it.
	settings := []string{"max_wal_size=96MB", "min_wal_size=32MB", "wal_keep_size=64MB", "wal_retrieve_retry_interval=200ms"}
	for i := range s.databases {
		var err error
		if s.databases[i], err = newDatabase(filepath.Join(cfg.folder, fmt.Sprintf("postgres-%d", i+1)), settings...); err != nil {
			return err
		}
		disk, err := newFilesystem(filepath.Join(cfg.folder, fmt.Sprintf("wal-%d", i+1)), 400)
		if err != nil {
			s.without = append(s.without, "a full disk: "+err.Error())
			continue
		}
		s.disks[i], s.databases[i].wal = disk, disk.folder
	}
	if err := s.databases[0].create(ctx); err != nil {
		return err
	}
	if err := s.databases[0].start(ctx); err != nil {
		return err
	}
	if err := s.followAgain(ctx); err != nil {
		return err
	}
	var err error
	if s.network, err = newNetwork(); err != nil {
		s.without = append(s.without, "a cable that is pulled: "+err.Error())
	}
	tls, err := newKeyPair(cfg.folder)
	if err != nil {
		return err
	}
	program, err := filepath.Abs(cfg.program)
	if err != nil {
		return err
	}
	var backends []string
	for i := range cfg.replicas {
		r := &replica{name: fmt.Sprintf("custodyd %c", 'A'+i), program: program, data: filepath.Join(cfg.folder, fmt.Sprintf("custody-%c", 'a'+i)), tls: tls}
		host := "127.0.0.1"
		near := host
		if s.network != nil && i == cfg.replicas-1 {
			r.within, host, near = s.network.within(), s.network.inside, s.network.outer
		}
		port, err := freePort()
		if err != nil {
			return err
		}
		r.listen = fmt.Sprintf("%s:%d", host, port)
		var ways []*proxy
		var hosts []string
		for _, d := range s.databases {
			way, err := newProxy(near+":0", d.address())
			if err != nil {
				return err
			}
			ways, hosts = append(ways, way), append(hosts, way.address())
		}
		r.database = "postgres://postgres@" + strings.Join(hosts, ",") + "/postgres?sslmode=disable&target_session_attrs=read-write"
		s.replicas, s.toData, backends = append(s.replicas, r), append(s.toData, ways), append(backends, r.listen)
	}
	if s.front, err = newProxy("127.0.0.1:0", backends...); err != nil {
		return err
	}
	if err := initSchool(ctx, s.replicas[0], min(cfg.people, maxReaders)); err != nil {
		return err
	}
	for i, r := range s.replicas {
		if i > 0 {
			if err := secondData(s.replicas[0].data, r.data); err != nil {
				return err
			}
		}
		if err := r.start(); err != nil {
			return err
		}
		if err := answers(ctx, r.listen); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// followAgain makes the database that does not lead a copy of the leader, which from then on
// waits for it at each commit.
func (s *site) followAgain(ctx context.Context) error {
	other := 1 - s.leader
	if err := s.databases[other].follow(ctx, s.databases[s.leader]); err != nil {
		return err
	}
	return s.databases[s.leader].synchronous(ctx)
}

// failOver kills the leader and has the follower take its place. It does not wait for the
// new one's follower: until there is one, it does not wait for one at commits either.
func (s *site) failOver(ctx context.Context) error {
	old := s.databases[s.leader]
	if err := old.stop(ctx, "immediate"); err != nil {
		return err
	}
	s.leader = 1 - s.leader
	leader := s.databases[s.leader]
	// It copied the old leader's settings with its data, and would wait for nobody.
	return errors.Join(leader.promote(ctx), leader.tell(ctx, "ALTER SYSTEM RESET synchronous_standby_names"), leader.tell(ctx, "SELECT pg_reload_conf()"))
}

func (s *site) close(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	for _, r := range s.replicas {
		_ = r.end(syscall.SIGKILL)
	}
	for _, ways := range s.toData {
		for _, way := range ways {
			way.close()
		}
	}
	if s.front != nil {
		s.front.close()
	}
	for i, d := range s.databases {
		if d != nil && d.runs(ctx) {
			_ = d.stop(ctx, "immediate")
		}
		if s.disks[i] != nil {
			s.disks[i].remove()
		}
	}
	if s.network != nil {
		s.network.remove()
	}
}
