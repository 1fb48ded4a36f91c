package rule_test

import (
	"slices"
	"testing"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
)

// changesOf lists the changes of a user, or of a rule sync, in pages.
func (b *bundle) changesOf(user, sync string, size int32) (all []*rulev1.AccessChange) {
	b.t.Helper()
	r := &rulev1.ListAccessChangesRequest{OrganizationId: acme, PageSize: size, Of: &rulev1.ListAccessChangesRequest_UserId{UserId: user}}
	if sync != "" {
		r.Of = &rulev1.ListAccessChangesRequest_SyncId{SyncId: sync}
	}
	for {
		page, err := b.access.ListAccessChanges(b.ctx(), r)
		b.must(page, err)
		all = append(all, page.GetChanges()...)
		if r.PageToken = page.GetNextPageToken(); r.GetPageToken() == "" {
			return all
		}
	}
}

func TestChangesAreListedByUserAndBySync(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ann, bob := b.identity.AddUser(acme, b.dir), b.identity.AddUser(acme, b.dir)
	b.identity.SetRoles(ann, "dev")
	b.identity.SetRoles(bob, "dev")
	b.caughtUp()
	b.must(b.grant(ann, "designer"))
	b.valueRule("dev", "developer")
	sync := b.sync().GetId()
	b.must(b.revoke(ann, "designer"))
	for _, size := range []int32{1, 2, 0} {
		var got []string
		for _, c := range b.changesOf(ann, "", size) {
			if c.GetUserId() != ann || c.GetCursor() != "" || c.GetOrganizationId() != acme || c.GetChangeTime() == nil {
				t.Errorf("ann's changes contain %v", c)
			}
			got = append(got, c.GetKind().String()+" "+c.GetRoleId())
		}
		if want := []string{"ACCESS_CHANGE_KIND_REMOVED designer", "ACCESS_CHANGE_KIND_ADDED developer", "ACCESS_CHANGE_KIND_ADDED designer"}; !slices.Equal(got, want) {
			t.Errorf("ann's changes are %v in pages of %d", got, size)
		}
		var users []string
		for _, c := range b.changesOf("", sync, size) {
			if c.GetSyncId() != sync || c.GetRoleId() != "developer" {
				t.Errorf("the sync's changes contain %v", c)
			}
			users = append(users, c.GetUserId())
		}
		if slices.Sort(users); !slices.Equal(users, []string{ann, bob}) {
			t.Errorf("the sync changed %v", users)
		}
	}
	if none := b.changesOf(ids.New(), "", 0); len(none) > 0 {
		t.Errorf("a missing user has the changes %v", none)
	}
	r := &rulev1.ListAccessChangesRequest{OrganizationId: acme, PageSize: 1, Of: &rulev1.ListAccessChangesRequest_UserId{UserId: ann}}
	page, err := b.access.ListAccessChanges(b.ctx(), r)
	b.must(page, err)
	r.PageToken, r.Of = page.GetNextPageToken(), &rulev1.ListAccessChangesRequest_UserId{UserId: bob}
	_, err = b.access.ListAccessChanges(b.ctx(), r)
	b.refused(fault.PageToken, nil, err)
	_, err = b.access.ListAccessChanges(b.ctx(), &rulev1.ListAccessChangesRequest{OrganizationId: acme})
	b.refused(fault.InvalidRequest, nil, err)
	other, err := b.access.ListAccessChanges(b.ctx(), &rulev1.ListAccessChangesRequest{OrganizationId: "other", Of: &rulev1.ListAccessChangesRequest_UserId{UserId: ann}})
	if err != nil || len(other.GetChanges()) > 0 {
		t.Errorf("another organization sees %v, %v", other, err)
	}
}
