package keylease

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/iprange"
	"github.com/usher-scim/usher/services/internal/scope"
)

// Signature proves that directory issued a lease: others may write to the shared store as well.
type Signature struct {
	KeyID string // of the signing key; empty if the lease is not signed
	MAC   []byte
}

// Verify reports whether directory has signed a lease of a key.
type Verify func(ctx context.Context, digest Digest, l Lease) bool

// Of returns the lease in directory's answer.
func Of(answer *directoryv1.ResolveKeyResponse) Lease {
	l := Lease{
		Until:     answer.GetLeaseExpireTime().AsTime(),
		Signature: Signature{KeyID: answer.GetSignature().GetSigningKeyId(), MAC: answer.GetSignature().GetMac()},
	}
	switch opens := answer.GetOpens().(type) {
	case *directoryv1.ResolveKeyResponse_Directory:
		d := opens.Directory
		l.OrganizationID, l.DirectoryID, l.KeyID, l.Suspended = d.GetOrganizationId(), d.GetDirectoryId(), d.GetApiKeyId(), d.GetSuspended()
	case *directoryv1.ResolveKeyResponse_Api:
		l.Principal = opens.Api.GetPrincipal()
		if scope.Most(l.Principal.GetKind()) == 0 {
			l.Principal, l.Unknown = nil, true // a newer directory service knows more kinds of principals
		}
		for _, text := range opens.Api.GetAddressRanges() {
			prefix, err := iprange.Parse(text)
			if err != nil {
				return Lease{Unknown: true, Until: l.Until, Signature: l.Signature} // a newer directory service has another form
			}
			l.AddressRanges = append(l.AddressRanges, prefix)
		}
	case *directoryv1.ResolveKeyResponse_BlockedSubject:
		l.Blocked = true
	default:
		l.Unknown = true // or more kinds of keys
	}
	return l
}

// MAC returns the HMAC-SHA-256, with a signing key's secret, of a key's digest and its lease. Each text and list follows its length,
// so that no two leases have the same encoding.
func MAC(secret []byte, digest Digest, l Lease) []byte {
	text := append([]byte("usher lease 3\n"), digest[:]...)
	add := func(values ...string) {
		for _, v := range values {
			text = append(binary.AppendUvarint(text, uint64(len(v))), v...)
		}
	}
	flag := func(values ...bool) {
		for _, v := range values {
			if v {
				text = append(text, 1)
			} else {
				text = append(text, 0)
			}
		}
	}
	add(l.OrganizationID, l.DirectoryID, l.KeyID)
	flag(l.Suspended, l.Unknown, l.Blocked, l.Principal != nil)
	// Another binary may encode the fields in another order. Then the signature does not match, and the reader asks directory.
	principal, _ := proto.MarshalOptions{Deterministic: true}.Marshal(l.Principal) // it was decoded, so it can be encoded
	add(string(principal))
	text = binary.AppendUvarint(text, uint64(len(l.AddressRanges)))
	for _, p := range l.AddressRanges {
		add(p.String())
	}
	text = binary.AppendVarint(text, l.Until.UnixNano())
	mac := hmac.New(sha256.New, secret)
	mac.Write(text)
	return mac.Sum(nil)
}

// SignedBy reports, in constant time, whether a signing key's secret has signed a lease of a key.
func (l Lease) SignedBy(secret []byte, digest Digest) bool {
	return hmac.Equal(l.Signature.MAC, MAC(secret, digest, l))
}
