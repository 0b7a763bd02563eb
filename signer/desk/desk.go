package desk

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sokyso/signer"
	"sokyso/signer/agent"
	"sokyso/signer/preview"
)

// Config says how the desk works. Zero values are usable but for Agent.Home.
type Config struct {
	// Agent is how files are signed: state folder, module, language.
	Agent agent.Config
	// Viewer draws pages; nil = one with its cache in the usual folder.
	Viewer *preview.Viewer
	// Roots judge signatures in opened files; nil = nothing is trusted, and the page says so.
	Roots *agent.Roots
	// Level, TSA are those of new signatures.
	Level signer.Level
	TSA   string
	// OutDir takes signed copies of files that the browser handed over; "" = a folder of the person's documents. Files
	// opened by their path are signed beside themselves.
	OutDir string
	// Standalone signs without a service, when there is no pairing.
	Standalone bool
	// Address is where to listen: a loopback address; "" = 127.0.0.1 with a free port.
	Address string
	// Show opens an address in the person's browser, when another start of the program hands something over; nil = not.
	Show func(address string)
}

// Desk is the server. It is safe for concurrent use.
type Desk struct {
	cfg    Config
	viewer *preview.Viewer
	secret string
	host   string // what the Host header must be

	vault    vault
	settings sync.Mutex // held while files of settings are changed

	mu        sync.Mutex
	documents []*document // in the order in which they were opened
	tasks     map[string]*task
	nextID    int
	fetches   []*fetch // documents of the custody site on their way here

	signIns       signIns // of browsers at the custody site
	returns       returns // and on their way back
	channelSecret string  // set by Announce
}

// Bounds of what a page may hand over.
const (
	MaxUpload    = 512 << 20 // bytes of one file
	MaxDocuments = 2000
	maxBody      = 1 << 20 // bytes of any other request
)

// New prepares a desk. It listens when Serve is called.
func New(cfg Config) (*Desk, error) {
	if cfg.Agent.Catalogue == nil {
		cfg.Agent.Catalogue = agent.NewCatalogue("")
	}
	if cfg.Agent.Now == nil {
		cfg.Agent.Now = time.Now
	}
	if cfg.Agent.Logger == nil {
		cfg.Agent.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Desk{cfg: cfg, viewer: cfg.Viewer, tasks: map[string]*task{}, returns: returns{kick: make(chan struct{}, 1), bytes: map[string]int64{}}}
	if d.viewer == nil {
		d.viewer = preview.New(preview.Config{CacheDir: preview.CacheDir(), Executable: cfg.Agent.Executable})
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails: crypto/rand ends the program if it can't
	d.secret = base64.RawURLEncoding.EncodeToString(secret)
	return d, d.sweep()
}

// uploads is the folder of files that the browser handed over to this desk; another desk may be open beside it.
func (d *Desk) uploads() string { return filepath.Join(d.cfg.Agent.Home, "desk", d.secret[:12]) }

// abandoned is the age at which uploads of a desk that did not end well are taken for nobody's.
const abandoned = 7 * 24 * time.Hour

// sweep removes the uploads of desks that ended long ago without clearing up, as in a power cut.
func (d *Desk) sweep() error {
	folder := filepath.Dir(d.uploads())
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && d.cfg.Agent.Now().Sub(info.ModTime()) > abandoned {
			if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Listen takes the address. Only loopback addresses are taken.
func (d *Desk) Listen() (net.Listener, error) {
	address := d.cfg.Address
	if address == "" {
		address = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", address, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("listen at %s: only a loopback address is served", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	d.host = listener.Addr().String()
	return listener, nil
}

// URL is the page's address with the secret, after Listen.
func (d *Desk) URL() string { return "http://" + d.host + "/#" + d.secret }

// Serve answers until the context ends, and closes the listener.
func (d *Desk) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: d.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	go func() { _ = d.viewer.Warm(ctx) }() // so that the first page is there at once
	returned := make(chan struct{})
	sending, stop := context.WithCancel(ctx)
	go func() { defer close(returned); d.bringBack(sending) }()
	defer func() { stop(); <-returned }()
	defer d.viewer.Close()
	defer os.RemoveAll(d.uploads())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	d.waitForTasks()
	return nil
}
