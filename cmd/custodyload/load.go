//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// warmUp is worked and not measured: connections, prepared statements, caches. In its middle
// PostgreSQL counts its tables, as it does by itself within a minute: a register is not born
// in the minute of its greatest load, and until then plans are those of empty tables.
const warmUp = 8 * time.Second

// runLoad measures the service and then judges what it has answered.
func runLoad(ctx context.Context, cfg config, w io.Writer) (failed error) {
	remove, err := runFolder(&cfg)
	if err != nil {
		return err
	}
	defer remove(&failed)
	db, err := newDatabase(filepath.Join(cfg.folder, "postgres"))
	if err != nil {
		return err
	}
	if err := db.create(ctx); err != nil {
		return err
	}
	if err := db.start(ctx); err != nil {
		return err
	}
	defer db.stop(context.WithoutCancel(ctx), "immediate")
	median, worst, err := syncTimes(cfg.folder)
	if err != nil {
		return err
	}
	inserts, err := insertRate(ctx, db.url())
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "before: sync of 8 KiB %.2f ms (p50), %.2f ms (p99); %.0f single inserts a second\n", ms(median), ms(worst), inserts)

	replicas, front, err := startService(ctx, cfg, func(int) string { return db.url() })
	if err != nil {
		return err
	}
	defer func() {
		for _, r := range replicas {
			_ = r.end(syscall.SIGKILL)
		}
	}()
	s := &school{url: "https://" + front, tls: replicas[0].tls}
	defer s.close()
	if err := s.open(ctx, min(cfg.people, maxReaders)); err != nil {
		return err
	}
	rate := cfg.rate
	if rate == 0 {
		rate = 1500
	}
	c, err := gather(ctx, s, cfg, int(rate*(cfg.length+warmUp).Seconds()), false)
	if err != nil {
		return err
	}
	stop, cancel := context.WithTimeout(ctx, cfg.length+warmUp)
	defer cancel()
	measured := make(chan *usage, 1)
	go func() {
		if !sleep(stop, warmUp/2) {
			return
		}
		counted := db.tell(stop, "ANALYZE")
		if !sleep(stop, warmUp/2) {
			return
		}
		c.measure.reset()
		before, err := used(db, replicas)
		<-stop.Done()
		length := time.Since(before.at)
		pairs := c.measure.pairs.Load()
		after, err2 := used(db, replicas)
		after.err = errors.Join(counted, err, err2)
		after.since(before)
		after.length, after.pairs = length, pairs
		measured <- after
	}()
	if err := c.work(ctx, stop, time.Minute); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	usage := <-measured
	if usage.err != nil {
		return usage.err
	}
	fmt.Fprintf(w, "%d agents one by one, %d agents in batches of %d, %d people at the log, %d custodyd, %d processors\n",
		cfg.single, cfg.bulk, cfg.batch, cfg.people, len(replicas), runtime.NumCPU())
	if cfg.rate > 0 {
		fmt.Fprintf(w, "documents came at %.0f a second; agents fell behind by %.1f s at most\n", cfg.rate, max(c.gate.worst, 0).Seconds())
	}
	fmt.Fprintf(w, "%.0f pairs a second (%d in %.1f s)\n", float64(usage.pairs)/usage.length.Seconds(), usage.pairs, usage.length.Seconds())
	if err := c.measure.table(w, usage.length); err != nil {
		return err
	}
	fmt.Fprintf(w, "processor seconds a second: custodyd %.2f, PostgreSQL %.2f, this tool %.2f, all else %.2f, of %d\n",
		usage.share(usage.service), usage.share(usage.database), usage.share(usage.tool), usage.share(usage.machine-usage.service-usage.database-usage.tool), runtime.NumCPU())
	if late := c.measure.late.Load(); late > 0 {
		fmt.Fprintf(w, "%d signatures were made while it was measured\n", late)
	}
	if median, worst, err = syncTimes(cfg.folder); err != nil {
		return err
	}
	if inserts, err = insertRate(ctx, db.url()); err != nil {
		return err
	}
	fmt.Fprintf(w, "after:  sync of 8 KiB %.2f ms (p50), %.2f ms (p99); %.0f single inserts a second\n", ms(median), ms(worst), inserts)
	found, err := c.judge(ctx, replicas)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "judged: %d entries; of %d asked %d granted and %d recorded were answered, each true\n", found.Entries, found.Asked, found.Granted, found.Recorded)
	return c.measure.unexpected(func(string) bool { return false })
}

// maxReaders are accounts; more browsers share them.
const maxReaders = 50

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// usage is processor time since the processes began, or between two moments.
type usage struct {
	at                               time.Time
	length                           time.Duration
	pairs                            int64
	service, database, tool, machine time.Duration
	err                              error
}

func (u *usage) share(d time.Duration) float64 { return d.Seconds() / u.length.Seconds() }

func (u *usage) since(before *usage) {
	u.service -= before.service
	u.database -= before.database
	u.tool -= before.tool
	u.machine -= before.machine
}

func used(db *database, replicas []*replica) (*usage, error) {
	u := &usage{at: time.Now()}
	var errs []error
	for _, r := range replicas {
		own, _, _, err := processTimes(r.pid())
		u.service += own
		errs = append(errs, err)
	}
	pid, err := db.pid()
	errs = append(errs, err)
	u.database, err = treeTime(pid)
	errs = append(errs, err)
	var self syscall.Rusage
	errs = append(errs, syscall.Getrusage(syscall.RUSAGE_SELF, &self))
	u.tool = time.Duration(self.Utime.Nano() + self.Stime.Nano())
	u.machine, err = machineTime()
	return u, errors.Join(append(errs, err)...)
}

// startService makes the school and starts the replicas; with several, a balancer stands
// before them. It returns the address that clients take.
func startService(ctx context.Context, cfg config, databaseOf func(replica int) string) ([]*replica, string, error) {
	tls, err := newKeyPair(cfg.folder)
	if err != nil {
		return nil, "", err
	}
	program, err := filepath.Abs(cfg.program)
	if err != nil {
		return nil, "", err
	}
	var replicas []*replica
	for i := range cfg.replicas {
		port, err := freePort()
		if err != nil {
			return nil, "", err
		}
		replicas = append(replicas, &replica{name: fmt.Sprintf("custodyd %c", 'A'+i), program: program, data: filepath.Join(cfg.folder, fmt.Sprintf("custody-%c", 'a'+i)),
			database: databaseOf(i), listen: fmt.Sprintf("127.0.0.1:%d", port), tls: tls})
	}
	if err := initSchool(ctx, replicas[0], min(cfg.people, maxReaders)); err != nil {
		return nil, "", err
	}
	for i, r := range replicas {
		if i > 0 {
			if err := secondData(replicas[0].data, r.data); err != nil {
				return nil, "", err
			}
		}
		if err := r.start(); err != nil {
			return nil, "", err
		}
	}
	for _, r := range replicas {
		if err := answers(ctx, r.listen); err != nil {
			return nil, "", fmt.Errorf("%s: %w", r.name, err)
		}
	}
	if len(replicas) == 1 {
		return replicas, replicas[0].listen, nil
	}
	var backends []string
	for _, r := range replicas {
		backends = append(backends, r.listen)
	}
	front, err := newProxy("127.0.0.1:0", backends...)
	if err != nil {
		return nil, "", err
	}
	return replicas, front.address(), nil
}
