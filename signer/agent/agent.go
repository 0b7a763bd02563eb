package agent

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"sokyso/httpapi/wire"
)

// Config is what an agent needs. Zero values are usable but for Home.
type Config struct {
	Home       string // state folder, see Home
	Module     string // PKCS#11 module; "" = see FindModule
	Executable string // program that runs the worker; "" = this one
	// TokenTimeout bounds each call to the token but those where a person types; 0 = 30 s.
	TokenTimeout time.Duration
	Catalogue    *Catalogue // sentences; nil = by the environment

	Now      func() time.Time // nil = time.Now
	Logger   *slog.Logger     // nil = silent
	LockWait time.Duration    // for another agent; 0 = 30 s
	HTTP     http.RoundTripper
	Attempts int // of a request that may be repeated; 0 = the client's own choice

	// OnWait is called when another agent holds the lock.
	OnWait func()
	// OnRecovery is called before work of an earlier run is taken up.
	OnRecovery func()
	// OnStep is called after each step of a job: after-intent, after-sign,
	// after-stage, after-signed, after-rename, after-committed, after-record, after-hand-off (documents of the custody site). Tests end the process there.
	OnStep func(step string)
}

// Agent signs. It holds the lock of its state folder until Close.
type Agent struct {
	config    Config
	lock      *os.File
	journal   *journal
	pairing   *Pairing // nil = not paired
	client    *wire.Client
	witness   *witness
	recovered []Recovered
}

// Open takes the lock, reads the journal and finishes what an earlier run left.
// That the service can't be reached is no error here: what needs it stays for
// the next start, see [Agent.Recovered].
func Open(ctx context.Context, config Config) (*Agent, error) {
	config = config.withDefaults()
	a := &Agent{config: config}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (c Config) withDefaults() Config {
	if c.Catalogue == nil {
		c.Catalogue = NewCatalogue("")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.LockWait == 0 {
		c.LockWait = 30 * time.Second
	}
	return c
}

func (a *Agent) open(ctx context.Context) error {
	if err := makeHome(a.config.Home); err != nil {
		return err
	}
	var err error
	if a.lock, err = lockHome(ctx, a.config.Home, a.config.LockWait, a.config.OnWait); err != nil {
		return err
	}
	if a.journal, err = openJournal(a.config.Home, a.config.Now()); err != nil {
		return err
	}
	if a.pairing, err = ReadPairing(a.config.Home); err != nil {
		return err
	}
	if a.pairing != nil {
		if err := a.connect(); err != nil {
			return err
		}
	}
	return a.recover(ctx)
}

// connect makes the client and the witness of the pairing.
func (a *Agent) connect() error {
	var err error
	a.client, err = wire.NewClient(wire.ClientConfig{
		URL: a.pairing.URL, APIKey: a.pairing.APIKey, Language: a.config.Catalogue.Language,
		HTTP: a.config.HTTP, Attempts: a.config.Attempts,
	})
	if err != nil {
		return fail("pairing_damaged", err, "file", pairingName)
	}
	verifier, err := a.pairing.verifier()
	if err != nil {
		return fail("pairing_damaged", err, "file", pairingName)
	}
	if a.witness, err = openWitness(a.config.Home, verifier, a.consistencyProof); err != nil {
		return err
	}
	a.witness.tell = func(ctx context.Context, signed []byte) error {
		return a.client.SeeCheckpoint(ctx, wire.SeenCheckpoint{Checkpoint: string(signed)})
	}
	return nil
}

// Close frees the lock. It does not undo or finish anything: the next Open does.
func (a *Agent) Close() error {
	var failures []error
	if a.journal != nil {
		failures = append(failures, a.journal.close())
	}
	if a.lock != nil {
		failures = append(failures, a.lock.Close())
		a.lock = nil
	}
	return errors.Join(failures...)
}

func (a *Agent) step(name string) {
	if a.config.OnStep != nil {
		a.config.OnStep(name)
	}
}
