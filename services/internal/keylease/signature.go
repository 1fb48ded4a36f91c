package keylease

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
)

// Signature says that a lease is one that directory gave: what processes share may be written by others, too.
type Signature struct {
	KeyID string // of the signing key; empty: it is not signed
	MAC   []byte
}

// Verify says whether a lease on a key is signed by directory.
type Verify func(ctx context.Context, digest Digest, l Lease) bool

// Of is the lease that directory's answer gives.
func Of(answer *directoryv1.ResolveKeyResponse) Lease {
	l := Lease{
		Until:     answer.GetLeaseExpireTime().AsTime(),
		Signature: Signature{KeyID: answer.GetSignature().GetSigningKeyId(), MAC: answer.GetSignature().GetMac()},
	}
	switch opens := answer.GetOpens().(type) {
	case *directoryv1.ResolveKeyResponse_Directory:
		d := opens.Directory
		l.OrganizationID, l.DirectoryID, l.KeyID, l.Suspended = d.GetOrganizationId(), d.GetDirectoryId(), d.GetApiKeyId(), d.GetSuspended()
	case *directoryv1.ResolveKeyResponse_ServiceCredential:
		c := opens.ServiceCredential
		l.Credential = &Credential{ID: c.GetId(), Organizations: c.GetOrganizationIds(), All: c.GetAllOrganizations(), Write: c.GetMayWrite()}
	default:
		l.Unknown = true // a newer directory service knows more kinds of keys; here they open nothing
	}
	return l
}

// MAC is HMAC-SHA-256, with a signing key's secret, over a key's digest, what it opens, and until when. A text or a list comes after
// its length, so that no two leases are written alike.
func MAC(secret []byte, digest Digest, l Lease) []byte {
	text := append([]byte("usher lease 1\n"), digest[:]...)
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
	flag(l.Suspended, l.Unknown, l.Credential != nil)
	if c := l.Credential; c != nil {
		add(c.ID)
		text = binary.AppendUvarint(text, uint64(len(c.Organizations)))
		add(c.Organizations...)
		flag(c.All, c.Write)
	}
	text = binary.AppendVarint(text, l.Until.UnixNano())
	mac := hmac.New(sha256.New, secret)
	mac.Write(text)
	return mac.Sum(nil)
}

// SignedBy says, in constant time, whether a lease on a key is signed with a signing key's secret.
func (l Lease) SignedBy(secret []byte, digest Digest) bool {
	return hmac.Equal(l.Signature.MAC, MAC(secret, digest, l))
}
