package kit

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy is a TCP listener on loopback that forwards to a server until a test cuts it, as a network between two parties would.
type Proxy struct {
	listener net.Listener
	network  string
	target   string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]struct{} // both ends of each connection
	ended sync.WaitGroup
}

// StartProxy starts a proxy that ends with the test. The target is an address of a network, such as "unix" and the path of a socket.
func StartProxy(t testing.TB, network, target string) *Proxy {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: listener, network: network, target: target, conns: map[net.Conn]struct{}{}}
	p.ended.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.Cut()
		p.ended.Wait()
	})
	return p
}

// Addr returns the address of the proxy, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut breaks every connection, and each new one at once.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for conn := range p.conns {
		_ = conn.Close()
	}
}

// Mend lets new connections through again.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

func (p *Proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.ended.Go(func() { p.lead(from) })
	}
}

// lead copies in both directions until one end closes.
func (p *Proxy) lead(from net.Conn) {
	if !p.keep(from) {
		return
	}
	defer p.drop(from)
	to, err := net.Dial(p.network, p.target) //nolint:noctx // it is on this machine
	if err != nil || !p.keep(to) {
		return
	}
	defer p.drop(to)
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(from, to)
		_ = from.Close()
	}()
	_, _ = io.Copy(to, from)
	_ = to.Close()
	<-back
}

// keep stores a connection for Cut, or closes it if the proxy is cut.
func (p *Proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		_ = conn.Close()
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *Proxy) drop(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = conn.Close()
	delete(p.conns, conn)
}
