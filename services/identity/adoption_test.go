package identity_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scope"
)

// admin is the context of a call by an admin of acme.
func (b *bundle) admin() context.Context {
	return rpc.WithPrincipal(b.Context(), rpc.OrganizationAdmin("acme", "anna"))
}

// carried lists, as "group/member", the memberships that an adoption kept and that were not confirmed.
func (i *idp) carried() []string {
	i.Helper()
	r, err := i.bundle.adoption.ListCarriedMembers(i.bundle.admin(), &identityv1.ListCarriedMembersRequest{
		OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId(),
	})
	must(i, err)
	all := []string{}
	for _, m := range r.GetMembers() {
		all = append(all, m.GetGroupId()+"/"+m.GetMember().GetId())
	}
	return all
}

func TestAReplacedDirectorysUsersAreAdopted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.idp()
	a := old.user(`{"userName":"anna","externalId":"e-anna"}`).GetId()
	c := old.user(`{"userName":"carl"}`).GetId()
	d := old.user(`{"userName":"dora","externalId":"e-dora"}`).GetId()
	old.deleteDirectory()
	stranger, i := b.idp(), b.idp(replacing(old))

	r, err := stranger.tryUser(`{"userName":"anna","externalId":"e-anna"}`)
	must(t, err)
	if r.GetResult().GetAdopted() || r.GetResource().GetId() == a {
		t.Error("a directory that replaces nothing adopted")
	}
	for _, step := range []struct {
		name, body, id string
	}{
		{"by externalId, under another name", `{"userName":"anna.new","externalId":"e-anna"}`, a},
		{"by userName in another case", `{"userName":"CARL","externalId":"new"}`, c},
		{"externalId before userName", `{"userName":"somebody","externalId":"e-dora"}`, d},
	} {
		r, err := i.tryUser(step.body)
		must(t, err)
		equal(t, step.name+": adopted", r.GetResult().GetAdopted(), true)
		equal(t, step.name+": id", r.GetResource().GetId(), step.id)
		equal(t, step.name+": version", r.GetResource().GetVersion(), 2)
		equal(t, step.name+": as read", string(i.getUser(step.id).GetDocument()), string(r.GetResource().GetDocument()))
	}
	again, err := i.tryUser(`{"userName":"anna"}`)
	must(t, err)
	equal(t, "a name that no detached user has any more: adopted", again.GetResult().GetAdopted(), false)
}

// A reused name is not the same person. Only an admin knows that another IdP, with other externalIds, sends the same people.
func TestAReusedNameAdoptsOnlyWhereTheAdminSaysSo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		option func(*directoryv1.Directory)
		adopts bool
	}{
		"by default":       {func(*directoryv1.Directory) {}, false},
		"from another IdP": {adoptingByName, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			old := b.idp()
			anna := old.user(`{"userName":"anna","externalId":"e-anna"}`).GetId()
			designers, err := old.tryGroup(`{"displayName":"Designers","externalId":"g-1"}`)
			must(t, err)
			old.deleteDirectory()
			i := b.idp(replacing(old), c.option)

			user := i.user(`{"userName":"Anna","externalId":"another"}`).GetId()
			group, err := i.tryGroup(`{"displayName":"designers","externalId":"g-2"}`)
			must(t, err)
			equal(t, "the user is adopted", user == anna, c.adopts)
			equal(t, "the group is adopted", group.GetResource().GetId() == designers.GetResource().GetId(), c.adopts)
		})
	}
}

func TestDetachedResourcesAreInvisibleUntilTheyAreAdopted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.idp()
	users := old.named("anna", "bob")
	group := old.group("eng", users...).GetId()
	old.deleteDirectory()
	i := b.idp(replacing(old))
	for _, id := range append(users, group) {
		for name, err := range everyCall(i, id) {
			switch name {
			case "CreateUser", "ListUsers", "CreateGroup", "ListGroups":
				continue
			}
			refused(t, name, err, fault.NotFound)
		}
	}
	equal(t, "users of that name", i.total("Users", `userName eq "anna"`), 0)
	equal(t, "groups of that name", i.total("Groups", `displayName eq "eng"`), 0)
}

func TestAGroupIsAdoptedWithItsMembers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.idp()
	users := old.named("anna", "bob", "carl")
	group := old.group("Eng", users...).GetId()
	old.deleteDirectory()
	i := b.idp(replacing(old))

	r, err := i.tryGroup(`{"displayName":"eng"}`)
	must(t, err)
	equal(t, "adopted", r.GetResult().GetAdopted(), true)
	equal(t, "id", r.GetResource().GetId(), group)
	equal(t, "members that the IdP sees", values(document(t, r.GetResource()), "members"), []string{})
	equal(t, "carried", i.carried(), []string{group + "/" + users[0], group + "/" + users[1], group + "/" + users[2]})
	equal(t, "a filter by a detached member", i.total("Groups", `members.value eq "`+users[0]+`"`), 0)

	anna := i.user(`{"userName":"anna"}`).GetId()
	equal(t, "anna", anna, users[0])
	equal(t, "her groups", values(document(t, i.getUser(anna)), "groups"), []string{group})
	facts, err := b.reads.BatchGetUsers(t.Context(), &identityv1.BatchGetUsersRequest{OrganizationId: "acme", Ids: users})
	must(t, err)
	for _, u := range facts.GetUsers() {
		equal(t, "groups of "+u.GetUserName(), u.GetGroupIds(), []string{group})
	}

	i.patchGroup(group, operation("replace", "members", memberValues([]string{anna})))
	equal(t, "carried once anna is confirmed", i.carried(), []string{group + "/" + users[1], group + "/" + users[2]})
	i.user(`{"userName":"bob"}`)
	before := b.end()
	done, err := b.adoption.FinishAdoption(b.admin(), &identityv1.FinishAdoptionRequest{OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId()})
	must(t, err)
	equal(t, "how many were removed", done.GetRemovedCount(), 2)
	equal(t, "the cursor", done.GetChangeCursor(), b.end())
	equal(t, "records", len(b.since(before)), 2)
	equal(t, "the members", i.members(group), []string{anna})
	equal(t, "carried", i.carried(), []string{})
	again, err := b.adoption.FinishAdoption(b.admin(), &identityv1.FinishAdoptionRequest{OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId()})
	must(t, err)
	equal(t, "how many are removed again", again.GetRemovedCount(), 0)
}

func TestAnAmbiguousDisplayNameAdoptsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.idp()
	old.group("Eng")
	old.group("eng")
	byExternal, err := old.tryGroup(`{"displayName":"eng","externalId":"e1"}`)
	must(t, err)
	old.deleteDirectory()
	i := b.idp(replacing(old))
	r, err := i.tryGroup(`{"displayName":"eng"}`)
	must(t, err)
	equal(t, "adopted by name", r.GetResult().GetAdopted(), false)
	r, err = i.tryGroup(`{"displayName":"other","externalId":"e1"}`)
	must(t, err)
	equal(t, "adopted by externalId", r.GetResource().GetId(), byExternal.GetResource().GetId())
}

func TestAChainOfReplacementsAdoptsTheNearest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.idp()
	first.user(`{"userName":"anna","externalId":"far"}`)
	bob := first.user(`{"userName":"bob"}`).GetId()
	first.deleteDirectory()
	second := b.idp(replacing(first))
	// Anna of the first directory is adopted under another name, so both directories have a user of that name.
	second.user(`{"userName":"renamed","externalId":"far"}`)
	near := second.user(`{"userName":"anna"}`).GetId()
	second.deleteDirectory()
	third := b.idp(replacing(second))
	equal(t, "the nearest", third.user(`{"userName":"anna"}`).GetId(), near)
	equal(t, "what only the farthest has", third.user(`{"userName":"bob"}`).GetId(), bob)
	third.deleteDirectory()
	equal(t, "adopted again", b.idp(replacing(third)).user(`{"userName":"anna"}`).GetId(), near)
}

func TestNoOtherOrganizationAdopts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.idp()
	id := old.user(`{"userName":"anna"}`).GetId()
	old.deleteDirectory()
	thief := b.idpOf("other", replacing(old))
	r, err := thief.tryUser(`{"userName":"anna"}`)
	must(t, err)
	if r.GetResult().GetAdopted() || r.GetResource().GetId() == id {
		t.Error("another organization adopted")
	}
}

func TestResourcesThatWereNotAdoptedAreListed(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(b *bundle) {
		oldest := b.idp()
		oldest.named("zoe")
		oldest.group("sales")
		oldest.deleteDirectory()
		old := b.idp(replacing(oldest))
		users := old.named("anna", "bob")
		old.user(`{"userName":"carl","externalId":"e-carl"}`)
		old.group("eng", users...)
		old.group("ops")
		old.deleteDirectory()
		i, stranger := b.idp(replacing(old)), b.idp()
		i.named("anna")
		i.group("OPS")

		list := func(of *idp, size int32, as context.Context) (all []string, pages int) {
			for token := ""; ; {
				r, err := b.adoption.ListUnadopted(as, &identityv1.ListUnadoptedRequest{
					OrganizationId: "acme", DirectoryId: of.target.GetDirectoryId(), PageSize: size, PageToken: token,
				})
				must(b, err)
				for _, u := range r.GetResources() {
					from := map[string]string{old.target.GetDirectoryId(): "old", oldest.target.GetDirectoryId(): "oldest"}[u.GetDirectoryId()]
					kind := strings.TrimPrefix(u.GetResourceType().String(), "RESOURCE_TYPE_")
					all = append(all, strings.Join([]string{from, kind, u.GetName(), u.GetExternalId()}, " "))
				}
				if token, pages = r.GetNextPageToken(), pages+1; token == "" {
					return all, pages
				}
			}
		}
		want := []string{"old USER bob ", "old USER carl e-carl", "oldest USER zoe ", "old GROUP eng ", "oldest GROUP sales "}
		for _, size := range []int32{0, 1, 2, 5} {
			all, _ := list(i, size, b.admin())
			equal(b, fmt.Sprint("in pages of ", size), all, want)
		}
		_, pages := list(i, 0, b.admin())
		equal(b, "pages", pages, 1)
		all, _ := list(stranger, 0, b.admin())
		equal(b, "of a directory that replaces nothing", all, []string{})
		all, _ = list(old, 0, b.admin())
		equal(b, "of the replaced directory", all, []string{"oldest USER zoe ", "oldest GROUP sales "})

		few := rpc.WithPrincipal(b.Context(), &commonv1.Principal{
			Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Scopes: uint32(scope.Of(commonv1.Scope_SCOPE_MANAGE_DIRECTORIES)), OrganizationIds: []string{"acme"},
		})
		all, _ = list(i, 0, few)
		equal(b, "without the scope READ_PEOPLE", all, []string{"old USER  ", "old USER  ", "oldest USER  ", "old GROUP  ", "oldest GROUP  "})
	})
}

// A page ends once it has read as many bytes as a page of SCIM.
func TestAPageOfLargeResourcesThatWereNotAdoptedEndsEarly(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *identity.Config) { c.PageBytes = 100_000 })
	old := b.idp()
	for n := range 5 {
		old.user(fmt.Sprintf(`{"userName":"u%d","title":%q}`, n, strings.Repeat("x", 40_000)))
	}
	old.deleteDirectory()
	i := b.idp(replacing(old))
	var sizes []int
	for token := ""; ; {
		r, err := b.adoption.ListUnadopted(b.admin(), &identityv1.ListUnadoptedRequest{OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId(), PageToken: token})
		must(t, err)
		sizes = append(sizes, len(r.GetResources()))
		if token = r.GetNextPageToken(); token == "" {
			break
		}
	}
	equal(t, "the pages", sizes, []int{3, 2})
	_, err := b.adoption.ListUnadopted(b.admin(), &identityv1.ListUnadoptedRequest{OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId(), PageToken: "x"})
	refused(t, "another page token", err, fault.PageToken)
}
