// Package iprange parses ranges of IP addresses: networks such as 10.0.0.0/8, and single addresses.
package iprange

import (
	"fmt"
	"net/netip"
	"strings"
)

// ipv4InIPv6 is how many bits of an IPv6 address come before an IPv4 address in it (RFC 4291 §2.5.5.2).
const ipv4InIPv6 = 96

// Parse parses an address or a network, into its canonical form: a single address is a network of itself, the bits after the network are
// 0, and an IPv4 address in IPv6 form is an IPv4 address. It refuses an address with a zone.
func Parse(text string) (netip.Prefix, error) {
	addr, err := netip.ParseAddr(text)
	prefix := netip.PrefixFrom(addr, addr.BitLen())
	if strings.Contains(text, "/") {
		prefix, err = netip.ParsePrefix(text)
		addr = prefix.Addr()
	}
	if mapped := addr.Is4In6(); mapped && err == nil {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-ipv4InIPv6)
	}
	if err != nil || addr.Zone() != "" || !prefix.IsValid() {
		return netip.Prefix{}, fmt.Errorf("%q is no address, and no network such as 10.0.0.0/8", text)
	}
	return prefix.Masked(), nil
}
