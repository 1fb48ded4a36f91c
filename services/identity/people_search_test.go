package identity_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
)

// people is a client of PeopleService, for an admin.
func (b *bundle) people() (context.Context, identityv1.PeopleServiceClient) {
	return b.admin(), identityv1.NewPeopleServiceClient(b.gateway)
}

// searched returns the userNames of all pages, and how many pages there were.
func (b *bundle) searched(r *identityv1.SearchUsersRequest) (names []string, pages int) {
	b.Helper()
	ctx, people := b.people()
	r.OrganizationId = "acme"
	for {
		found, err := people.SearchUsers(ctx, r)
		must(b, err)
		for _, u := range found.GetUsers() {
			names = append(names, u.GetUserName())
		}
		pages++
		if r.PageToken = found.GetNextPageToken(); r.PageToken == "" {
			return names, pages
		}
	}
}

func TestASearchFindsEachUserOnceInTheOrderOfItsParts(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*identity.Config){"SQLite": func(*identity.Config) {}, "PostgreSQL": onPostgres(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, database)
			i := b.idp()
			for _, user := range []string{
				`{"userName":"Ann.Berg","displayName":"Ann Berg","emails":[{"value":"ann.berg@example.com"}]}`,
				`{"userName":"x1","displayName":"ANNA Carl","emails":[{"value":"anna@example.com"},{"value":"z@example.com","primary":true}]}`,
				`{"userName":"x2","displayName":"Zoe","emails":[{"value":"annb@example.com"},{"value":"Anna2@example.com"}]}`,
				`{"userName":"x3","emails":[{"value":"Annz@example.com"}],"active":false}`,
				`{"userName":"x4","displayName":"Bann"}`,
			} {
				i.user(user)
			}
			other := b.idp()
			other.user(`{"userName":"ANN"}`)
			b.idpOf("other").user(`{"userName":"ann"}`)
			want := "ANN Ann.Berg x1 x2 x3"
			for size := range int32(6) {
				got, _ := b.searched(&identityv1.SearchUsersRequest{Query: "aNN", PageSize: size})
				equal(t, fmt.Sprintf("in pages of %d", size), strings.Join(got, " "), want)
			}
			for name, c := range map[string]struct {
				r    *identityv1.SearchUsersRequest
				want string
			}{
				"all":               {&identityv1.SearchUsersRequest{PageSize: 2}, "ANN Ann.Berg x1 x2 x3 x4"},
				"all of one":        {&identityv1.SearchUsersRequest{DirectoryId: strings.ToUpper(i.target.GetDirectoryId())}, "Ann.Berg x1 x2 x3 x4"},
				"of one":            {&identityv1.SearchUsersRequest{Query: "ann", DirectoryId: i.target.GetDirectoryId(), PageSize: 1}, "Ann.Berg x1 x2 x3"},
				"active":            {&identityv1.SearchUsersRequest{Query: "ann", State: identityv1.UserState_USER_STATE_ACTIVE}, "ANN Ann.Berg x1 x2"},
				"inactive":          {&identityv1.SearchUsersRequest{Query: "ann", State: identityv1.UserState_USER_STATE_INACTIVE}, "x3"},
				"detached":          {&identityv1.SearchUsersRequest{Query: "ann", State: identityv1.UserState_USER_STATE_DETACHED}, ""},
				"nobody":            {&identityv1.SearchUsersRequest{Query: "annx"}, ""},
				"the last prefix":   {&identityv1.SearchUsersRequest{Query: "\U0010FFFF"}, ""},
				"a wildcard's text": {&identityv1.SearchUsersRequest{Query: "a%"}, ""},
			} {
				got, _ := b.searched(c.r)
				equal(t, name, strings.Join(got, " "), c.want)
			}
			other.deleteDirectory()
			got, _ := b.searched(&identityv1.SearchUsersRequest{State: identityv1.UserState_USER_STATE_DETACHED})
			equal(t, "detached now", got, []string{"ANN"})
		})
	}
}

func TestASearchShowsAUserAsItsIdPNamedIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	ann := i.user(`{"userName":"Ann","displayName":"Ann A.","active":false,"emails":[{"value":"A@example.com"},{"value":"B@example.com","primary":true}]}`)
	bob := i.user(`{"userName":"Bob"}`)
	i.deleteDirectory()
	ctx, people := b.people()
	found, err := people.SearchUsers(ctx, &identityv1.SearchUsersRequest{OrganizationId: "acme"})
	must(t, err)
	directory := i.target.GetDirectoryId()
	equal(t, "users", found.GetUsers(), []*identityv1.UserSummary{
		{Id: ann.GetId(), DirectoryId: directory, UserName: "Ann", DisplayName: "Ann A.", Email: "B@example.com", Detached: true},
		{Id: bob.GetId(), DirectoryId: directory, UserName: "Bob", Active: true, Detached: true},
	})
}

// A search for few users among many that do not match ends each call after a bounded number of users.
func TestASearchLooksAtABoundedNumberOfUsersInACall(t *testing.T) {
	t.Parallel()
	b := setup(t, core1)
	i := b.idp()
	for n := range 12 {
		i.user(fmt.Sprintf(`{"userName":"u%02d","active":%t}`, n, n < 11))
	}
	got, pages := b.searched(&identityv1.SearchUsersRequest{State: identityv1.UserState_USER_STATE_INACTIVE})
	equal(t, "users", got, []string{"u11"})
	if pages < 2 {
		t.Errorf("there is %d page, want several", pages)
	}
}

func core1(c *identity.Config) { c.SearchLimit = 5 }

func TestAPageTokenOfASearchFitsIntoARequestWhateverTheName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	long := strings.Repeat("<", 1024)
	for n := range 3 {
		i.user(fmt.Sprintf(`{"userName":"u%d","displayName":"%s"}`, n, long))
	}
	got, pages := b.searched(&identityv1.SearchUsersRequest{Query: "<<", PageSize: 1})
	equal(t, "users", fmt.Sprint(got, pages), "[u0 u1 u2] 3")
}

func TestAPageTokenIsBoundToItsSearch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	i.named("ann", "anna")
	i.group("ann")
	i.group("anna")
	ctx, people := b.people()
	users, err := people.SearchUsers(ctx, &identityv1.SearchUsersRequest{OrganizationId: "acme", Query: "a", PageSize: 1})
	must(t, err)
	groups, err := people.SearchGroups(ctx, &identityv1.SearchGroupsRequest{OrganizationId: "acme", Query: "a", PageSize: 1})
	must(t, err)
	for name, r := range map[string]*identityv1.SearchUsersRequest{
		"another query": {Query: "an"}, "another state": {Query: "a", State: identityv1.UserState_USER_STATE_ACTIVE},
		"another directory": {Query: "a", DirectoryId: i.target.GetDirectoryId()},
	} {
		r.OrganizationId, r.PageToken = "acme", users.GetNextPageToken()
		_, err := people.SearchUsers(ctx, r)
		refused(t, name, err, fault.PageToken)
	}
	_, err = people.SearchGroups(ctx, &identityv1.SearchGroupsRequest{OrganizationId: "acme", Query: "a", PageToken: users.GetNextPageToken()})
	refused(t, "the token of users", err, fault.PageToken)
	_, err = people.SearchUsers(ctx, &identityv1.SearchUsersRequest{OrganizationId: "acme", Query: "a", PageToken: groups.GetNextPageToken()})
	refused(t, "the token of groups", err, fault.PageToken)
}

func TestASearchFindsGroups(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.idp(), b.idp()
	for _, name := range []string{"Design B", "design a", "Sales"} {
		one.group(name)
	}
	two.group("DESIGN C")
	b.idpOf("other").group("Design")
	ctx, people := b.people()
	search := func(r *identityv1.SearchGroupsRequest) (names []string) {
		t.Helper()
		for r.OrganizationId = "acme"; ; {
			found, err := people.SearchGroups(ctx, r)
			must(t, err)
			for _, g := range found.GetGroups() {
				names = append(names, g.GetDisplayName())
			}
			if r.PageToken = found.GetNextPageToken(); r.PageToken == "" {
				return names
			}
		}
	}
	all := []string{"design a", "Design B", "DESIGN C"}
	equal(t, "by prefix", search(&identityv1.SearchGroupsRequest{Query: "dEsIgN"}), all)
	equal(t, "by prefix, one at a time", search(&identityv1.SearchGroupsRequest{Query: "design", PageSize: 1}), all)
	equal(t, "all", search(&identityv1.SearchGroupsRequest{}), slices.Concat(all, []string{"Sales"}))
	equal(t, "of a directory", search(&identityv1.SearchGroupsRequest{Query: "d", DirectoryId: two.target.GetDirectoryId()}), all[2:])
}
