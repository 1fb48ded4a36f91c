package e2e

import (
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// reads reads the demo organization over gRPC and over REST, as a client behind a proxy on loopback that has this address; without an
// address, as a client on loopback. The answers must be those of a credential that opens something or, in words, of one that does not.
func (s service) reads(what, address string, opens bool) (refusal string) {
	s.u.t.Helper()
	ctx := s.ctx()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.u.addrs.Admin+"/api/v1/organizations/demo", nil)
	s.u.must(err)
	request.Header.Set("Authorization", "Bearer "+s.secret)
	if address != "" {
		request.Header.Set("X-Forwarded-For", address)
		ctx = metadata.AppendToOutgoingContext(ctx, "x-forwarded-for", address)
	}
	_, err = s.u.organizations().GetOrganization(ctx, &directoryv1.GetOrganizationRequest{OrganizationId: demo})
	response, failed := http.DefaultClient.Do(request)
	s.u.must(failed)
	defer response.Body.Close()
	body, failed := io.ReadAll(response.Body)
	s.u.must(failed)
	if opens {
		if err != nil || response.StatusCode != http.StatusOK {
			s.u.t.Errorf("%s: %v over gRPC, %d %s over REST", what, err, response.StatusCode, body)
		}
		return ""
	}
	if f := rpc.Fault(err); f == nil || f.Reason != fault.Unauthenticated || response.StatusCode != http.StatusUnauthorized {
		s.u.t.Errorf("%s: %v over gRPC, %d %s over REST", what, err, response.StatusCode, body)
	}
	return rpc.Fault(err).Error() + string(body)
}

func TestTheLifeOfCredentials(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		for name, scenario := range map[string]func(t *testing.T, u *usher){
			"addresses": forItsAddressesAlone, "rotation": rotatedWithAnOverlap, "uses and refusals": usesAndRefusalsAreShown,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				scenario(t, &usher{t: t, conn: u.conn, token: u.token, addrs: u.addrs})
			})
		}
	})
}

// A stranger cannot learn from the answer that the credential exists. Invariant 4.
func forItsAddressesAlone(t *testing.T, u *usher) {
	near := u.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{
		OrganizationIds: []string{demo}, AddressRanges: []string{"127.0.0.1", "::1"},
	}})
	far := u.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{
		OrganizationIds: []string{demo}, AddressRanges: []string{"192.0.2.0/24", "2001:db8::/32"},
	}})
	near.reads("loopback, allowed", "", true)
	far.reads("an allowed network", "192.0.2.9", true)
	far.reads("an allowed network of IPv6", "2001:db8::9", true)
	unknown := service{u: u, secret: bearer.ServiceCredential.New().Reveal()}.reads("an unknown credential", "", false)
	for what, said := range map[string]string{
		"loopback, not allowed": far.reads("loopback, not allowed", "", false), "elsewhere": near.reads("elsewhere", "192.0.2.9", false),
		"behind two proxies, of which one is not ours": far.reads("behind two proxies", "192.0.2.9, 198.51.100.1", false),
	} {
		if said != unknown {
			t.Errorf("%s: it says %s, not %s", what, said, unknown)
		}
	}
	watch, err := u.access().WatchAccess(far.ctx(), &rulev1.WatchAccessRequest{OrganizationId: demo})
	if err == nil {
		_, err = watch.Recv()
	}
	requireReason(t, "a watch from elsewhere", err, fault.Unauthenticated)
}

// In its overlap, the old secret works as well as the new one. Without an overlap, it opens nothing after the answer. Invariant 4.
func rotatedWithAnOverlap(t *testing.T, u *usher) {
	old := u.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{OrganizationIds: []string{demo}}})
	rotate := func(s service, overlap time.Duration) service {
		t.Helper()
		r, err := u.credentials().RotateServiceCredential(u.ctx(), &directoryv1.RotateServiceCredentialRequest{Id: s.id, Overlap: durationpb.New(overlap)})
		u.must(err)
		return service{u, r.GetServiceCredential().GetId(), r.GetSecret()}
	}
	second := rotate(old, time.Hour)
	old.reads("in the overlap, with the old secret", "", true)
	second.reads("in the overlap, with the new secret", "", true)
	third := rotate(second, 0)
	second.reads("without an overlap, with the old secret", "", false)
	third.reads("without an overlap, with the new secret", "", true)
	old.reads("still in the first overlap", "", true)

	d := u.newDirectory(nil)
	listed, err := u.keys().ListApiKeys(u.ctx(), &directoryv1.ListApiKeysRequest{OrganizationId: demo, DirectoryId: d.id})
	u.must(err)
	id := listed.GetApiKeys()[0].GetId()
	d.send(http.MethodGet, "/Users", "", http.StatusOK)
	for _, overlap := range []time.Duration{time.Hour, 0} {
		before := *d
		r, err := u.keys().RotateApiKey(u.ctx(), &directoryv1.RotateApiKeyRequest{OrganizationId: demo, DirectoryId: d.id, Id: id, Overlap: durationpb.New(overlap)})
		u.must(err)
		d.key, id = r.GetSecret(), r.GetApiKey().GetId()
		want := http.StatusOK
		if overlap == 0 {
			want = http.StatusUnauthorized
		}
		before.send(http.MethodGet, "/Users", "", want)
		d.send(http.MethodGet, "/Users", "", http.StatusOK)
	}
}

// Admins see when a credential was used last and from where, and that somebody sends requests that a directory refuses.
func usesAndRefusalsAreShown(t *testing.T, u *usher) {
	started := time.Now().Truncate(time.Minute)
	d, other := u.newDirectory(nil), u.newDirectory(&directoryv1.CreateDirectoryRequest{ReplaceNone: true})
	s := u.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{OrganizationIds: []string{demo}}})
	s.reads("its organization", "192.0.2.9", true)
	d.send(http.MethodGet, "/Users", "", http.StatusOK)
	stranger := *d
	stranger.key = bearer.APIKey.New().Reveal()
	stranger.send(http.MethodGet, "/Users", "", http.StatusUnauthorized)
	stranger.key = other.key
	stranger.send(http.MethodGet, "/Users", "", http.StatusUnauthorized)

	tick := time.NewTicker(250 * time.Millisecond) // a gateway sends its notes every ten seconds
	defer tick.Stop()
	eventually(t, "the uses and refusals are shown", func() bool {
		<-tick.C
		keys, err := u.keys().ListApiKeys(u.ctx(), &directoryv1.ListApiKeysRequest{OrganizationId: demo, DirectoryId: d.id})
		u.must(err)
		credentials, err := u.credentials().ListServiceCredentials(u.ctx(), &directoryv1.ListServiceCredentialsRequest{})
		u.must(err)
		refused, err := u.directories().GetDirectory(u.ctx(), &directoryv1.GetDirectoryRequest{OrganizationId: demo, Id: d.id})
		u.must(err)
		key := keys.GetApiKeys()[0]
		credential := credentials.GetServiceCredentials()[slices.IndexFunc(credentials.GetServiceCredentials(),
			func(c *directoryv1.ServiceCredential) bool { return c.GetId() == s.id })]
		if key.GetLastUseTime() == nil || credential.GetLastUseTime() == nil || refused.GetDirectory().GetRefusedCount() < 2 {
			return false
		}
		if key.GetLastUseTime().AsTime().Before(started) || key.GetLastUseAddress() != "127.0.0.1" || credential.GetLastUseAddress() != "192.0.2.9" {
			t.Errorf("the key is %v, the credential %v", key, credential)
		}
		if r := refused.GetDirectory(); r.GetRefusedCount() != 2 || r.GetLastRefusalReason() != directoryv1.RefusalReason_REFUSAL_REASON_OTHER_DIRECTORY {
			t.Errorf("the directory is %v", r)
		}
		return true
	})
	unharmed, err := u.directories().GetDirectory(u.ctx(), &directoryv1.GetDirectoryRequest{OrganizationId: demo, Id: other.id})
	u.must(err)
	if unharmed.GetDirectory().GetRefusedCount() != 0 {
		t.Errorf("the other directory is %v", unharmed.GetDirectory())
	}
}
