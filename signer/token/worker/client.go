package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sokyso/signer/token"
)

// Config says what to run.
type Config struct {
	// Module is the path of the PKCS#11 module.
	Module string
	// Executable is the program that is started with Argument first; "" is this
	// program, or Program32 beside it for a 32-bit module on 64-bit Windows. It must
	// call RunIfAsked.
	Executable string
	// Timeout bounds each call but a login without a PIN; 0 is 30 seconds. A
	// deadline of the call's context that is earlier wins.
	Timeout time.Duration
	// PINTimeout bounds a login where the token itself asks for the PIN, since a
	// person types then, and the signatures of such a token, since it may ask for
	// each; 0 is 3 minutes.
	PINTimeout time.Duration
	// Env is added to the child's environment, as "KEY=value".
	Env []string
}

const (
	defaultTimeout    = 30 * time.Second
	defaultPINTimeout = 3 * time.Minute
	// lastWords is how long an answer of a child that has just ended is waited for.
	lastWords = 100 * time.Millisecond
)

// Client is the parent's side. It is safe for concurrent use; calls take turns.
type Client struct {
	cfg Config
	// turn holds one value while a call is under way.
	turn chan struct{}

	// mu guards the fields below. They are changed by who has the turn, but for
	// closed.
	mu       sync.Mutex
	process  *process
	stale    bool // the child no longer sees what is plugged in: the next call starts another
	closed   bool
	serial   string // of the token that is open, "" when none is
	shown    []token.Certificate
	pinPad   bool            // the open token asks for PINs by itself
	askPIN   PINSource       //
	wantsPIN map[string]bool // certificates whose keys want a PIN for every signature
}

// PINSource asks a person for the PIN. The slice is zeroed after use.
type PINSource func(ctx context.Context) ([]byte, error)

// Start starts a child and has it load the module. Errors are *token.LoadError,
// *DiedError, ErrHang, or that the program can't be started.
func Start(ctx context.Context, cfg Config) (*Client, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.PINTimeout <= 0 {
		cfg.PINTimeout = defaultPINTimeout
	}
	c := &Client{cfg: cfg, turn: make(chan struct{}, 1), wantsPIN: map[string]bool{}}
	c.turn <- struct{}{}
	_, err := c.running(ctx)
	<-c.turn
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Module is the path of the module.
func (c *Client) Module() string { return c.cfg.Module }

// Tokens lists the tokens that are present: token.Module.Tokens.
func (c *Client) Tokens(ctx context.Context) ([]token.Info, error) {
	answer, err := c.call(ctx, c.cfg.Timeout, request{Op: opTokens}, pins{})
	return answer.Tokens, err
}

// Open opens the one token that the selector names, and closes another that was
// open: token.Module.Open.
func (c *Client) Open(ctx context.Context, selector token.Selector) (token.Info, error) {
	c.setOpen(token.Info{})
	answer, err := c.call(ctx, c.cfg.Timeout, request{Op: opOpen, Selector: &selector}, pins{})
	if err != nil {
		return token.Info{}, err
	}
	shown, err := fromWire(answer.Certificates)
	if err != nil {
		return token.Info{}, err
	}
	c.setOpen(*answer.Info)
	c.mu.Lock()
	c.shown = shown
	c.mu.Unlock()
	return *answer.Info, nil
}

// Shown is what certificates the open token showed when it was opened:
// token.Token.Shown.
func (c *Client) Shown() []token.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shown
}

func (c *Client) setOpen(info token.Info) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial, c.pinPad = info.Serial, info.Flags.ProtectedAuthPath
}

// Info asks the open token for its flags: token.Token.Refresh.
func (c *Client) Info(ctx context.Context) (token.Info, error) {
	answer, err := c.call(ctx, c.cfg.Timeout, request{Op: opInfo}, pins{})
	if err != nil {
		return token.Info{}, err
	}
	return *answer.Info, nil
}

// Certificates lists the certificates that the open token shows:
// token.Token.Certificates.
func (c *Client) Certificates(ctx context.Context) ([]token.Certificate, error) {
	answer, err := c.call(ctx, c.cfg.Timeout, request{Op: opCertificates}, pins{})
	if err != nil {
		return nil, err
	}
	return fromWire(answer.Certificates)
}

// Login logs in to the open token, with one try: token.Token.Login. A nil PIN
// leaves it to the token to ask. The caller zeroes the PIN.
func (c *Client) Login(ctx context.Context, pin []byte) error {
	timeout := c.cfg.Timeout
	if len(pin) == 0 {
		timeout = c.cfg.PINTimeout
	}
	_, err := c.call(ctx, timeout, request{Op: opLogin}, pins{pin: pin})
	return err
}

// ChangePIN sets a new PIN of the open token, with one try: token.Token.ChangePIN.
// Two nil PINs leave it to the token to ask. The caller zeroes the PINs.
func (c *Client) ChangePIN(ctx context.Context, old, fresh []byte) error {
	timeout := c.cfg.Timeout
	if len(old) == 0 {
		timeout = c.cfg.PINTimeout
	}
	_, err := c.call(ctx, timeout, request{Op: opChangePIN}, pins{old, fresh})
	return err
}

// Survey looks at the module and at all tokens: token.Module.Survey.
func (c *Client) Survey(ctx context.Context) (token.Survey, error) {
	answer, err := c.call(ctx, c.cfg.Timeout, request{Op: opSurvey}, pins{})
	if err != nil || answer.Survey == nil {
		return token.Survey{}, err
	}
	return token.Survey{Module: answer.Survey.Module, Readers: answer.Survey.Readers, Tokens: listingsFromWire(answer.Survey.Tokens)}, nil
}

// RSASchemes says how RSA keys of the open token can sign.
func (c *Client) RSASchemes(ctx context.Context) (token.RSASchemes, error) {
	answer, err := c.call(ctx, c.cfg.Timeout, request{Op: opRSASchemes}, pins{})
	if err != nil || answer.Schemes == nil {
		return token.RSASchemes{}, err
	}
	return *answer.Schemes, nil
}

// AskPIN sets what is asked for the PIN of keys that want it for every signature.
func (c *Client) AskPIN(ask PINSource) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.askPIN = ask
}

// Close ends the child, also in the middle of a call, which then fails with
// token.ErrClosed. A second Close does nothing.
func (c *Client) Close() error {
	c.mu.Lock()
	p := c.process
	c.closed, c.process = true, nil
	c.mu.Unlock()
	if p != nil {
		p.stop()
	}
	return nil
}

// call makes one request, in a child that is started for it if none is running.
func (c *Client) call(ctx context.Context, timeout time.Duration, r request, given pins) (response, error) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return response{}, fmt.Errorf("%s: %w", r.Op, context.Cause(ctx))
	}
	defer func() { <-c.turn }()
	p, err := c.running(ctx)
	if err != nil {
		return response{}, err
	}
	return c.exchange(ctx, p, timeout, r, given)
}

// running is the child, started anew if it died: with the module loaded and the
// token open again, but not logged in. The caller has the turn.
func (c *Client) running(ctx context.Context) (*process, error) {
	c.mu.Lock()
	p, serial, stale, closed := c.process, c.serial, c.stale, c.closed
	c.stale = false
	c.mu.Unlock()
	if closed {
		return nil, &token.Error{Op: "ask worker", Kind: token.ErrClosed}
	}
	if p != nil && p.alive() {
		if !stale {
			return p, nil
		}
		p.stop()
	}
	p, err := startProcess(c.cfg)
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		p.stop()
		return nil, &token.Error{Op: "start worker", Kind: token.ErrClosed}
	}
	c.process = p
	c.mu.Unlock()

	_, err = c.exchange(ctx, p, c.cfg.Timeout, request{Op: opLoad, Module: c.cfg.Module}, pins{})
	if err == nil && serial != "" {
		_, err = c.exchange(ctx, p, c.cfg.Timeout, request{Op: opOpen, Selector: &token.Selector{TokenSerial: serial}}, pins{})
		var selection *token.SelectError
		if errors.As(err, &selection) {
			err = &token.Error{Op: "open token again", Kind: token.ErrTokenGone, Detail: "serial " + serial}
		}
	}
	if err != nil {
		p.kill() // half set up: the next call begins afresh
		<-p.done
		return nil, err
	}
	return p, nil
}

// exchange writes a request and waits for its answer. The caller has the turn.
func (c *Client) exchange(ctx context.Context, p *process, timeout time.Duration, r request, given pins) (response, error) {
	p.nextID++
	r.ID = p.nextID
	line, err := r.line(given)
	if err != nil {
		return response{}, fmt.Errorf("%s: %w", r.Op, err)
	}
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	// Lines are short and the child reads all the time; one that has stopped may
	// still not hold this call for longer. That writing fails shows below, as the
	// child's end or as the deadline.
	_ = p.stdin.SetWriteDeadline(time.Now().Add(timeout))
	_, _ = p.stdin.Write(line)
	clear(line)

	select {
	case answer := <-p.answers:
		return c.accept(p, r, answer)
	case <-p.done:
	case <-deadline.C:
		p.kill()
		<-p.done
		return response{}, fmt.Errorf("%s: %w: module %s, %v", r.Op, ErrHang, c.cfg.Module, timeout)
	case <-ctx.Done():
		p.kill()
		<-p.done
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return response{}, fmt.Errorf("%s: %w: module %s: %w", r.Op, ErrHang, c.cfg.Module, context.Cause(ctx))
		}
		return response{}, fmt.Errorf("%s: %w", r.Op, context.Cause(ctx))
	}
	// It may have answered and ended at once.
	select {
	case answer := <-p.answers:
		return c.accept(p, r, answer)
	case <-time.After(lastWords):
	}
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return response{}, &token.Error{Op: r.Op, Kind: token.ErrClosed}
	}
	return response{}, &DiedError{Module: c.cfg.Module, Op: r.Op, Status: p.status(), Output: p.stderr.String()}
}

func (c *Client) accept(p *process, r request, answer response) (response, error) {
	if err := answer.Error.err(); err != nil && answer.ID == r.ID {
		if outdated(err) {
			c.mu.Lock()
			c.stale = true
			c.mu.Unlock()
		}
		return answer, err
	}
	needsInfo := r.Op == opOpen || r.Op == opInfo
	if answer.ID != r.ID || needsInfo && answer.Info == nil {
		p.kill()
		<-p.done
		return response{}, &DiedError{Module: c.cfg.Module, Op: r.Op, Status: "answers out of turn", Output: p.stderr.String()}
	}
	return answer, nil
}

// outdated says whether another child may see more: a token that is gone may come
// back in another slot, and some modules see new tokens only when they are
// initialised.
func outdated(err error) bool {
	var selection *token.SelectError
	return errors.Is(err, token.ErrTokenGone) || errors.As(err, &selection) && selection.Matches == 0
}
