// Package connlimit limits how many connections a listener has open at a time: in all, and from one address. It counts connections when
// they are accepted, below TLS and any protocol, so it works for HTTP and gRPC. Nobody knows when a connection over a limit could proceed,
// because that depends on other clients. So it is closed at once.
package connlimit

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// Options are the limits of a listener.
type Options struct {
	// Total is how many connections may be open at a time; 0 is no limit.
	Total int
	// PerAddress is how many of them may come from one address; 0 is no limit. The addresses of one IPv6 network of 64 bits count as one,
	// because one client may use all of them.
	PerAddress int
	// Exempt are addresses without a PerAddress limit, such as those of proxies, which have many clients behind them.
	Exempt []netip.Prefix
	// Refused is called for each refused connection, and must not block. It may be nil.
	Refused func(Reason)
}

// Reason is the reason why a connection was refused. It comes from a closed set, so it can be the label of a metric.
type Reason string

// The reasons.
const (
	Total      Reason = "total"   // the limit of all connections is reached
	PerAddress Reason = "address" // the limit of its address is reached
)

// Listen returns a listener that accepts connections from inner within the limits. A connection counts until it is closed.
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
	from map[netip.Addr]int // of the addresses that have a share
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		source := l.source(conn.RemoteAddr())
		if refused := l.enter(source); refused != "" {
			l.options.Refused(refused) // first, so that a client that sees the close finds it counted
			_ = conn.Close()           // it is refused: nobody can receive an error
			continue
		}
		return &connection{Conn: conn, leave: sync.OnceFunc(func() { l.leave(source) })}, nil
	}
}

// source returns the address that has a share of the connections, or the zero address if it has none.
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
		if network, err := addr.Prefix(64); err == nil { // an IPv6 address has 64 bits
			addr = network.Addr()
		}
	}
	return addr
}

// enter counts a connection, or returns the reason why it may not be opened.
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

// connection counts until it is closed. It is safe to close it several times.
type connection struct {
	net.Conn
	leave func()
}

func (c *connection) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
