package identity_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
)

func TestAUserOfAnyDirectoryIsReadWithItsDocument(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	made := i.user(`{"userName":"Ann","displayName":"Ann A.","title":"Guide","password":"secret","roles":[{"value":"Designer"}]}`)
	i.group("eng", made.GetId())
	ctx, people := b.people()
	for _, detached := range []bool{false, true} {
		got, err := people.GetUser(ctx, &identityv1.GetUserRequest{OrganizationId: "acme", UserId: strings.ToUpper(made.GetId())})
		must(t, err)
		equal(t, "the user", got.GetUser(), &identityv1.User{
			Id: made.GetId(), OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId(), UserName: "Ann", DisplayName: "Ann A.",
			Active: true, Detached: detached, RoleValues: []string{"Designer"}, Revision: 1, UpdateTime: made.GetUpdateTime(),
		})
		equal(t, "its time of creation", got.GetCreateTime(), made.GetCreateTime())
		var document map[string]any
		must(t, json.Unmarshal([]byte(got.GetDocument()), &document))
		equal(t, "title", document["title"], "Guide")
		equal(t, "id", document["id"], made.GetId())
		equal(t, "the type", document["meta"].(map[string]any)["resourceType"], "User")
		for _, absent := range []string{"groups", "password"} {
			equal(t, absent, document[absent], nil)
		}
		i.deleteDirectory()
	}
	_, err := people.GetUser(ctx, &identityv1.GetUserRequest{OrganizationId: "acme", UserId: ids.New()})
	equal(t, "the missing resource", refused(t, "a missing user", err, fault.NotFound).Metadata["resource"], "user")
}

func TestAUsersGroupsAreExplained(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*identity.Config){"SQLite": func(*identity.Config) {}, "PostgreSQL": onPostgres(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, database)
			i := b.idp()
			anna := i.named("anna", "bob")[0]
			direct := i.group("direct", anna).GetId()
			low := i.group("low", anna).GetId()
			mid := i.group("mid", low).GetId()
			top := i.group("top", mid, low).GetId()
			i.group("other")
			ctx, people := b.people()
			groups := func(r *identityv1.ListUserGroupsRequest) (all []string, pages int) {
				t.Helper()
				for r.OrganizationId = "acme"; ; {
					found, err := people.ListUserGroups(ctx, r)
					must(t, err)
					for _, g := range found.GetGroups() {
						text := g.GetGroup().GetDisplayName()
						for _, step := range g.GetThrough() {
							text += "<" + step.GetDisplayName()
						}
						if g.GetCarried() {
							text += "*"
						}
						all = append(all, text)
					}
					pages++
					if r.PageToken = found.GetNextPageToken(); r.PageToken == "" {
						return all, pages
					}
				}
			}
			want := []string{"direct", "low", "mid<low", "top<low"} // the ids ascend in the order of creation
			got, _ := groups(&identityv1.ListUserGroupsRequest{UserId: anna})
			equal(t, "all", got, want)
			got, pages := groups(&identityv1.ListUserGroupsRequest{UserId: anna, PageSize: 2})
			equal(t, "in pages of two", fmt.Sprint(got, pages), fmt.Sprint(want, 2))
			got, _ = groups(&identityv1.ListUserGroupsRequest{UserId: anna, GroupIds: []string{strings.ToUpper(top), ids.New(), direct}, PageSize: 1})
			equal(t, "among some", got, []string{"direct", "top<low"})
			got, _ = groups(&identityv1.ListUserGroupsRequest{UserId: ids.New()})
			equal(t, "of a missing user", len(got), 0)

			i.deleteDirectory()
			next := b.idp(replacing(i))
			next.group("direct") // adopted with its members
			got, _ = groups(&identityv1.ListUserGroupsRequest{UserId: anna, GroupIds: []string{direct, mid}})
			equal(t, "after an adoption", got, []string{"direct*", "mid<low"})
		})
	}
}

func TestAUserOfTooManyGroupsIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *identity.Config) { c.FactsLimit = 2 })
	i := b.idp()
	anna := i.named("anna")[0]
	for n := range 3 {
		i.group(fmt.Sprint(n), anna)
	}
	ctx, people := b.people()
	_, err := people.ListUserGroups(ctx, &identityv1.ListUserGroupsRequest{OrganizationId: "acme", UserId: anna})
	refused(t, "three memberships", err, fault.Limit)
}

func TestAGroupOfAnyDirectoryIsReadWithItsSize(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	people3 := i.named("anna", "bob", "carl")
	low := i.group("low", people3[:2]...).GetId()
	made := i.group("top", low, people3[1], people3[2])
	i.deleteDirectory()
	ctx, people := b.people()
	got, err := people.GetGroup(ctx, &identityv1.GetGroupRequest{OrganizationId: "acme", GroupId: strings.ToUpper(made.GetId())})
	must(t, err)
	equal(t, "the group", got, &identityv1.GetGroupResponse{
		Group: &identityv1.Group{
			Id: made.GetId(), OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId(), DisplayName: "top", Detached: true,
			Revision: got.GetGroup().GetRevision(),
		},
		CreateTime: made.GetCreateTime(), UpdateTime: timestamppb.New(made.GetUpdateTime().AsTime()),
		DirectUsers: &identityv1.UserCount{Count: 2}, AllUsers: &identityv1.UserCount{Count: 3},
	})
	_, err = people.GetGroup(ctx, &identityv1.GetGroupRequest{OrganizationId: "acme", GroupId: ids.New()})
	equal(t, "the missing resource", refused(t, "a missing group", err, fault.NotFound).Metadata["resource"], "group")

	nested := func(id string, nesting identityv1.Nesting) (names []string) {
		t.Helper()
		r := &identityv1.ListNestedGroupsRequest{OrganizationId: "acme", GroupId: id, Nesting: nesting, PageSize: 1}
		for {
			found, err := people.ListNestedGroups(ctx, r)
			must(t, err)
			for _, g := range found.GetGroups() {
				names = append(names, g.GetDisplayName())
			}
			if r.PageToken = found.GetNextPageToken(); r.PageToken == "" {
				return names
			}
		}
	}
	equal(t, "members", nested(made.GetId(), identityv1.Nesting_NESTING_MEMBERS), []string{"low"})
	equal(t, "containers", nested(low, identityv1.Nesting_NESTING_CONTAINERS), []string{"top"})
	equal(t, "containers of the top", len(nested(made.GetId(), identityv1.Nesting_NESTING_CONTAINERS)), 0)
}

func TestRoleValuesAreWhatRulesCompare(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	i.user(`{"userName":"anna","roles":[{"value":"Designer"},{"value":"designer"}]}`)
	i.user(`{"userName":"bob","roles":[{"value":"{\"id\":\"1\",\"value\":\"Designer\",\"displayName\":\"X\"}"}]}`)
	carl := i.user(`{"userName":"carl","roles":[{"value":"<Guide>"}]}`).GetId()
	ctx, people := b.people()
	values := func(r *identityv1.ListRoleValuesRequest) (all []string) {
		t.Helper()
		for r.OrganizationId = "acme"; ; {
			found, err := people.ListRoleValues(ctx, r)
			must(t, err)
			for _, v := range found.GetValues() {
				all = append(all, fmt.Sprint(v.GetValue(), v.GetUsers().GetCount(), v.GetUsers().GetAtLeast()))
			}
			if r.PageToken = found.GetNextPageToken(); r.PageToken == "" {
				return all
			}
		}
	}
	want := []string{"<Guide>1 false", "Designer2 false", "designer1 false"}
	equal(t, "all", values(&identityv1.ListRoleValuesRequest{}), want)
	equal(t, "one at a time", values(&identityv1.ListRoleValuesRequest{PageSize: 1}), want)
	equal(t, "by the begin", values(&identityv1.ListRoleValuesRequest{Query: "De"}), want[1:2])
	_, err := i.tryPatchUser(carl, operation("replace", "roles", `[{"value":"Host"}]`))
	must(t, err)
	equal(t, "after a change", values(&identityv1.ListRoleValuesRequest{}), []string{"Designer2 false", "Host1 false", "designer1 false"})
}

func TestMembersAreNamedOnRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	anna := i.user(`{"userName":"Anna","displayName":"Anna A.","active":false}`).GetId()
	bob := i.user(`{"userName":"Bob"}`).GetId()
	inner := i.group("Inner").GetId()
	outer := i.group("Outer", anna, bob, inner).GetId()
	list := func(names bool) []*identityv1.Member {
		t.Helper()
		found, err := b.reads.ListMembers(b.admin(), &identityv1.ListMembersRequest{OrganizationId: "acme", GroupId: outer, Names: names})
		must(t, err)
		return found.GetMembers()
	}
	user, group := identityv1.ResourceType_RESOURCE_TYPE_USER, identityv1.ResourceType_RESOURCE_TYPE_GROUP
	equal(t, "with names", list(true), []*identityv1.Member{
		{Id: anna, Type: user, Name: "Anna", DisplayName: "Anna A.", Inactive: true}, {Id: bob, Type: user, Name: "Bob"},
		{Id: inner, Type: group, Name: "Inner"},
	})
	if slices.ContainsFunc(list(false), func(m *identityv1.Member) bool { return m.GetName() != "" || m.GetInactive() }) {
		t.Error("there are names without a request")
	}
}
