package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// An IdP deactivates an organization's admin, whose role was granted with keep. Invariant 13.
func TestABreakGlassAdminOutlivesADeactivation(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		ann, bob := d.user("ann@example.com"), d.user("bob@example.com")
		d.group("Studio", ann)
		if _, err := u.rules().CreateRule(u.ctx(), &rulev1.CreateRuleRequest{OrganizationId: demo, Rule: &rulev1.Rule{
			Match:  &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: "Studio"}},
			Grants: []*rulev1.Grant{{TenantId: "production", RoleId: "designer"}},
		}}); err != nil {
			t.Fatal(err)
		}
		u.sync()
		const admin = "organization-admin"
		for user, keep := range map[string]bool{ann: true, bob: false} {
			if _, err := u.access().GrantAccess(u.ctx(), &rulev1.GrantAccessRequest{
				OrganizationId: demo, UserId: user, RoleId: admin, Keep: keep,
			}); err != nil {
				t.Fatal(err)
			}
		}
		services := u.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{
			OrganizationIds: []string{demo}, Scopes: []commonv1.Scope{commonv1.Scope_SCOPE_GRANT_ACCESS, commonv1.Scope_SCOPE_READ_ACCESS},
		}})
		// expect compares what the users hold, and what a check of ann over REST says about its keeping.
		expect := func(step string, kept bool, want ...string) {
			t.Helper()
			u.caughtUp()
			var got []string
			for held := range u.held() {
				got = append(got, map[string]string{ann: "ann", bob: "bob"}[held[:len(ann)]]+held[len(ann):])
			}
			slices.Sort(got)
			response := services.rest(http.MethodGet, "/api/v1/organizations/"+demo+"/users/"+ann+"/access:check?roleId="+admin, "")
			defer response.Body.Close()
			var check struct{ Allowed, Kept bool }
			if err := json.NewDecoder(response.Body).Decode(&check); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) || check.Allowed != slices.Contains(want, "ann /"+admin) || check.Kept != kept {
				t.Fatalf("%s: held are %q, not %q, and the check says %+v", step, got, want, check)
			}
		}
		expect("active", false, "ann /"+admin, "ann production/designer", "bob /"+admin)
		d.patch("/Users/"+ann, "Replace", "active", "False", http.StatusOK)
		d.patch("/Users/"+bob, "Replace", "active", "False", http.StatusOK)
		expect("deactivated", true, "ann /"+admin)

		revoke := &rulev1.RevokeAccessRequest{OrganizationId: demo, UserId: ann, RoleId: admin}
		response := services.rest(http.MethodPost, "/api/v1/organizations/"+demo+"/access:revoke", `{"userId": "`+ann+`", "roleId": "`+admin+`"}`)
		defer response.Body.Close()
		if response.StatusCode != http.StatusConflict {
			t.Fatalf("a revocation by a service is answered with %s", response.Status)
		}
		_, err := rulev1.NewAccessServiceClient(u.conn).RevokeAccess(services.ctx(), revoke)
		requireReason(t, "a revocation by a service", err, fault.AccessKept)
		expect("after that", true, "ann /"+admin)

		if _, err := u.access().SuspendAccess(u.ctx(), &rulev1.SuspendAccessRequest{OrganizationId: demo, UserId: ann, Reason: "a leak"}); err != nil {
			t.Fatal(err)
		}
		expect("suspended", false)
		if _, err := u.access().ResumeAccess(u.ctx(), &rulev1.ResumeAccessRequest{OrganizationId: demo, UserId: ann}); err != nil {
			t.Fatal(err)
		}
		expect("resumed", true, "ann /"+admin)
		d.patch("/Users/"+bob, "replace", "", map[string]any{"active": true}, http.StatusOK)
		expect("another admin is back", true, "ann /"+admin, "bob /"+admin)
		if _, err := u.access().RevokeAccess(u.ctx(), revoke); err != nil {
			t.Fatal(err)
		}
		expect("revoked by the operator", false, "bob /"+admin)

		// The operator gives a deactivated user the role back, until the IdP has activated the user again, and after that.
		if _, err := u.access().GrantAccess(u.ctx(), &rulev1.GrantAccessRequest{OrganizationId: demo, UserId: ann, RoleId: admin, Keep: true}); err != nil {
			t.Fatal(err)
		}
		expect("granted while inactive", true, "ann /"+admin, "bob /"+admin)
		d.patch("/Users/"+ann, "replace", "", map[string]any{"active": true}, http.StatusOK)
		expect("active again", false, "ann /"+admin, "ann production/designer", "bob /"+admin)
		d.send("DELETE", "/Users/"+ann, "", http.StatusNoContent)
		expect("deleted", false, "bob /"+admin)
		// The deactivation and the deletion were reported, each once.
		var reported []*failedeventsv1.FailedEvent
		eventually(t, "both are reported", func() bool {
			reported = slices.DeleteFunc(u.waitForEvents(2), func(e *failedeventsv1.FailedEvent) bool {
				return e.GetResourceId() != ann || e.GetReason() != "ACCESS_KEPT" || e.GetMessageId() == ""
			})
			return len(reported) >= 2
		})
		if len(reported) > 2 {
			t.Fatalf("reported are %v", reported)
		}
	})
}
