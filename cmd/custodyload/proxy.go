//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy passes connections on to the backends in turn, past those that take none, as a
// balancer does. It can also be the network that fails.
type proxy struct {
	listener net.Listener
	backends []string
	next     atomic.Uint64

	refusing atomic.Bool  // closes what comes
	cutting  atomic.Int64 // how many answers are still to be cut in their middle

	mu      sync.Mutex
	hung    chan struct{} // nil, or closed when bytes may pass again
	streams map[net.Conn]bool
}

func newProxy(listen string, backends ...string) (*proxy, error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: listener, backends: backends, streams: map[net.Conn]bool{}}
	go p.serve()
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) close() {
	p.listener.Close()
	p.drop()
}

func (p *proxy) serve() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.pass(conn)
	}
}

// dial finds a backend that takes the connection, from the address the client came from.
func (p *proxy) dial(from net.Conn) (net.Conn, error) {
	dialer := net.Dialer{Timeout: time.Second}
	if client, ok := from.RemoteAddr().(*net.TCPAddr); ok && client.IP.IsLoopback() {
		dialer.LocalAddr = &net.TCPAddr{IP: client.IP}
	}
	start := p.next.Add(1)
	var last error
	for i := range p.backends {
		backend := p.backends[(start+uint64(i))%uint64(len(p.backends))]
		conn, err := dialer.Dial("tcp", backend)
		if err != nil && dialer.LocalAddr != nil {
			// A backend in another network can't be reached from a loopback address.
			conn, err = net.DialTimeout("tcp", backend, time.Second)
		}
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, last
}

func (p *proxy) pass(client net.Conn) {
	defer client.Close()
	if p.refusing.Load() || !p.wait() {
		return
	}
	server, err := p.dial(client)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.streams[client], p.streams[server] = true, true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.streams, client)
		delete(p.streams, server)
		p.mu.Unlock()
	}()
	done := make(chan struct{}, 2)
	go func() { p.copy(server, client, false); done <- struct{}{} }()
	go func() { p.copy(client, server, true); done <- struct{}{} }()
	<-done // a side that is gone takes the other along
}

// copy passes bytes on. Of an answer that is to be cut half a piece gets through.
func (p *proxy) copy(to, from net.Conn, answers bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !p.wait() {
				return
			}
			if answers && n > 100 && p.cuts() {
				_, _ = to.Write(buffer[:n/2])
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) cuts() bool {
	for {
		left := p.cutting.Load()
		if left <= 0 {
			return false
		}
		if p.cutting.CompareAndSwap(left, left-1) {
			return true
		}
	}
}

// wait keeps bytes back while the network hangs.
func (p *proxy) wait() bool {
	p.mu.Lock()
	hung := p.hung
	p.mu.Unlock()
	if hung != nil {
		<-hung
	}
	return true
}

// hang keeps everything back until the function it returns is called.
func (p *proxy) hang() (resume func()) {
	hung := make(chan struct{})
	p.mu.Lock()
	p.hung = hung
	p.mu.Unlock()
	return func() {
		p.mu.Lock()
		p.hung = nil
		p.mu.Unlock()
		close(hung)
	}
}

// drop ends all connections.
func (p *proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.streams {
		conn.Close()
	}
}

// answers returns when something takes connections there.
func answers(ctx context.Context, address string) error {
	var err error
	for range 600 {
		var conn net.Conn
		if conn, err = net.DialTimeout("tcp", address, time.Second); err == nil {
			return conn.Close()
		}
		if !sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return fmt.Errorf("nothing answers at %s: %w", address, err)
}
