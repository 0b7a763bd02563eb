package preview

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// Config says how a Viewer works.
type Config struct {
	// Executable is the program that is started with Argument first; "" is this program. It must call RunIfAsked.
	Executable string
	// CacheDir keeps PDFium's compiled code, about 25 MB; it is made. "" keeps nothing: each start takes seconds.
	CacheDir string
	// Timeout bounds one call; 0 is 20 seconds. The first may compile, which is not counted.
	Timeout time.Duration
}

// CacheDir is the usual folder for the compiled code, in the person's own folder of caches; "" where there is none.
func CacheDir() string {
	folder, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(folder, "sokyso", "pdfium")
}

const (
	defaultTimeout = 20 * time.Second
	// startTimeout bounds the child's start with compiling; a slow PC takes half a minute.
	startTimeout = 3 * time.Minute
	// maxAnswer bounds a line from the child, in bytes: a picture in base64.
	maxAnswer = 256 << 20
)

// Viewer asks a child process. It is safe for concurrent use; calls take turns.
type Viewer struct {
	cfg Config
	// turn holds one value while a call is under way.
	turn chan struct{}

	// mu guards the fields below. They are changed by who has the turn, but for closed.
	mu     sync.Mutex
	child  *child
	closed bool
}

// New is a viewer whose child is not started yet.
func New(cfg Config) *Viewer {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	return &Viewer{cfg: cfg, turn: make(chan struct{}, 1)}
}

// Warm starts the child, so that the next call is quick.
func (v *Viewer) Warm(ctx context.Context) error {
	_, err := v.call(ctx, request{Op: opWarm})
	return err
}

// Pages counts the pages. The errors of all calls are those of this package, and the context's.
func (v *Viewer) Pages(ctx context.Context, file File) (int, error) {
	answer, err := v.ask(ctx, file, request{Op: opPages})
	return answer.Count, err
}

// Words reads the text of a page; 1 is the first.
func (v *Viewer) Words(ctx context.Context, file File, page int) (Words, error) {
	answer, err := v.ask(ctx, file, request{Op: opWords, Page: page})
	return Words{Page: answer.Page, Words: answer.Words, Cut: answer.Cut}, err
}

// Picture draws a page, with what annotations show, as a PNG that is width pixels wide, from MinWidth to MaxWidth.
func (v *Viewer) Picture(ctx context.Context, file File, page, width int) ([]byte, Page, error) {
	answer, err := v.ask(ctx, file, request{Op: opPicture, Page: page, Width: width})
	return answer.Picture, answer.Page, err
}

// Close ends the child, also in the middle of a call, which then fails with ErrClosed. A second Close does nothing.
func (v *Viewer) Close() error {
	v.mu.Lock()
	c := v.child
	v.closed, v.child = true, nil
	v.mu.Unlock()
	if c != nil {
		c.end()
	}
	return nil
}

// ask makes a request about a file. The child has another working directory in mind than a caller who changes his.
func (v *Viewer) ask(ctx context.Context, file File, r request) (response, error) {
	path, err := filepath.Abs(file.Path)
	if err != nil {
		return response{}, err
	}
	file.Path = path
	r.File = file
	return v.call(ctx, r)
}

func (v *Viewer) call(ctx context.Context, r request) (response, error) {
	select {
	case v.turn <- struct{}{}:
	case <-ctx.Done():
		return response{}, fmt.Errorf("show %s: %w", filepath.Base(r.File.Path), context.Cause(ctx))
	}
	defer func() { <-v.turn }()
	c, err := v.running(ctx)
	if err != nil {
		return response{}, err
	}
	if r.Op == opWarm {
		return response{}, nil
	}
	answer, err := v.exchange(ctx, c, v.cfg.Timeout, r)
	if err != nil {
		return response{}, fmt.Errorf("show %s: %w", filepath.Base(r.File.Path), err)
	}
	return answer, nil
}

// running is the child, started if there is none. The caller has the turn.
func (v *Viewer) running(ctx context.Context) (*child, error) {
	v.mu.Lock()
	c, closed := v.child, v.closed
	v.mu.Unlock()
	switch {
	case closed:
		return nil, ErrClosed
	case c != nil && c.alive():
		return c, nil
	}
	c, err := startChild(v.cfg)
	if err != nil {
		return nil, fmt.Errorf("start viewer: %w", err)
	}
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		c.end()
		return nil, ErrClosed
	}
	v.child = c
	v.mu.Unlock()
	if _, err := v.exchange(ctx, c, startTimeout, request{Op: opWarm}); err != nil {
		return nil, fmt.Errorf("start viewer: %w", err)
	}
	return c, nil
}

// exchange writes a request and waits for its answer. A child that did not answer in time, or did not go through with
// it, is ended: the next call starts another.
func (v *Viewer) exchange(ctx context.Context, c *child, timeout time.Duration, r request) (response, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return response{}, err
	}
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	_, _ = c.stdin.Write(append(line, '\n')) // a child that is gone shows below
	select {
	case answer := <-c.answers:
		err := answer.answered()
		if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrCrashed) {
			c.end() // memory of WebAssembly never shrinks, and after a crash nothing in it holds
		}
		return answer, err
	case <-deadline.C:
		err = ErrTooSlow
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-c.done:
		err = ErrCrashed
		v.mu.Lock()
		if v.closed {
			err = ErrClosed
		}
		v.mu.Unlock()
	}
	c.end()
	return response{}, err
}

// child is one running process.
type child struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers chan response
	done    chan struct{} // closed once it has been waited for
}

func startChild(cfg Config) (*child, error) {
	executable := cfg.Executable
	if executable == "" {
		own, err := os.Executable()
		if err != nil {
			return nil, err
		}
		executable = own
	}
	c := &child{cmd: exec.Command(executable, Argument, cfg.CacheDir), answers: make(chan response, 1), done: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), "GOTRACEBACK=none")
	c.cmd.WaitDelay = time.Second
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		c.read(stdout)
		_ = c.cmd.Process.Kill() // what it says is of no use any more
		_ = c.cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// read passes answers on until the child ends or talks nonsense.
func (c *child) read(stdout io.Reader) {
	scanner := bufio.NewScanner(stdout)
	scanner.Buffer(make([]byte, 64<<10), maxAnswer)
	for scanner.Scan() {
		var answer response
		if json.Unmarshal(scanner.Bytes(), &answer) != nil {
			return
		}
		select {
		case c.answers <- answer: // also when nobody waits any more: the child is being ended then
		default:
			return // it answers out of turn
		}
	}
}

// end kills the child, which keeps nothing, and waits until it is gone.
func (c *child) end() {
	c.stdin.Close()
	_ = c.cmd.Process.Kill()
	<-c.done
}

func (c *child) alive() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}
