package directory_test

import (
	"testing"
	"time"

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
