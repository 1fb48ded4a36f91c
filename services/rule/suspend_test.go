package rule_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

// admin returns the context of a call by an organization's admin.
func (b *bundle) admin() context.Context {
	return rpc.WithPrincipal(b.t.Context(), rpc.OrganizationAdmin(acme, "anna"))
}

func (b *bundle) suspend(ctx context.Context, user string) (*rulev1.SuspendAccessResponse, error) {
	return b.access.SuspendAccess(ctx, &rulev1.SuspendAccessRequest{OrganizationId: acme, UserId: user, Reason: "a leak"})
}

func (b *bundle) resume(user string) {
	b.t.Helper()
	b.must(b.access.ResumeAccess(b.ctx(), &rulev1.ResumeAccessRequest{OrganizationId: acme, UserId: user}))
}

func TestASuspensionEndsAllAccessAtOnceAndAResumptionRestoresIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Developers", "developer")
	user := b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "Developers", user)
	b.caughtUp()
	b.must(b.grant(user, "designer"))
	cursor := b.cursor()

	b.identity.Before(func(string) error { return identitytest.Unavailable() })
	for range 2 {
		r, err := b.suspend(b.admin(), user)
		b.must(r, err)
		if p := r.GetSuspension(); p.GetUserId() != user || p.GetReason() != "a leak" || p.GetSuspendedBy() != "anna" || p.GetCreateTime() == nil || r.GetWarning() != "" {
			t.Fatalf("the answer is %v", r)
		}
	}
	b.holds(user)
	if r := b.check(user, "developer"); !r.GetSuspended() {
		t.Fatalf("the check says %v", r)
	}
	if list := b.list(user); len(list) != 2 || !list[0].GetSuspended() || list[0].GetEffective() {
		t.Fatalf("the list says %v", list)
	}
	b.identity.Before(nil)

	// Messages, a sync, another grant, a new directory: none of them ends the suspension.
	b.identity.SetRoles(user, "message")
	b.sync()
	b.must(b.grant(user, "participant"))
	b.identity.Detach(acme, b.dir)
	b.identity.Adopt(group, "directory-2")
	b.identity.Adopt(user, "directory-2")
	b.caughtUp()
	b.holds(user)

	b.resume(user)
	b.holds(user, "designer", "developer", "participant")
	_, err := b.access.ResumeAccess(b.ctx(), &rulev1.ResumeAccessRequest{OrganizationId: acme, UserId: user})
	b.refused(fault.NotFound, nil, err)
	var told []string
	for _, c := range b.changes(cursor) {
		told = append(told, c.GetKind().String()[len("ACCESS_CHANGE_KIND_"):]+" "+c.GetRoleId())
	}
	if !slices.Equal(told, []string{"REMOVED designer", "REMOVED developer", "ADDED designer", "ADDED developer", "ADDED participant"}) {
		t.Fatalf("the feed tells %v", told)
	}
}

func TestAnybodyCanBeSuspended(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.valueRule("v", "developer")
	deleted, stranger := b.identity.AddUser(acme, b.dir), ids.New()
	b.identity.SetRoles(deleted, "v")
	b.caughtUp()
	b.identity.DeleteUser(deleted)
	b.caughtUp()
	coming := b.identity.AddUser("other", "directory-9") // an id that does not belong to acme
	for _, user := range []string{deleted, stranger, coming} {
		b.must(b.suspend(b.ctx(), user))
		b.holds(user)
		if r := b.check(user, "developer"); !r.GetSuspended() {
			t.Fatalf("the check says %v", r)
		}
	}
	// A user who is suspended before rule knows it holds nothing afterwards either.
	b.identity.Before(func(rpc string) error {
		if rpc == "ListChanges" {
			return identitytest.Unavailable()
		}
		return nil
	})
	newcomer := b.identity.AddUser(acme, b.dir)
	b.identity.SetRoles(newcomer, "v")
	b.must(b.suspend(b.ctx(), newcomer))
	b.identity.Before(nil)
	b.caughtUp()
	b.holds(newcomer)
	if changes := b.changes(b.cursor()); len(changes) > 0 {
		t.Fatalf("the feed tells %v", changes)
	}
	b.resume(newcomer)
	b.holds(newcomer, "developer")

	var listed []string
	for token := ""; ; {
		r, err := b.access.ListSuspensions(b.ctx(), &rulev1.ListSuspensionsRequest{OrganizationId: acme, PageSize: 2, PageToken: token})
		b.must(r, err)
		for _, p := range r.GetSuspensions() {
			listed = append(listed, p.GetUserId())
		}
		if token = r.GetNextPageToken(); token == "" {
			break
		}
	}
	if !slices.Equal(listed, sorted([]string{deleted, stranger, coming})) {
		t.Fatalf("listed are %v", listed)
	}
}

func TestTheLastOrganizationAdminIsSuspendedByTheOperatorAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	b.must(b.grant(one, "organization-admin"))
	b.must(b.grant(two, "organization-admin"))
	b.must(b.suspend(b.admin(), one))
	_, err := b.suspend(b.admin(), two)
	b.refused(fault.LastAdmin, nil, err)
	b.holds(two, "organization-admin")
	_, err = b.revoke(two, "organization-admin")
	b.refused(fault.LastAdmin, nil, err)
	r, err := b.suspend(b.ctx(), two)
	b.must(r, err)
	if r.GetWarning() == "" {
		t.Fatal("the operator is not warned")
	}
	b.holds(two)
	b.resume(one)
	b.holds(one, "organization-admin")
}

// The access of another admin was retained meanwhile, and is no longer needed.
func TestAResumedAdminEndsRetainedAccess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Admins", "organization-admin")
	retained, suspended := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	group := b.identity.AddGroup(acme, b.dir, "Admins", retained)
	b.caughtUp()
	b.must(b.grant(suspended, "organization-admin"))
	b.must(b.suspend(b.admin(), suspended))
	b.identity.RemoveMember(group, retained)
	b.caughtUp()
	b.holds(retained, "organization-admin")
	b.resume(suspended)
	b.eventually("it is no longer retained", func() bool { return !b.check(retained, "organization-admin").GetAllowed() })
	b.holds(suspended, "organization-admin")
}

func TestRevokingAsksNoOtherService(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.groupRule("Developers", "developer")
	user := b.identity.AddUser(acme, b.dir)
	b.identity.AddGroup(acme, b.dir, "Developers", user)
	b.caughtUp()
	b.must(b.grant(user, "developer"))
	b.must(b.grant(user, "designer"))
	b.identity.Before(func(string) error { return identitytest.Unavailable() })
	b.must(b.revoke(user, "designer"))
	b.must(b.revoke(user, "developer"))
	b.holds(user, "developer") // from the rule
	b.identity.Before(nil)
	b.identity.Detach(acme, b.dir)
	b.caughtUp()
	b.holds(user, "developer")
	b.identity.Before(func(string) error { return identitytest.Unavailable() })
	b.must(b.revoke(user, "developer"))
	b.holds(user)
}

// A deleted user never comes back, and nothing about it stays stored.
func TestNothingIsStoredOfADeletedUser(t *testing.T) {
	t.Parallel()
	b := setup(t, slowUserRetries)
	b.valueRule("v", "developer")
	holder, stranger := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	b.must(b.grant(holder, "designer"))
	b.identity.SetBeyond(holder, "too many groups")
	b.identity.SetRoles(holder, "v")
	if aside := b.setAside(); !slices.Equal(aside, []string{holder}) {
		t.Fatalf("set aside are %v", aside)
	}
	unheard := b.identity.AddUser(acme, b.dir)
	b.identity.Before(func(rpc string) error {
		if rpc == "ListChanges" {
			return identitytest.Unavailable()
		}
		return nil
	})
	for _, user := range []string{holder, stranger, unheard} {
		b.must(b.suspend(b.ctx(), user))
		b.identity.DeleteUser(user)
	}
	b.identity.Before(nil)
	b.caughtUp()
	r, err := b.access.ListSuspensions(b.ctx(), &rulev1.ListSuspensionsRequest{OrganizationId: acme})
	if err != nil || len(r.GetSuspensions()) > 0 {
		t.Fatalf("suspended are %v: %v", r.GetSuspensions(), err)
	}
	b.holds(holder)
	if r := b.check(holder, "designer"); r.GetSuspended() || r.GetUnknown() {
		t.Fatalf("the check says %v", r)
	}
}

// A later reader of a suspension sees its reason, on one line.
func TestASuspensionHasAReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.identity.AddUser(acme, b.dir)
	suspend := func(reason string) (*rulev1.SuspendAccessResponse, error) {
		return b.access.SuspendAccess(b.ctx(), &rulev1.SuspendAccessRequest{OrganizationId: acme, UserId: user, Reason: reason})
	}
	for _, reason := range []string{
		"", " ", "\u00a0\u3000", "\u200b", "\n", "a\nleak", "a leak\n", "\tleak", "a\x00leak", "a\x1b[2Jleak", "a\x7fleak", "a\u0085leak", strings.Repeat("x", 501),
	} {
		_, err := suspend(reason)
		b.refused(fault.InvalidRequest, nil, err)
		if fields := rpc.Fault(err).Fields; len(fields) == 0 || fields[0].Path != "reason" {
			t.Errorf("of %q it names %v", reason, fields)
		}
	}
	for _, reason := range []string{"x", " a leak ", "vol de téléphone", "盗まれた", "می\u200cرود", "👩\u200d💻", strings.Repeat("é", 500)} {
		b.must(suspend(reason))
		b.resume(user)
	}
}
