package e2e

import (
	"net/http"
	"slices"
	"testing"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/simulate"
)

// An IdP that provisions a fresh directory takes each step, and the admin sees them all, with the number of users and groups.
func TestAnAdminSeesHowFarAnIdPHasCome(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		client := identityv1.NewProgressServiceClient(u.conn)
		read := func() *identityv1.GetDirectoryProgressResponse {
			r, err := client.GetDirectoryProgress(u.ctx(), &identityv1.GetDirectoryProgressRequest{OrganizationId: demo, DirectoryId: d.id})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if found := read().GetProgress().GetMilestones(); len(found) > 0 {
			t.Errorf("a fresh directory has the milestones %v", found)
		}
		s := simulation(t, d, simulate.Config{IdP: simulate.Entra, Users: 40, Groups: 6, Seed: 7})
		run(t.Context(), t, s)
		d.send("DELETE", "/Groups/"+d.group("Interns"), "", http.StatusNoContent) // the simulation deletes none
		eventually(t, "each milestone is there", func() bool {
			var kinds []identityv1.MilestoneKind
			for _, m := range read().GetProgress().GetMilestones() {
				kinds = append(kinds, m.GetKind())
				if m.GetLastMessageId() == "" || m.GetFirstTime().AsTime().After(m.GetLastTime().AsTime()) {
					t.Errorf("the milestone %v", m)
				}
			}
			for kind := range identityv1.MilestoneKind_name {
				if kind := identityv1.MilestoneKind(kind); kind != 0 && !slices.Contains(kinds, kind) {
					return false
				}
			}
			return true
		})
		p := read()
		want := s.Expect()
		if got := p.GetProgress(); got.GetUserCount() != int64(len(want.Users)) || got.GetGroupCount() != int64(len(want.Groups)) {
			t.Errorf("the progress has %d users and %d groups, the IdP %d and %d", got.GetUserCount(), got.GetGroupCount(), len(want.Users), len(want.Groups))
		}
		for _, a := range p.GetAttributes() {
			if a.GetPath() == "userName" && (a.GetUserCount() != p.GetSampledUserCount() || a.GetUserCount() != 20) {
				t.Errorf("%d of %d users have a userName", a.GetUserCount(), p.GetSampledUserCount())
			}
		}
		all, err := client.ListDirectoryProgress(u.ctx(), &identityv1.ListDirectoryProgressRequest{OrganizationId: demo, PageSize: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(all.GetDirectories(), func(listed *identityv1.DirectoryProgress) bool {
			return listed.GetDirectoryId() == d.id && listed.GetUserCount() == p.GetProgress().GetUserCount() && len(listed.GetMilestones()) == len(p.GetProgress().GetMilestones())
		}) {
			t.Errorf("the list %v does not contain %v", all, p.GetProgress())
		}
	})
}
