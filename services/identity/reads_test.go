package identity_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func TestAUserIsFoundByEachOfItsNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	created := i.user(`{"userName":"Anna","externalId":"E1","displayName":"Anna A.","active":false,"roles":[{"value":"Designer"}],
		"emails":[{"value":"First@Example.com","type":"home"},{"value":"Main@Example.com","type":"work","primary":true}]}`)
	id := created.GetId()
	group := i.group("eng", id).GetId()
	want := &identityv1.User{
		Id: id, OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId(), UserName: "Anna", ExternalId: "E1", DisplayName: "Anna A.",
		Email: "Main@Example.com", GroupIds: []string{group}, RoleValues: []string{"Designer"}, Revision: 1,
		UpdateTime: created.GetUpdateTime(),
	}
	for name, r := range map[string]*identityv1.LookupUserRequest{
		"id":                       {By: &identityv1.LookupUserRequest_Id{Id: id}},
		"id in capitals":           {By: &identityv1.LookupUserRequest_Id{Id: strings.ToUpper(id)}},
		"userName in another case": {By: &identityv1.LookupUserRequest_UserName{UserName: "aNNA"}},
		"externalId":               {By: &identityv1.LookupUserRequest_ExternalId{ExternalId: "E1"}},
		"an e-mail address":        {By: &identityv1.LookupUserRequest_Email{Email: "first@example.COM"}},
		"the primary address":      {By: &identityv1.LookupUserRequest_Email{Email: "main@example.com"}},
	} {
		r.OrganizationId = "acme"
		got, err := b.reads.LookupUser(t.Context(), r)
		must(t, err)
		equal(t, name, got.GetUser(), want)
	}
	for name, r := range map[string]*identityv1.LookupUserRequest{
		"an unknown id":               {OrganizationId: "acme", By: &identityv1.LookupUserRequest_Id{Id: ids.New()}},
		"an externalId in other case": {OrganizationId: "acme", By: &identityv1.LookupUserRequest_ExternalId{ExternalId: "e1"}},
		"an empty userName":           {OrganizationId: "acme", By: &identityv1.LookupUserRequest_UserName{}},
		"an empty externalId":         {OrganizationId: "acme", By: &identityv1.LookupUserRequest_ExternalId{}},
		"an empty e-mail address":     {OrganizationId: "acme", By: &identityv1.LookupUserRequest_Email{}},
		"another organization's":      {OrganizationId: "other", By: &identityv1.LookupUserRequest_Id{Id: id}},
	} {
		_, err := b.reads.LookupUser(t.Context(), r)
		refused(t, name, err, fault.NotFound)
	}
}

func TestANameThatTwoUsersHaveFindsNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.idp().user(`{"userName":"anna"}`)
	b.idp().user(`{"userName":"anna"}`)
	_, err := b.reads.LookupUser(t.Context(), &identityv1.LookupUserRequest{OrganizationId: "acme", By: &identityv1.LookupUserRequest_UserName{UserName: "anna"}})
	refused(t, "finding", err, fault.Ambiguous)
}

func TestUsersAreReadInBatches(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	users := i.named("anna", "bob")
	theirs := b.idpOf("other").named("theirs")
	r, err := b.reads.BatchGetUsers(t.Context(), &identityv1.BatchGetUsersRequest{OrganizationId: "acme", Ids: slices.Concat(users, theirs, []string{ids.New(), "no uuid", users[0]})})
	must(t, err)
	var got []string
	for _, u := range r.GetUsers() {
		equal(t, "active", u.GetActive(), true)
		got = append(got, u.GetId())
	}
	slices.Sort(got)
	equal(t, "who was read", got, users)
	none, err := b.reads.BatchGetUsers(t.Context(), &identityv1.BatchGetUsersRequest{OrganizationId: "acme"})
	must(t, err)
	equal(t, "of no ids", len(none.GetUsers()), 0)
	_, err = b.reads.BatchGetUsers(t.Context(), &identityv1.BatchGetUsersRequest{OrganizationId: "acme", Ids: make([]string, 1001)})
	refused(t, "too many ids", err, fault.InvalidRequest)
}

func TestUserIdsGroupsAndMembersAreWalkedInPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	users := i.named("anna", "bob", "carl", "dora", "emil")
	var groups []string
	for _, name := range []string{"Eng", "eng", "ENG", "ops"} {
		groups = append(groups, i.group(name, users...).GetId())
	}
	walks := map[string]struct {
		page func(token string) ([]string, string, error)
		want []string
	}{
		"user ids": {func(token string) ([]string, string, error) {
			r, err := b.reads.ListUserIds(t.Context(), &identityv1.ListUserIdsRequest{OrganizationId: "acme", PageSize: 2, PageToken: token})
			return r.GetIds(), r.GetNextPageToken(), err
		}, users},
		"groups of a name": {func(token string) ([]string, string, error) {
			r, err := b.reads.FindGroups(t.Context(), &identityv1.FindGroupsRequest{OrganizationId: "acme", DisplayName: "enG", PageSize: 2, PageToken: token})
			return idsOf(r.GetGroups()), r.GetNextPageToken(), err
		}, groups[:3]},
		"all groups": {func(token string) ([]string, string, error) {
			r, err := b.reads.FindGroups(t.Context(), &identityv1.FindGroupsRequest{OrganizationId: "acme", PageSize: 2, PageToken: token})
			return idsOf(r.GetGroups()), r.GetNextPageToken(), err
		}, groups},
		"members": {func(token string) ([]string, string, error) {
			r, err := b.reads.ListMembers(t.Context(), &identityv1.ListMembersRequest{OrganizationId: "acme", GroupId: groups[0], PageSize: 2, PageToken: token})
			return idsOf(r.GetMembers()), r.GetNextPageToken(), err
		}, users},
	}
	tokens := map[string]string{}
	for name, walk := range walks {
		var met []string
		token := ""
		for {
			page, next, err := walk.page(token)
			must(t, err)
			if met = append(met, page...); next == "" {
				break
			}
			token, tokens[name] = next, next
		}
		equal(t, name, met, walk.want)
	}
	for name, walk := range walks {
		for of, token := range tokens {
			if of != name {
				_, _, err := walk.page(token)
				refused(t, name+" with a token of "+of, err, fault.PageToken)
			}
		}
		_, _, err := walk.page("nonsense")
		refused(t, name+" with nonsense", err, fault.PageToken)
	}
	none, err := b.reads.ListMembers(t.Context(), &identityv1.ListMembersRequest{OrganizationId: "other", GroupId: groups[0]})
	must(t, err)
	equal(t, "members for another organization", len(none.GetMembers()), 0)
	batch, err := b.reads.BatchGetGroups(t.Context(), &identityv1.BatchGetGroupsRequest{OrganizationId: "acme", Ids: []string{groups[3], ids.New()}})
	must(t, err)
	equal(t, "groups by id", batch.GetGroups(), []*identityv1.Group{{
		Id: groups[3], OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId(), DisplayName: "ops", Revision: 1,
	}})
}

// idsOf returns the ids of resources.
func idsOf[M interface{ GetId() string }](messages []M) []string {
	var all []string
	for _, m := range messages {
		all = append(all, m.GetId())
	}
	return all
}

func TestUsersThatMatchAFilterAreFound(t *testing.T) {
	t.Parallel()
	for engine, change := range map[string]func(*identity.Config){"sqlite": func(*identity.Config) {}, "postgres": onPostgres(t)} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := setup(t, change)
			plain, extended := b.idp(), b.idp()
			const badge = "urn:example:Badge:2.0:User"
			definition, err := structpb.NewStruct(map[string]any{"id": badge, "attributes": []any{map[string]any{"name": "color"}}})
			must(t, err)
			schemas := identityv1.NewSchemaServiceClient(b.gateway)
			operator := rpc.WithPrincipal(t.Context(), rpc.Operator("operator"))
			_, err = schemas.PutSchema(operator, &identityv1.PutSchemaRequest{
				OrganizationId: "acme", DirectoryId: extended.target.GetDirectoryId(), Id: badge,
				Schema: &identityv1.Schema{ResourceType: identityv1.ResourceType_RESOURCE_TYPE_USER, Definition: definition},
			})
			must(t, err)
			anna := plain.user(`{"userName":"anna","title":"Guide"}`).GetId()
			bob := extended.user(`{"userName":"bob","title":"guide","` + badge + `":{"color":"red"}}`).GetId()
			cleo := extended.user(`{"userName":"cleo"}`).GetId()
			filters := []string{
				`title eq "GUIDE"`, badge + `:color eq "Red"`, `not (` + badge + `:color pr)`, `title pr or ` + badge + `:color pr`, `userName eq "nobody"`,
			}
			users := b.userFacts(&identityv1.StreamUserFactsRequest{Ids: []string{anna, bob, cleo, ids.New()}, Filters: filters})
			equal(t, "users", len(users), 3)
			// In a directory without the extension, no user matches.
			for n, want := range [][]string{{anna, bob}, {bob}, {cleo}, {bob}, {}} {
				got := []string{}
				for _, u := range users {
					if slices.Contains(u.GetMatchedFilters(), int32(n)) {
						got = append(got, u.GetId())
					}
				}
				slices.Sort(got)
				equal(t, filters[n], got, want)
			}
			for _, text := range filters {
				_, err := b.reads.CheckUserFilter(t.Context(), &identityv1.CheckUserFilterRequest{OrganizationId: "acme", Filter: text})
				must(t, err)
			}
			for name, text := range map[string]string{
				"no filter": "title is 7", "an unknown attribute": `shoeSize eq 43`, "groups": `title pr or groups.value eq "x"`,
				"groups by the URN": `urn:ietf:params:scim:schemas:core:2.0:User:groups pr`, "meta": `meta.version pr`, "the password": `password pr`,
				"members": `members pr`, "an extension that is not": `urn:example:Other:2.0:User:color pr`,
			} {
				_, err := b.reads.CheckUserFilter(t.Context(), &identityv1.CheckUserFilterRequest{OrganizationId: "acme", Filter: text})
				refused(t, name, err, fault.InvalidFilter)
			}
			_, err = b.reads.CheckUserFilter(t.Context(), &identityv1.CheckUserFilterRequest{OrganizationId: "other", Filter: badge + ` pr`})
			refused(t, "an extension of another organization", err, fault.InvalidFilter)
		})
	}
}
