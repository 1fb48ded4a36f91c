package identitycontract

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
)

// tryFacts streams facts of acme, by user.
func (b *bundle) tryFacts(r *identityv1.StreamUserFactsRequest) (map[string]*identityv1.UserFacts, error) {
	b.Helper()
	r.OrganizationId = acme
	stream, err := b.facts.StreamUserFacts(b.Context(), r)
	b.must(err)
	all := map[string]*identityv1.UserFacts{}
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		for _, u := range answer.GetUsers() {
			if all[u.GetId()] != nil {
				b.Errorf("%s comes twice", u.GetId())
			}
			all[u.GetId()] = u
		}
	}
}

func (b *bundle) factsOf(r *identityv1.StreamUserFactsRequest) map[string]*identityv1.UserFacts {
	b.Helper()
	all, err := b.tryFacts(r)
	b.must(err)
	return all
}

func (b *bundle) fact(id string) *identityv1.UserFacts {
	b.Helper()
	return b.factsOf(&identityv1.StreamUserFactsRequest{Ids: []string{id}})[id]
}

func theFactsOfUsers(b *bundle) {
	anna, bob := b.idp.AddUser(User{UserName: "anna"}), b.idp.AddUser(User{UserName: "bob", Inactive: true})
	theirs := b.identity.NewDirectory(b.T, other).AddUser(User{UserName: "theirs"})
	eng := b.idp.AddGroup("Engineering", anna, bob)
	got := b.factsOf(&identityv1.StreamUserFactsRequest{Ids: []string{anna, bob, theirs, ids.New()}})
	if len(got) != 2 {
		b.Fatalf("there are facts of %v, want those of acme's two", slices.Collect(maps.Keys(got)))
	}
	for id, want := range map[string]struct {
		active bool
		groups []string
	}{anna: {true, []string{eng}}, bob: {false, nil}} {
		u := got[id]
		if u.GetActive() != want.active || !slices.Equal(u.GetGroupIds(), want.groups) || u.GetDetached() ||
			u.GetDirectoryId() != b.idp.DirectoryID() || u.GetRevision() < 1 || !u.GetUpdateTime().IsValid() || u.GetBeyondLimit() != "" {
			b.Errorf("the facts are %v, want active %v, groups %v", u, want.active, want.groups)
		}
	}
	b.idp.SetUser(bob, User{UserName: "bob"})
	if u := b.fact(bob); !u.GetActive() || !slices.Equal(u.GetGroupIds(), []string{eng}) {
		b.Errorf("once bob is active, the facts are %v", u)
	}
}

func factsNameWhatWasAskedFor(b *bundle) {
	anna := b.idp.AddUser(User{UserName: "anna", DisplayName: "Anna", Roles: []string{"admin", "reader", "unasked"}})
	bob := b.idp.AddUser(User{UserName: "bob", DisplayName: "Bob"})
	carl := b.idp.AddUser(User{UserName: "carl", DisplayName: "Anna", Roles: []string{"reader"}, Inactive: true})
	ask := &identityv1.StreamUserFactsRequest{
		Ids: []string{anna, bob, carl}, RoleValues: []string{"reader", "nobody's", "admin"},
		Filters: []string{`displayName eq "anna"`, `displayName pr`, `roles[value eq "admin"]`},
	}
	got := b.factsOf(ask)
	for id, want := range map[string]struct{ roles, filters []int32 }{
		anna: {[]int32{0, 2}, []int32{0, 1, 2}}, bob: {nil, []int32{1}}, carl: {},
	} {
		if u := got[id]; !slices.Equal(u.GetRoleValues(), want.roles) || !slices.Equal(u.GetMatchedFilters(), want.filters) {
			b.Errorf("roles %v, filters %v; want %v, %v", u.GetRoleValues(), u.GetMatchedFilters(), want.roles, want.filters)
		}
	}
}

func theGroupsOfUsersAreNested(b *bundle) {
	anna := b.idp.AddUser(User{UserName: "anna"})
	inner := b.idp.AddGroup("Inner", anna)
	middle := b.idp.AddGroup("Middle", inner)
	outer := b.idp.AddGroup("Outer", middle)
	b.idp.AddGroup("Empty")
	b.idp.AddGroup("Beside", b.idp.AddUser(User{UserName: "bob"}))
	if got, want := b.fact(anna).GetGroupIds(), slices.Sorted(slices.Values([]string{inner, middle, outer})); !slices.Equal(got, want) {
		b.Errorf("anna is in %v, want %v", got, want)
	}
	b.idp.RemoveMember(middle, inner)
	if got := b.fact(anna).GetGroupIds(); !slices.Equal(got, []string{inner}) {
		b.Errorf("then anna is in %v, want %s alone", got, inner)
	}
}

func revisionsAndTimesIncrease(b *bundle) {
	anna := b.idp.AddUser(User{UserName: "anna"})
	before := b.fact(anna)
	b.idp.AddGroup("Engineering", anna)
	if u := b.fact(anna); u.GetRevision() != before.GetRevision() {
		b.Errorf("a group changed the revision of its member from %d to %d", before.GetRevision(), u.GetRevision())
	}
	b.idp.SetUser(anna, User{UserName: "anna", DisplayName: "Anna"})
	after := b.fact(anna)
	if after.GetRevision() <= before.GetRevision() || !after.GetUpdateTime().AsTime().After(before.GetUpdateTime().AsTime()) {
		b.Errorf("a change took revision and time from %d, %s to %d, %s", before.GetRevision(), before.GetUpdateTime().AsTime(),
			after.GetRevision(), after.GetUpdateTime().AsTime())
	}
}

func factsOfStatusAlone(b *bundle) {
	anna := b.idp.AddUser(User{UserName: "anna", Roles: []string{"admin"}})
	bob := b.idp.AddUser(User{UserName: "bob", Inactive: true})
	b.idp.AddGroup("Engineering", anna)
	got := b.factsOf(&identityv1.StreamUserFactsRequest{
		Ids: []string{anna, bob, ids.New()}, RoleValues: []string{"admin"}, Filters: []string{"userName pr"}, StatusOnly: true,
	})
	if len(got) != 2 || !got[anna].GetActive() || got[bob].GetActive() {
		b.Fatalf("the status is %v", got)
	}
	if u := got[anna]; len(u.GetGroupIds()) != 0 || len(u.GetRoleValues()) != 0 || len(u.GetMatchedFilters()) != 0 || u.GetDirectoryId() != b.idp.DirectoryID() {
		b.Errorf("with the status comes %v", u)
	}
}

func filtersThatCannotBeRead(b *bundle) {
	anna := b.idp.AddUser(User{UserName: "anna"})
	for filter, readable := range map[string]bool{
		`displayName eq "Anna"`: true, `roles[value eq "admin"] or title pr`: true, `displayName eq`: false, `nothing pr`: false, `(title pr`: false,
	} {
		_, err := b.read.CheckUserFilter(b.Context(), &identityv1.CheckUserFilterRequest{OrganizationId: acme, Filter: filter})
		if readable {
			b.must(err)
			continue
		}
		b.refused("CheckUserFilter of "+filter, err, fault.InvalidFilter)
		if filter == "nothing pr" {
			continue // a user that cannot have the attribute does not match
		}
		_, err = b.tryFacts(&identityv1.StreamUserFactsRequest{Ids: []string{anna}, Filters: []string{filter}})
		b.refused("facts by "+filter, err, fault.InvalidFilter)
	}
}

// pages reads a list two items at a time, and checks that it is in order, and that its token works with no other list.
func (b *bundle) pages(of string, page func(of, token string) (items []string, next string, err error)) (all []string) {
	b.Helper()
	token := ""
	for {
		items, next, err := page(of, token)
		b.must(err)
		if len(items) > 2 || next != "" && len(items) != 2 {
			b.Errorf("a page has %d items, and is followed: %v", len(items), next != "")
		}
		all = append(all, items...)
		if next == "" {
			break
		}
		_, _, err = page("of-another", next)
		b.refused("another list with this list's token", err, fault.PageToken)
		token = next
	}
	if !slices.IsSorted(all) {
		b.Errorf("%v is not in order of id", all)
	}
	_, _, err := page(of, "nonsense")
	b.refused("what is no token", err, fault.PageToken)
	return all
}

func sorted(all ...string) []string { return slices.Sorted(slices.Values(all)) }

func usersAreListedByID(b *bundle) {
	var want []string
	second := b.identity.NewDirectory(b.T, acme)
	for n, name := range []string{"a", "b", "c", "d", "e"} {
		want = append(want, []IdP{b.idp, second}[n%2].AddUser(User{UserName: name, Inactive: n == 2}))
	}
	b.identity.NewDirectory(b.T, other).AddUser(User{UserName: "theirs"})
	got := b.pages(acme, func(of, token string) ([]string, string, error) {
		r, err := b.read.ListUserIds(b.Context(), &identityv1.ListUserIdsRequest{OrganizationId: of, PageSize: 2, PageToken: token})
		return r.GetIds(), r.GetNextPageToken(), err
	})
	if !slices.Equal(got, sorted(want...)) {
		b.Errorf("the users are %v, want %v", got, want)
	}
}

func groupIDs(groups []*identityv1.Group) (all []string) {
	for _, g := range groups {
		all = append(all, g.GetId())
	}
	return all
}

func groupsAreFoundByName(b *bundle) {
	var want []string
	for _, name := range []string{"École", "ÉCOLE", "école"} {
		want = append(want, b.identity.NewDirectory(b.T, acme).AddGroup(name))
	}
	b.idp.AddGroup("École 2")
	b.identity.NewDirectory(b.T, other).AddGroup("école")
	got := b.pages(acme, func(of, token string) ([]string, string, error) {
		r, err := b.read.FindGroups(b.Context(), &identityv1.FindGroupsRequest{OrganizationId: of, DisplayName: "éCOLE", PageSize: 2, PageToken: token})
		return groupIDs(r.GetGroups()), r.GetNextPageToken(), err
	})
	if !slices.Equal(got, sorted(want...)) {
		b.Errorf("the groups are %v, want %v", got, want)
	}
}

func groupsAreReadByID(b *bundle) {
	eng, sales := b.idp.AddGroup("Engineering"), b.idp.AddGroup("Sales")
	theirs := b.identity.NewDirectory(b.T, other).AddGroup("Theirs")
	r, err := b.read.BatchGetGroups(b.Context(), &identityv1.BatchGetGroupsRequest{OrganizationId: acme, Ids: []string{theirs, sales, ids.New(), eng}})
	b.must(err)
	if got := groupIDs(r.GetGroups()); !slices.Equal(sorted(got...), sorted(eng, sales)) {
		b.Fatalf("the groups are %v, want %s and %s", got, eng, sales)
	}
	for _, g := range r.GetGroups() {
		name := map[string]string{eng: "Engineering", sales: "Sales"}[g.GetId()]
		if g.GetDisplayName() != name || g.GetOrganizationId() != acme || g.GetDirectoryId() != b.idp.DirectoryID() || g.GetDetached() {
			b.Errorf("%s is %v", name, g)
		}
	}
	b.idp.Delete()
	r, err = b.read.BatchGetGroups(b.Context(), &identityv1.BatchGetGroupsRequest{OrganizationId: acme, Ids: []string{eng}})
	b.must(err)
	if len(r.GetGroups()) != 1 || !r.GetGroups()[0].GetDetached() {
		b.Errorf("once its directory is deleted the group is %v", r.GetGroups())
	}
}

func membersAreListedByID(b *bundle) {
	want := []string{b.idp.AddGroup("Inner")}
	for _, name := range []string{"a", "b", "c", "d"} {
		want = append(want, b.idp.AddUser(User{UserName: name}))
	}
	outer := b.idp.AddGroup("Outer", want...)
	list := func(organizationID, groupID, token string) (*identityv1.ListMembersResponse, error) {
		return b.read.ListMembers(b.Context(), &identityv1.ListMembersRequest{OrganizationId: organizationID, GroupId: groupID, PageSize: 2, PageToken: token})
	}
	types := map[string]identityv1.ResourceType{}
	got := b.pages(outer, func(of, token string) (found []string, next string, err error) {
		if of != outer {
			of = want[0]
		}
		r, err := list(acme, of, token)
		for _, m := range r.GetMembers() {
			found, types[m.GetId()] = append(found, m.GetId()), m.GetType()
		}
		return found, r.GetNextPageToken(), err
	})
	if !slices.Equal(got, sorted(want...)) {
		b.Errorf("the members are %v, want %v", got, want)
	}
	for n, id := range want {
		if is := map[bool]identityv1.ResourceType{true: group, false: user}[n == 0]; types[id] != is {
			b.Errorf("member %d is a %s", n, strings.ToLower(types[id].String()))
		}
	}
	for name, c := range map[string]struct{ organizationID, groupID string }{
		"a missing group":                 {acme, ids.New()},
		"a group of another organization": {other, outer},
	} {
		if r, err := list(c.organizationID, c.groupID, ""); err != nil || len(r.GetMembers()) != 0 {
			b.Errorf("%s has members %v: %v", name, r.GetMembers(), err)
		}
	}
}

func aDeletedDirectoryDetachesItsUsers(b *bundle) {
	anna := b.idp.AddUser(User{UserName: "anna", Roles: []string{"admin"}})
	b.idp.AddGroup("Engineering", anna)
	bob := b.identity.NewDirectory(b.T, acme).AddUser(User{UserName: "bob"})
	before, then := b.end(), b.fact(anna)
	b.idp.Delete()
	var got []record
	for _, c := range b.since(before) {
		if c.GetDirectoryId() == b.idp.DirectoryID() {
			got = append(got, recordOf(c))
		}
	}
	if want := []record{{nobody, b.idp.DirectoryID(), closed, "", nobody}}; !slices.Equal(got, want) {
		b.Errorf("the feed says %v, want %v", got, want)
	}
	facts := b.factsOf(&identityv1.StreamUserFactsRequest{Ids: []string{anna, bob}, RoleValues: []string{"admin"}})
	if u := facts[anna]; !u.GetDetached() || !u.GetActive() || len(u.GetGroupIds()) != 0 || len(u.GetRoleValues()) != 0 || u.GetRevision() != then.GetRevision() {
		b.Errorf("a detached user's facts are %v", u)
	}
	if facts[bob].GetDetached() {
		b.Error("another directory's user is detached")
	}
	listed, err := b.read.ListUserIds(b.Context(), &identityv1.ListUserIdsRequest{OrganizationId: acme})
	b.must(err)
	if !slices.Contains(listed.GetIds(), anna) {
		b.Error("a detached user is not listed")
	}
}

func anAdoptedUserIsOfItsNewDirectory(b *bundle) {
	anna, bob := b.idp.AddUser(User{UserName: "anna"}), b.idp.AddUser(User{UserName: "bob"})
	eng := b.idp.AddGroup("Engineering", anna)
	b.idp.Delete()
	next := b.idp.Replace()
	before, then := b.end(), b.fact(anna)
	next.Adopt(anna)
	b.wantRecords("a user is adopted", before, record{user, anna, created, "", nobody})
	u := b.fact(anna)
	if u.GetDetached() || u.GetDirectoryId() != next.DirectoryID() || u.GetRevision() <= then.GetRevision() {
		b.Errorf("an adopted user's facts are %v, and were %v", u, then)
	}
	if !slices.Equal(u.GetGroupIds(), []string{eng}) {
		b.Errorf("it is in the groups %v, want that which it was in, %s", u.GetGroupIds(), eng)
	}
	if !b.fact(bob).GetDetached() {
		b.Error("a user that was not adopted is not detached")
	}
}
