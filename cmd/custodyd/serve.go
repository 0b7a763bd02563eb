package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/google/renameio/v2"
	"golang.org/x/crypto/acme/autocert"

	"sokyso/custody"
	"sokyso/custody/background"
	"sokyso/custody/revocation"
	"sokyso/custody/store"
	"sokyso/custody/witness"
	"sokyso/httpapi"
)

// Run serves until ctx ends, then lets what is being answered be answered.
func (c *ServeCommand) Run(ctx context.Context, p *program) error {
	logger := c.logger(p.stderr)
	counted, rounds := newMetrics(), &background.Rounds{}
	register, err := p.open(ctx, store.Config{Logger: logger, Many: c.Many, Committed: func(commit store.Commit) {
		counted.committed(commit)
		rounds.Wake(commit.School)
	}})
	if err != nil {
		return err
	}
	return errors.Join(c.serve(ctx, p, register, rounds, counted, logger), register.Close())
}

func (c *ServeCommand) logger(w io.Writer) *slog.Logger {
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

func (c *ServeCommand) serve(ctx context.Context, p *program, register *store.Store, rounds *background.Rounds, counted *metrics, logger *slog.Logger) error {
	school, err := register.School(ctx)
	if errors.Is(err, custody.ErrNotFound) {
		return p.fail("no_school", nil)
	}
	if err != nil {
		return err
	}
	if err := register.CheckMark(ctx, school.ID); err != nil {
		// Reading goes on; every change will be refused with the reason.
		fmt.Fprintln(p.stderr, p.explain(err))
	}
	var certificates *autocert.Manager
	if len(c.ACME) > 0 {
		if c.TLSCert != "" {
			return &usageError{p.say("acme_or_files", nil)}
		}
		if c.PublicURL == "" {
			c.PublicURL = "https://" + c.ACME[0]
		}
		if certificates, err = c.manager(p); err != nil {
			return err
		}
	}
	issuers, err := readCertificates(c.Issuers)
	if err != nil {
		return err
	}
	roots, err := c.roots()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return p.fail("cannot_listen", map[string]string{"Address": c.Listen, "Error": err.Error()})
	}
	defer listener.Close()
	address := c.address(listener)
	// A school that is tried out on one machine has its authority there too.
	private := c.PrivateAuthority || c.PublicURL == "" && loopback(listener)
	checker := revocation.New(revocation.Config{Issuers: issuers, AllowPrivate: private})
	out, err := c.outlets(p, school, address)
	if err != nil {
		return err
	}
	witnesses, err := c.witnesses(p)
	if err != nil {
		return err
	}
	site, err := httpapi.NewSite()
	if err != nil {
		return err
	}
	runner := c.runner(true, register, school, out, checker, witnesses, logger)
	var stopping atomic.Bool
	handlers := httpapi.Config{
		Store: register, Site: site, Language: p.words.language, PublicURL: address, Proxies: c.Proxy,
		Revocation: httpapi.RevocationMode(c.Revocation), Checker: checker, Roots: roots, UnconfirmedAfter: c.UnconfirmedAfter, Logger: logger,
		Observed: counted.request, Unready: func() httpapi.Unready {
			switch {
			case stopping.Load():
				return httpapi.UnreadyStopping
			case len(runner.Stalled()) > 0:
				return httpapi.UnreadyBackground
			}
			return httpapi.UnreadyNot
		},
	}
	var schools *fleet
	if c.Many {
		handlers.Schools = func() map[custody.SchoolID]string { return schools.addresses() }
	}
	handler, err := httpapi.New(handlers)
	if err != nil {
		return err
	}
	schools, err = c.fleet(ctx, p, register, rounds, handler, handlers, witnesses)
	if err != nil {
		return err
	}
	if schools != nil {
		handler = schools
		if certificates != nil {
			certificates.HostPolicy = schools.named(certificates.HostPolicy)
		}
		defer func() {
			if err := schools.close(); err != nil {
				logger.Error("close schools", "error", err)
			}
		}()
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, HTTP2: streams, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	limited := limitConnections(listener, c.MaxConnections, c.ConnectionsPerAddress, c.Proxy)
	served := make(chan error, 3)
	if c.Metrics != "" {
		counting, err := net.Listen("tcp", c.Metrics)
		if err != nil {
			return p.fail("cannot_listen", map[string]string{"Address": c.Metrics, "Error": err.Error()})
		}
		counted.registerState(register, school.ID)
		go func() {
			if err := counted.serve(ctx, counting, logger); err != nil {
				served <- err
			}
		}()
	}
	if certificates != nil {
		server.TLSConfig = certificates.TLSConfig()
		if c.ACMEHTTP != "" {
			plain, err := net.Listen("tcp", c.ACMEHTTP)
			if err != nil {
				return p.fail("cannot_listen", map[string]string{"Address": c.ACMEHTTP, "Error": err.Error()})
			}
			go func() {
				if err := serveHTTP(ctx, certificates, limitConnections(plain, c.MaxConnections, c.ConnectionsPerAddress, c.Proxy), logger); err != nil {
					served <- err
				}
			}()
		}
		go obtain(certificates, c.ACME, logger)
	}
	go func() {
		if certificates != nil {
			served <- server.ServeTLS(limited, "", "")
			return
		}
		if c.TLSCert != "" {
			served <- server.ServeTLS(limited, c.TLSCert, c.TLSKey)
			return
		}
		served <- server.Serve(limited)
	}()
	if c.ListenFile != "" {
		if err := renameio.WriteFile(c.ListenFile, []byte(listener.Addr().String()+"\n"), 0o644); err != nil {
			return errors.Join(fmt.Errorf("listen file: %w", err), server.Close())
		}
	}
	debug.FreeOSMemory() // parsing pages and describing the API leaves as much again as they keep
	p.print("serving", map[string]string{"School": school.Name, "Address": address})
	if schools != nil {
		names := append(schools.names(), "mn-hoa-sen")
		p.print("many_serving", map[string]string{"Count": strconv.Itoa(len(names) - 1), "Example": addressOf(schools.base, names[0])})
	}
	if c.TLSCert == "" && c.PublicURL == "" && !loopback(listener) {
		fmt.Fprintln(p.stderr, p.say("plain_http", nil))
	}
	systemd := supervisor{logger}
	systemd.tell(daemon.SdNotifyReady)
	// What is done in the background ends before the register is closed.
	working, stopWork := context.WithCancel(ctx)
	var work sync.WaitGroup
	if schools != nil {
		work.Go(func() { schools.run(working) })
	}
	work.Go(func() { runner.Run(working) })
	work.Go(func() { systemd.watch(working, func() bool { return len(runner.Stalled()) == 0 }) })
	defer work.Wait()
	defer stopWork()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	p.print("stopping", nil)
	// Whoever shares the requests out learns first that none are to come here any more.
	stopping.Store(true)
	systemd.tell(daemon.SdNotifyStopping)
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-time.After(c.DrainWait):
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Grace)
	defer cancel()
	err = server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		// Somebody is slow: that is theirs, and no failure of the service.
		p.print("cut_off", nil)
		return server.Close()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("shut down: %w", err), server.Close())
	}
	return nil
}

// fleet serves the other schools of the register, nil where the service is for one only.
func (c *ServeCommand) fleet(ctx context.Context, p *program, register *store.Store, rounds *background.Rounds, first http.Handler,
	handlers httpapi.Config, witnesses []*witness.Witness) (*fleet, error) {
	if !c.Many {
		return nil, nil
	}
	base, err := url.Parse(c.PublicURL)
	if err != nil || base.Host == "" {
		return nil, &usageError{p.say("many_address", nil)}
	}
	nowhere, err := httpapi.NoSchool(handlers)
	if err != nil {
		return nil, err
	}
	department, err := register.School(ctx)
	if err != nil {
		return nil, err
	}
	handlers.Schools, handlers.Department = nil, &httpapi.Department{School: department, URL: c.PublicURL}
	f := &fleet{p: p, register: register, base: base, first: first, nowhere: nowhere, handlers: handlers, rounds: rounds, logger: handlers.Logger,
		members: map[string]*member{}, refused: map[string]string{},
		runner: func(own *store.Store, school custody.School, address string) (*background.Runner, error) {
			out, err := c.outlets(p, school, address)
			if err != nil {
				return nil, err
			}
			return c.runner(false, own, school, out, handlers.Checker, witnesses, handlers.Logger), nil
		}}
	return f, f.takeNew(ctx)
}

// streams bounds what one connection of HTTP/2 can have under way and unread.
var streams = &http.HTTP2Config{MaxConcurrentStreams: 64, MaxReceiveBufferPerConnection: 256 << 10, MaxReceiveBufferPerStream: 128 << 10,
	SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second, WriteByteTimeout: 15 * time.Second}

// address is what people type: the public address, else where it listens.
func (c *ServeCommand) address(listener net.Listener) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: listener.Addr().String()}).String()
}

func loopback(listener net.Listener) bool {
	address, ok := listener.Addr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// roots reads the roots of the two worlds of certificates.
func (c *ServeCommand) roots() (custody.Roots, error) {
	var roots custody.Roots
	for _, world := range []struct {
		path string
		to   *[]*x509.Certificate
	}{{c.OfficialRoots, &roots.Official}, {c.PublicRoots, &roots.Public}} {
		certificates, err := readCertificates(world.path)
		if err != nil {
			return roots, err
		}
		for _, certificate := range certificates {
			if !certificate.IsCA {
				return roots, fmt.Errorf("roots: %s holds %q, which is no certification authority's certificate", world.path, certificate.Subject.CommonName)
			}
		}
		*world.to = certificates
	}
	return roots, nil
}

// readCertificates reads a PEM file; "" is none.
func readCertificates(path string) ([]*x509.Certificate, error) {
	if path == "" {
		return nil, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificates: %s: %w", path, err)
		}
		certificates = append(certificates, cert)
	}
	if len(certificates) == 0 {
		return nil, fmt.Errorf("certificates: %s holds none in PEM", path)
	}
	return certificates, nil
}
