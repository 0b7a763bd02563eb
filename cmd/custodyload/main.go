//go:build linux

// Command custodyload puts custodyd under load, and in the way of harm: real processes over
// TLS on a PostgreSQL of its own, agents that sign with real keys and certificates, and people
// who turn the pages of the log in browsers.
//
// It keeps a ledger of its own of what was asked and what was answered, each answer durable
// before the next request. At the end it reads the whole log through the public API, computes
// the tree anew and holds the two against each other: every answered thing is true, once, and
// nothing is there that nobody asked for. It links neither the register nor the log's code, so
// that a mistake there can't hide in the judge.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// config is what a run is made of.
type config struct {
	program  string        // custodyd
	from     string        // that of an earlier release
	folder   string        // for all files of the run; "" = a temporary one, removed when all was true
	length   time.Duration // of the measured part
	replicas int
	single   int           // agents that sign one document at a time
	bulk     int           // agents in the middle of a batch
	batch    int           // signatures in one request of a batch
	rate     float64       // pairs a second of all agents together; 0 = as fast as they can
	people   int           // browsers that turn the log's pages
	think    time.Duration // mean time that a person looks at a page
	seed     uint64        // of the chaos
	every    time.Duration // mean time between two faults
	only     string        // part of the names of the faults to be made; "" = all
	timeout  time.Duration // of one attempt of an agent's request
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Run carries out one command and returns the exit status: 0 when every answer was true.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cfg config
	runs := map[string]func(context.Context, config, io.Writer) error{"load": runLoad, "chaos": runChaos, "upgrade": runUpgrade}
	if len(args) == 0 || runs[args[0]] == nil {
		fmt.Fprintln(stderr, "use: custodyload load|chaos|upgrade [flags]; custodyload load --help lists them")
		return 2
	}
	flags := flag.NewFlagSet("custodyload "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&cfg.program, "custodyd", "bin/custodyd", "the service's program")
	flags.StringVar(&cfg.folder, "folder", "", "folder for the run's files, kept afterwards (default: a temporary one)")
	flags.IntVar(&cfg.batch, "batch", 50, "signatures in one request of a batch")
	flags.DurationVar(&cfg.think, "think", 2*time.Second, "mean time that a person looks at a page")
	flags.Float64Var(&cfg.rate, "rate", 0, "pairs a second of all agents together; 0: as fast as they can")
	flags.Uint64Var(&cfg.seed, "seed", uint64(time.Now().UnixNano()), "of the faults that chance chooses")
	switch args[0] {
	case "chaos":
		flags.DurationVar(&cfg.length, "for", 10*time.Minute, "how long faults are made")
		flags.IntVar(&cfg.replicas, "replicas", 2, "custodyd processes")
		flags.IntVar(&cfg.single, "agents", 8, "agents that sign one document at a time")
		flags.IntVar(&cfg.bulk, "bulk-agents", 2, "agents in the middle of a batch")
		flags.IntVar(&cfg.people, "people", 6, "browsers that turn the log's pages")
		flags.DurationVar(&cfg.every, "every", 5*time.Second, "mean time between two faults")
		flags.StringVar(&cfg.only, "only", "", "part of the names of the faults to be made (default: all)")
		flags.DurationVar(&cfg.timeout, "timeout", 10*time.Second, "of one attempt of an agent's request")
	case "upgrade":
		flags.StringVar(&cfg.from, "from", "", "custodyd of an earlier release")
		flags.DurationVar(&cfg.length, "for", 5*time.Second, "between two steps")
		flags.IntVar(&cfg.replicas, "replicas", 2, "custodyd processes")
		flags.IntVar(&cfg.single, "agents", 8, "agents that sign one document at a time")
		flags.IntVar(&cfg.bulk, "bulk-agents", 2, "agents in the middle of a batch")
		flags.IntVar(&cfg.people, "people", 6, "browsers that turn the log's pages")
		flags.DurationVar(&cfg.timeout, "timeout", 10*time.Second, "of one attempt of an agent's request")
	default:
		flags.DurationVar(&cfg.length, "for", 30*time.Second, "length of the measured part")
		flags.IntVar(&cfg.replicas, "replicas", 1, "custodyd processes")
		flags.IntVar(&cfg.single, "agents", 24, "agents that sign one document at a time")
		flags.IntVar(&cfg.bulk, "bulk-agents", 4, "agents in the middle of a batch")
		flags.IntVar(&cfg.people, "people", 50, "browsers that turn the log's pages")
		flags.DurationVar(&cfg.timeout, "timeout", 30*time.Second, "of one attempt of an agent's request")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return 2
	}
	if err := runs[args[0]](ctx, cfg, stdout); err != nil {
		fmt.Fprintln(stderr, "custodyload:", err)
		return 1
	}
	return 0
}

// runFolder makes the folder of a run. The second result removes it, where nobody named it
// and the run went well.
func runFolder(cfg *config) (remove func(failed *error), err error) {
	if cfg.folder != "" {
		return func(*error) {}, os.MkdirAll(cfg.folder, 0o755)
	}
	if cfg.folder, err = os.MkdirTemp("", "custodyload-"); err != nil {
		return nil, err
	}
	// PostgreSQL runs as another user where this is root.
	if err := os.Chmod(cfg.folder, 0o755); err != nil {
		return nil, err
	}
	return func(failed *error) {
		if *failed == nil {
			*failed = os.RemoveAll(cfg.folder)
		} else if !errors.Is(*failed, context.Canceled) {
			*failed = fmt.Errorf("%w\n(ledger and server logs are in %s)", *failed, cfg.folder)
		}
	}, nil
}
