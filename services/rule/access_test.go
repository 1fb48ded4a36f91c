package rule_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

func TestManualGrantsAndRevocations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.identity.AddUser(acme, b.dir)
	access, err := b.grant(user, "developer") // before anybody has reconciled the user
	b.must(access, err)
	if !access.GetEffective() || access.GetSources()[0].GetGrantedBy() != "olga" {
		t.Fatalf("granted %v", access)
	}
	b.must(b.grant(user, "developer"))
	b.caughtUp()
	b.holds(user, "developer")
	if access, err = b.revoke(user, "developer"); err != nil || access != nil {
		t.Fatalf("revoking left %v, %v", access, err)
	}
	b.must(b.revoke(user, "developer"))
	b.holds(user)
	if changes := b.changes(""); len(changes) != 2 {
		t.Fatalf("the feed has %v", changes)
	}
}

func TestRevokingLeavesWhatRulesGive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.valueRule("dev", "developer")
	user := b.identity.AddUser(acme, b.dir)
	b.identity.SetRoles(user, "dev")
	b.caughtUp()
	b.must(b.grant(user, "developer"))
	access, err := b.revoke(user, "developer")
	if err != nil || len(access.GetSources()) != 1 || access.GetSources()[0].GetKind() != rulev1.SourceKind_SOURCE_KIND_RULE {
		t.Fatalf("left %v, %v", access, err)
	}
	b.holds(user, "developer")
}

func TestAUserThatIsDeletedWhileItIsGrantedAccessEndsWithNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	var reading atomic.Bool
	reading.Store(true)
	b.identity.Before(func(rpc string) error {
		if rpc == "StreamUserFacts, status only" && reading.CompareAndSwap(true, false) {
			// After the grant has read the user, the user is deleted, and that is followed. The read still returns the user.
			before := b.identity.User(user)
			b.identity.DeleteUser(user)
			b.caughtUp()
			b.identity.Ghost(before)
		}
		return nil
	})
	// If the access were granted first and removed later, answers in between would claim to include the deletion.
	_, err := b.grant(user, "developer")
	b.refused(fault.NotFound, nil, err)
	if changes := b.changes(""); len(changes) > 0 {
		t.Fatalf("the feed tells %v", changes)
	}
}

// Several transactions process such a batch. A grant in between is checked again. Before that, answers do not claim to include the
// deletion.
func TestAUserThatIsDeletedIsGrantedAccessWhileABatchIsDivided(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var user string
	b.identity.Quietly(func() { user = b.identity.AddUser(acme, b.dir) })
	before := b.identity.User(user)
	b.identity.Before(func(rpc string) error {
		if rpc == "ListChanges" {
			return identitytest.Unavailable()
		}
		return nil
	})
	b.identity.AddUser(acme, b.dir)
	b.identity.AddUser(acme, b.dir)
	b.identity.DeleteUser(user)
	gone := time.Now()
	var granted atomic.Bool
	b.identity.Facts(func(_ context.Context, r *identityv1.StreamUserFactsRequest) error {
		switch {
		case r.GetStatusOnly():
		case len(r.GetIds()) > 1:
			return identitytest.Failing(fault.Limit)
		case granted.CompareAndSwap(false, true):
			b.identity.Ghost(before)
			b.must(b.grant(user, "developer"))
		case r.GetIds()[0] == user:
			return identitytest.Unavailable()
		}
		return nil
	})
	b.identity.Before(nil)
	b.caughtUp()
	if r := b.check(user, "developer"); !granted.Load() || r.GetAllowed() && r.GetAsOfTime().AsTime().After(gone) {
		t.Fatalf("it is gone since %v, and the check says %v", gone, r)
	}
	b.identity.Facts(nil)
	b.eventually("the grant is gone", func() bool { return len(b.list(user)) == 0 })
	b.goesOn(acme, user)
}

func TestListAccessFiltersAndPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must(b.tenants.CreateTenant(b.ctx(), &rulev1.CreateTenantRequest{OrganizationId: acme, Tenant: &rulev1.Tenant{Id: "depot"}}))
	var users []string
	for range 5 {
		user := b.identity.AddUser(acme, b.dir)
		users = append(users, user)
		for _, role := range []string{"participant", "developer", "organization-admin"} {
			b.must(b.grant(user, role))
		}
		b.must(b.access.GrantAccess(b.ctx(), &rulev1.GrantAccessRequest{OrganizationId: acme, UserId: user, TenantId: "depot", RoleId: "developer"}))
	}
	for name, c := range map[string]struct {
		request *rulev1.ListAccessRequest
		want    int
	}{
		"all":                   {&rulev1.ListAccessRequest{}, 20},
		"of a user":             {&rulev1.ListAccessRequest{UserId: users[2]}, 4},
		"of a tenant":           {&rulev1.ListAccessRequest{TenantId: "depot"}, 5},
		"of a role":             {&rulev1.ListAccessRequest{RoleId: "developer"}, 10},
		"of a role in a tenant": {&rulev1.ListAccessRequest{TenantId: tenant, RoleId: "developer"}, 5},
		"of a user in a tenant": {&rulev1.ListAccessRequest{TenantId: tenant, UserId: users[0]}, 2},
		"of nobody":             {&rulev1.ListAccessRequest{RoleId: "nothing"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int32{1, 3, 0} {
				var keys []string
				c.request.OrganizationId, c.request.PageSize, c.request.PageToken = acme, size, ""
				for {
					r, err := b.access.ListAccess(b.ctx(), c.request)
					if err != nil {
						t.Fatal(err)
					}
					for _, a := range r.GetAccess() {
						keys = append(keys, a.GetUserId()+" "+a.GetTenantId()+" "+a.GetRoleId())
					}
					if c.request.PageToken = r.GetNextPageToken(); c.request.GetPageToken() == "" {
						break
					}
				}
				if len(keys) != c.want || !slices.IsSorted(keys) || len(slices.Compact(keys)) != c.want {
					t.Fatalf("pages of %d gave %v", size, keys)
				}
			}
		})
	}
	first, err := b.access.ListAccess(b.ctx(), &rulev1.ListAccessRequest{OrganizationId: acme, PageSize: 1})
	b.must(first, err)
	_, err = b.access.ListAccess(b.ctx(), &rulev1.ListAccessRequest{OrganizationId: acme, RoleId: "developer", PageToken: first.GetNextPageToken()})
	b.refused(fault.PageToken, nil, err)
}

// Invariant 2.
func TestTheLastAdminCannotBeRevoked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	b.must(b.grant(one, "organization-admin"))
	_, err := b.revoke(one, "organization-admin")
	b.refused(fault.LastAdmin, nil, err)
	b.identity.SetActive(two, false)
	b.caughtUp()
	b.must(b.grant(two, "organization-admin")) // not effective
	_, err = b.revoke(one, "organization-admin")
	b.refused(fault.LastAdmin, nil, err)
	b.identity.SetActive(two, true)
	b.caughtUp()
	b.must(b.revoke(one, "organization-admin"))
	b.holds(one)
	_, err = b.revoke(two, "organization-admin")
	b.refused(fault.LastAdmin, nil, err)
}

// Invariant 2.
func TestTheLastAdminIsRetainedAndReportedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.events.fail = 3
	b.groupRule("Admins", "organization-admin", "developer")
	user := b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "Admins", user)
	b.caughtUp()
	b.identity.RemoveMember(group, user)
	b.caughtUp()
	b.holds(user, "organization-admin")
	if access := b.list(user); len(access) != 1 || !access[0].GetSources()[0].GetRetained() {
		t.Fatalf("access is %v, not retained", access)
	}
	b.identity.SetRoles(user, "x")
	b.caughtUp()
	b.sync()
	b.stop()
	b.start()
	b.eventually("the failed event is recorded", func() bool { return len(b.events.recorded()) > 0 })
	b.sync()
	events := b.events.recorded()
	if len(events) != 1 {
		t.Fatalf("%d events were recorded, not 1", len(events))
	}
	if e := events[0]; e.GetReason() != "LAST_ORGANIZATION_ADMIN" || e.GetResourceId() != user || e.GetMessageId() == "" || e.GetRemedy() == "" || e.GetTraceId() == "" {
		t.Fatalf("the event is %v", e)
	}

	// Another admin ends it, without a message of the retained user, and without applying changed rules to that user.
	b.valueRule("x", "designer")
	other := b.identity.AddUser(acme, b.dir)
	b.must(b.grant(other, "organization-admin"))
	b.eventually("the retained access ends", func() bool { return len(b.roleIDs(user)) == 0 })
	b.holds(other, "organization-admin")
}

func TestARetainedAdminIsNoLongerRetainedAfterAnotherRule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Admins", "organization-admin")
	one, two := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "Admins", one)
	b.caughtUp()
	b.identity.RemoveMember(group, one)
	b.caughtUp()
	b.holds(one, "organization-admin")
	b.identity.AddMember(group, two)
	b.caughtUp()
	b.eventually("the retained access ends", func() bool { return len(b.roleIDs(one)) == 0 })
	b.holds(two, "organization-admin")
}

func TestARetainedAdminWhomARuleGivesTheRoleAgainIsNoLongerRetained(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Admins", "organization-admin")
	user := b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "Admins", user)
	b.caughtUp()
	cursor := b.cursor()
	b.identity.RemoveMember(group, user)
	b.caughtUp()
	b.identity.AddMember(group, user)
	b.caughtUp()
	if access := b.list(user); access[0].GetSources()[0].GetRetained() {
		t.Fatalf("access is %v, still retained", access)
	}
	if changes := b.changes(cursor); len(changes) != 0 {
		t.Fatalf("the feed has %v", changes)
	}
}

func TestTheLastAdminIsNotRetainedWhenInactiveOrDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Admins", "organization-admin")
	user := b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "Admins", user)
	b.caughtUp()
	b.identity.SetActive(user, false)
	b.caughtUp()
	b.holds(user)
	b.identity.SetActive(user, true)
	b.identity.RemoveMember(group, user)
	b.caughtUp()
	b.holds(user)
	b.identity.AddMember(group, user)
	b.caughtUp()
	b.holds(user, "organization-admin")
	b.identity.DeleteUser(user)
	b.caughtUp()
	b.holds(user)
	if events := b.events.recorded(); len(events) != 0 {
		t.Fatalf("recorded %v", events)
	}
}

func TestOneOfManyAdminsWhoLoseTheRoleTogetherIsRetained(t *testing.T) {
	t.Parallel()
	b := setup(t, smallBatches)
	id := b.groupRule("Admins", "organization-admin")
	var users []string
	for range 7 {
		users = append(users, b.identity.AddUser(acme, b.dir))
	}
	b.identity.AddGroup(acme, b.dir, "Admins", users...)
	b.caughtUp()
	b.must(b.rules.DeleteRule(b.ctx(), &rulev1.DeleteRuleRequest{OrganizationId: acme, Id: id}))
	if sync := b.sync(); sync.GetAccessRemoved() != 6 {
		t.Fatalf("the sync counted %v", sync)
	}
	b.holds(users[6], "organization-admin")
}
