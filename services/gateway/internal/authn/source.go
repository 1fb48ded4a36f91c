package authn

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Source is where a request comes from.
type Source struct {
	// Remote is the other end of the connection, as host:port.
	Remote string
	// Forwarded are all the values of X-Forwarded-For.
	Forwarded []string
}

// SourceOf is where an HTTP request comes from.
func SourceOf(r *http.Request) Source {
	return Source{Remote: r.RemoteAddr, Forwarded: r.Header.Values("X-Forwarded-For")}
}

// Client is the address of the last one on the way who is no trusted proxy; not valid where the connection has none.
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
		// Each proxy adds whom it heard, so only what stands behind an address that is not trusted may be invented.
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

// share is the client's address as it has a share: the addresses of an IPv6 network of 64 bits count as one, since one client may use
// them all. Whatever has no address has one share.
func (s Source) share(trusted []netip.Prefix) netip.Addr {
	addr := s.Client(trusted)
	if addr.Is6() {
		if network, err := addr.Prefix(64); err == nil { // it has so many bits
			addr = network.Addr()
		}
	}
	return addr
}

// parseForwarded reads an address that some proxies send with a port.
func parseForwarded(text string) (netip.Addr, error) {
	text = strings.TrimSpace(text)
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), nil
	}
	addr, err := netip.ParseAddr(text)
	return addr.Unmap().WithZone(""), err
}
