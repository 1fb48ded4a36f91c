package e2e

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// service is one of the vendor's services.
type service struct {
	u      *usher
	id     string
	secret string
}

func (u *usher) credentials() directoryv1.ServiceCredentialServiceClient {
	return directoryv1.NewServiceCredentialServiceClient(u.conn)
}

func (u *usher) organizations() directoryv1.OrganizationServiceClient {
	return directoryv1.NewOrganizationServiceClient(u.conn)
}

func (u *usher) tenants() rulev1.TenantServiceClient { return rulev1.NewTenantServiceClient(u.conn) }

// service makes a credential for one. Without scopes, the credential can read access and people.
func (u *usher) service(r *directoryv1.CreateServiceCredentialRequest) service {
	u.t.Helper()
	if r.GetServiceCredential().GetScopes() == nil {
		r.ServiceCredential.Scopes = []commonv1.Scope{commonv1.Scope_SCOPE_READ_ACCESS, commonv1.Scope_SCOPE_READ_PEOPLE}
	}
	r.ServiceCredential.DisplayName = u.t.Name()[:min(len(u.t.Name()), 200)]
	made, err := u.credentials().CreateServiceCredential(u.ctx(), r)
	if err != nil {
		u.t.Fatalf("creating a credential: %v", err)
	}
	return service{u, made.GetServiceCredential().GetId(), made.GetSecret()}
}

// ctx is a context of the service, with a deadline that only a hang reaches.
func (s service) ctx() context.Context {
	ctx, cancel := context.WithTimeout(s.u.t.Context(), 2*time.Minute)
	s.u.t.Cleanup(cancel)
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+s.secret)
}

// rest sends a request to the REST of the same RPCs. Who calls it closes the body.
func (s service) rest(method, path, body string) *http.Response {
	s.u.t.Helper()
	request, err := http.NewRequestWithContext(s.ctx(), method, "http://"+s.u.addrs.Admin+path, strings.NewReader(body))
	if err != nil {
		s.u.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.secret)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.u.t.Fatal(err)
	}
	return response
}

func requireReason(t *testing.T, what string, err error, want fault.Reason) *fault.Error {
	t.Helper()
	f := rpc.Fault(err)
	if f == nil || f.Reason != want {
		t.Fatalf("%s: got %v, want %s", what, err, fault.ReasonName(want))
	}
	return f
}

// A service reads and follows the organization of its credential, and nothing else, until the credential is revoked.
// Invariant 5.
func TestAServiceReadsAndWatchesItsOrganizationAndNoOther(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		if _, err := u.organizations().CreateOrganization(u.ctx(), &directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: "other"}}); err != nil {
			t.Fatal(err)
		}
		d := u.newDirectory(nil)
		s := u.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{OrganizationIds: []string{demo}}})

		cursor, err := u.access().GetAccessCursor(s.ctx(), &rulev1.GetAccessCursorRequest{OrganizationId: demo})
		if err != nil {
			t.Fatal(err)
		}
		watch, err := u.access().WatchAccess(s.ctx(), &rulev1.WatchAccessRequest{OrganizationId: demo, AfterCursor: cursor.GetCursor()})
		if err != nil {
			t.Fatal(err)
		}
		watched := s.rest("GET", "/api/v1/organizations/demo/access:watch", "")
		defer watched.Body.Close()
		lines := bufio.NewScanner(watched.Body)
		ann := d.user("ann")
		d.group("Designers", ann)
		u.caughtUp()
		for heard := false; !heard; {
			got, err := watch.Recv()
			if err != nil {
				t.Fatalf("the watch ended: %v", err)
			}
			heard = got.GetChange().GetUserId() == ann // others are bookmarks
		}
		for !strings.Contains(lines.Text(), ann) {
			if !lines.Scan() {
				t.Fatal("the watch over REST ended")
			}
		}
		if r, err := u.access().CheckAccess(s.ctx(), &rulev1.CheckAccessRequest{OrganizationId: demo, UserId: ann, TenantId: "production", RoleId: "designer"}); err != nil || !r.GetAllowed() {
			t.Errorf("checking: %v, %v", r, err)
		}
		if r, err := u.read().BatchGetUsers(s.ctx(), &identityv1.BatchGetUsersRequest{OrganizationId: demo, Ids: []string{ann}}); err != nil || len(r.GetUsers()) != 1 {
			t.Errorf("reading users: %v, %v", r, err)
		}
		if _, err := rulev1.NewRoleServiceClient(u.conn).ListRoles(s.ctx(), &rulev1.ListRolesRequest{}); err != nil {
			t.Errorf("reading roles: %v", err)
		}

		// It changes nothing, and manages nothing.
		for what, call := range map[string]func(ctx context.Context) error{
			"granting": func(ctx context.Context) error {
				_, err := u.access().GrantAccess(ctx, &rulev1.GrantAccessRequest{OrganizationId: demo, UserId: ann, TenantId: "staging", RoleId: "designer"})
				return err
			},
			"adding a tenant": func(ctx context.Context) error {
				_, err := u.tenants().CreateTenant(ctx, &rulev1.CreateTenantRequest{OrganizationId: demo, Tenant: &rulev1.Tenant{Id: "qa"}})
				return err
			},
			"unfederating": func(ctx context.Context) error {
				_, err := u.organizations().UpdateOrganization(ctx, &directoryv1.UpdateOrganizationRequest{OrganizationId: demo, Organization: &directoryv1.Organization{DisplayName: proto.String("x")}})
				return err
			},
			"listing organizations": func(ctx context.Context) error {
				_, err := u.organizations().ListOrganizations(ctx, &directoryv1.ListOrganizationsRequest{})
				return err
			},
			"making itself a key": func(ctx context.Context) error {
				_, err := u.keys().CreateApiKey(ctx, &directoryv1.CreateApiKeyRequest{OrganizationId: demo, DirectoryId: d.id, ApiKey: &directoryv1.ApiKey{}})
				return err
			},
			"making itself a credential": func(ctx context.Context) error {
				_, err := u.credentials().CreateServiceCredential(ctx, &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{DisplayName: "x", AllOrganizations: true, Scopes: []commonv1.Scope{commonv1.Scope_SCOPE_READ_ACCESS}}})
				return err
			},
			"reading failed events": func(ctx context.Context) error {
				_, err := u.events().ListFailedEvents(ctx, &failedeventsv1.ListFailedEventsRequest{OrganizationId: demo})
				return err
			},
		} {
			want := fault.ScopeMissing
			if what == "listing organizations" || what == "making itself a credential" {
				want = fault.NotAllowed // no scope allows this to a service of one organization
			}
			requireReason(t, what, call(s.ctx()), want)
		}
		denied := s.rest("POST", "/api/v1/organizations/demo/tenants", `{"id":"qa"}`)
		denied.Body.Close()
		if denied.StatusCode != http.StatusForbidden {
			t.Errorf("adding a tenant over REST: %d", denied.StatusCode)
		}

		// Another organization's answer is that of one which does not exist.
		said := map[string]bool{}
		for _, organization := range []string{"other", "nowhere"} {
			_, err := u.organizations().GetOrganization(s.ctx(), &directoryv1.GetOrganizationRequest{OrganizationId: organization})
			said[requireReason(t, "reading "+organization, err, fault.NotAllowed).Message] = true
			_, err = u.access().ListAccess(s.ctx(), &rulev1.ListAccessRequest{OrganizationId: organization})
			said[requireReason(t, "listing access in "+organization, err, fault.NotAllowed).Message] = true
			other, err := u.access().WatchAccess(s.ctx(), &rulev1.WatchAccessRequest{OrganizationId: organization})
			if err == nil {
				_, err = other.Recv()
			}
			said[requireReason(t, "watching "+organization, err, fault.NotAllowed).Message] = true
		}
		if len(said) != 1 {
			t.Errorf("the answers differ: %v", said)
		}

		// It is no API key, and an API key is no service credential.
		real := d.key
		d.key = s.secret
		d.send("GET", "/Users", "", http.StatusUnauthorized)
		d.key = real
		d.send("GET", "/Users", "", http.StatusOK)
		_, err = u.organizations().GetOrganization(service{u: u, secret: real}.ctx(), &directoryv1.GetOrganizationRequest{OrganizationId: demo})
		requireReason(t, "an API key on the public face", err, fault.Unauthenticated)

		if _, err := u.credentials().RevokeServiceCredential(u.ctx(), &directoryv1.RevokeServiceCredentialRequest{Id: s.id}); err != nil {
			t.Fatal(err)
		}
		_, err = u.access().ListAccess(s.ctx(), &rulev1.ListAccessRequest{OrganizationId: demo})
		requireReason(t, "after the revocation", err, fault.Unauthenticated)
		gone := s.rest("GET", "/api/v1/organizations/demo", "")
		gone.Body.Close()
		if gone.StatusCode != http.StatusUnauthorized {
			t.Errorf("after the revocation, over REST: %d", gone.StatusCode)
		}
		for err = nil; err == nil; {
			_, err = watch.Recv()
		}
		requireReason(t, "the watch after the revocation", err, fault.Unauthenticated)
		last := ""
		for lines.Scan() {
			last = lines.Text()
		}
		if !strings.Contains(last, `"UNAUTHENTICATED"`) {
			t.Errorf("the watch over REST ended with %q", last)
		}
	})
}

// A sign-up service makes organizations with their tenants, and gives their first users roles.
func TestAServiceOfAllOrganizationsSignsCustomersUp(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		s := u.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, Scopes: []commonv1.Scope{commonv1.Scope_SCOPE_MANAGE_ORGANIZATIONS, commonv1.Scope_SCOPE_GRANT_ACCESS, commonv1.Scope_SCOPE_READ_ACCESS, commonv1.Scope_SCOPE_READ_PEOPLE}}})
		if _, err := u.organizations().CreateOrganization(s.ctx(), &directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: "acme", Federated: proto.Bool(true)}}); err != nil {
			t.Fatal(err)
		}
		if _, err := u.tenants().CreateTenant(s.ctx(), &rulev1.CreateTenantRequest{OrganizationId: "acme", Tenant: &rulev1.Tenant{Id: "main"}}); err != nil {
			t.Fatal(err)
		}
		if r, err := u.organizations().ListOrganizations(s.ctx(), &directoryv1.ListOrganizationsRequest{}); err != nil || len(r.GetOrganizations()) != 2 {
			t.Errorf("listing organizations: %v, %v", r, err)
		}
		ann := u.newDirectory(nil).user("ann")
		u.caughtUp()
		granted, err := u.access().GrantAccess(s.ctx(), &rulev1.GrantAccessRequest{OrganizationId: demo, UserId: ann, TenantId: "staging", RoleId: "designer"})
		if err != nil || granted.GetAccess().GetSources()[0].GetGrantedBy() != s.id {
			t.Errorf("granting: %v, %v", granted, err)
		}
		if _, err := u.access().RevokeAccess(s.ctx(), &rulev1.RevokeAccessRequest{OrganizationId: demo, UserId: ann, TenantId: "staging", RoleId: "designer"}); err != nil {
			t.Errorf("revoking: %v", err)
		}
		_, err = u.organizations().GetOrganization(s.ctx(), &directoryv1.GetOrganizationRequest{OrganizationId: "nowhere"})
		requireReason(t, "an organization that does not exist", err, fault.NotFound)
		_, err = u.directories().CreateDirectory(s.ctx(), &directoryv1.CreateDirectoryRequest{OrganizationId: "acme", Directory: &directoryv1.Directory{DisplayName: proto.String("x")}})
		requireReason(t, "connecting an IdP", err, fault.ScopeMissing)
	})
}

func TestACredentialExpires(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		expires := time.Now().Add(2 * time.Second)
		s := u.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{OrganizationIds: []string{demo}, ExpireTime: timestamppb.New(expires)}})
		watch, err := u.access().WatchAccess(s.ctx(), &rulev1.WatchAccessRequest{OrganizationId: demo})
		if err != nil {
			t.Fatal(err)
		}
		for err = nil; err == nil; {
			_, err = watch.Recv()
		}
		requireReason(t, "the watch", err, fault.Unauthenticated)
		if time.Now().Before(expires) {
			t.Error("it ended before its credential did")
		}
		_, err = u.organizations().GetOrganization(s.ctx(), &directoryv1.GetOrganizationRequest{OrganizationId: demo})
		requireReason(t, "a call", err, fault.Unauthenticated)
	})
}
