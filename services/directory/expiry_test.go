package directory_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

const day = 24 * time.Hour

func (b *bundle) listedCredential() *directoryv1.ServiceCredential {
	b.Helper()
	r, err := b.credentials.ListServiceCredentials(b.operator(), &directoryv1.ListServiceCredentialsRequest{PageSize: 1})
	must(b, err)
	return r.GetServiceCredentials()[0]
}

func (b *bundle) listedKey(directoryID string) *directoryv1.ApiKey {
	b.Helper()
	r, err := b.keys.ListApiKeys(b.operator(), &directoryv1.ListApiKeysRequest{OrganizationId: "acme", DirectoryId: directoryID})
	must(b, err)
	return r.GetApiKeys()[0]
}

func TestACredentialExpiresAfterAYearUnlessItsCreatorChooses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true}})
	c := made.GetServiceCredential()
	equal(t, "its lifetime", c.GetExpireTime().AsTime().Sub(c.GetCreateTime().AsTime()), 365*day)
	equal(t, "whether it never expires", c.GetNeverExpires(), false)
	b.clock.advance(365*day - time.Second)
	_, err := b.resolve(made.GetSecret())
	must(t, err)
	b.clock.advance(time.Second)
	_, err = b.resolve(made.GetSecret())
	refused(t, "after a year", err, fault.NotFound)

	always := b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, NeverExpires: true}})
	equal(t, "what does not expire", always.GetServiceCredential().GetExpireTime() == nil && always.GetServiceCredential().GetNeverExpires(), true)
	b.clock.advance(3650 * day)
	_, err = b.resolve(always.GetSecret())
	must(t, err)
}

func TestKeysAndCredentialsSayHowSoonTheyExpire(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	id := b.directory().GetDirectory().GetId()
	if state := b.listedKey(id).GetExpiryState(); state != directoryv1.ExpiryState_EXPIRY_STATE_NONE {
		t.Errorf("a key that never expires is in %s", state)
	}
	expires := timestamppb.New(b.clock.Now().Truncate(time.Microsecond).Add(31 * day))
	_, err := b.createKey(id, expires)
	must(t, err)
	b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, ExpireTime: expires}})
	for _, c := range []struct {
		left time.Duration
		want directoryv1.ExpiryState
	}{
		{30*day + time.Second, directoryv1.ExpiryState_EXPIRY_STATE_NONE},
		{30*day - time.Second, directoryv1.ExpiryState_EXPIRY_STATE_WITHIN_30_DAYS},
		{7*day + time.Second, directoryv1.ExpiryState_EXPIRY_STATE_WITHIN_30_DAYS},
		{7*day - time.Second, directoryv1.ExpiryState_EXPIRY_STATE_WITHIN_7_DAYS},
		{time.Second, directoryv1.ExpiryState_EXPIRY_STATE_WITHIN_7_DAYS},
		{-time.Second, directoryv1.ExpiryState_EXPIRY_STATE_EXPIRED},
	} {
		b.clock.advance(expires.AsTime().Add(-c.left).Sub(b.clock.Now()))
		if key, credential := b.listedKey(id).GetExpiryState(), b.listedCredential().GetExpiryState(); key != c.want || credential != c.want {
			t.Errorf("%s before the end: the key is in %s, the credential in %s, want %s", c.left, key, credential, c.want)
		}
	}
	_, err = b.revokeCredential(b.listedCredential().GetId())
	must(t, err)
	if state := b.listedCredential().GetExpiryState(); state != directoryv1.ExpiryState_EXPIRY_STATE_NONE {
		t.Errorf("a revoked credential is in %s", state)
	}
}

// A directory says when its first key ends, also in lists. A key that was rotated does not count: another one has replaced it.
func TestADirectorySaysWhenItsKeysExpire(t *testing.T) {
	t.Parallel()
	for engine, choose := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := setup(t, choose)
			b.organization("acme")
			created := b.directory().GetDirectory()
			equal(t, "the keys of a new directory", created.GetValidKeyCount(), 1)
			b.directory() // another one
			id, start := created.GetId(), b.clock.Now().Truncate(time.Microsecond)
			var keys []*directoryv1.CreateApiKeyResponse
			for _, days := range []time.Duration{20, 10} {
				key, err := b.createKey(id, timestamppb.New(start.Add(days*day)))
				must(t, err)
				keys = append(keys, key)
			}
			says := func(when string, count int32, days time.Duration) {
				t.Helper()
				got, err := b.directories.GetDirectory(b.operator(), &directoryv1.GetDirectoryRequest{OrganizationId: "acme", Id: id})
				must(t, err)
				equal(t, when+": the valid keys", got.GetDirectory().GetValidKeyCount(), count)
				var want *timestamppb.Timestamp
				if days > 0 {
					want = timestamppb.New(start.Add(days * day))
				}
				if expires := got.GetDirectory().GetEarliestKeyExpireTime(); !proto.Equal(expires, want) {
					t.Errorf("%s: the first key expires at %s, want %s", when, expires.AsTime(), want.AsTime())
				}
				list, err := b.directories.ListDirectories(b.operator(), &directoryv1.ListDirectoriesRequest{OrganizationId: "acme", ShowDeleted: true})
				must(t, err)
				if len(list.GetDirectories()) != 2 || !proto.Equal(list.GetDirectories()[0], got.GetDirectory()) || list.GetDirectories()[1].GetValidKeyCount() != 1 {
					t.Errorf("%s: the list has %v, and the directory is %v", when, list.GetDirectories(), got.GetDirectory())
				}
			}
			says("at first", 3, 10)
			_, err := b.keys.RotateApiKey(b.operator(), &directoryv1.RotateApiKeyRequest{
				OrganizationId: "acme", DirectoryId: id, Id: keys[1].GetApiKey().GetId(), Overlap: durationpb.New(day),
			})
			must(t, err)
			says("after a rotation", 4, 10) // the new key has the lifetime of the old one
			b.clock.advance(2 * day)
			says("after the overlap", 3, 10)
			_, err = b.keys.RevokeApiKey(b.operator(), &directoryv1.RevokeApiKeyRequest{OrganizationId: "acme", DirectoryId: id, Id: keys[0].GetApiKey().GetId()})
			must(t, err)
			b.clock.advance(10 * day)
			says("after the revocation and an expiry", 1, 0)
			_, err = b.directories.DeleteDirectory(b.operator(), &directoryv1.DeleteDirectoryRequest{OrganizationId: "acme", Id: id})
			must(t, err)
			says("after the deletion", 0, 0)
		})
	}
}
