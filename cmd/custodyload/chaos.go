//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// patience is how long the service may take to answer again after a fault before the run is
// given up: not what is hoped for, but what nobody would wait.
const patience = 90 * time.Second

// runChaos makes faults while agents work and people read, and then judges what was answered.
func runChaos(ctx context.Context, cfg config, w io.Writer) (failed error) {
	remove, err := runFolder(&cfg)
	if err != nil {
		return err
	}
	defer remove(&failed)
	fmt.Fprintf(w, "seed %d\n", cfg.seed)
	site, err := newSite(ctx, cfg)
	if err != nil {
		return err
	}
	defer site.close(ctx)
	for _, text := range site.without {
		fmt.Fprintln(w, "not made here:", text)
	}
	s := &school{url: "https://" + site.front.address(), tls: site.replicas[0].tls}
	defer s.close()
	if err := s.open(ctx, min(cfg.people, maxReaders)); err != nil {
		return err
	}
	c, err := gather(ctx, s, cfg, 2000, true)
	if err != nil {
		return err
	}
	stop, halt := context.WithCancel(ctx)
	defer halt()
	worked := make(chan error, 1)
	go func() { worked <- c.work(ctx, stop, patience) }()
	faultErr := makeFaults(ctx, cfg, site, c, w)
	halt()
	if err := errors.Join(faultErr, <-worked); err != nil {
		return err
	}
	if err := c.measure.table(w, cfg.length); err != nil {
		return err
	}
	found, err := c.judge(ctx, site.replicas)
	if found != nil {
		fmt.Fprintf(w, "judged: %d entries; of %d asked %d granted and %d recorded were answered; %d took effect without an answer\n",
			found.Entries, found.Asked, found.Granted, found.Recorded, found.Unheard)
	}
	if err != nil {
		return err
	}
	if found.Granted != found.Asked || found.Recorded != found.Granted || found.Unheard != 0 {
		return errors.New("agents asked again until they were answered, and yet something was not")
	}
	for _, r := range site.replicas {
		if err := r.end(syscall.SIGTERM); err != nil {
			return err
		}
	}
	fmt.Fprintln(w, "every answer was true")
	return c.measure.unexpected(outOfOrder)
}

// outOfOrder says whether a failure is one that a fault explains: the service could not be
// reached, or said that it can't do it now. A refusal or an answer 500 is not.
func outOfOrder(code string) bool {
	_, code, _ = strings.Cut(code, ": ")
	return code == "unreachable" || code == "no answer in time" || strings.HasPrefix(code, "503 ") || code == "answered 503" ||
		code == io.ErrUnexpectedEOF.Error() // a page that was cut in its middle
}

// makeFaults makes every kind once, in an order that chance chooses, and then again as long
// as there is time. After each the service has to answer.
func makeFaults(ctx context.Context, cfg config, site *site, c *crew, w io.Writer) error {
	chance := rand.New(rand.NewPCG(cfg.seed, 0))
	all := slices.DeleteFunc(site.faults(), func(f fault) bool { return !strings.Contains(f.name, cfg.only) })
	if len(all) == 0 {
		return fmt.Errorf("no fault of this site is called %q", cfg.only)
	}
	began := time.Now()
	var order []int
	for made := 0; time.Since(began) < cfg.length; made++ {
		if len(order) == 0 {
			order = chance.Perm(len(all))
		}
		f := all[order[0]]
		order = order[1:]
		if !sleep(ctx, cfg.every/2+upTo(chance, cfg.every)) {
			return ctx.Err()
		}
		before := c.measure.pairs.Load()
		at := time.Now()
		if err := f.make(ctx, site, chance); err != nil {
			return fmt.Errorf("fault %d, %s: %w", made+1, f.name, err)
		}
		lasted := time.Since(at)
		during := c.measure.pairs.Load() - before
		took, err := comeBack(ctx, &c.measure.pairs)
		if err != nil {
			return fmt.Errorf("fault %d, %s: %w", made+1, f.name, err)
		}
		for _, r := range site.replicas {
			if !r.running() {
				return fmt.Errorf("fault %d, %s: %s has ended by itself; its log is %s", made+1, f.name, r.name, filepath.Join(r.data, "custodyd.log"))
			}
		}
		fmt.Fprintf(w, "%6.1f s  %-50s lasted %5.1f s, %4d pairs meanwhile, answered again after %5.2f s\n", time.Since(began).Seconds(), f.name, lasted.Seconds(), during, took.Seconds())
	}
	return nil
}

// comeBack waits until signatures are recorded again.
func comeBack(ctx context.Context, pairs *atomic.Int64) (time.Duration, error) {
	began, before := time.Now(), pairs.Load()
	for time.Since(began) < patience {
		if pairs.Load() > before {
			return time.Since(began), nil
		}
		if !sleep(ctx, 20*time.Millisecond) {
			return 0, ctx.Err()
		}
	}
	return 0, fmt.Errorf("nothing was recorded for %s after it", patience)
}
