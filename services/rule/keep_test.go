package rule_test

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

const organizationAdmin = "organization-admin"

// keep makes a user an organization admin with keep.
func (b *bundle) keep(ctx context.Context, user string) (*rulev1.Access, error) {
	r, err := b.access.GrantAccess(ctx, &rulev1.GrantAccessRequest{OrganizationId: acme, UserId: user, RoleId: organizationAdmin, Keep: true})
	return r.GetAccess(), err
}

// revokeAdmin takes this role from a user.
func (b *bundle) revokeAdmin(ctx context.Context, user string) error {
	_, err := b.access.RevokeAccess(ctx, &rulev1.RevokeAccessRequest{OrganizationId: acme, UserId: user, RoleId: organizationAdmin})
	return err
}

// vendor returns the context of a call by a service of the vendor that may write.
func (b *bundle) vendor() context.Context {
	return rpc.WithPrincipal(b.t.Context(), &commonv1.Principal{
		Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, AllOrganizations: true, Scopes: 254, Subject: "billing",
	})
}

// reasons returns the reasons of a user's failed events, sorted, when there are count of them.
func (b *bundle) reasons(user string, count int) (all []string) {
	b.t.Helper()
	b.eventually("the reports are delivered", func() bool {
		all = []string{}
		for _, e := range b.events.recorded() {
			if e.GetResourceId() == user {
				all = append(all, e.GetReason())
			}
		}
		return len(all) >= count
	})
	return sorted(all)
}

// Invariant 13.
func TestAGrantWithKeepCountsWhileTheUserIsInactive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.valueRule("dev", "developer")
	user, other := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	b.identity.SetRoles(user, "dev")
	b.caughtUp()
	b.must(b.grant(user, "designer"))
	b.must(b.grant(other, organizationAdmin))
	access, err := b.keep(b.admin(), user)
	b.must(access, err)
	if s := access.GetSources()[0]; !s.GetKeep() || s.GetKeptTime() != nil || s.GetGrantedBy() != "anna" || access.GetKept() {
		t.Fatalf("granted %v", access)
	}
	cursor := b.cursor()

	b.identity.SetActive(user, false)
	b.caughtUp()
	b.holds(user, organizationAdmin)
	if r := b.check(user, organizationAdmin); !r.GetKept() {
		t.Fatalf("the check says %v", r)
	}
	for _, a := range b.list(user) {
		if is := a.GetRoleId() == organizationAdmin; a.GetKept() != is || (a.GetSources()[0].GetKeptTime() != nil) != is {
			t.Fatalf("the list says %v", a)
		}
	}
	if got := b.reasons(user, 1); !slices.Equal(got, []string{"ACCESS_KEPT"}) {
		t.Fatalf("the failed events are %v", got)
	}
	b.sync()
	b.identity.Detach(acme, b.dir) // the directory is deleted
	b.caughtUp()
	b.holds(user, organizationAdmin)
	b.identity.Adopt(user, "directory-2")
	b.caughtUp()
	b.holds(user, organizationAdmin)

	// It is an effective admin: the other one may go.
	b.must(b.revoke(other, organizationAdmin))
	_, err = b.suspend(b.admin(), user)
	b.refused(fault.LastAdmin, nil, err)

	b.identity.SetActive(user, true)
	b.caughtUp()
	b.holds(user, organizationAdmin, "designer", "developer")
	if r := b.check(user, organizationAdmin); r.GetKept() {
		t.Fatalf("the check says %v", r)
	}
	for _, c := range b.changes(cursor) {
		if c.GetUserId() == user && c.GetRoleId() == organizationAdmin {
			t.Fatalf("the feed tells %v", c)
		}
	}
	if got := b.reasons(user, 1); !slices.Equal(got, []string{"ACCESS_KEPT"}) {
		t.Fatalf("the failed events are %v", got)
	}
}

// Invariant 13.
func TestOnlyTheOperatorOrASuspensionEndsAGrantWithKeep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, other := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	b.must(b.grant(other, organizationAdmin))
	b.must(b.keep(b.ctx(), user))
	b.identity.SetActive(user, false)
	b.caughtUp()
	for _, ctx := range []context.Context{b.admin(), b.vendor()} {
		b.refused(fault.AccessKept, nil, b.revokeAdmin(ctx, user))
	}
	b.holds(user, organizationAdmin)
	b.must(b.suspend(b.vendor(), user))
	b.holds(user)
	if a := b.list(user)[0]; a.GetKept() || a.GetEffective() {
		t.Fatalf("the list says %v", a)
	}
	b.resume(user)
	b.holds(user, organizationAdmin)
	cursor := b.cursor()
	b.must(nil, b.revokeAdmin(b.ctx(), user))
	b.holds(user)
	if changes := b.changes(cursor); len(changes) != 1 || changes[0].GetKind() != rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_REMOVED {
		t.Fatalf("the feed tells %v", changes)
	}
}

func TestAGrantWithKeepReplacesOneWithoutIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, other := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	b.must(b.grant(other, organizationAdmin))
	b.must(b.grant(user, organizationAdmin))
	b.identity.SetActive(user, false)
	b.caughtUp()
	b.holds(user)
	_, err := b.keep(b.vendor(), user)
	b.refused(fault.NotAllowed, nil, err)
	b.holds(user)
	// The identity provider has deactivated everybody, and the operator gives one of them the role back.
	kept, err := b.keep(b.ctx(), user)
	b.must(kept, err)
	if !kept.GetKept() || len(kept.GetSources()) != 1 || kept.GetSources()[0].GetKeptTime() == nil {
		t.Fatalf("granted %v", kept)
	}
	b.holds(user, organizationAdmin)
	for _, again := range []func() (*rulev1.Access, error){
		func() (*rulev1.Access, error) { return b.grant(user, organizationAdmin) },
		func() (*rulev1.Access, error) { return b.keep(b.admin(), user) },
	} {
		if got, err := again(); err != nil || !proto.Equal(got, kept) {
			t.Fatalf("a second grant answers %v, %v, not %v", got, err, kept)
		}
	}
}

func TestADeletedUserHoldsNothingDespiteKeep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	b.must(b.keep(b.ctx(), user))
	b.identity.DeleteUser(user)
	b.caughtUp()
	b.holds(user)
	if got := b.reasons(user, 1); !slices.Equal(got, []string{"ACCESS_KEPT"}) {
		t.Fatalf("the failed events are %v", got)
	}
}
