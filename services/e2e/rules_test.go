package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

// sync runs a rule sync to its end.
func (u *usher) sync() *rulev1.Sync {
	u.t.Helper()
	started, err := u.syncs().StartSync(u.ctx(), &rulev1.StartSyncRequest{OrganizationId: demo})
	if err != nil {
		u.t.Fatalf("starting a sync: %v", err)
	}
	for {
		r, err := u.syncs().GetSync(u.ctx(), &rulev1.GetSyncRequest{OrganizationId: demo, Id: started.GetSync().GetId()})
		if err != nil {
			u.t.Fatal(err)
		}
		if r.GetSync().GetState() == rulev1.SyncState_SYNC_STATE_DONE {
			return r.GetSync()
		}
		// The call itself is the pause; a hang ends with the context of ctx.
	}
}

// A rule that is added, disabled, enabled or deleted changes nobody without a message of their own, until a sync runs.
func TestRuleChangesWaitForASync(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		ann, bob := d.user("ann"), d.user("bob")
		d.group("Night shift", ann, bob)
		u.caughtUp() // what comes now is not these messages' effect
		created, err := u.rules().CreateRule(u.ctx(), &rulev1.CreateRuleRequest{OrganizationId: demo, Rule: &rulev1.Rule{
			DisplayName: proto.String("night"), Match: &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: "night SHIFT"}},
			Grants: []*rulev1.Grant{{TenantId: "production", RoleId: "developer"}, {TenantId: "staging", RoleId: "designer"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		id := created.GetRule().GetId()
		none := map[string]bool{}
		given := func(users ...string) map[string]bool {
			all := map[string]bool{}
			for _, user := range users {
				all[user+" production/developer"], all[user+" staging/designer"] = true, true
			}
			return all
		}
		u.caughtUp()
		requireHeld(t, u, none)
		d.patch("/Users/"+ann, "replace", "title", "x", http.StatusOK) // ann's own message
		u.caughtUp()
		requireHeld(t, u, given(ann))
		if s := u.sync(); s.GetAccessAdded() != 2 || s.GetAccessRemoved() != 0 {
			t.Errorf("the sync says %d added and %d removed, want 2 and 0", s.GetAccessAdded(), s.GetAccessRemoved())
		}
		requireHeld(t, u, given(ann, bob))

		if _, err := u.rules().DisableRule(u.ctx(), &rulev1.DisableRuleRequest{OrganizationId: demo, Id: id}); err != nil {
			t.Fatal(err)
		}
		u.caughtUp()
		requireHeld(t, u, given(ann, bob))
		u.sync()
		requireHeld(t, u, none)

		if _, err := u.rules().EnableRule(u.ctx(), &rulev1.EnableRuleRequest{OrganizationId: demo, Id: id}); err != nil {
			t.Fatal(err)
		}
		requireHeld(t, u, none)
		u.sync()
		requireHeld(t, u, given(ann, bob))

		if _, err := u.rules().DeleteRule(u.ctx(), &rulev1.DeleteRuleRequest{OrganizationId: demo, Id: id}); err != nil {
			t.Fatal(err)
		}
		requireHeld(t, u, given(ann, bob))
		d.patch("/Users/"+bob, "replace", "title", "y", http.StatusOK)
		u.caughtUp()
		requireHeld(t, u, given(ann))
		u.sync()
		requireHeld(t, u, none)
	})
}

// The life of one user's access: groups, hands, role values, inactivity, the end.
func TestAccessFollowsAUser(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		ann := d.user("ann@example.com")
		designers := d.group("Designers", ann)
		studio := d.group("Studio", ann)
		if _, err := u.rules().CreateRule(u.ctx(), &rulev1.CreateRuleRequest{OrganizationId: demo, Rule: &rulev1.Rule{
			Match:  &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: "Studio"}},
			Grants: []*rulev1.Grant{{TenantId: "production", RoleId: "designer"}},
		}}); err != nil {
			t.Fatal(err)
		}
		if _, err := u.rules().CreateRule(u.ctx(), &rulev1.CreateRuleRequest{OrganizationId: demo, Rule: &rulev1.Rule{
			Match:  &rulev1.Rule_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: "Ops"}},
			Grants: []*rulev1.Grant{{TenantId: "staging", RoleId: "automation-admin"}},
		}}); err != nil {
			t.Fatal(err)
		}
		expect := func(step string, want ...string) {
			t.Helper()
			u.caughtUp()
			var got []string
			for a := range u.held() {
				got = append(got, a[len(ann)+1:])
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: holds %q, want %q", step, got, want)
			}
		}
		expect("in a group", "production/designer")
		d.patch("/Users/"+ann, "add", "roles", []any{map[string]any{"value": `{"id":"1","value":"Ops","displayName":"Ops"}`}}, http.StatusOK)
		expect("with a role value in JSON in a string", "production/designer", "staging/automation-admin")
		d.patch("/Groups/"+designers, "remove", `members[value eq "`+ann+`"]`, nil, http.StatusNoContent)
		expect("out of one of two groups that give the same", "production/designer", "staging/automation-admin")
		if _, err := u.access().GrantAccess(u.ctx(), &rulev1.GrantAccessRequest{
			OrganizationId: demo, UserId: ann, TenantId: "production", RoleId: "designer",
		}); err != nil {
			t.Fatal(err)
		}
		d.send("DELETE", "/Groups/"+studio, "", http.StatusNoContent)
		expect("out of both, but given by hand", "production/designer", "staging/automation-admin")
		d.patch("/Users/"+ann, "Replace", "active", "False", http.StatusOK)
		expect("inactive")
		d.patch("/Users/"+ann, "replace", "", map[string]any{"active": true}, http.StatusOK)
		expect("active again", "production/designer", "staging/automation-admin")
		if _, err := u.access().RevokeAccess(u.ctx(), &rulev1.RevokeAccessRequest{
			OrganizationId: demo, UserId: ann, TenantId: "production", RoleId: "designer",
		}); err != nil {
			t.Fatal(err)
		}
		expect("taken by hand", "staging/automation-admin")
		d.send("DELETE", "/Users/"+ann, "", http.StatusNoContent)
		expect("deleted")
		if again := d.user("ann@example.com"); again == ann {
			t.Error("a deleted user came back under its old id")
		}
	})
}

// A message that would go through a large group a thousand times is refused, and many unknown ids cost little: nobody else
// waits for them.
func TestAnExpensivePatchIsRefused(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		group := d.group("Crew", d.user("ann"))
		var operations []any
		for i := range 100 {
			operations = append(operations, map[string]any{"op": "remove", "path": fmt.Sprintf(`members[display eq "nobody %d"]`, i)})
		}
		schema := []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}
		a := d.send("PATCH", "/Groups/"+group, jsonText(map[string]any{"schemas": schema, "Operations": operations}), http.StatusBadRequest)
		if a.str("scimType") != "tooMany" {
			t.Errorf("scimType %q: %s", a.str("scimType"), a.raw)
		}
		d.send("PATCH", "/Groups/"+group, jsonText(map[string]any{"schemas": schema, "Operations": operations[:10]}), http.StatusNoContent)
		var unknown []any
		for i := range 20_000 {
			unknown = append(unknown, map[string]any{"value": fmt.Sprint(i)})
		}
		d.patch("/Groups/"+group, "remove", "members", unknown, http.StatusNoContent)
		if members := d.send("GET", "/Groups/"+group, "", http.StatusOK).body["members"].([]any); len(members) != 1 {
			t.Errorf("%d members, want 1", len(members))
		}
	})
}

// Ids may be written in any case.
func TestAnUpperCaseIdIsTheSameUser(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		ann := d.user("ann")
		d.group("Designers", ann)
		u.caughtUp()
		if !u.allowed(ann, "designer") || !u.allowed(strings.ToUpper(ann), "designer") {
			t.Error("the user is a Designer under one spelling of its id alone")
		}
		r, err := u.read().BatchGetUsers(u.ctx(), &identityv1.BatchGetUsersRequest{OrganizationId: demo, Ids: []string{strings.ToUpper(ann)}})
		if err != nil || len(r.GetUsers()) != 1 {
			t.Errorf("got %v, %v", r, err)
		}
	})
}

// 64 clients each add a member to one group at the same time, and a random mix of changes equals its model.
func TestParallelMemberChanges(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		var people []string
		for i := range 64 {
			people = append(people, d.user(fmt.Sprintf("p%d", i)))
		}
		developers := d.group("Developers")
		var clients sync.WaitGroup
		for _, p := range people {
			clients.Go(func() {
				a, err := d.try(t.Context(), "PATCH", "/Groups/"+developers, patchBody("add", "members", []any{map[string]any{"value": p}}))
				if err != nil || a.status != http.StatusNoContent {
					t.Errorf("adding a member: %d %v", a.status, err)
				}
			})
		}
		clients.Wait()
		if members := d.send("GET", "/Groups/"+developers, "", http.StatusOK).body["members"].([]any); len(members) != 64 {
			t.Errorf("%d members, want 64", len(members))
		}

		// Each client owns some people, so the model needs no order between clients.
		groups := []string{developers, d.group("Designers", people...), d.group("Participants")}
		inGroup := make([]map[string]bool, len(groups))
		for g := range groups {
			inGroup[g] = map[string]bool{}
			for _, p := range people {
				inGroup[g][p] = g < 2
			}
		}
		var model sync.Mutex
		for c := range 8 {
			random := rand.New(rand.NewPCG(uint64(c), 3))
			clients.Go(func() {
				for range 25 {
					p, g := people[c*8+random.IntN(8)], random.IntN(len(groups))
					in := random.IntN(2) == 0
					body := patchBody("remove", `members[value eq "`+p+`"]`, nil)
					if in {
						body = patchBody("Add", "members", []any{map[string]any{"value": p}})
					}
					path := "/Groups/" + groups[g]
					if random.IntN(4) == 0 {
						path, body = "/Users/"+p, patchBody("replace", "title", fmt.Sprint(random.IntN(5)))
					}
					a, err := d.try(t.Context(), "PATCH", path, body)
					if err != nil || a.status >= 300 {
						t.Errorf("PATCH %s: %d %v %s", path, a.status, err, a.raw)
						return
					}
					if path[1] == 'G' {
						model.Lock()
						inGroup[g][p] = in
						model.Unlock()
					}
				}
			})
		}
		clients.Wait()
		u.caughtUp()
		for g, role := range []string{"developer", "designer", "participant"} {
			for _, p := range people {
				if got := u.allowed(p, role); got != inGroup[g][p] {
					t.Errorf("%s is a %s: %v, want %v", p, role, got, inGroup[g][p])
				}
			}
		}
	})
}
