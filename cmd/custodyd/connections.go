package main

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// limitedListener is a listener that keeps one address from taking all that there are: a
// connection past a limit is closed at once. Addresses of proxies, from which everybody
// comes, have no limit of their own.
type limitedListener struct {
	net.Listener
	most, ofOne int
	proxies     []netip.Prefix

	mu   sync.Mutex // guards the next two
	open int
	by   map[netip.Addr]int
}

// sendBuffer is what the system takes of an answer before it is read: 8 MB a second at 30 ms.
const sendBuffer = 256 << 10

// limitConnections returns the listener with the limits.
func limitConnections(listener net.Listener, most, ofOne int, proxies []netip.Prefix) net.Listener {
	return &limitedListener{Listener: listener, most: most, ofOne: ofOne, proxies: proxies, by: map[netip.Addr]int{}}
}

// Accept implements net.Listener.
func (c *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, proxy := c.origin(conn.RemoteAddr())
		if c.enter(from, proxy) {
			if tcp, ok := conn.(*net.TCPConn); ok {
				// Else the system keeps megabytes for whoever asks much and reads little, also
				// when the connection is long closed. An error is of one that is gone.
				_ = tcp.SetWriteBuffer(sendBuffer)
			}
			return &counted{Conn: conn, leave: sync.OnceFunc(func() { c.leave(from) })}, nil
		}
		conn.Close()
	}
}

// origin is who a connection is counted for, an IPv4 address or the 64 bits that one
// customer's IPv6 addresses begin with, and whether it is a proxy.
func (c *limitedListener) origin(address net.Addr) (from netip.Addr, proxy bool) {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	from = tcp.AddrPort().Addr().Unmap().WithZone("")
	proxy = slices.ContainsFunc(c.proxies, func(p netip.Prefix) bool { return p.Contains(from) })
	if prefix, err := from.Prefix(64); err == nil && from.Is6() {
		from = prefix.Addr()
	}
	return from, proxy
}

func (c *limitedListener) enter(from netip.Addr, proxy bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open >= c.most || c.by[from] >= c.ofOne && !proxy {
		return false
	}
	c.open++
	c.by[from]++
	return true
}

func (c *limitedListener) leave(from netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if c.by[from]--; c.by[from] == 0 {
		delete(c.by, from)
	}
}

// counted is a connection that is forgotten when it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}
