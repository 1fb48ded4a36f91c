package keylease

import (
	"bytes"
	"testing"
	"time"
)

func TestASignatureCoversEachPartOfALease(t *testing.T) {
	t.Parallel()
	secret, digest, until := []byte("secret"), Digest{1}, time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	key := Lease{OrganizationID: "acme", DirectoryID: "d", KeyID: "k", Until: until}
	credential := Lease{Credential: &Credential{ID: "c", Organizations: []string{"a", "b"}}, Until: until}
	for name, l := range map[string]Lease{"a key": key, "a credential": credential} {
		l.Signature = Signature{KeyID: "s", MAC: MAC(secret, digest, l)}
		if !l.SignedBy(secret, digest) || l.SignedBy([]byte("other"), digest) || l.SignedBy(secret, Digest{2}) {
			t.Errorf("%s: its signature is not that of this secret and this digest", name)
		}
	}
	seen := [][]byte{MAC(secret, digest, key), MAC(secret, digest, credential)}
	for name, change := range map[string]func() Lease{
		"another organization": func() Lease { l := key; l.OrganizationID = "acm"; return l },
		"letters moved":        func() Lease { l := key; l.OrganizationID, l.DirectoryID = "acm", "ed"; return l },
		"another directory":    func() Lease { l := key; l.DirectoryID = "e"; return l },
		"another key":          func() Lease { l := key; l.KeyID = "l"; return l },
		"suspended":            func() Lease { l := key; l.Suspended = true; return l },
		"unknown":              func() Lease { l := key; l.Unknown = true; return l },
		"a later end":          func() Lease { l := key; l.Until = until.Add(1); return l },
		"another credential": func() Lease {
			l := credential
			l.Credential = &Credential{ID: "d", Organizations: []string{"a", "b"}}
			return l
		},
		"one organization less": func() Lease {
			l := credential
			l.Credential = &Credential{ID: "c", Organizations: []string{"a"}}
			return l
		},
		"organizations in one": func() Lease {
			l := credential
			l.Credential = &Credential{ID: "c", Organizations: []string{"ab"}}
			return l
		},
		"all organizations": func() Lease {
			l := credential
			l.Credential = &Credential{ID: "c", Organizations: []string{"a", "b"}, All: true}
			return l
		},
		"a credential that writes": func() Lease {
			l := credential
			l.Credential = &Credential{ID: "c", Organizations: []string{"a", "b"}, Write: true}
			return l
		},
		"a key that is a credential": func() Lease { l := key; l.Credential = credential.Credential; return l },
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
