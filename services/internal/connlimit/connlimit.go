// Package connlimit bounds how many connections a listener has open at a time: in all, and from one address. It counts
// where connections are accepted, below TLS and any protocol, so that it serves HTTP and gRPC alike. What a connection
// over a limit would wait for is up to others, so it is closed at once.
package connlimit

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// Options are a listener's limits.
type Options struct {
	// Total is how many connections may be open at a time; 0 is any number.
	Total int
	// PerAddress is how many of them may come from one address; 0 is any number. The addresses of one IPv6 network of 64
	// bits count as one, since one client may use them all.
	PerAddress int
	// Exempt are addresses that PerAddress is not for, such as those of proxies: behind one of them are many clients.
	Exempt []netip.Prefix
	// Refused hears of each connection that is refused, and must not block. It may be nil.
	Refused func(Reason)
}

// Reason is why a connection was refused. It is from a closed set, and fit for a metric's label.
type Reason string

// The reasons.
const (
	Total      Reason = "total"   // as many are open as may be
	PerAddress Reason = "address" // as many are open from its address as may be
)

// Listen gives a listener that accepts from inner what the limits allow. A connection counts until it is closed.
func Listen(inner net.Listener, o Options) net.Listener {
	if o.Refused == nil {
		o.Refused = func(Reason) {}
	}
	return &listener{Listener: inner, options: o, from: map[netip.Addr]int{}}
}

type listener struct {
	net.Listener
	options Options

	mu   sync.Mutex
	open int
	from map[netip.Addr]int // of those that have a share
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		source := l.source(conn.RemoteAddr())
		if refused := l.enter(source); refused != "" {
			l.options.Refused(refused) // first: a client that sees the end finds it counted
			_ = conn.Close()           // it is turned away: nobody is left to tell
			continue
		}
		return &connection{Conn: conn, leave: sync.OnceFunc(func() { l.leave(source) })}, nil
	}
}

// source is what has a share of the connections; the zero address has none.
func (l *listener) source(remote net.Addr) netip.Addr {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok || l.options.PerAddress == 0 {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	if slices.ContainsFunc(l.options.Exempt, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return netip.Addr{}
	}
	if addr.Is6() {
		if network, err := addr.Prefix(64); err == nil { // it has so many bits
			addr = network.Addr()
		}
	}
	return addr
}

// enter counts a connection, or says why it may not be opened.
func (l *listener) enter(source netip.Addr) Reason {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.options.Total > 0 && l.open >= l.options.Total:
		return Total
	case source.IsValid() && l.from[source] >= l.options.PerAddress:
		return PerAddress
	}
	l.open++
	if source.IsValid() {
		l.from[source]++
	}
	return ""
}

func (l *listener) leave(source netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if !source.IsValid() {
		return
	}
	if l.from[source]--; l.from[source] == 0 {
		delete(l.from, source)
	}
}

// connection counts until it is closed, however often that is.
type connection struct {
	net.Conn
	leave func()
}

func (c *connection) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
