package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/simulate"
)

// state is what a server holds of one directory, with names in place of ids, as a simulation's expectation has it.
func (d *directory) state() *simulate.Expectation {
	d.u.t.Helper()
	e := &simulate.Expectation{Tenant: "production", Roles: map[string][]string{}}
	names := map[string]string{}
	for _, user := range d.all("/Users") {
		names[user["id"].(string)] = user["userName"].(string)
		e.Users = append(e.Users, simulate.ExpectedUser{
			UserName: user["userName"].(string), ExternalID: text(user["externalId"]), Active: user["active"] != false,
			DisplayName: text(user["displayName"]), Email: workEmail(user),
		})
	}
	for _, group := range d.all("/Groups") {
		g := simulate.ExpectedGroup{DisplayName: group["displayName"].(string), Members: []string{}}
		members, _ := group["members"].([]any)
		for _, m := range members {
			id := m.(map[string]any)["value"].(string)
			if names[id] == "" {
				d.u.t.Errorf("group %s holds %s, which is no user", g.DisplayName, id)
			}
			g.Members = append(g.Members, names[id])
		}
		slices.Sort(g.Members)
		e.Groups = append(e.Groups, g)
	}
	d.compareTyped(e.Users, names)
	roles := d.u.roleNames()
	for token := ""; ; {
		r, err := d.u.access().ListAccess(d.u.ctx(), &rulev1.ListAccessRequest{OrganizationId: demo, TenantId: "production", PageToken: token, PageSize: 1000})
		if err != nil {
			d.u.t.Fatalf("listing access: %v", err)
		}
		for _, a := range r.GetAccess() {
			if name, ok := names[a.GetUserId()]; ok && a.GetEffective() {
				e.Roles[name] = append(e.Roles[name], roles[a.GetRoleId()])
			}
		}
		if token = r.GetNextPageToken(); token == "" {
			break
		}
	}
	return sorted(e)
}

// sorted puts an expectation into one order.
func sorted(e *simulate.Expectation) *simulate.Expectation {
	slices.SortFunc(e.Users, func(a, b simulate.ExpectedUser) int { return cmpText(a.UserName, b.UserName) })
	slices.SortFunc(e.Groups, func(a, b simulate.ExpectedGroup) int { return cmpText(a.DisplayName, b.DisplayName) })
	for _, g := range e.Groups {
		slices.Sort(g.Members)
	}
	for _, roles := range e.Roles {
		slices.Sort(roles)
	}
	return e
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

func text(v any) string { s, _ := v.(string); return s }

func workEmail(user map[string]any) string {
	emails, _ := user["emails"].([]any)
	for _, e := range emails {
		if m := e.(map[string]any); m["type"] == "work" {
			return text(m["value"])
		}
	}
	return ""
}

// all lists every resource of a type by index pages.
func (d *directory) all(path string) (resources []map[string]any) {
	d.u.t.Helper()
	for {
		page := d.send("GET", fmt.Sprintf("%s?startIndex=%d&count=100", path, len(resources)+1), "", http.StatusOK)
		list := page.body["Resources"].([]any)
		for _, r := range list {
			resources = append(resources, r.(map[string]any))
		}
		if len(list) == 0 {
			if total := int(page.body["totalResults"].(float64)); total != len(resources) {
				d.u.t.Errorf("%s: %d resources, but totalResults is %d", path, len(resources), total)
			}
			return resources
		}
	}
}

// roleNames gives the display name of each role.
func (u *usher) roleNames() map[string]string {
	u.t.Helper()
	r, err := rulev1.NewRoleServiceClient(u.conn).ListRoles(u.ctx(), &rulev1.ListRolesRequest{})
	if err != nil {
		u.t.Fatal(err)
	}
	names := map[string]string{}
	for _, role := range r.GetRoles() {
		names[role.GetId()] = role.GetDisplayName()
	}
	return names
}

// requireState fails when a directory holds anything but what is expected.
func requireState(t *testing.T, d *directory, want *simulate.Expectation) {
	t.Helper()
	got := d.state()
	got.IdP = want.IdP
	if got.Roles == nil {
		got.Roles = map[string][]string{}
	}
	if diff := cmp.Diff(sorted(want), got); diff != "" {
		t.Errorf("the server does not hold what should result (-want +got):\n%s", diff)
	}
}

// compareTyped fails when the typed face says anything else of the users than SCIM does.
func (d *directory) compareTyped(users []simulate.ExpectedUser, names map[string]string) {
	d.u.t.Helper()
	var ids []string
	for id := range names {
		ids = append(ids, id)
	}
	active := map[string]bool{}
	for len(ids) > 0 {
		some := ids[:min(len(ids), 1000)]
		ids = ids[len(some):]
		r, err := d.u.read().BatchGetUsers(d.u.ctx(), &identityv1.BatchGetUsersRequest{OrganizationId: demo, Ids: some})
		if err != nil {
			d.u.t.Fatalf("reading users: %v", err)
		}
		for _, user := range r.GetUsers() {
			if user.GetUserName() != names[user.GetId()] || user.GetDirectoryId() != d.id || user.GetDetached() {
				d.u.t.Errorf("the typed face says %v of %s", user, names[user.GetId()])
			}
			active[user.GetUserName()] = user.GetActive()
		}
	}
	for _, user := range users {
		if got, ok := active[user.UserName]; !ok || got != user.Active {
			d.u.t.Errorf("the typed face says that %s is active: %v, there: %v", user.UserName, got, ok)
		}
	}
}
