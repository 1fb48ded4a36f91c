package keylease

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
)

func ranges(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestASignatureCoversEachPartOfALease(t *testing.T) {
	t.Parallel()
	secret, digest, until := []byte("secret"), Digest{1}, time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	key := Lease{OrganizationID: "acme", DirectoryID: "d", KeyID: "k", Until: until}
	service := func(change func(*commonv1.Principal)) Lease {
		p := &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c", OrganizationIds: []string{"a", "b"}, Scopes: 2}
		change(p)
		return Lease{Principal: p, Until: until}
	}
	credential := service(func(*commonv1.Principal) {})
	for name, l := range map[string]Lease{"a key": key, "a credential": credential} {
		l.Signature = Signature{KeyID: "s", MAC: MAC(secret, digest, l)}
		if !l.SignedBy(secret, digest) || l.SignedBy([]byte("other"), digest) || l.SignedBy(secret, Digest{2}) {
			t.Errorf("%s: its signature is not that of this secret and this digest", name)
		}
	}
	seen := [][]byte{MAC(secret, digest, key), MAC(secret, digest, credential)}
	for name, change := range map[string]func() Lease{
		"another organization":  func() Lease { l := key; l.OrganizationID = "acm"; return l },
		"letters moved":         func() Lease { l := key; l.OrganizationID, l.DirectoryID = "acm", "ed"; return l },
		"another directory":     func() Lease { l := key; l.DirectoryID = "e"; return l },
		"another key":           func() Lease { l := key; l.KeyID = "l"; return l },
		"suspended":             func() Lease { l := key; l.Suspended = true; return l },
		"unknown":               func() Lease { l := key; l.Unknown = true; return l },
		"a later end":           func() Lease { l := key; l.Until = until.Add(1); return l },
		"another credential":    func() Lease { return service(func(p *commonv1.Principal) { p.Subject = "d" }) },
		"one organization less": func() Lease { return service(func(p *commonv1.Principal) { p.OrganizationIds = []string{"a"} }) },
		"organizations in one":  func() Lease { return service(func(p *commonv1.Principal) { p.OrganizationIds = []string{"ab"} }) },
		"all organizations":     func() Lease { return service(func(p *commonv1.Principal) { p.AllOrganizations = true }) },
		"another scope":         func() Lease { return service(func(p *commonv1.Principal) { p.Scopes = 4 }) },
		"another kind": func() Lease {
			return service(func(p *commonv1.Principal) { p.Kind = commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR })
		},
		"a bound directory":          func() Lease { return service(func(p *commonv1.Principal) { p.OneDirectory = true }) },
		"blocked":                    func() Lease { l := key; l.Blocked = true; return l },
		"an address range":           func() Lease { l := credential; l.AddressRanges = ranges("10.0.0.0/8"); return l },
		"another address range":      func() Lease { l := credential; l.AddressRanges = ranges("10.0.0.0/9"); return l },
		"two address ranges":         func() Lease { l := credential; l.AddressRanges = ranges("10.0.0.0/8", "::/0"); return l },
		"no principal":               func() Lease { return Lease{Until: until} },
		"a key that is a credential": func() Lease { l := key; l.Principal = credential.Principal; return l },
	} {
		mac := MAC(secret, digest, change())
		for _, other := range seen {
			if bytes.Equal(mac, other) {
				t.Errorf("%s: it is signed as another lease is", name)
			}
		}
		seen = append(seen, mac)
	}
}
