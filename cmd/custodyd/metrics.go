package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sokyso/custody"
	"sokyso/custody/store"
)

// metrics counts what the service does, for Prometheus. Labels are routes, methods, status
// codes, entry types and names of jobs: none says anything of a person or a document, and
// there are few of each.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	commits  prometheus.Histogram
	changes  prometheus.Histogram
	entries  *prometheus.CounterVec
}

const metricsScrape = 5 * time.Second // for what is asked of the register

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "sokyso_http_request_duration_seconds", Help: "Requests by route, method and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}}, []string{"route", "method", "status"}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "sokyso_log_commit_duration_seconds", Help: "Transactions that append to the log, from begin to durable.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30}}),
		changes: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "sokyso_log_commit_changes", Help: "Changes committed together.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128}}),
		entries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sokyso_log_entries_total", Help: "Entries appended by this service, by type."}, []string{"type"}),
	}
	m.registry.MustRegister(m.requests, m.commits, m.changes, m.entries, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// request is called for each answer; the route is a pattern of the router, "" for none.
func (m *metrics) request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

// committed is called for each transaction that appended.
func (m *metrics) committed(c store.Commit) {
	m.commits.Observe(c.Took.Seconds())
	m.changes.Observe(float64(c.Changes))
	for kind, n := range c.Entries {
		m.entries.WithLabelValues(kind).Add(float64(n))
	}
}

// registerState adds what is read when it is asked for.
func (m *metrics) registerState(register *store.Store, school custody.SchoolID) {
	m.registry.MustRegister(&stateCollector{register: register, school: school})
}

var (
	logSize       = prometheus.NewDesc("sokyso_log_size", "Entries of the log.", nil, nil)
	logRefuses    = prometheus.NewDesc("sokyso_log_refuses", "1 while every change is refused, because the log is behind its mark or another one.", nil, nil)
	jobSucceeded  = prometheus.NewDesc("sokyso_job_last_success_timestamp_seconds", "When a job of the background last succeeded; all services together.", []string{"job"}, nil)
	jobFailures   = prometheus.NewDesc("sokyso_job_failures", "Runs of a job that failed, one after another.", []string{"job"}, nil)
	connections   = prometheus.NewDesc("sokyso_database_connections", "Open connections.", []string{"state"}, nil)
	stateUnusable = prometheus.NewDesc("sokyso_register_unreachable", "1 when the register could not be read for this answer.", nil, nil)
)

// stateCollector reads the register for each answer.
type stateCollector struct {
	register *store.Store
	school   custody.SchoolID
}

// Describe implements prometheus.Collector.
func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{logSize, logRefuses, jobSucceeded, jobFailures, connections, stateUnusable} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsScrape)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	busy, idle := c.register.Connections()
	gauge(connections, float64(busy), "busy")
	gauge(connections, float64(idle), "idle")
	size, err := c.register.LogSize(ctx, c.school)
	if err != nil {
		gauge(stateUnusable, 1)
		return
	}
	gauge(stateUnusable, 0)
	gauge(logSize, float64(size))
	refuses := 0.0
	if refusal := (*custody.Error)(nil); errors.As(c.register.CheckMark(ctx, c.school), &refusal) {
		refuses = 1
	}
	gauge(logRefuses, refuses)
	actor := custody.SystemActor(c.school)
	actor.Roles.Admin = true
	jobs, err := c.register.Jobs(ctx, actor)
	if err != nil {
		return
	}
	for _, job := range jobs {
		gauge(jobFailures, float64(job.Failures), job.Name)
		if job.SucceededAt != nil {
			gauge(jobSucceeded, float64(job.SucceededAt.Unix()), job.Name)
		}
	}
}

// serve answers at /metrics of an address of its own until ctx ends.
func (m *metrics) serve(ctx context.Context, listener net.Listener, logger *slog.Logger) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 2 * metricsScrape,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
