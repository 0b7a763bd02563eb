package worker

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// process is one running child.
type process struct {
	cmd     *exec.Cmd
	stdin   *os.File // parent's end
	answers chan response
	done    chan struct{} // closed once the child has been waited for
	stderr  tail
	nextID  uint64
}

func startProcess(cfg Config) (*process, error) {
	executable := cfg.Executable
	if executable == "" {
		own, err := os.Executable()
		if err != nil {
			return nil, err
		}
		executable = programFor(own, cfg.Module, runtime.GOOS, runtime.GOARCH)
	}
	childIn, stdin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stdout, childOut, err := os.Pipe()
	if err != nil {
		childIn.Close()
		stdin.Close()
		return nil, err
	}
	p := &process{stdin: stdin, answers: make(chan response, 1), done: make(chan struct{})}
	// The module's name is an argument only to be seen in lists of processes.
	p.cmd = exec.Command(executable, Argument, cfg.Module)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = childIn, childOut, &p.stderr
	p.cmd.Env = append(append(os.Environ(), "GOTRACEBACK=none"), cfg.Env...)
	p.cmd.WaitDelay = 2 * lastWords // a grandchild may hold standard error open
	tie(p.cmd)

	started := make(chan error)
	go func() {
		// Pdeathsig looks at the thread, not the process: this thread must live
		// as long as the child, or the child is killed out of the blue.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		childIn.Close()
		childOut.Close()
		started <- err
		if err != nil {
			return
		}
		release := adopt(p.cmd.Process)
		_ = p.cmd.Wait() // how it ended is read from ProcessState
		release()
		// A child that the module left behind may hold the other end for long.
		_ = stdout.SetReadDeadline(time.Now().Add(lastWords))
		close(p.done)
	}()
	if err := <-started; err != nil {
		stdin.Close()
		stdout.Close()
		return nil, err
	}
	go p.read(stdout)
	return p, nil
}

// read passes answers on. What can't be an answer ends it: the child is useless then.
func (p *process) read(stdout *os.File) {
	defer stdout.Close()
	reader := newLineReader(stdout)
	for {
		line, err := reader.next()
		if err != nil {
			return
		}
		var answer response
		if err := json.Unmarshal(line, &answer); err != nil {
			io.WriteString(&p.stderr, "\nworker: answer is not JSON")
			p.kill()
			return
		}
		select {
		case p.answers <- answer:
		case <-p.done:
			return
		}
	}
}

func (p *process) kill() { _ = p.cmd.Process.Kill() }

// stop ends the child: it sees its input end, and is killed if it does not go.
func (p *process) stop() {
	p.stdin.Close()
	select {
	case <-p.done:
	case <-time.After(exitGrace + time.Second):
		p.kill()
		<-p.done
	}
}

// alive says whether the child has not ended yet.
func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// status is how the child ended, in words.
func (p *process) status() string {
	if p.alive() || p.cmd.ProcessState == nil {
		return "running"
	}
	return p.cmd.ProcessState.String()
}

// tail keeps the last bytes that the child printed.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 2048

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = t.text[extra:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(strings.ToValidUTF8(string(t.text), "\uFFFD"))
}
