package identity_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

func TestTheUsersThatARuleMatchesAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	anna := i.user(`{"userName":"anna","title":"Guide","roles":[{"value":"Designer"}]}`).GetId()
	bob := i.user(`{"userName":"bob","title":"Guide","active":false,"roles":[{"value":"designer"}]}`).GetId()
	carl := i.user(`{"userName":"carl"}`).GetId()
	low := i.group("low", anna, bob).GetId()
	mid := i.group("mid", low, carl).GetId()
	b.idpOf("other").user(`{"userName":"anna","title":"Guide","roles":[{"value":"Designer"}]}`)
	matches := identityv1.NewMatchServiceClient(b.channel.As(commonv1.Caller_CALLER_RULE))
	count := func(r *identityv1.CountMatchingUsersRequest) (*identityv1.CountMatchingUsersResponse, error) {
		r.OrganizationId = "acme"
		return matches.CountMatchingUsers(t.Context(), r)
	}
	want := func(looked int32, ids ...string) *identityv1.CountMatchingUsersResponse {
		slices.Sort(ids)
		return &identityv1.CountMatchingUsersResponse{Users: &identityv1.UserCount{Count: int32(len(ids))}, LookedAt: looked, ExampleIds: ids}
	}
	groups := func(ids ...string) *identityv1.CountMatchingUsersRequest {
		return &identityv1.CountMatchingUsersRequest{Match: &identityv1.CountMatchingUsersRequest_Groups{Groups: &identityv1.GroupIds{Ids: ids}}}
	}
	filter := func(text string) *identityv1.CountMatchingUsersRequest {
		return &identityv1.CountMatchingUsersRequest{Match: &identityv1.CountMatchingUsersRequest_Filter{Filter: text}}
	}
	role := func(value string) *identityv1.CountMatchingUsersRequest {
		return &identityv1.CountMatchingUsersRequest{Match: &identityv1.CountMatchingUsersRequest_RoleValue{RoleValue: value}}
	}
	for name, c := range map[string]struct {
		r    *identityv1.CountMatchingUsersRequest
		want *identityv1.CountMatchingUsersResponse
	}{
		"a group":               {groups(strings.ToUpper(low)), want(0, anna, bob)},
		"two groups, one above": {groups(low, mid), want(0, anna, bob, carl)},
		"no groups":             {groups(), want(0)},
		"a role value":          {role("Designer"), want(0, anna)},
		"a missing role value":  {role("Boss"), want(0)},
		"a filter":              {filter(`title eq "guide"`), want(3, anna, bob)},
	} {
		got, err := count(c.r)
		must(t, err)
		equal(t, name, got, c.want)
	}
	for _, text := range []string{`title eq`, `groups eq "x"`, `nothing eq "x"`} {
		_, err := count(filter(text))
		refused(t, text, err, fault.InvalidFilter)
	}
}

func TestAFilterIsCountedAmongTheFirstUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	for n := range 1001 {
		i.user(fmt.Sprintf(`{"userName":"u%d","title":"Guide"}`, n))
	}
	got, err := identityv1.NewMatchServiceClient(b.channel.As(commonv1.Caller_CALLER_RULE)).CountMatchingUsers(t.Context(), &identityv1.CountMatchingUsersRequest{
		OrganizationId: "acme", Match: &identityv1.CountMatchingUsersRequest_Filter{Filter: `title pr`},
	})
	must(t, err)
	equal(t, "the count", got.GetUsers(), &identityv1.UserCount{Count: 1000, AtLeast: true})
	equal(t, "looked at, and examples", fmt.Sprint(got.GetLookedAt(), len(got.GetExampleIds())), "1000 10")
}

func TestTheResourcesOfOrganizationsAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	i.group("eng", i.named("anna", "bob")...)
	i.deleteDirectory()
	b.idp(replacing(i)).named("anna", "new")
	got, err := b.reads.CountResources(t.Context(), &identityv1.CountResourcesRequest{OrganizationIds: []string{"none", "acme", "none"}})
	must(t, err)
	equal(t, "counts", got.GetCounts(), []*identityv1.ResourceCounts{{OrganizationId: "none"}, {OrganizationId: "acme", Users: 3, Groups: 1}})
}
