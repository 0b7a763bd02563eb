//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// runUpgrade has an earlier release serve, brings the schema forward beneath it, lets it go
// on, and puts this release in its place one replica after the other, while agents work and
// people read. Then what all of them have answered is judged.
func runUpgrade(ctx context.Context, cfg config, w io.Writer) (failed error) {
	if cfg.from == "" {
		return errors.New("-from names no program of an earlier release")
	}
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
	before := cfg
	before.program = cfg.from
	replicas, front, err := startService(ctx, before, func(int) string { return db.url() })
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
	c, err := gather(ctx, s, cfg, 2000, true)
	if err != nil {
		return err
	}
	stop, halt := context.WithCancel(ctx)
	defer halt()
	worked := make(chan error, 1)
	go func() { worked <- c.work(ctx, stop, patience) }()
	upgradeErr := upgrade(ctx, cfg, replicas, c, w)
	halt()
	if err := errors.Join(upgradeErr, <-worked); err != nil {
		return err
	}
	if err := c.measure.table(w, cfg.length); err != nil {
		return err
	}
	found, err := c.judge(ctx, replicas)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "judged: %d entries; of %d asked %d granted and %d recorded were answered, each true\n", found.Entries, found.Asked, found.Granted, found.Recorded)
	if found.Granted != found.Asked || found.Recorded != found.Granted || found.Unheard != 0 {
		return errors.New("agents asked again until they were answered, and yet something was not")
	}
	return c.measure.unexpected(outOfOrder)
}

// upgrade takes the steps that docs/operation.md tells.
func upgrade(ctx context.Context, cfg config, replicas []*replica, c *crew, w io.Writer) error {
	program, err := filepath.Abs(cfg.program)
	if err != nil {
		return err
	}
	began := time.Now()
	work := func(what string) error {
		at := c.measure.pairs.Load()
		if !sleep(ctx, cfg.length) {
			return ctx.Err()
		}
		pairs := c.measure.pairs.Load() - at
		fmt.Fprintf(w, "%6.1f s  %-44s %5d pairs in %s\n", time.Since(began).Seconds(), what, pairs, cfg.length)
		if pairs == 0 {
			return fmt.Errorf("%s: nothing was recorded", what)
		}
		for _, r := range replicas {
			if !r.running() {
				return fmt.Errorf("%s: %s has ended by itself; its log is %s", what, r.name, filepath.Join(r.data, "custodyd.log"))
			}
			if err := ready(ctx, r); err != nil {
				return fmt.Errorf("%s: %s: %w", what, r.name, err)
			}
		}
		return nil
	}
	if err := work("both of the earlier release"); err != nil {
		return err
	}
	next := &replica{name: "this release", program: program, data: replicas[0].data, database: replicas[0].database, tls: replicas[0].tls}
	_, err = next.command(ctx, "", "user", "list")
	newer := err != nil
	if newer && !strings.Contains(err.Error(), "custodyd migrate") {
		return fmt.Errorf("on the earlier schema this release does not say what to do: %w", err)
	}
	at := time.Now()
	if _, err := next.command(ctx, "", "migrate"); err != nil {
		return err
	}
	fmt.Fprintf(w, "%6.1f s  the schema was brought forward in %.2f s\n", time.Since(began).Seconds(), time.Since(at).Seconds())
	if err := work("both of the earlier release, newer schema"); err != nil {
		return err
	}
	earlier := &replica{name: "earlier release", program: cfg.from, data: replicas[0].data, database: replicas[0].database, tls: replicas[0].tls}
	if _, err = earlier.command(ctx, "", "user", "list"); newer && err == nil {
		return errors.New("the earlier release, started anew, takes a schema that it does not know")
	} else if newer {
		fmt.Fprintf(w, "%6.1f s  started anew, the earlier release refuses the schema: %s\n", time.Since(began).Seconds(), lastLine(err.Error()))
	} else {
		fmt.Fprintf(w, "%6.1f s  both releases have the same schema\n", time.Since(began).Seconds())
	}
	for i, r := range replicas {
		if err := r.end(syscall.SIGTERM); err != nil {
			return err
		}
		r.program = program
		if err := r.start(); err != nil {
			return err
		}
		if err := answers(ctx, r.listen); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if err := work(fmt.Sprintf("%d of the earlier release, %d of this one", len(replicas)-i-1, i+1)); err != nil {
			return err
		}
	}
	return nil
}

// ready asks a replica whether it is to be sent requests; early releases don't know the question.
func ready(ctx context.Context, r *replica) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+r.listen+"/readyz", nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: r.tls.transport(0), Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	resp, err := client.Do(request)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err == nil && resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotFound {
		err = fmt.Errorf("/readyz answers %s: %s", resp.Status, said)
	}
	return err
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}
