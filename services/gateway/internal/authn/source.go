package authn

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Source is the origin of a request.
type Source struct {
	// Remote is the other end of the connection, as host:port.
	Remote string
	// Forwarded contains all values of X-Forwarded-For.
	Forwarded []string
}

// SourceOf returns the source of an HTTP request.
func SourceOf(r *http.Request) Source {
	return Source{Remote: r.RemoteAddr, Forwarded: r.Header.Values("X-Forwarded-For")}
}

// Client returns the address of the last hop that is not a trusted proxy. The address is invalid if the connection has none.
func (s Source) Client(trusted []netip.Prefix) netip.Addr {
	remote, err := netip.ParseAddrPort(s.Remote)
	if err != nil {
		return netip.Addr{}
	}
	addr := remote.Addr().Unmap().WithZone("")
	trusts := func() bool {
		return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
	}
	if trusts() {
		// Each proxy appends the address of its client. So only the addresses before one that is not trusted may be invented.
		way := strings.Split(strings.Join(s.Forwarded, ","), ",")
		for i := len(way) - 1; i >= 0 && trusts(); i-- {
			before, err := parseForwarded(way[i])
			if err != nil {
				break // the proxy's own address
			}
			addr = before
		}
	}
	return addr
}

// share returns the client's address for counting shares. The addresses of an IPv6 network of 64 bits count as one, because one client may
// use all of them. All clients without an address share one.
func (s Source) share(trusted []netip.Prefix) netip.Addr {
	addr := s.Client(trusted)
	if addr.Is6() {
		if network, err := addr.Prefix(64); err == nil { // an IPv6 address has 64 bits
			addr = network.Addr()
		}
	}
	return addr
}

// parseForwarded parses an address; some proxies add a port to it.
func parseForwarded(text string) (netip.Addr, error) {
	text = strings.TrimSpace(text)
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), nil
	}
	addr, err := netip.ParseAddr(text)
	return addr.Unmap().WithZone(""), err
}
