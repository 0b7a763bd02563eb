package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme/autocert"

	"sokyso/custody"
	"sokyso/custody/background"
	"sokyso/custody/store"
	"sokyso/httpapi"
)

// lookEvery is how often the folder of schools is looked at for new ones.
const lookEvery = 15 * time.Second

// fleet serves the schools of one register. Which one a request is for, the host's name
// says: what belongs to one school, cookies and scripts and pages, the browser keeps from
// the next as from any other site.
type fleet struct {
	p        *program
	register *store.Store
	base     *url.URL // of who runs the service
	first    http.Handler
	nowhere  http.Handler   // answers where no school is
	handlers httpapi.Config // of the other schools, without what each has of its own
	runner   func(*store.Store, custody.School, string) (*background.Runner, error)
	rounds   *background.Rounds
	logger   *slog.Logger

	mu      sync.RWMutex
	members map[string]*member

	taking  sync.Mutex        // held while folders are looked at
	refused map[string]string // folder to what is wrong about it, told once
}

// member is one of several schools.
type member struct {
	address string
	store   *store.Store
	school  custody.School

	mu      sync.Mutex
	handler http.Handler // nil before the first request
}

// ServeHTTP hands a request to the school of its host. The service's own host and addresses
// by number, by which a balancer asks for its health, are the first school's; at every other
// name is no school.
func (f *fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := hostOf(r.Host)
	name, below := strings.CutSuffix(host, "."+f.base.Hostname())
	switch {
	case host == f.base.Hostname() || net.ParseIP(host) != nil:
		f.first.ServeHTTP(w, r)
		return
	case !below || !schoolName.MatchString(name):
		f.nowhere.ServeHTTP(w, r)
		return
	}
	m := f.member(name)
	if m == nil { // made a moment ago, perhaps
		if err := f.look(r.Context(), name); err != nil {
			f.logger.Warn("schools", "error", err)
		}
		m = f.member(name)
	}
	if m == nil {
		f.nowhere.ServeHTTP(w, r)
		return
	}
	handler, err := m.serving(f.handlers)
	if err != nil {
		f.logger.Error("school", "school", name, "error", err)
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	handler.ServeHTTP(w, r)
}

// hostOf is the host of a Host header, without port, as names are compared.
func hostOf(header string) string {
	host := header
	if name, _, err := net.SplitHostPort(header); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// serving makes the handler at the first request: a school that nobody opens costs little.
func (m *member) serving(config httpapi.Config) (http.Handler, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.handler == nil {
		config.Store, config.PublicURL = m.store, m.address
		handler, err := httpapi.New(config)
		if err != nil {
			return nil, err
		}
		m.handler = handler
	}
	return m.handler, nil
}

func (f *fleet) member(name string) *member {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.members[name]
}

// takeNew takes up the schools whose folders are new.
func (f *fleet) takeNew(ctx context.Context) error {
	names, err := f.p.schoolNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		f.takeOnce(ctx, name)
	}
	return nil
}

// look takes up a school if there is a key of it.
func (f *fleet) look(ctx context.Context, name string) error {
	there, err := f.p.hasKey(name)
	if there {
		f.takeOnce(ctx, name)
	}
	return err
}

// takeOnce takes up a school that is not. One that can't be served is told, once for each
// reason, and keeps no other back.
func (f *fleet) takeOnce(ctx context.Context, name string) {
	f.taking.Lock()
	defer f.taking.Unlock()
	if f.member(name) != nil {
		return
	}
	err := f.take(ctx, name)
	if err == nil || ctx.Err() != nil {
		delete(f.refused, name)
		return
	}
	if reason := f.p.explain(err); f.refused[name] != reason {
		f.refused[name] = reason
		fmt.Fprintln(f.p.stderr, f.p.say("school_refused", map[string]string{"Folder": f.p.schoolFolder(name), "Error": reason}))
	}
}

func (f *fleet) take(ctx context.Context, name string) error {
	own, school, err := f.p.schoolOf(ctx, f.register, name)
	if err != nil {
		return err
	}
	if err := own.CheckMark(ctx, school.ID); err != nil {
		// Reading goes on; every change will be refused with the reason.
		fmt.Fprintln(f.p.stderr, school.Name+": "+f.p.explain(err))
	}
	m := &member{address: addressOf(f.base, name), store: own, school: school}
	runner, err := f.runner(own, school, m.address)
	if err != nil {
		return errors.Join(err, own.Close())
	}
	f.mu.Lock()
	f.members[name] = m
	f.mu.Unlock()
	f.rounds.Add(runner)
	return nil
}

// run does the work in the background and takes up new schools until ctx ends.
func (f *fleet) run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { f.rounds.Run(ctx) })
	for ctx.Err() == nil {
		select {
		case <-time.After(lookEvery):
			if err := f.takeNew(ctx); err != nil {
				f.logger.Warn("schools", "error", err)
			}
		case <-ctx.Done():
		}
	}
	group.Wait()
}

// named lets certificates be had for the hosts of schools too.
func (f *fleet) named(first autocert.HostPolicy) autocert.HostPolicy {
	return func(ctx context.Context, host string) error {
		name, below := strings.CutSuffix(hostOf(host), "."+f.base.Hostname())
		if below && f.member(name) != nil {
			return nil
		}
		return first(ctx, host)
	}
}

// addresses are those of the schools that are served, besides the first.
func (f *fleet) addresses() map[custody.SchoolID]string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	addresses := make(map[custody.SchoolID]string, len(f.members))
	for _, m := range f.members {
		addresses[m.school.ID] = m.address
	}
	return addresses
}

// names lists the schools that are served, besides the first.
func (f *fleet) names() []string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var names []string
	for name := range f.members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (f *fleet) close() error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var errs []error
	for _, m := range f.members {
		errs = append(errs, m.store.Close())
	}
	return errors.Join(errs...)
}
